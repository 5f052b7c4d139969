// Any bytes as policy, as body, as attributes and as a line of `remuda filter test`.
// Checked besides memory: an accepted policy answers the same for a JSON body and its packed form, and the index over many rules
// the same as the matcher.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "common/filter/event_pattern.hpp"
#include "common/filter/filter_policy.hpp"
#include "common/filter/filter_test.hpp"
#include "common/filter/json_to_msgpack.hpp"
#include "common/filter/rule_index.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using remuda::FilterPolicy;
  using remuda::FilterScope;
  const std::string_view input{reinterpret_cast<const char*>(data), size};
  // A NUL byte, which neither JSON text may contain, separates the policy from the message.
  const std::size_t cut = input.find('\0');
  const std::string_view policy_json = input.substr(0, cut);
  const std::string_view message = cut == std::string_view::npos ? std::string_view{} : input.substr(cut + 1);

  for (const auto scope : {FilterScope::body, FilterScope::attributes}) {
    const auto policy = FilterPolicy::compile(policy_json, scope);
    if (!policy) {
      if (policy.error().offset > policy_json.size() || policy.error().message.empty()) std::abort();
      continue;
    }
    const bool matched = policy->matches_body(message);
    static_cast<void>(policy->matches_attributes(message));
    std::string packed;
    const bool looks_like_json = !message.empty() && std::string_view{"{ \t\r\n"}.find(message.front()) != std::string_view::npos;
    if (looks_like_json && remuda::json_to_msgpack(message, packed) && policy->matches_body(packed) != matched) std::abort();
  }

  if (const auto pattern = remuda::EventPattern::compile(policy_json)) {
    remuda::filter::RuleIndex index{{pattern->compiled()}};
    std::vector<std::size_t> matching;
    std::string packed;
    if (!remuda::json_to_msgpack(message, packed)) packed = message;
    index.match(packed, matching);
    const bool is_packed = packed.find_first_of("{ \t\r\n") != 0;
    if (is_packed && (matching.size() == 1) != pattern->matches(packed)) std::abort();
  }

  const std::string answer = remuda::filter_test_line(input);
  if (!answer.starts_with("{\"match\": ") && !answer.starts_with("{\"error\": \"")) std::abort();
  return 0;
}
