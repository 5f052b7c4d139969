#include "common/filter/filter_policy.hpp"

#include "common/filter/json_to_msgpack.hpp"
#include "common/filter/policy_compiler.hpp"
#include "common/filter/policy_matcher.hpp"

namespace remuda {

namespace {

bool begins_like_json(std::string_view body) {
  return !body.empty() && std::string_view{"{ \t\n\r"}.find(body.front()) != std::string_view::npos;
}

}  // namespace

Result<FilterPolicy, FilterPolicyError> FilterPolicy::compile(std::string_view policy_json, FilterScope scope) {
  auto compiled = filter::compile_policy(policy_json, scope);
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
  if (!begins_like_json(body)) return filter::matches_packed_body(*compiled_, body);
  std::string packed;
  packed.reserve(body.size());
  return json_to_msgpack(body, packed) && filter::matches_packed_body(*compiled_, packed);
}

bool FilterPolicy::matches_attributes(std::string_view attributes) const {
  return !compiled_ || filter::matches_packed_attributes(*compiled_, attributes);
}

}  // namespace remuda
