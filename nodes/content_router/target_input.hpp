#pragma once
// What a rule hands to its targets: the message as it is, a part of the event, a constant, or a text made of parts. Pure.
//
//   (nothing)                                     the message as it came
//   input = { part = "detail.fare" }              a value of the event
//   input = { constant = { alarm = true } }       always the same
//   input = { template = "<detail.customer> pays <detail.fare>" }

#include <nlohmann/json.hpp>
#include <string>

#include "common/message.hpp"
#include "common/result.hpp"

namespace remuda {

class TargetInput {
 public:
  TargetInput() = default;
  /// Errors: `invalid_parameter` (definite).
  static Result<TargetInput> from_json(const nlohmann::json& table);

  [[nodiscard]] bool is_whole() const { return kind_ == Kind::whole; }
  /// The message for the target. A changed one has no id yet, so the runtime derives one; its body is JSON, or text for a template.
  [[nodiscard]] Message apply(const Message& message, const nlohmann::ordered_json& event) const;

 private:
  enum class Kind { whole, part, constant, text };
  Kind kind_ = Kind::whole;
  std::string text_;  ///< path of the part; the template; the constant as JSON
};

}  // namespace remuda
