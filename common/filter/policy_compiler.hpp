#pragma once
// Checks the JSON text of a filter policy and compiles it. All that SNS refuses when a policy is set is refused here.

#include <optional>
#include <string_view>

#include "common/filter/compiled_policy.hpp"
#include "common/filter/filter_policy.hpp"

namespace remuda::filter {

/// Nothing for the empty policy, which wants every message. Errors: as FilterPolicy::compile.
Result<std::optional<CompiledPolicy>, FilterPolicyError> compile_policy(std::string_view policy_json, FilterScope scope);

}  // namespace remuda::filter
