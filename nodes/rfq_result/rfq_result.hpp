#pragma once
// Keeps requests for quotes and what came of them, and answers for them. It hears of requests on `rfqs`, of what the
// aggregator made of each on `results`, and, where wired, of single quotes on `quotes`, which make a list that grows until
// the result is there.
//
// GET /instant-ride-rfqs/{id}  200 running, with a link to ask again and the seconds left; then done, with a link to the
//                              result, and never back; 404 for an id that no submission has
// every other route with {id}  200 the result: ride data, quotes, the best of them

#include <memory>

#include "common/node.hpp"
#include "nodes/wild_rydes/ledger.hpp"

namespace remuda::rides {

class RfqResult final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;
  void commit() override { ledger_->commit(); }

 private:
  NodeContext* context_ = nullptr;
  std::chrono::milliseconds timeout_{};
  std::chrono::milliseconds on_its_way_{};
  std::unique_ptr<Ledger> ledger_;
  Statement add_rfq_, find_rfq_, add_result_, find_result_, add_quote_, find_quotes_;

  [[nodiscard]] std::string find(Statement& statement, const std::string& id);
  [[nodiscard]] Message answer(const Message& message);
};

}  // namespace remuda::rides
