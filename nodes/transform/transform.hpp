#pragma once
// A filter of a pipeline in the sense of Pipes and Filters: takes a message, changes its body, passes it on. What it drops it
// counts. For any topology; which pipe comes next stands in the launch file.
//
//   params = { where = { fare = [{ numeric = [">=", 50] }] }, keep = ["customer", "fare"], rename = { fare = "amount" }, set = {
//   currency = "EUR" } }

#include <string>

#include "common/filter/filter_policy.hpp"
#include "common/node.hpp"

namespace remuda {

class Transform final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;

 private:
  NodeContext* context_ = nullptr;
  FilterPolicy where_;
};

}  // namespace remuda
