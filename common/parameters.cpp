#include "common/parameters.hpp"

#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/suggestion.hpp"

namespace remuda {
namespace {

struct TypeName {
  ParameterType type;
  std::string_view name;
  std::string_view expected;  ///< with an example, for people
};
constexpr std::array type_names{
    TypeName{ParameterType::text, "text", "text, e.g. \"berlin\""},
    TypeName{ParameterType::integer, "integer", "a whole number, e.g. 5"},
    TypeName{ParameterType::number, "number", "a number, e.g. 0.5"},
    TypeName{ParameterType::boolean, "boolean", "true or false"},
    TypeName{ParameterType::duration, "duration", "a duration, e.g. \"250ms\", \"10s\" or \"5m\""},
    TypeName{ParameterType::size, "size", "a size, e.g. \"64KiB\" or \"1MiB\""},
    TypeName{ParameterType::list, "list", "a list, e.g. [1, 2]"},
    TypeName{ParameterType::table, "table", "a table, e.g. { key = 1 }"},
    TypeName{ParameterType::broker, "broker", "the endpoint of a broker, e.g. \"tcp://127.0.0.1:5550\""},
};

const TypeName& name_of(ParameterType type) {
  return *std::find_if(type_names.begin(), type_names.end(), [&](const TypeName& entry) { return entry.type == type; });
}

nlohmann::json to_json(const toml::node& node);

nlohmann::json to_json(const toml::table& table) {
  auto json = nlohmann::json::object();
  for (const auto& [key, value] : table) json[std::string{key.str()}] = to_json(value);
  return json;
}

nlohmann::json to_json(const toml::array& array) {
  auto json = nlohmann::json::array();
  for (const auto& element : array) json.push_back(to_json(element));
  return json;
}

nlohmann::json to_json(const toml::node& node) {
  if (const auto* table = node.as_table()) return to_json(*table);
  if (const auto* array = node.as_array()) return to_json(*array);
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* integer = node.as_integer()) return integer->get();
  if (const auto* number = node.as_floating_point()) return number->get();
  if (const auto* boolean = node.as_boolean()) return boolean->get();
  std::ostringstream text;  // JSON has no dates: they stay text, as TOML writes them
  node.visit([&](const auto& value) {
    if constexpr (toml::is_value<decltype(value)>) text << value.get();
  });
  return text.str();
}

/// The TOML value `text` stands for; a bare word (`berlin`, `10s`) is text.
nlohmann::json parse_value(const std::string& text) {
  try {
    const auto table = toml::parse("value = " + text);
    // More than one key: the text holds a line break and a second assignment, so it was no single value.
    if (table.size() == 1) return to_json(*table.get("value"));
  } catch (const toml::parse_error&) {
    static_cast<void>(text);  // a bare word
  }
  return text;
}

/// The value in its stored form (durations as milliseconds, sizes as bytes), or nothing when the type is wrong.
std::optional<nlohmann::json> checked(ParameterType type, const nlohmann::json& value) {
  switch (type) {
    case ParameterType::text:
    case ParameterType::broker:
      if (value.is_string()) return value;
      break;
    case ParameterType::integer:
      if (value.is_number_integer()) return value;
      break;
    case ParameterType::number:
      if (value.is_number() && std::isfinite(value.get<double>())) return value.get<double>();
      break;
    case ParameterType::boolean:
      if (value.is_boolean()) return value;
      break;
    case ParameterType::duration:
      if (!value.is_string()) break;
      if (const auto duration = parse_duration(value.get<std::string>())) return duration->count();
      break;
    case ParameterType::size:
      if (value.is_number_integer() && value.get<std::int64_t>() >= 0) return value;
      if (!value.is_string()) break;
      if (const auto size = parse_size(value.get<std::string>())) return *size;
      break;
    case ParameterType::list:
      if (value.is_array()) return value;
      break;
    case ParameterType::table:
      if (value.is_object()) return value;
      break;
  }
  return std::nullopt;
}

Failure<Error> unknown_parameter(const std::string& name, const std::vector<ParameterDescription>& known) {
  std::vector<std::string_view> names;
  for (const auto& description : known) names.emplace_back(description.name);
  auto text = "There is no parameter `" + name + "`";
  if (const auto closest = closest_name(name, names); !closest.empty()) {
    text += "; did you mean `" + std::string{closest} + "`?";
  } else if (names.empty()) {
    text += "; this node has none.";
  } else {
    text += "; known are";
    for (std::size_t i = 0; i < names.size(); ++i) text += (i == 0 ? " " : ", ") + std::string{names[i]};
    text += '.';
  }
  return fail("invalid_parameter", std::move(text));
}

}  // namespace

std::ostream& operator<<(std::ostream& out, ParameterType type) {
  return out << name_of(type).name;
}

struct Parameters::Values {
  std::vector<std::pair<std::string, ParameterType>> types;
  nlohmann::json values = nlohmann::json::object();

  [[nodiscard]] const nlohmann::json& get(std::string_view name,
                                          [[maybe_unused]] std::initializer_list<ParameterType> allowed) const {
    const auto found = values.find(std::string{name});
    assert(found != values.end() && "a parameter is read that was not declared");
    assert(std::any_of(types.begin(), types.end(),
                       [&](const auto& entry) {
                         return entry.first == name && std::find(allowed.begin(), allowed.end(), entry.second) != allowed.end();
                       }) &&
           "a parameter is read as another type than declared");
    return *found;
  }
};

Parameters::Parameters() : values_{std::make_unique<Values>()} {}
Parameters::Parameters(const Parameters& other) : values_{std::make_unique<Values>(*other.values_)} {}
Parameters::Parameters(Parameters&&) noexcept = default;
Parameters& Parameters::operator=(Parameters other) {
  std::swap(values_, other.values_);
  return *this;
}
Parameters::~Parameters() = default;

Result<Parameters> Parameters::make(const std::vector<ParameterDescription>& known,
                                    const std::vector<std::pair<std::string, std::string>>& given) {
  for (const auto& [name, text] : given) {
    const auto is_given = [&wanted = name](const ParameterDescription& description) { return description.name == wanted; };
    if (std::none_of(known.begin(), known.end(), is_given)) {
      return unknown_parameter(name, known);
    }
  }
  Parameters parameters;
  for (const auto& description : known) {
    const auto& name = description.name;
    // The last one counts, so that a command line can be extended.
    const auto found = std::find_if(given.rbegin(), given.rend(), [&](const auto& entry) { return entry.first == name; });
    if (found == given.rend() && description.default_value.empty()) {
      return fail("invalid_parameter", "The parameter `" + name + "` is required: give it with --param " + name +
                                           "=VALUE, VALUE being " + std::string{name_of(description.type).expected} + ".");
    }
    const auto& text = found == given.rend() ? description.default_value : found->second;
    auto value = checked(description.type, parse_value(text));
    if (!value) {
      return fail("invalid_parameter", "The parameter `" + name + "` must be " + std::string{name_of(description.type).expected} +
                                           "; it is `" + text + "`.");
    }
    parameters.values_->types.emplace_back(name, description.type);
    parameters.values_->values[name] = std::move(*value);
  }
  return parameters;
}

std::string Parameters::text(std::string_view name) const {
  return values_->get(name, {ParameterType::text}).get<std::string>();
}
std::string Parameters::broker(std::string_view name) const {
  return values_->get(name, {ParameterType::broker}).get<std::string>();
}
std::int64_t Parameters::integer(std::string_view name) const {
  return values_->get(name, {ParameterType::integer}).get<std::int64_t>();
}
double Parameters::number(std::string_view name) const {
  return values_->get(name, {ParameterType::number}).get<double>();
}
bool Parameters::boolean(std::string_view name) const {
  return values_->get(name, {ParameterType::boolean}).get<bool>();
}
std::chrono::milliseconds Parameters::duration(std::string_view name) const {
  return std::chrono::milliseconds{values_->get(name, {ParameterType::duration}).get<std::int64_t>()};
}
std::uint64_t Parameters::size(std::string_view name) const {
  return values_->get(name, {ParameterType::size}).get<std::uint64_t>();
}
const nlohmann::json& Parameters::json(std::string_view name) const {
  return values_->get(name, {ParameterType::list, ParameterType::table});
}

}  // namespace remuda
