#pragma once
// Makes a service fail on purpose: at random, or for chosen messages. Deterministic: the decision depends on the seed, the
// message's id and how often it has come, and not on the order of arrival or on which replica gets it.
//
//     if (auto text = fail_.strikes(ride, out.delivery())) throw std::runtime_error{*text};

#include <memory>
#include <optional>
#include <string>

#include "common/message.hpp"
#include "common/node.hpp"
#include "common/parameters.hpp"

namespace remuda {

class FailureInjection {
 public:
  /// The declaration of `fail = { probability = 0.0, seed = 1, match = "" }`.
  ///   probability  from 0 to 1: this share of the deliveries fails; each redelivery is drawn anew, so such a failure heals
  ///   seed         chooses which
  ///   match        every delivery of a matching message fails: a filter policy on the body when it starts with `{`, else a
  ///                piece of the body's bytes; empty: none
  static ParameterDescription parameter();

  /// Never fails.
  FailureInjection();
  /// Reads the parameter `fail`. Throws std::invalid_argument, naming what is wrong: for Node::start().
  explicit FailureInjection(const Parameters& parameters);
  FailureInjection(FailureInjection&&) noexcept;
  FailureInjection& operator=(FailureInjection&&) noexcept;
  ~FailureInjection();

  /// The text of the failure when this delivery shall fail.
  [[nodiscard]] std::optional<std::string> strikes(const Message& message, const Delivery& delivery = {}) const;

 private:
  struct Rule;
  std::unique_ptr<Rule> rule_;
};

}  // namespace remuda
