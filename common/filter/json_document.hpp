#pragma once
// A small JSON text as a tree whose every value knows where it was written. For policies and samples, never for message bodies.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"

namespace remuda::filter {

struct JsonMember;

struct JsonValue {
  enum class Kind : std::uint8_t { null, boolean, number, text, array, object };

  Kind kind = Kind::null;
  bool boolean = false;
  std::string text;                 ///< text: decoded; number: as written
  std::vector<JsonValue> elements;  ///< array
  std::vector<JsonMember> members;  ///< object, in the order of the text; no key stands twice
  std::size_t begin = 0;            ///< byte offsets in the JSON text
  std::size_t end = 0;

  [[nodiscard]] bool is(Kind wanted) const { return kind == wanted; }
  /// The value of a member, or null when there is none.
  [[nodiscard]] const JsonValue* find(std::string_view key) const;
};

struct JsonMember {
  std::string key;
  std::size_t offset = 0;  ///< of the key
  JsonValue value;
};

struct JsonError {
  std::string what;
  std::size_t offset = 0;
};

/// One whole JSON value; at most JsonReader::depth_max deep. A repeated key is an error.
Result<JsonValue, JsonError> parse_json(std::string_view text);

}  // namespace remuda::filter
