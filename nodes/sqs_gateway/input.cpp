#include "nodes/sqs_gateway/input.hpp"

#include <charconv>

namespace remuda::sqs {
namespace {

/// The value as text, whichever protocol it came by: a form has texts only.
std::optional<std::string> text_of(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean() || value.is_number()) return value.dump();
  return std::nullopt;
}

std::optional<std::int64_t> integer_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

/// A form writes the empty list as a name without a value.
bool is_empty_list(const nlohmann::json& value) {
  return value.is_string() && value.get_ref<const std::string&>().empty();
}

}  // namespace

std::string invalid_value(std::string_view value, std::string_view parameter, std::string_view reason) {
  return std::string{"Value "}
      .append(value.substr(0, 256))
      .append(" for parameter ")
      .append(parameter)
      .append(" is invalid. Reason: ")
      .append(reason);
}

const nlohmann::json* Input::find(std::string_view name) const {
  const auto found = json_.find(name);
  return found == json_.end() || found->is_null() ? nullptr : &*found;
}

void Input::refuse(Fault fault, std::string message) {
  if (!error_) error_ = {fault, std::move(message)};
}
void Input::refuse_type(std::string_view name) {
  refuse(Fault::malformed_input, std::string{name} + " has the wrong type.");
}

std::string Input::text(std::string_view name) {
  auto text = text_if_any(name);
  if (!text || text->empty()) refuse(Fault::missing_parameter, "The request must contain the parameter " + std::string{name} + ".");
  return text.value_or("");
}

std::optional<std::string> Input::text_if_any(std::string_view name) {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  auto text = text_of(*value);
  if (!text) refuse_type(name);
  return text;
}

std::optional<std::int64_t> Input::integer(std::string_view name, std::int64_t min, std::int64_t max, std::string_view reason) {
  const auto text = text_if_any(name);
  if (!text) return std::nullopt;
  const auto value = integer_of(*text);
  if (!value || *value < min || *value > max) {
    refuse(Fault::invalid_parameter_value, invalid_value(*text, name, reason));
    return std::nullopt;
  }
  return value;
}

std::vector<std::string> Input::texts(std::string_view name) {
  std::vector<std::string> out;
  const auto* list = find(name);
  if (list == nullptr || is_empty_list(*list)) return out;
  if (!list->is_array()) {
    refuse_type(name);
    return out;
  }
  for (const auto& value : *list) {
    auto text = text_of(value);
    if (!text) refuse_type(name);
    out.push_back(std::move(text).value_or(""));
  }
  return out;
}

const nlohmann::json* Input::structure(std::string_view name) {
  const auto* value = find(name);
  if (value != nullptr && is_empty_list(*value)) return nullptr;
  if (value != nullptr && !value->is_structured()) {
    refuse_type(name);
    return nullptr;
  }
  return value;
}

std::vector<std::pair<std::string, std::string>> Input::text_map(std::string_view name) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto* map = structure(name);
  if (map == nullptr) return out;
  if (!map->is_object()) {
    refuse_type(name);
    return out;
  }
  for (const auto& [key, value] : map->items()) {
    auto text = value.is_null() ? std::optional{std::string{}} : text_of(value);
    if (!text) refuse_type(name);
    out.emplace_back(key, std::move(text).value_or(""));
  }
  return out;
}

}  // namespace remuda::sqs
