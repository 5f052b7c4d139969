#pragma once
// A TOML value that knows where it was written: what a launch file is read into before anybody interprets it.
// Tables keep the order of the file. toml++ stays behind parse_toml.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/topology/diagnostics.hpp"

namespace remuda::topology {

struct Entry;

struct Value {
  enum class Kind { text, integer, number, boolean, array, table };

  // Not inline: an Entry holds a Value in turn, and is not complete here.
  Value();
  Value(const Value&);
  Value(Value&&) noexcept;
  Value& operator=(const Value&);
  Value& operator=(Value&&) noexcept;
  ~Value();

  Kind kind = Kind::table;
  Place place;
  std::string text;
  std::int64_t integer = 0;
  double number = 0;
  bool boolean = false;
  std::vector<Value> items;
  std::vector<Entry> entries;
  /// True for text that stands in for `${env:...}`: an environment has no types, so such text also serves as a number.
  bool from_environment = false;
  /// True when what should stand here could not be worked out and has been reported: readers pass over it in silence.
  bool broken = false;

  static Value of(std::string text);
  static Value of(const char* text) { return of(std::string{text}); }
  static Value of(std::int64_t integer);
  static Value of(bool boolean);

  [[nodiscard]] const Entry* find(std::string_view key) const;
  /// For building: a table's next key.
  void add(std::string key, Value value);
  [[nodiscard]] bool is(Kind wanted) const { return kind == wanted; }
};

struct Entry {
  std::string key;
  Place key_place;
  Value value;
};

/// "text", "an integer", "a table", ...: for sentences.
[[nodiscard]] std::string_view kind_name(Value::Kind kind);

/// Reads the text of `source` (already added to `diagnostics`). Nothing when it is not TOML: toml++ stops at the first such
/// error, which is reported as T002. Dates and times have no use here and are reported as T006.
[[nodiscard]] std::optional<Value> parse_toml(std::uint32_t source, Diagnostics& diagnostics);

/// Reads one value as it stands behind `=`; text that is not TOML is taken as a bare word. For `--set`.
[[nodiscard]] Value parse_toml_value(std::string_view text, const Place& place);

/// One line of TOML: `"text"`, `5`, `[1, 2]`, `{ fare = [{ numeric = [">=", 50] }] }`.
[[nodiscard]] std::string to_toml(const Value& value);
/// A whole file: plain values first, then tables under `[headers]`, two levels deep (`[queues.rides]`), everything deeper
/// in one line.
[[nodiscard]] std::string to_toml_document(const Value& root);
/// Text as TOML, quoted; a key, quoted when it has to be.
[[nodiscard]] std::string toml_text(std::string_view text);
[[nodiscard]] std::string toml_key(std::string_view key);

/// JSON without a space. `spans`, when given, receives where in the JSON each value and key of `value` begins, in rising order, so
/// that an error at an offset of the JSON can be shown in the launch file.
struct JsonSpan {
  std::size_t offset = 0;
  Place place;
};
[[nodiscard]] std::string to_json(const Value& value, std::vector<JsonSpan>* spans = nullptr);

}  // namespace remuda::topology
