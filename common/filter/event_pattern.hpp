#pragma once
// EventPattern: which events a rule of a message bus wants, in the language of EventBridge event patterns.
//
//   {"source": ["rides"], "detail": {"fare": [{"numeric": [">=", 50]}], "to": [{"wildcard": "Frank*"}]}}
//
// The same language as filter policies (filter_policy.hpp), checked by the same compiler and evaluated by the same matcher on
// packed bytes. What is different on a bus:
// - `wildcard`: `*` is any run of characters, `\*` and `\\` are themselves;
// - `prefix` and `suffix` take {"equals-ignore-case": text}; `anything-but` takes prefix, suffix, equals-ignore-case and wildcard,
//   each with a text or a list of texts;
// - numbers are IEEE doubles: two that round to the same double are equal;
// - there is no limit of five keys and no count of combinations; a pattern has at most 2048 characters, and `$or` may make at
//   most 1000 alternatives of it;
// - empty objects are refused, and so is an array named `$or` that is no group of alternatives.
// Source of the rules: Amazon EventBridge User Guide, "Event patterns", and the behaviour of event-ruler.

#include <memory>
#include <string_view>

#include "common/filter/filter_policy.hpp"

namespace remuda {

/// A value: cheap to copy, and safe to use from several threads at once.
class EventPattern {
 public:
  static constexpr std::size_t size_max = 2048;  ///< characters

  /// Checks and compiles the JSON text of a pattern. Errors: `invalid_event_pattern`, definite, with the place.
  static Result<EventPattern, FilterPolicyError> compile(std::string_view pattern_json);

  /// An event is a msgpack map or the text of a JSON object, as FilterPolicy::matches_body has it; anything else matches nothing.
  [[nodiscard]] bool matches(std::string_view event) const;

  /// For indexes over many rules. Never null.
  [[nodiscard]] const std::shared_ptr<const filter::CompiledPolicy>& compiled() const { return compiled_; }

 private:
  explicit EventPattern(std::shared_ptr<const filter::CompiledPolicy> compiled) : compiled_{std::move(compiled)} {}
  std::shared_ptr<const filter::CompiledPolicy> compiled_;
};

}  // namespace remuda
