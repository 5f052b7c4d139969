#pragma once
// Extraordinary rides: keeps a list of the rides it hears of. Which rides those are is decided by the filter of its queue, in
// the launch file, and not here.
//
// GET /extraordinary-rides answers {"rides": [{"number", "id", "customer", "fare", "distance"}], "links"}, oldest first, in pages.

#include "nodes/wild_rydes/ride_service.hpp"

namespace remuda::rides {

class ExtraordinaryRides final : public RideService {
 public:
  ExtraordinaryRides();

 private:
  Statement keep_;
  Statement list_;
  Statement totals_;

  void prepare(Database& database) override;
  void record(const Ride& ride) override;
  Message answer(const http::RoutedRequest& question) override;
  std::string totals_json() override;
};

}  // namespace remuda::rides
