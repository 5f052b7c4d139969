#pragma once
// Extraordinary rides: keeps a list of the rides it hears of. Which rides those are is decided by the filter of its
// subscription, in the launch file, and not here; where nobody filters for it, its parameter `wants` does: then it hears of
// every ride, and drops most.
//
// GET /extraordinary-rides answers {"rides": [{"number", "id", "customer", "fare", "distance"}], "links"}, oldest first, in pages.

#include "common/filter/filter_policy.hpp"
#include "nodes/wild_rydes/ride_service.hpp"

namespace remuda::rides {

class ExtraordinaryRides final : public RideService {
 public:
  ExtraordinaryRides();
  void start(NodeContext& context) override;

 private:
  Statement keep_;
  Statement list_;
  Statement totals_;

  FilterPolicy wanted_;

  void prepare(Database& database) override;
  [[nodiscard]] bool wants(const Message& message) const override { return wanted_.matches_body(message.body); }
  void record(const Ride& ride) override;
  Message answer(const http::RoutedRequest& question) override;
  std::string totals_json() override;
};

}  // namespace remuda::rides
