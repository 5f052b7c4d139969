#include "common/filter/json_document.hpp"

#include <algorithm>
#include <set>

#include "common/filter/json_reader.hpp"

namespace remuda::filter {

namespace {

using Token = JsonReader::Token;

class Builder {
 public:
  explicit Builder(std::string_view text) : reader_{text} {}

  Result<JsonValue, JsonError> document() {
    JsonValue value;
    if (read(reader_.next(), value) && expect_end()) return value;
    return Failure<JsonError>{{error_.empty() ? std::string{reader_.error()} : error_, offset_}};
  }

 private:
  JsonReader reader_;
  std::string error_;
  std::size_t offset_ = 0;

  bool expect_end() {
    const Token token = reader_.next();
    offset_ = token.begin;
    return token.kind == JsonReader::Kind::end;
  }

  // Recursion is bounded: the reader refuses to open more than JsonReader::depth_max arrays and objects.
  bool read(const Token& token, JsonValue& value) {
    using Kind = JsonValue::Kind;
    value.begin = token.begin;
    value.end = token.end;
    value.text = token.text;
    value.boolean = token.boolean;
    switch (token.kind) {
      case JsonReader::Kind::null:
        value.kind = Kind::null;
        return true;
      case JsonReader::Kind::boolean:
        value.kind = Kind::boolean;
        return true;
      case JsonReader::Kind::number:
        value.kind = Kind::number;
        return true;
      case JsonReader::Kind::text:
        value.kind = Kind::text;
        return true;
      case JsonReader::Kind::begin_array:
        value.kind = Kind::array;
        return read_elements(value);
      case JsonReader::Kind::begin_object:
        value.kind = Kind::object;
        return read_members(value);
      default:
        offset_ = token.begin;
        return false;
    }
  }

  bool read_elements(JsonValue& array) {
    while (true) {
      const Token token = reader_.next();
      array.end = token.end;
      if (token.kind == JsonReader::Kind::end_array) return true;
      if (!read(token, array.elements.emplace_back())) return false;
    }
  }

  bool read_members(JsonValue& object) {
    std::set<std::string, std::less<>> keys;
    while (true) {
      const Token token = reader_.next();
      object.end = token.end;
      if (token.kind == JsonReader::Kind::end_object) return true;
      offset_ = token.begin;
      if (token.kind != JsonReader::Kind::key) return false;
      auto& member = object.members.emplace_back();
      member.key = token.text;
      member.offset = token.begin;
      if (!keys.insert(member.key).second) {
        error_ = "the key '" + member.key + "' is given twice";
        return false;
      }
      if (!read(reader_.next(), member.value)) return false;
    }
  }
};

}  // namespace

const JsonValue* JsonValue::find(std::string_view key) const {
  const auto found = std::find_if(members.begin(), members.end(), [&](const JsonMember& member) { return member.key == key; });
  return found == members.end() ? nullptr : &found->value;
}

Result<JsonValue, JsonError> parse_json(std::string_view text) {
  return Builder{text}.document();
}

}  // namespace remuda::filter
