#include "common/filter/filter_test.hpp"

#include <utility>

#include "common/filter/event_pattern.hpp"
#include "common/filter/filter_policy.hpp"
#include "common/filter/json_document.hpp"

namespace remuda {

namespace {

using filter::JsonMember;
using filter::JsonValue;
using Kind = JsonValue::Kind;

struct Sample {
  std::string policy;
  FilterScope scope = FilterScope::attributes;
  Message message;
};

Failure<Error> wrong(std::string text) {
  return fail("invalid_sample", std::move(text));
}

std::string_view written(const JsonValue& value, std::string_view line) {
  return line.substr(value.begin, value.end - value.begin);
}

Result<Attribute> read_attribute(const JsonMember& member) {
  const std::string place = "attribute '" + member.key + "': ";
  if (!member.value.is(Kind::object)) return wrong(place + R"(must be an object {"Type": ..., "Value": ...})");
  const JsonValue* type = member.value.find("Type");
  const JsonValue* value = member.value.find("Value");
  if (type == nullptr || !type->is(Kind::text)) return wrong(place + "'Type' is missing");
  if (type->text != "String" && type->text != "String.Array" && type->text != "Number" && type->text != "Binary") {
    return wrong(place + "'Type' must be String, String.Array, Number or Binary, not '" + type->text + "'");
  }
  const bool is_number = value != nullptr && value->is(Kind::number) && type->text == "Number";
  if (value == nullptr || (!value->is(Kind::text) && !is_number)) return wrong(place + "'Value' must be text");
  return Attribute{type->text, value->text};
}

Result<void> read_attributes(const JsonValue& attributes, Message& message) {
  if (attributes.is(Kind::null)) return {};
  if (!attributes.is(Kind::object)) return wrong("'attributes' must be an object");
  for (const JsonMember& member : attributes.members) {
    auto attribute = read_attribute(member);
    if (!attribute) return Failure{attribute.error()};
    message.attributes[member.key] = std::move(*attribute);
  }
  return {};
}

Result<void> read_member(const JsonMember& member, std::string_view line, Sample& sample) {
  const JsonValue& value = member.value;
  if (member.key == "attributes") return read_attributes(value, sample.message);
  if (member.key == "policy") {
    if (!value.is(Kind::null)) sample.policy = value.is(Kind::text) ? value.text : std::string{written(value, line)};
    return {};
  }
  if (member.key == "scope") {
    if (!value.is(Kind::text) || (value.text != "MessageBody" && value.text != "MessageAttributes")) {
      return wrong("'scope' must be \"MessageBody\" or \"MessageAttributes\"");
    }
    sample.scope = value.text == "MessageBody" ? FilterScope::body : FilterScope::attributes;
    return {};
  }
  if (member.key == "body") {
    if (!value.is(Kind::text) && !value.is(Kind::object) && !value.is(Kind::null)) return wrong("'body' must be text");
    sample.message.body = value.is(Kind::object) ? std::string{written(value, line)} : value.text;
    return {};
  }
  return wrong("unknown key '" + member.key + "'; allowed are policy, scope, attributes, body");
}

Result<JsonValue> read_line(std::string_view line) {
  auto document = filter::parse_json(line);
  if (!document) {
    return wrong("no valid JSON at byte " + std::to_string(document.error().offset) + ": " + document.error().what);
  }
  if (!document->is(Kind::object)) return wrong("a line must be a JSON object");
  return std::move(document).value();
}

Result<bool> evaluate_pattern(std::string_view line) {
  const auto document = read_line(line);
  if (!document) return Failure{document.error()};
  for (const JsonMember& member : document->members) {
    if (member.key != "pattern" && member.key != "event")
      return wrong("unknown key '" + member.key + "'; allowed are pattern and event");
  }
  const JsonValue* pattern = document->find("pattern");
  const JsonValue* event = document->find("event");
  if (pattern == nullptr || event == nullptr) return wrong("a line needs 'pattern' and 'event'");
  const auto text = [&](const JsonValue& value) { return value.is(Kind::text) ? value.text : std::string{written(value, line)}; };
  const auto compiled = EventPattern::compile(text(*pattern));
  if (!compiled) return Failure{Error{compiled.error()}};
  return compiled->matches(text(*event));
}

Result<bool> evaluate(std::string_view line) {
  const auto document = read_line(line);
  if (!document) return Failure{document.error()};
  Sample sample;
  for (const JsonMember& member : document->members) {
    if (const auto read = read_member(member, line, sample); !read) return Failure{read.error()};
  }
  const auto policy = sample.policy.empty() ? FilterPolicy{} : FilterPolicy::compile(sample.policy, sample.scope);
  if (!policy) return Failure{policy.error()};
  sample.message.id = "sample";
  const std::string packed = pack(sample.message);
  const auto view = view_message(packed);
  if (!view) return Failure{view.error()};
  return policy->matches(*view);
}

std::string json_text(std::string_view text) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) {
      out += c;
    } else {
      out.append("\\u00") += digits[static_cast<unsigned char>(c) >> 4U];
      out += digits[static_cast<unsigned char>(c) & 0xfU];
    }
  }
  return out += '"';
}

std::string answer(const Result<bool>& match) {
  if (!match) return "{\"error\": " + json_text(match.error().message) + "}";
  return *match ? R"({"match": true})" : R"({"match": false})";
}

}  // namespace

std::string filter_test_line(std::string_view json_line) {
  return answer(evaluate(json_line));
}

std::string pattern_test_line(std::string_view json_line) {
  return answer(evaluate_pattern(json_line));
}

}  // namespace remuda
