#pragma once
// Content-Based Router: rules say which events go where. One event may match several rules, one, or none; what no rule wants goes
// to port `other` where that is wired. For any topology.
//
//   ports  = { events = "bus-to-route", billing = "billing", alarms = "alarms", other = "unrouted" }
//   [nodes.router.params.rules.extraordinary]
//   pattern = { detail-type = ["ride.completed"], detail = { fare = [{ numeric = [">=", 50] }] } }
//   to      = ["billing", "alarms"]
//
// Patterns are those of common/filter/event_pattern.hpp and look at the message as event_envelope.hpp makes an event of it; what a
// rule hands on is the message unless it has an `input` (target_input.hpp). All targets of a message are one outcome.
// Ten thousand rules cost little more than ten: see common/filter/rule_index.hpp.

#include <optional>
#include <string>
#include <vector>

#include "common/filter/rule_index.hpp"
#include "common/node.hpp"
#include "nodes/content_router/target_input.hpp"

namespace remuda {

class ContentRouter final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;

 private:
  struct Rule {
    std::string name;
    std::vector<std::string> to;
    TargetInput input;
  };
  NodeContext* context_ = nullptr;
  std::vector<Rule> rules_;  ///< constant after start
  std::optional<filter::RuleIndex> index_;
  std::vector<std::size_t> matching_;
};

}  // namespace remuda
