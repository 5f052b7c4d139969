#pragma once
// Recipient List: sends each message on, unchanged and under its own id, to those recipients that want it. Who they are and what
// each wants stands in the launch file; neither senders nor recipients know. For any topology.
//
//   ports  = { messages = "distribute", accounting = "tell-accounting", extraordinary = "tell-extraordinary" }
//   params = { recipients = { accounting = {}, extraordinary = { fare = [{ numeric = [">=", 50] }] } } }
//
// A recipient is an output port, wired to any kind of channel, and an SNS filter policy; the empty one wants everything. All
// recipients of a message are one outcome: where one of them fails, the message has failed, and comes again or is told to who
// asked, as its channel has it. Source: Hohpe, Woolf: Enterprise Integration Patterns, Recipient List.

#include <string>
#include <vector>

#include "common/filter/filter_policy.hpp"
#include "common/node.hpp"

namespace remuda {

class RecipientList final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;

 private:
  struct Recipient {
    std::string port;
    FilterPolicy wants;
  };
  NodeContext* context_ = nullptr;
  std::vector<Recipient> recipients_;  ///< constant after start
};

}  // namespace remuda
