#pragma once
// The rides that a fleet submits: made from a seed, or read from a file of JSON lines. Equal seeds give equal rides, in whatever
// order and however often they are asked for.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "nodes/wild_rydes/ride.hpp"

namespace remuda::rides {

/// One ride to submit.
struct PlannedRide {
  std::string json;          ///< the body of the POST
  std::optional<Ride> ride;  ///< what it says; nothing when it is wrong, as a file may hold wrong rides on purpose
};

struct MadeRides {
  std::uint64_t seed = 1;
  std::int64_t count = 2'000;
  std::int64_t poison_every = 0;  ///< each so-manieth ride has the customer `poison`; 0: none
  std::int64_t customers = 100;   ///< "customer-000" and on
};

/// Of each twenty rides, four sit on the corners of the extraordinary-rides filter (fare 50 or 49.99, distance 20 or 19.999); the
/// others are spread over fares from 5.00 to 299.99 and distances from 1 to 800.
[[nodiscard]] PlannedRide make_planned_ride(const MadeRides& rides, std::int64_t index);

/// Reads a file of rides, one JSON object per line; empty lines are skipped. Errors: `cannot_read` (definite).
Result<std::vector<PlannedRide>> read_planned_rides(const std::string& path);

/// What the extraordinary-rides filter of the shipped launch files lets through: fare >= 50 and distance >= 20.
[[nodiscard]] bool is_extraordinary(const Ride& ride);

}  // namespace remuda::rides
