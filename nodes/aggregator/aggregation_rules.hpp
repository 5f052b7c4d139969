#pragma once
// The three settings of an Aggregator: which answers belong together, when they are complete, and what is made of them. Pure.
// Source: Hohpe, Woolf: Enterprise Integration Patterns, Aggregator and Scatter-Gather.

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/filter/filter_policy.hpp"
#include "common/filter/selector.hpp"
#include "common/message.hpp"
#include "common/parameters.hpp"

namespace remuda {

/// An answer as the store keeps it, in the order of arrival.
struct Answer {
  std::string responder;
  nlohmann::ordered_json body;
  bool declined = false;
};

class AggregationRules {
 public:
  enum class Completeness {
    all,      ///< every expected responder has answered or declined; the timeout guards against missing ones
    timeout,  ///< the time is up
    first,    ///< the first acceptable answer is there
    score,    ///< the time is up, or earlier when an acceptable answer comes, or everybody has answered
    event     ///< a message on port `close`; the timeout guards against a missing one
  };

  [[nodiscard]] static std::vector<ParameterDescription> parameters();
  /// Throws std::invalid_argument, naming the parameter: for Node::start().
  explicit AggregationRules(const Parameters& parameters);

  /// Empty: the message belongs to nothing.
  [[nodiscard]] std::string correlation_of(const Message& message) const;
  [[nodiscard]] std::string responder_of(const Message& message) const;
  /// A responder that declines says so, so that nobody waits for it.
  [[nodiscard]] bool is_decline(const Message& message) const;

  /// Whether an aggregate with these answers is complete before its time is up.
  [[nodiscard]] bool is_complete(const std::vector<Answer>& answers) const;
  /// What becomes of the answers: `answers` (collect), `best` (best) and `summary` (condense), as configured; with `declined`
  /// and `missing` counted.
  [[nodiscard]] nlohmann::ordered_json combined(const std::vector<Answer>& answers) const;

  [[nodiscard]] std::chrono::milliseconds timeout() const { return timeout_; }
  [[nodiscard]] bool keeps_last() const { return keeps_last_; }
  [[nodiscard]] bool is_self_starting() const { return self_starting_; }

 private:
  Completeness completeness_ = Completeness::all;
  std::chrono::milliseconds timeout_{};
  std::int64_t expected_ = 0;
  FilterPolicy acceptable_;
  std::optional<Selector> correlation_;  ///< absent: the header correlation_id
  std::optional<Selector> responder_;    ///< absent: the header source
  std::string value_;                    ///< field of the body that is compared and summed
  bool highest_ = false;
  bool keeps_last_ = false;
  bool self_starting_ = false;
  bool collect_ = false;
  bool best_ = false;
  bool condense_ = false;

  [[nodiscard]] std::optional<double> value_of(const Answer& answer) const;
};

/// The body of a message, JSON text or msgpack; null when it is neither.
[[nodiscard]] nlohmann::ordered_json json_body(const Message& message);

}  // namespace remuda
