#pragma once
// Prebooking preprocessing: checks submissions and forwards each as `prebooking.submitted`. It takes them in two ways, whichever
// the launch file wires: on port `submit` it answers the client, 202 with a task once the event is where it goes; on port
// `submissions` somebody else has answered, and a wrong submission goes to the dead-letter queue with the reason.
//
// It keeps nothing. The id of a prebooking is that of the submission's task, so a submission that comes again is
// the same prebooking.

#include "common/failure_injection.hpp"
#include "common/node.hpp"

namespace remuda::rides {

class PrebookingPreprocessor final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;

 private:
  NodeContext* context_ = nullptr;
  FailureInjection fail_;
  std::chrono::milliseconds eta_{};
};

}  // namespace remuda::rides
