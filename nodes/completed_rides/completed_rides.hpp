#pragma once
// Completed rides: takes a submitted ride, keeps it, and tells the world. The ride and its event are one transaction, so a ride
// that got a 201 is heard of everywhere, and one that did not is known nowhere or everywhere. While the broker is away rides are
// still taken; their events follow when it is back.
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

 private:
  NodeContext* context_ = nullptr;
  FailureInjection fail_;
  std::unique_ptr<RideStore> store_;
  std::unique_ptr<OutboxRelay> relay_;

  Message submit(const Message& request);
  Message get(std::string_view id);
  Message totals();
};

}  // namespace remuda::rides
