#pragma once
// What a filter policy or an event pattern becomes once it has been checked: the form that policy_compiler makes
// and policy_matcher evaluates.

#include <cstdint>
#include <string>
#include <vector>

#include "common/filter/rule.hpp"

namespace remuda::filter {

/// One key of a policy with the array behind it. Nested objects are flattened: `{"a": {"b": [1]}}` is the field `a.b`.
struct Field {
  std::string path;
  std::vector<Rule> rules;         ///< one of them must be satisfied
  bool absence_satisfies = false;  ///< one of them is {"exists": false}
};

/// Fields that must all be satisfied. A policy without `$or` is one alternative; each `$or` multiplies them.
struct Alternative {
  static constexpr std::size_t fields_max = 64;  ///< so that a set of fields is one machine word
  std::vector<Field> fields;
};

struct CompiledPolicy {
  std::vector<Alternative> alternatives;  ///< one of them must be satisfied
  bool numbers_are_doubles = false;       ///< as event patterns compare them; those of the policy are rounded already
};

}  // namespace remuda::filter
