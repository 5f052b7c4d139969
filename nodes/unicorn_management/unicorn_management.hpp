#pragma once
// Unicorn management resource: one of those who are asked for a quote. With some probability it is not available and says nothing
// (or, with `declines`, says so); else it takes a while, then answers with a quote. All of it is drawn from the seed, its own name
// and the request, so a run can be repeated.
//
// The answer goes to port `quotes` under the request's correlation id, with `responder`, `rfq-id` and `quote` as its body. A
// replica of this node is a responder of its own: `management`, `management-2`, ... An answer that is being prepared when the
// process ends is never given: to the aggregator that is one that is missing.
//
// `stray` is a share of answers that come twice, each followed by one that belongs to no request: what an aggregator has to stand.

#include <string>
#include <vector>

#include "common/node.hpp"

namespace remuda::rides {

class UnicornManagement final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& request, Outbox& out) override;

 private:
  struct Pending {
    Instant due;
    Message answer;
  };
  NodeContext* context_ = nullptr;
  std::string name_;
  double availability_ = 0;
  double stray_ = 0;
  std::int64_t delay_steps_ = 0;
  std::chrono::milliseconds delay_step_{};
  std::int64_t quote_max_ = 0;
  std::uint64_t seed_ = 0;
  bool declines_ = false;
  std::vector<Pending> pending_;

  [[nodiscard]] Message answer_to(const Message& request, std::int64_t quote) const;
  void send_due();
};

}  // namespace remuda::rides
