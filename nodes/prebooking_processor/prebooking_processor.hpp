#pragma once
// Prebooking processing: makes the prebookings and keeps them. It takes them in two ways, whichever the launch file wires: on
// port `submit` the client waits (201 with Location and the prebooking); on port `bookings` they come as events, whenever this
// node gets to them.
//
// GET /prebookings/{id} on port `query` answers 200 with `status` done and the prebooking, or running with a link, an
// estimate and nothing else for one that was submitted and has not come by yet; 404 for an id that no submission has. Each
// prebooking is made once.
//
// `work` is how long one takes: it stands for whatever is asked of others to make a booking. A replica makes one at a time.

#include <memory>

#include "common/failure_injection.hpp"
#include "common/node.hpp"
#include "nodes/wild_rydes/ledger.hpp"
#include "nodes/wild_rydes/prebooking.hpp"

namespace remuda::rides {

class PrebookingProcessor final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;
  void commit() override { ledger_->commit(); }

 private:
  NodeContext* context_ = nullptr;
  FailureInjection fail_;
  std::chrono::milliseconds work_{};
  std::chrono::milliseconds eta_{};
  std::chrono::milliseconds lifetime_{};
  bool hears_of_bookings_ = false;  ///< prebookings may be on their way
  std::unique_ptr<Ledger> ledger_;
  Statement insert_;
  Statement find_;
  Statement count_;

  void count(std::string_view figure);
  Outcome on_booking(const Message& message, Outbox& out);
  Outcome on_submit(const Message& request, Outbox& out);
  Outcome on_question(const Message& message, Outbox& out);
  void make(const Prebooking& booking, const Message& message, const Delivery& delivery);
  [[nodiscard]] std::optional<Prebooking> find(std::string_view id);
  [[nodiscard]] Message answer(const std::string& id);
  [[nodiscard]] Message totals();
};

}  // namespace remuda::rides
