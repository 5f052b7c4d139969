#pragma once
// Checks the JSON text of a filter policy or of an event pattern and compiles it: two dialects of one language. All that SNS
// refuses when a policy is set, and EventBridge when a rule is, is refused here.

#include <optional>
#include <string_view>

#include "common/filter/compiled_policy.hpp"
#include "common/filter/filter_policy.hpp"

namespace remuda::filter {

enum class Dialect : std::uint8_t { topic_body, topic_attributes, bus };

/// Nothing for the empty policy, which wants every message. Errors: as FilterPolicy::compile, or as
/// EventPattern::compile in the dialect of the bus.
Result<std::optional<CompiledPolicy>, FilterPolicyError> compile_policy(std::string_view policy_json, Dialect dialect);

}  // namespace remuda::filter
