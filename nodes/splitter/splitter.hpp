#pragma once
// Splitter: a message whose body holds a list becomes a message for each of its elements, under the correlation id of the whole and
// with the attributes `part` (from 0) and `parts`, so that an aggregator can join what became of them. Other fields of the body are
// not passed on.

#include "common/node.hpp"

namespace remuda {

class Splitter final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override { context_ = &context; }
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;

 private:
  NodeContext* context_ = nullptr;
};

}  // namespace remuda
