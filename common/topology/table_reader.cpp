#include "common/topology/table_reader.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "common/topology/words.hpp"
#include "common/units.hpp"

namespace remuda::topology {
namespace {

const Value empty_table{};

std::optional<std::int64_t> integer_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

bool expect(const Value& value, Value::Kind kind, std::string_view what, Diagnostics& diagnostics) {
  if (value.broken) return false;
  if (value.kind == kind) return true;
  diagnostics.error(value.place, "T006",
                    std::string{what}.append(" must be ").append(kind_name(kind)).append(", not ").append(kind_name(value.kind)));
  return false;
}

TableReader::TableReader(std::string title, const Value& table, const Value* defaults, Diagnostics& diagnostics)
    : title_{std::move(title)},
      table_{table.is(Value::Kind::table) ? table : empty_table},
      defaults_{defaults != nullptr && defaults->is(Value::Kind::table) ? defaults : nullptr},
      diagnostics_{diagnostics} {}

const Value* TableReader::take(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
  const Entry* entry = table_.find(key);
  if (entry == nullptr && defaults_ != nullptr) entry = defaults_->find(key);
  return entry == nullptr || entry->value.broken ? nullptr : &entry->value;
}

void TableReader::wrong_type(std::string_view key, const Value& value, std::string_view wanted) {
  diagnostics_.error(value.place, "T006",
                     in_quotes(key).append(" must be ").append(wanted).append(", not ").append(kind_name(value.kind)));
}

std::optional<std::string> TableReader::text_of(std::string_view key, const Value& value) {
  if (value.broken) return std::nullopt;
  if (!value.is(Value::Kind::text)) {
    wrong_type(key, value, "text");
    return std::nullopt;
  }
  return value.text;
}

std::optional<std::string> TableReader::text(std::string_view key) {
  const Value* value = take(key);
  return value == nullptr ? std::nullopt : text_of(key, *value);
}

Name TableReader::name(std::string_view key) {
  const Value* value = take(key);
  if (value == nullptr) return {};
  const auto text = text_of(key, *value);
  if (text && text->empty()) diagnostics_.error(value->place, "T007", in_quotes(key) + " is empty");
  return {text.value_or(""), value->place};
}

std::vector<Name> TableReader::names(std::string_view key) {
  const Value* value = take(key);
  if (value == nullptr) return {};
  std::vector<Name> out;
  const auto add = [&](const Value& item) {
    if (!item.broken && !item.is(Value::Kind::text)) wrong_type(key, item, "text or a list of texts");
    if (!item.broken && item.is(Value::Kind::text)) out.push_back({item.text, item.place});
  };
  if (value->is(Value::Kind::array)) {
    std::for_each(value->items.begin(), value->items.end(), add);
  } else {
    add(*value);
  }
  return out;
}

std::optional<std::int64_t> TableReader::integer(std::string_view key, std::int64_t min, std::int64_t max) {
  const Value* value = take(key);
  if (value == nullptr) return std::nullopt;
  auto integer = value->is(Value::Kind::integer) ? std::optional{value->integer} : std::nullopt;
  if (!integer && value->from_environment) integer = integer_of(value->text);
  if (!integer) {
    wrong_type(key, *value, "an integer");
    return std::nullopt;
  }
  if (*integer < min || *integer > max) {
    diagnostics_.error(value->place, "T007",
                       in_quotes(key) + " must be from " + std::to_string(min) + " to " + std::to_string(max) + ", not " +
                           std::to_string(*integer));
    return std::nullopt;
  }
  return integer;
}

std::optional<bool> TableReader::boolean(std::string_view key) {
  const Value* value = take(key);
  if (value == nullptr) return std::nullopt;
  if (value->is(Value::Kind::boolean)) return value->boolean;
  wrong_type(key, *value, "true or false");
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> TableReader::duration(std::string_view key, std::chrono::milliseconds min,
                                                               std::chrono::milliseconds max) {
  const Value* value = take(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is(Value::Kind::text)) {
    wrong_type(key, *value, "a duration in quotes such as \"30s\"");
    return std::nullopt;
  }
  const auto duration = parse_duration(value->text);
  if (!duration) {
    diagnostics_.error(value->place, "T007", in_quotes(key) + ": " + duration.error().message);
    return std::nullopt;
  }
  if (*duration < min || *duration > max) {
    diagnostics_.error(
        value->place, "T007",
        in_quotes(key) + " must be from " + format_duration(min) + " to " + format_duration(max) + ", not " + value->text);
    return std::nullopt;
  }
  return *duration;
}

std::optional<std::uint64_t> TableReader::size(std::string_view key, std::uint64_t min, std::uint64_t max) {
  const Value* value = take(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is(Value::Kind::text) && !value->is(Value::Kind::integer)) {
    wrong_type(key, *value, "a size such as \"256KiB\"");
    return std::nullopt;
  }
  const std::string text = value->is(Value::Kind::text) ? value->text : std::to_string(value->integer);
  const auto size = parse_size(text);
  if (!size) {
    diagnostics_.error(value->place, "T007", in_quotes(key) + ": " + size.error().message);
    return std::nullopt;
  }
  if (*size < min || *size > max) {
    diagnostics_.error(value->place, "T007",
                       in_quotes(key) + " must be from " + format_size(min) + " to " + format_size(max) + ", not " + text);
    return std::nullopt;
  }
  return *size;
}

std::optional<std::string> TableReader::choice(std::string_view key, const std::vector<std::string>& words) {
  const Value* value = take(key);
  if (value == nullptr) return std::nullopt;
  const auto text = text_of(key, *value);
  if (!text) return std::nullopt;
  if (std::find(words.begin(), words.end(), *text) == words.end()) {
    diagnostics_.error(value->place, "T007", in_quotes(key) + " must be one of " + listed(words) + ", not " + in_quotes(*text),
                       did_you_mean(*text, words));
    return std::nullopt;
  }
  return text;
}

std::map<std::string, std::string> TableReader::texts(std::string_view key) {
  std::map<std::string, std::string> out;
  const Value* value = take(key);
  if (value == nullptr) return out;
  if (!value->is(Value::Kind::table)) {
    wrong_type(key, *value, "a table of texts");
    return out;
  }
  const Value* behind = defaults_ == nullptr || defaults_->find(key) == nullptr ? nullptr : &defaults_->find(key)->value;
  for (const Value* source : {behind, value}) {
    if (source == nullptr) continue;
    for (const auto& entry : source->entries) {
      if (const auto text = text_of(entry.key, entry.value)) out[entry.key] = *text;
    }
  }
  return out;
}

std::optional<TableReader> TableReader::table(std::string_view key) {
  const Value* value = take(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is(Value::Kind::table)) {
    wrong_type(key, *value, "a table");
    return std::nullopt;
  }
  const Value* behind = defaults_ == nullptr || defaults_->find(key) == nullptr ? nullptr : &defaults_->find(key)->value;
  return TableReader{title_ + " " + std::string{key}, *value, behind == value ? nullptr : behind, diagnostics_};
}

void TableReader::finish() {
  for (const auto& entry : table_.entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    diagnostics_.error(entry.key_place, "T004",
                       title_ + " has no key " + in_quotes(entry.key) + "; it knows: " + listed(known_, 20),
                       did_you_mean(entry.key, known_));
  }
}

}  // namespace remuda::topology
