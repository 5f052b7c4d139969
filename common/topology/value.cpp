#include "common/topology/value.hpp"

#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

namespace remuda::topology {
namespace {

Place place_of(const toml::source_region& region, std::uint32_t source) {
  Place place{source, static_cast<int>(region.begin.line), static_cast<int>(region.begin.column), 1};
  if (region.end.line == region.begin.line && region.end.column > region.begin.column) {
    place.length = static_cast<int>(region.end.column - region.begin.column);
  } else if (region.end.line > region.begin.line) {
    place.length = 10'000;  // Diagnostics cuts it at the end of the line
  }
  return place;
}

/// From toml++'s tree to ours. toml++ bounds the nesting (256), so recursion is safe.
class Converter {
 public:
  Converter(std::uint32_t source, Diagnostics* diagnostics) : source_{source}, diagnostics_{diagnostics} {}

  Value convert(const toml::node& node) {
    Value value;
    value.place = place_of(node.source(), source_);
    if (const auto* table = node.as_table()) {
      value.kind = Value::Kind::table;
      for (auto&& [key, child] : *table) {
        value.entries.push_back({std::string{key.str()}, place_of(key.source(), source_), convert(child)});
      }
      const auto position = [](const Entry& entry) { return std::tuple{entry.key_place.line, entry.key_place.column}; };
      std::stable_sort(value.entries.begin(), value.entries.end(),
                       [&](const Entry& a, const Entry& b) { return position(a) < position(b); });
    } else if (const auto* array = node.as_array()) {
      value.kind = Value::Kind::array;
      for (auto&& child : *array) value.items.push_back(convert(child));
    } else if (const auto* text = node.as_string()) {
      value.kind = Value::Kind::text;
      value.text = text->get();
    } else if (const auto* integer = node.as_integer()) {
      value.kind = Value::Kind::integer;
      value.integer = integer->get();
    } else if (const auto* number = node.as_floating_point()) {
      value.kind = Value::Kind::number;
      value.number = number->get();
    } else if (const auto* boolean = node.as_boolean()) {
      value.kind = Value::Kind::boolean;
      value.boolean = boolean->get();
    } else {
      value.kind = Value::Kind::text;
      if (diagnostics_ != nullptr) {
        diagnostics_->error(value.place, "T006", "dates and times are not used in launch files; write text in quotes");
      }
    }
    return value;
  }

 private:
  std::uint32_t source_;
  Diagnostics* diagnostics_;
};

/// toml++'s sentence, without its preamble, and with advice for the commonest slip.
void report_syntax(const toml::parse_error& error, const Place& place, Diagnostics& diagnostics) {
  constexpr std::string_view preamble = "Error while parsing ";
  std::string_view text = error.description();
  if (text.substr(0, preamble.size()) == preamble) text.remove_prefix(preamble.size());
  const bool line_ended = text.find("string: unescaped control characters") != std::string_view::npos;
  diagnostics.error(place, "T002", "this is not TOML: " + std::string{line_ended ? "text without its closing quote" : text},
                    line_ended ? "close it with \", or use \"\"\" for several lines" : "");
}

std::string number_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  std::array<char, 40> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  std::string text{buffer.data(), end.ptr};
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

bool is_bare_key(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

class JsonWriter {
 public:
  explicit JsonWriter(std::vector<JsonSpan>* spans) : spans_{spans} {}

  void write(const Value& value) {
    mark(value.place);
    switch (value.kind) {
      case Value::Kind::text:
        out_ += quoted(value.text);
        break;
      case Value::Kind::integer:
        out_ += std::to_string(value.integer);
        break;
      case Value::Kind::number:
        out_ += std::isfinite(value.number) ? nlohmann::json(value.number).dump() : "null";
        break;
      case Value::Kind::boolean:
        out_ += value.boolean ? "true" : "false";
        break;
      case Value::Kind::array:
        out_ += '[';
        for (std::size_t i = 0; i < value.items.size(); ++i) {
          if (i > 0) out_ += ',';
          write(value.items[i]);
        }
        out_ += ']';
        break;
      case Value::Kind::table:
        out_ += '{';
        for (std::size_t i = 0; i < value.entries.size(); ++i) {
          if (i > 0) out_ += ',';
          mark(value.entries[i].key_place);
          out_ += quoted(value.entries[i].key) + ":";
          write(value.entries[i].value);
        }
        out_ += '}';
        break;
    }
  }
  std::string take() { return std::move(out_); }

 private:
  std::vector<JsonSpan>* spans_;
  std::string out_;

  void mark(const Place& place) {
    if (spans_ != nullptr) spans_->push_back({out_.size(), place});
  }
  static std::string quoted(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
};

}  // namespace

Value::Value() = default;
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
Value::~Value() = default;

Value Value::of(std::string text) {
  Value value;
  value.kind = Kind::text;
  value.text = std::move(text);
  return value;
}

Value Value::of(std::int64_t integer) {
  Value value;
  value.kind = Kind::integer;
  value.integer = integer;
  return value;
}

Value Value::of(bool boolean) {
  Value value;
  value.kind = Kind::boolean;
  value.boolean = boolean;
  return value;
}

void Value::add(std::string key, Value value) {
  entries.push_back({std::move(key), {}, std::move(value)});
}

const Entry* Value::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

std::string_view kind_name(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::text:
      return "text";
    case Value::Kind::integer:
      return "an integer";
    case Value::Kind::number:
      return "a number";
    case Value::Kind::boolean:
      return "true or false";
    case Value::Kind::array:
      return "a list";
    case Value::Kind::table:
      return "a table";
  }
  return "a value";
}

std::optional<Value> parse_toml(std::uint32_t source, Diagnostics& diagnostics) {
  try {
    const toml::table parsed = toml::parse(std::string_view{diagnostics.source_text(source)});
    return Converter{source, &diagnostics}.convert(parsed);
  } catch (const toml::parse_error& error) {
    report_syntax(error, place_of(error.source(), source), diagnostics);
    return std::nullopt;
  }
}

Value parse_toml_value(std::string_view text, const Place& place) {
  Value value;
  value.kind = Value::Kind::text;
  value.text = text;
  try {
    const toml::table parsed = toml::parse("value = " + std::string{text});
    const toml::node* node = parsed.get("value");
    const bool single = parsed.size() == 1 && node != nullptr;
    if (single && !node->is_date() && !node->is_time() && !node->is_date_time())
      value = Converter{place.source, nullptr}.convert(*node);
  } catch (const toml::parse_error&) {
    value.broken = false;  // a bare word, taken as text
  }
  value.place = place;
  return value;
}

std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (byte < 0x20 || byte == 0x7F) {
          constexpr std::string_view digits = "0123456789ABCDEF";
          out += "\\u00";
          out += digits[byte >> 4U];
          out += digits[byte & 15U];
        } else {
          out += c;
        }
    }
  }
  return out + "\"";
}

std::string toml_key(std::string_view key) {
  return is_bare_key(key) ? std::string{key} : toml_text(key);
}

std::string to_toml(const Value& value) {
  std::string out;
  switch (value.kind) {
    case Value::Kind::text:
      return toml_text(value.text);
    case Value::Kind::integer:
      return std::to_string(value.integer);
    case Value::Kind::number:
      return number_text(value.number);
    case Value::Kind::boolean:
      return value.boolean ? "true" : "false";
    case Value::Kind::array:
      for (const auto& item : value.items) out += (out.empty() ? "" : ", ") + to_toml(item);
      return "[" + out + "]";
    case Value::Kind::table:
      for (const auto& entry : value.entries) out += (out.empty() ? "" : ", ") + toml_key(entry.key) + " = " + to_toml(entry.value);
      return out.empty() ? "{}" : "{ " + out + " }";
  }
  return out;
}

std::string to_toml_document(const Value& root) {
  std::string out;
  const auto plain = [&](const Value& table) {
    std::size_t width = 0;
    for (const auto& entry : table.entries) width = std::max(width, toml_key(entry.key).size());
    for (const auto& entry : table.entries) {
      std::string key = toml_key(entry.key);
      key.resize(width, ' ');
      out += key + " = " + to_toml(entry.value) + "\n";
    }
  };
  Value scalars;
  for (const auto& entry : root.entries) {
    if (!entry.value.is(Value::Kind::table)) scalars.entries.push_back(entry);
  }
  plain(scalars);
  for (const auto& section : root.entries) {
    if (!section.value.is(Value::Kind::table)) continue;
    for (const auto& table : section.value.entries) {
      out += (out.empty() ? "[" : "\n[") + toml_key(section.key) + "." + toml_key(table.key) + "]\n";
      plain(table.value);
    }
  }
  return out;
}

std::string to_json(const Value& value, std::vector<JsonSpan>* spans) {
  JsonWriter writer{spans};
  writer.write(value);
  return writer.take();
}

}  // namespace remuda::topology
