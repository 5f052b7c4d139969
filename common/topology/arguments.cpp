#include "common/topology/arguments.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "common/topology/substitution.hpp"
#include "common/topology/table_reader.hpp"
#include "common/topology/words.hpp"
#include "common/units.hpp"

namespace remuda::topology {
namespace {

const std::vector<std::string> types{"text", "int", "float", "bool", "duration", "size"};

std::string_view example(std::string_view type) {
  if (type == "int") return "an integer such as 3";
  if (type == "float") return "a number such as 0.5";
  if (type == "bool") return "true or false";
  if (type == "duration") return "a duration such as \"30s\"";
  if (type == "size") return "a size such as \"256KiB\"";
  return "text";
}

std::string type_of(const Value& value) {
  switch (value.kind) {
    case Value::Kind::integer:
      return "int";
    case Value::Kind::number:
      return "float";
    case Value::Kind::boolean:
      return "bool";
    default:
      return "text";
  }
}

/// The value in its type, or nothing. Text from outside a file (the command line, the environment) is read as the type wants it.
std::optional<Value> as_type(const std::string& type, Value value, bool spelled_outside) {
  if (spelled_outside && type != "text") {
    const Value read = parse_toml_value(value.text, value.place);
    if (type == "int" || type == "float" || type == "bool") value = read;
  }
  const bool text = value.is(Value::Kind::text);
  const bool integer = value.is(Value::Kind::integer);
  const bool right = type == "text"       ? text
                     : type == "int"      ? integer
                     : type == "float"    ? integer || value.is(Value::Kind::number)
                     : type == "bool"     ? value.is(Value::Kind::boolean)
                     : type == "duration" ? text && parse_duration(value.text).ok()
                                          : integer || (text && parse_size(value.text).ok());
  return right ? std::optional{std::move(value)} : std::nullopt;
}

ArgumentSpec read_argument(const Entry& entry, Diagnostics& diagnostics) {
  ArgumentSpec argument;
  argument.name = entry.key;
  argument.place = entry.key_place;
  if (entry.value.is(Value::Kind::array)) {
    diagnostics.error(entry.value.place, "T006", "an argument is one value, or a table with type, default and help");
    argument.value = Value{};
    argument.value->broken = true;
    return argument;
  }
  if (!entry.value.is(Value::Kind::table)) {
    argument.type = type_of(entry.value);
    argument.value = entry.value;
    return argument;
  }
  TableReader table{"an argument", entry.value, nullptr, diagnostics};
  const Value* written = table.take("type");
  if (written != nullptr && written->is(Value::Kind::text)) {
    static const std::map<std::string, std::string> other_words{{"string", "text"},  {"str", "text"},     {"integer", "int"},
                                                                {"double", "float"}, {"number", "float"}, {"boolean", "bool"}};
    const auto other = other_words.find(written->text);
    if (other != other_words.end()) {
      diagnostics.error(written->place, "T007", "'type' must be one of " + listed(types) + ", not " + in_quotes(written->text),
                        "did you mean " + in_quotes(other->second) + "?");
      argument.type = other->second;
    }
  }
  if (argument.type.empty()) argument.type = table.choice("type", types).value_or("");
  argument.help = table.text("help").value_or("");
  const Value* value = table.take("default");
  if (argument.type.empty()) argument.type = value == nullptr ? "text" : type_of(*value);
  table.finish();
  if (value != nullptr) {
    set_argument(argument, *value, diagnostics);
    if (!argument.value) {  // reported; do not ask for it again
      argument.value = Value{};
      argument.value->broken = true;
    }
  }
  return argument;
}

}  // namespace

std::vector<ArgumentSpec> read_arguments(const Value& table, const Environment& environment, Diagnostics& diagnostics) {
  std::vector<ArgumentSpec> arguments;
  if (!expect(table, Value::Kind::table, "'args'", diagnostics)) return arguments;
  Value resolved = table;
  substitute(resolved, {}, environment, diagnostics);
  for (const auto& entry : resolved.entries) {
    if (is_name(entry.key)) {
      arguments.push_back(read_argument(entry, diagnostics));
    } else {
      diagnostics.error(
          entry.key_place, "T008",
          in_quotes(entry.key) + " cannot be a name; a name is 1 to 80 of a-z A-Z 0-9 - _ and does not begin with '-'");
    }
  }
  return arguments;
}

void set_argument(ArgumentSpec& argument, const Value& value, Diagnostics& diagnostics) {
  if (value.broken) {
    argument.value = value;
    return;
  }
  if (auto typed = as_type(argument.type, value, value.from_environment)) {
    argument.value = std::move(*typed);
    return;
  }
  diagnostics.error(
      value.place, "T011",
      "the argument " + in_quotes(argument.name) + " is " + std::string{example(argument.type)} + ", not " + to_toml(value));
}

void Settings::apply(const std::string& name, ArgumentSpec& argument) {
  const auto given = std::find_if(given_.rbegin(), given_.rend(), [&](const auto& pair) { return pair.first == name; });
  if (given == given_.rend()) return;
  Value value;
  value.kind = Value::Kind::text;
  value.text = given->second;
  value.place = argument.place;
  if (auto typed = as_type(argument.type, value, true)) {
    argument.value = std::move(*typed);
    return;
  }
  diagnostics_.error(command_line(name), "T011",
                     "the argument " + in_quotes(argument.name) + " is " + std::string{example(argument.type)} + ", not " +
                         in_quotes(given->second));
}

void Settings::report_unused(const std::vector<ArgumentSpec>& declared) {
  std::vector<std::string> names;
  for (const auto& argument : declared) names.push_back(argument.name);
  for (const auto& [name, value] : given_) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    diagnostics_.error(command_line(name), "T010",
                       "the launch file declares no argument " + in_quotes(name) + "; it has: " + listed(names),
                       did_you_mean(name, names));
  }
}

Place Settings::command_line(const std::string& name) {
  return {diagnostics_.add_source("--set " + name, ""), 0, 0, 1};
}

}  // namespace remuda::topology
