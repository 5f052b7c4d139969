#include "nodes/sqs_gateway/message_input.hpp"

#include <algorithm>

#include "common/filter/number.hpp"
#include "nodes/sqs_gateway/digest.hpp"

namespace remuda::sqs {
namespace {

constexpr std::size_t attributes_max = 10;
constexpr std::size_t attribute_name_size_max = 256;
constexpr std::size_t id_size_max = 128;
constexpr std::int64_t delay_max_s = 900;

/// The length of the UTF-8 character at the front, if XML allows it; else 0.
std::size_t allowed_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned first = byte(0);
  if (first < 0x80) return first >= 0x20 || first == '\t' || first == '\n' || first == '\r' ? 1 : 0;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return 0;
  unsigned point = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
    point = point << 6U | (byte(i) & 0x3FU);
  }
  const bool is_short = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  const bool is_surrogate = point >= 0xD800 && point <= 0xDFFF;
  return is_short || is_surrogate || point == 0xFFFE || point == 0xFFFF || point > 0x10FFFF ? 0 : length;
}

bool is_attribute_name(std::string_view name) {
  const auto is_reserved = [&](std::string_view prefix) {
    return name.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), name.begin(), [](char a, char b) {
             return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
           });
  };
  const bool characters = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
  return !name.empty() && name.size() <= attribute_name_size_max && characters && name.front() != '.' && name.back() != '.' &&
         name.find("..") == std::string_view::npos && !is_reserved("aws.") && !is_reserved("amazon.");
}

Failure<AwsError> invalid(std::string message) {
  return refuse(Fault::invalid_parameter_value, std::move(message));
}

Answered<Attribute> read_attribute(const std::string& name, const nlohmann::json& given) {
  if (!given.is_object()) return invalid("The message attribute '" + name + "' must contain a non-empty message attribute value.");
  Input in{given};
  const auto type = in.text_if_any("DataType").value_or("");
  const auto text = in.text_if_any("StringValue");
  const auto binary = in.text_if_any("BinaryValue");
  if (in.error()) return Failure{*in.error()};
  const auto kind = attribute_kind(type);
  if (type.empty()) return invalid("The message attribute '" + name + "' must contain a non-empty message attribute type.");
  if (kind.empty())
    return invalid("The message attribute '" + name + "' has an invalid message attribute type, the set of supported type " +
                   "prefixes is Binary, Number, and String.");
  const std::string is_empty = "The message attribute '" + name +
                               "' must contain a non-empty message attribute value for message " + "attribute type '" +
                               std::string{kind} + "'.";
  if (kind == "Binary") {
    auto bytes = binary ? from_base64(*binary) : std::nullopt;
    if (!bytes || bytes->empty()) return invalid(is_empty);
    return Attribute{type, std::move(*bytes)};
  }
  if (!text || text->empty()) return invalid(is_empty);
  if (!is_allowed_text(*text))
    return refuse(Fault::invalid_message_contents,
                  "The message attribute '" + name + "' contains characters outside the allowed set.");
  if (kind == "Number" && !filter::parse_number(*text))
    return invalid("Can't cast the value of message attribute '" + name + "' to a number.");
  return Attribute{type, *text};
}

/// The one attribute of the system that a sender may give.
Answered<std::map<std::string, Attribute>> read_system_attributes(const nlohmann::json* given) {
  std::map<std::string, Attribute> out;
  if (given == nullptr) return out;
  for (const auto& [name, value] : given->items()) {
    if (name != "AWSTraceHeader") return invalid("Message system attribute name '" + name + "' is invalid.");
    auto attribute = read_attribute(name, value);
    if (!attribute) return Failure{attribute.error()};
    if (attribute->type != "String") return invalid("Message system attribute 'AWSTraceHeader' must be of the type String.");
    out.emplace(name, std::move(*attribute));
  }
  return out;
}

bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= id_size_max && std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c <= '~'; });
}

void read_ids(Input& in, const SendRules& rules, Message& message) {
  constexpr std::string_view allowed = "can only include alphanumeric and punctuation characters. 1 to 128 in length";
  const auto group = in.text_if_any("MessageGroupId");
  const auto deduplication = in.text_if_any("MessageDeduplicationId");
  if (rules.fifo && !group) in.refuse(Fault::missing_parameter, "The request must contain the parameter MessageGroupId.");
  for (const auto& [name, id] : {std::pair{"MessageGroupId", group}, std::pair{"MessageDeduplicationId", deduplication}}) {
    if (id && !is_id(*id))
      in.refuse(Fault::invalid_parameter_value, invalid_value(*id, name, std::string{name}.append(" ").append(allowed)));
  }
  if (deduplication && !rules.fifo)
    in.refuse(Fault::invalid_parameter_value,
              invalid_value(*deduplication, "MessageDeduplicationId",
                            "The request includes a parameter that is not valid for this queue type"));
  message.group_id = group.value_or("");
  message.dedup_id = deduplication.value_or("");
}

}  // namespace

bool is_allowed_text(std::string_view text) {
  while (!text.empty()) {
    const auto length = allowed_character(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

Answered<std::map<std::string, Attribute>> read_attributes(const nlohmann::json& given) {
  std::map<std::string, Attribute> out;
  for (const auto& [name, value] : given.items()) {
    if (!is_attribute_name(name))
      return invalid(
          "The message attribute name '" + name.substr(0, attribute_name_size_max) +
          "' is invalid. Attribute name can contain A-Z, a-z, 0-9, underscore (_), hyphen (-), and period (.) characters.");
    auto attribute = read_attribute(name, value);
    if (!attribute) return Failure{attribute.error()};
    out.emplace(name, std::move(*attribute));
  }
  return out;
}

std::int64_t size_of(const Message& message) {
  std::size_t size = message.body.size();
  for (const auto& [name, attribute] : message.attributes) {
    if (name != trace_attribute) size += name.size() + attribute.type.size() + attribute.value.size();
  }
  return static_cast<std::int64_t>(size);
}

Answered<SentEntry> read_message(const nlohmann::json& given, const SendRules& rules) {
  Input in{given};
  SentEntry entry;
  auto& message = entry.message;
  message.body = in.text("MessageBody");
  const auto delay = in.integer("DelaySeconds", 0, delay_max_s, "DelaySeconds must be >= 0 and <= 900.");
  if (rules.fifo && delay && *delay != 0)
    in.refuse(Fault::invalid_parameter_value,
              invalid_value(std::to_string(*delay), "DelaySeconds",
                            "The request include parameter that is not valid for this queue type."));
  read_ids(in, rules, message);
  const auto* attributes = in.structure("MessageAttributes");
  const auto* system = in.structure("MessageSystemAttributes");
  if (in.error()) return Failure{*in.error()};
  if (!is_allowed_text(message.body))
    return refuse(
        Fault::invalid_message_contents,
        "Invalid character found in the message body, the set of allowed characters is #x9 | #xA | #xD | #x20 to #xD7FF | "
        "#xE000 to #xFFFD | #x10000 to #x10FFFF");
  if (attributes != nullptr) {
    auto read = read_attributes(*attributes);
    if (!read) return Failure{read.error()};
    if (read->size() > attributes_max)
      return invalid("Number of message attributes [" + std::to_string(read->size()) + "] exceeds the allowed maximum [10].");
    message.attributes = std::move(*read);
    if (!message.attributes.empty()) entry.md5_of_attributes = md5_of_attributes(message.attributes);
  }
  auto system_attributes = read_system_attributes(system);
  if (!system_attributes) return Failure{system_attributes.error()};
  if (size_of(message) > rules.size_max)
    return invalid("One or more parameters are invalid. Reason: Message must be shorter than " + std::to_string(rules.size_max) +
                   " bytes.");
  if (!system_attributes->empty()) {
    entry.md5_of_system_attributes = md5_of_attributes(*system_attributes);
    message.attributes.emplace(trace_attribute, system_attributes->begin()->second);
  }
  if (delay && !rules.fifo) entry.delay_ms = static_cast<std::uint64_t>(*delay) * 1'000;
  entry.md5_of_body = md5_of(message.body);
  message.id = new_message_id();
  message.datacontenttype = "text/plain";
  return entry;
}

}  // namespace remuda::sqs
