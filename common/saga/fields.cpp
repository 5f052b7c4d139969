#include "common/saga/fields.hpp"

#include <cmath>

#include "common/suggestion.hpp"

namespace remuda::saga {

using filter::JsonValue;
using Kind = JsonValue::Kind;

std::string pointer_step(std::string_view key) {
  std::string step = "/";
  for (const char c : key) {
    if (c == '~' || c == '/') {
      step += c == '~' ? "~0" : "~1";
    } else {
      step += c;
    }
  }
  return step;
}

Fields::Fields(const JsonValue& object, std::string pointer, std::string of_what, std::vector<Problem>& problems)
    : object_{object}, pointer_{std::move(pointer)}, of_what_{std::move(of_what)}, problems_{problems} {}

const JsonValue* Fields::take(std::string_view key) {
  known_.emplace(key);
  return object_.find(key);
}

std::string Fields::pointer_to(std::string_view key) const {
  return pointer_ + pointer_step(key);
}

void Fields::problem(std::string code, std::string_view key, std::string text, bool is_error) {
  const JsonValue* member = object_.find(key);
  const JsonValue& at = member != nullptr ? *member : object_;
  problems_.push_back(
      {is_error, std::move(code), member != nullptr ? pointer_to(key) : pointer_, std::move(text), at.begin, at.end - at.begin});
}

void Fields::finish() {
  const std::vector<std::string_view> known{known_.begin(), known_.end()};
  for (const auto& member : object_.members) {
    if (known_.contains(member.key)) continue;
    std::string text = "'" + member.key + "' is no field of " + of_what_;
    if (const auto closest = closest_name(member.key, known); !closest.empty())
      text += ": did you mean '" + std::string{closest} + "'?";
    problems_.push_back({true, "S002", pointer_to(member.key), std::move(text), member.offset, member.key.size() + 2});
  }
}

std::optional<std::string> Fields::text(std::string_view key) {
  const JsonValue* value = take(key);
  if (value == nullptr) return std::nullopt;
  if (value->is(Kind::text)) return value->text;
  problem("S201", key, "'" + std::string{key} + "' must be text");
  return std::nullopt;
}

std::optional<bool> Fields::boolean(std::string_view key) {
  const JsonValue* value = take(key);
  if (value == nullptr) return std::nullopt;
  if (value->is(Kind::boolean)) return value->boolean;
  problem("S201", key, "'" + std::string{key} + "' must be true or false");
  return std::nullopt;
}

std::optional<int> Fields::whole_number(std::string_view key, int min, int max) {
  const JsonValue* value = take(key);
  if (value == nullptr) return std::nullopt;
  const Json number = to_json(*value);
  if (number.is_number()) {
    const double wanted = number.get<double>();
    if (wanted >= min && wanted <= max && wanted == std::floor(wanted)) return static_cast<int>(wanted);
  }
  problem("S202", key,
          "'" + std::string{key} + "' must be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  return std::nullopt;
}

std::optional<Path> Fields::path(std::string_view key) {
  const auto written = text(key);
  if (!written) return std::nullopt;
  auto path = Path::parse(*written);
  if (path) return std::move(*path);
  problem("S301", key, path.error());
  return std::nullopt;
}

std::optional<Path> Fields::reference_path(std::string_view key) {
  auto found = path(key);
  if (!found || found->is_reference()) return found;
  problem("S302", key, "'" + std::string{key} + "' must name one place: names and indexes only, no wildcard, slice or filter");
  return std::nullopt;
}

std::optional<Expression> Fields::expression(std::string_view key) {
  const auto written = text(key);
  if (!written) return std::nullopt;
  auto expression = Expression::parse(*written);
  if (expression) return std::move(*expression);
  problem("S301", key, expression.error());
  return std::nullopt;
}

Selection Fields::selection(std::string_view key) {
  const JsonValue* value = take(key);
  if (value != nullptr && value->is(Kind::null)) return {.empty_object = true};
  if (auto found = path(key)) return {.path = std::move(*found)};
  return {};
}

ResultPlace Fields::result_place(std::string_view key) {
  const JsonValue* value = take(key);
  if (value != nullptr && value->is(Kind::null)) return {.dropped = true};
  auto found = reference_path(key);
  if (!found) return {};
  if (found->of_context()) problem("S302", key, "a result cannot be put into the context object");
  return {.path = std::move(*found)};
}

std::optional<Template> Fields::payload(std::string_view key) {
  const JsonValue* value = take(key);
  if (value == nullptr) return std::nullopt;
  std::vector<Template::Problem> found;
  Template form = Template::compile(*value, found);
  for (auto& wrong : found) {
    problems_.push_back(
        {true, "S303", pointer_to(key) + wrong.pointer, std::move(wrong.text), wrong.at->begin, wrong.at->end - wrong.at->begin});
  }
  return form;
}

SecondsField Fields::seconds(std::string_view key, int min, int max) {
  const std::string path_key = std::string{key} + "Path";
  if (has(key) && has(path_key)) problem("S203", path_key, "'" + std::string{key} + "' and '" + path_key + "' exclude each other");
  SecondsField field;
  field.fixed = whole_number(key, min, max);
  field.path = reference_path(path_key);
  return field;
}

std::vector<std::pair<const JsonValue*, std::string>> Fields::objects(std::string_view key, bool needed) {
  std::vector<std::pair<const JsonValue*, std::string>> found;
  const JsonValue* value = take(key);
  if (value == nullptr && !needed) return found;
  if (value == nullptr || !value->is(Kind::array) || (needed && value->elements.empty())) {
    problem("S003", key, "'" + std::string{key} + "' must be an array of objects" + (needed ? " and not empty" : ""));
    return found;
  }
  for (std::size_t at = 0; at < value->elements.size(); ++at) {
    const JsonValue& element = value->elements[at];
    const std::string place = pointer_to(key) + "/" + std::to_string(at);
    if (element.is(Kind::object)) {
      found.emplace_back(&element, place);
    } else {
      problems_.push_back({true, "S003", place, "this must be an object", element.begin, element.end - element.begin});
    }
  }
  return found;
}

}  // namespace remuda::saga
