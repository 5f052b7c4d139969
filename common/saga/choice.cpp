#include "common/saga/choice.hpp"

#include <array>

namespace remuda::saga {

namespace {

using Type = ChoiceRule::Type;
using Comparison = ChoiceRule::Comparison;

template <class T>
bool compare(const T& left, Comparison comparison, const T& right) {
  switch (comparison) {
    case Comparison::less:
      return left < right;
    case Comparison::less_or_equal:
      return left <= right;
    case Comparison::greater:
      return left > right;
    case Comparison::greater_or_equal:
      return left >= right;
    default:
      return left == right;
  }
}

std::optional<Time> timestamp(const Json& value) {
  return value.is_string() ? read_timestamp(value.get_ref<const std::string&>()) : std::nullopt;
}

bool compare_as(Type type, const Json& left, Comparison comparison, const Json& right) {
  switch (type) {
    case Type::text:
      if (!left.is_string() || !right.is_string()) return false;
      if (comparison == Comparison::matches) {
        return matches_wildcards(left.get_ref<const std::string&>(), right.get_ref<const std::string&>());
      }
      return compare(left.get_ref<const std::string&>(), comparison, right.get_ref<const std::string&>());
    case Type::number:
      return left.is_number() && right.is_number() && compare(left, comparison, right);
    case Type::boolean:
      return left.is_boolean() && right.is_boolean() && left == right;
    case Type::timestamp: {
      const auto first = timestamp(left);
      const auto second = timestamp(right);
      return first && second && compare(*first, comparison, *second);
    }
  }
  return false;
}

bool is_of_kind(Comparison comparison, const Json& value) {
  switch (comparison) {
    case Comparison::is_null:
      return value.is_null();
    case Comparison::is_number:
      return value.is_number();
    case Comparison::is_text:
      return value.is_string();
    case Comparison::is_boolean:
      return value.is_boolean();
    default:
      return timestamp(value).has_value();
  }
}

}  // namespace

Result<bool, StateError> ChoiceRule::holds(const Json& data, const Json& context) const {
  if (kind != Kind::test) {
    for (const ChoiceRule& part : parts) {
      const auto held = part.holds(data, context);
      if (!held) return held;
      if (*held != (kind == Kind::all_of)) return kind == Kind::any_of;
    }
    return kind != Kind::any_of;
  }
  const auto value = variable.select(variable.of_context() ? context : data);
  if (comparison == Comparison::is_present) return value.has_value() == operand.get<bool>();
  if (!value) return failed(errors::runtime, "the Variable of a choice selects nothing: ask IsPresent first");
  if (comparison >= Comparison::is_null) return is_of_kind(comparison, *value) == operand.get<bool>();
  if (!operand_path) return compare_as(type, *value, comparison, operand);
  const auto other = operand_path->select(operand_path->of_context() ? context : data);
  if (!other) return failed(errors::runtime, "the path that a choice compares with selects nothing");
  return compare_as(type, *value, comparison, *other);
}

std::optional<Comparator> find_comparator(std::string_view field) {
  static constexpr std::array<std::pair<std::string_view, Comparison>, 5> orders{
      {{"Equals", Comparison::equals},
       {"LessThan", Comparison::less},
       {"LessThanEquals", Comparison::less_or_equal},
       {"GreaterThan", Comparison::greater},
       {"GreaterThanEquals", Comparison::greater_or_equal}}};
  static constexpr std::array<std::pair<std::string_view, Type>, 3> types{
      {{"String", Type::text}, {"Numeric", Type::number}, {"Timestamp", Type::timestamp}}};
  static constexpr std::array<std::pair<std::string_view, Comparison>, 6> kinds{{{"IsPresent", Comparison::is_present},
                                                                                 {"IsNull", Comparison::is_null},
                                                                                 {"IsNumeric", Comparison::is_number},
                                                                                 {"IsString", Comparison::is_text},
                                                                                 {"IsBoolean", Comparison::is_boolean},
                                                                                 {"IsTimestamp", Comparison::is_timestamp}}};
  if (field == "StringMatches") return Comparator{Type::text, Comparison::matches, false};
  for (const auto& [name, comparison] : kinds) {
    if (field == name) return Comparator{Type::boolean, comparison, false};
  }
  const bool with_path = field.ends_with("Path");
  if (with_path) field.remove_suffix(4);
  if (field == "BooleanEquals") return Comparator{Type::boolean, Comparison::equals, with_path};
  for (const auto& [prefix, type] : types) {
    if (!field.starts_with(prefix)) continue;
    for (const auto& [order, comparison] : orders) {
      if (field.substr(prefix.size()) == order) return Comparator{type, comparison, with_path};
    }
  }
  return std::nullopt;
}

bool matches_wildcards(std::string_view text, std::string_view pattern) {
  // Where to go on after a mismatch: behind the last `*`, one character of the text later than the last time.
  std::optional<std::pair<std::size_t, std::size_t>> retry;
  std::size_t at = 0;
  std::size_t in_pattern = 0;
  for (;;) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      retry = {at, ++in_pattern};
      continue;
    }
    if (at == text.size() && in_pattern == pattern.size()) return true;
    std::size_t length = 1;
    if (in_pattern + 1 < pattern.size() && pattern[in_pattern] == '\\') length = 2;
    if (at < text.size() && in_pattern < pattern.size() && text[at] == pattern[in_pattern + length - 1]) {
      ++at;
      in_pattern += length;
      continue;
    }
    if (!retry || retry->first >= text.size()) return false;
    at = ++retry->first;
    in_pattern = retry->second;
  }
}

}  // namespace remuda::saga
