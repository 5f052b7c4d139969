#include "common/filter/filter_policy.hpp"

#include "common/filter/packed_body.hpp"
#include "common/filter/policy_compiler.hpp"
#include "common/filter/policy_matcher.hpp"

namespace remuda {

Result<FilterPolicy, FilterPolicyError> FilterPolicy::compile(std::string_view policy_json, FilterScope scope) {
  auto compiled = filter::compile_policy(
      policy_json, scope == FilterScope::body ? filter::Dialect::topic_body : filter::Dialect::topic_attributes);
  if (!compiled) return Failure<FilterPolicyError>{std::move(compiled).error()};
  FilterPolicy policy;
  policy.scope_ = scope;
  if (*compiled) policy.compiled_ = std::make_shared<const filter::CompiledPolicy>(std::move(**compiled));
  return policy;
}

bool FilterPolicy::matches(const MessageView& message) const {
  return scope_ == FilterScope::body ? matches_body(message.body) : matches_attributes(message.attributes);
}

bool FilterPolicy::matches_body(std::string_view body) const {
  if (!compiled_) return true;
  std::string buffer;
  const auto packed = filter::packed_body(body, buffer);
  return packed && filter::matches_packed_body(*compiled_, *packed);
}

bool FilterPolicy::matches_attributes(std::string_view attributes) const {
  return !compiled_ || filter::matches_packed_attributes(*compiled_, attributes);
}

}  // namespace remuda
