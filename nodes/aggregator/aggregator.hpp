#pragma once
// Aggregator: gathers the answers that belong together and publishes what they come to, once. For any topology; with a topic that
// it scatters to it is the whole of Scatter-Gather.
//
//   ports  = { requests = "rfqs", scatter = "request-for-quotes", answers = "quotes", results = "rfq-results" }
//   params = { complete = "all", expected = 10, timeout = "10s", combine = ["best", "collect"], value = "quote" }
//
// A message on `requests` opens an aggregate under its correlation id, or else its own id, and goes on to `scatter` under that
// correlation id: nobody is asked before the aggregate is stored, so no answer is too early. aggregation_rules.hpp says when an
// aggregate is closed and what is made of it; the result is a message `aggregate.closed` whose body is JSON.
//
// A closed aggregate never opens again: late answers are counted and dropped, as are repeated answers of one responder and answers
// that belong to nothing known. It is remembered for `remember`, and of the newest `remember_max` only, so memory is bounded. State
// and results are one SQLite transaction: a kill anywhere repeats a result with the same id, and loses none.

#include <map>
#include <memory>
#include <string>

#include "common/node.hpp"
#include "nodes/aggregator/aggregation_rules.hpp"
#include "nodes/wild_rydes/outbox_relay.hpp"
#include "nodes/wild_rydes/store.hpp"

namespace remuda {

class Aggregator final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;
  void commit() override;
  void stop() override { relay_->stop(); }

 private:
  enum class State { unknown, open, closed };

  NodeContext* context_ = nullptr;
  std::optional<AggregationRules> rules_;
  std::chrono::milliseconds remember_{};
  std::int64_t remember_max_ = 0;
  bool scatters_ = false;
  std::unique_ptr<rides::Database> database_;
  std::unique_ptr<rides::BatchTransaction> transaction_;
  std::unique_ptr<rides::OutboxRelay> relay_;
  std::uint64_t ticks_ = 0;
  std::map<std::string, std::int64_t> figures_;  ///< since this process started
  rides::Statement find_, open_, answers_, add_answer_, replace_answer_, close_, due_, request_, forget_answers_, forget_, count_;

  void on_request(const Message& message, Outbox& out);
  void on_answer(const Message& message);
  void close(const std::string& id, const std::string& reason);
  void tick();
  void count(const std::string& figure);
  [[nodiscard]] std::int64_t now_ms() const;
  [[nodiscard]] State state_of(const std::string& id);
  [[nodiscard]] std::vector<Answer> answers_to(const std::string& id);
  [[nodiscard]] Message figures();
};

}  // namespace remuda
