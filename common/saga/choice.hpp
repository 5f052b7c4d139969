#pragma once
// Rules of a Choice state.

#include "common/saga/path.hpp"

namespace remuda::saga {

struct ChoiceRule {
  enum class Kind : std::uint8_t { all_of, any_of, none_of, test };
  enum class Type : std::uint8_t { text, number, timestamp, boolean };
  enum class Comparison : std::uint8_t {
    equals,
    less,
    less_or_equal,
    greater,
    greater_or_equal,
    matches,
    is_present,
    is_null,
    is_number,
    is_text,
    is_boolean,
    is_timestamp
  };
  Kind kind = Kind::test;
  std::vector<ChoiceRule> parts = {};  ///< of all_of, any_of, none_of
  Path variable = {};
  Type type = Type::text;
  Comparison comparison = Comparison::equals;
  Json operand = {};
  std::optional<Path> operand_path = {};
  std::string next = {};  ///< of an outermost rule

  /// A value of another type than the comparison's is no error: the rule is false. A path that selects nothing is States.Runtime.
  [[nodiscard]] Result<bool, StateError> holds(const Json& data, const Json& context) const;
};

/// What a field of a rule compares: `NumericLessThanPath` and the like; nothing when it is no comparison.
struct Comparator {
  ChoiceRule::Type type = ChoiceRule::Type::text;
  ChoiceRule::Comparison comparison = ChoiceRule::Comparison::equals;
  bool with_path = false;
};
std::optional<Comparator> find_comparator(std::string_view field);
/// `*` stands for any text, `\*` for a star, `\\` for a backslash.
bool matches_wildcards(std::string_view text, std::string_view pattern);

}  // namespace remuda::saga
