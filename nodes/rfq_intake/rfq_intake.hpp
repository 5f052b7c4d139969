#pragma once
// Takes requests for quotes on an instant ride: checks each, passes it on as `rfq.submitted`, and answers 202 with where to ask for
// it before anybody was asked for a quote. It keeps nothing: the answer is given once the channel behind `rfqs` has the request.

#include "common/node.hpp"

namespace remuda::rides {

class RfqIntake final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override { context_ = &context; }
  Outcome on_message(std::string_view port, const Message& request, Outbox& out) override;

 private:
  NodeContext* context_ = nullptr;
};

}  // namespace remuda::rides
