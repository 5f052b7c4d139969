#pragma once
// Completed rides: takes a submitted ride, keeps it, and tells the world. The ride and its event are one transaction, so a ride
// that got a 201 is heard of everywhere, and one that did not is known nowhere or everywhere. While the broker is away rides are
// still taken; their events follow when it is back.
//
// That is the parameter `answer = "stored"`. With "heard" the client waits until every channel of `completed` has the event, and
// learns of it when one has not: what it comes to when services call each other. The ride is stored all the same; the same request
// again tells everybody again.
//
// Answers on port `submit`: POST of a ride (201 with Location, 400 naming every wrong field, 422 when the same Idempotency-Key came
// with another ride) and GET /rides/{id} (200, 404). Outside HTTP: messages `ride.submit` (a map of the ride's fields) and
// `ride.get` (a map with `id`).

#include <memory>

#include "common/failure_injection.hpp"
#include "common/node.hpp"
#include "nodes/completed_rides/ride_store.hpp"

namespace remuda::rides {

class CompletedRides final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& request, Outbox& out) override;
  void commit() override;
  void stop() override { relay_->stop(); }

 private:
  NodeContext* context_ = nullptr;
  FailureInjection fail_;
  bool answers_when_heard_ = false;
  std::unique_ptr<RideStore> store_;
  std::unique_ptr<OutboxRelay> relay_;

  Message submit(const Message& request, Outbox& out);
  /// Tells of a ride that is stored or about to be.
  void tell(const Ride& ride, Outbox& out);
  Message get(std::string_view id);
  Message totals();
};

}  // namespace remuda::rides
