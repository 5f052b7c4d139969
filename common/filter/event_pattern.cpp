#include "common/filter/event_pattern.hpp"

#include "common/filter/packed_body.hpp"
#include "common/filter/policy_compiler.hpp"
#include "common/filter/policy_matcher.hpp"

namespace remuda {

Result<EventPattern, FilterPolicyError> EventPattern::compile(std::string_view pattern_json) {
  auto compiled = filter::compile_policy(pattern_json, filter::Dialect::bus);
  if (!compiled) return Failure<FilterPolicyError>{std::move(compiled).error()};
  return EventPattern{std::make_shared<const filter::CompiledPolicy>(std::move(**compiled))};
}

bool EventPattern::matches(std::string_view event) const {
  std::string buffer;
  const auto packed = filter::packed_body(event, buffer);
  return packed && filter::matches_packed_body(*compiled_, *packed);
}

}  // namespace remuda
