#include "nodes/unicorn_fleet/ride_source.hpp"

#include <fmt/format.h>

#include <array>
#include <fstream>

namespace remuda::rides {

namespace {

/// SplitMix64: the same numbers on every platform and library, which <random>'s distributions do not promise.
/// Source: Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_{seed} {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  std::int64_t below(std::int64_t bound) { return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(bound)); }

 private:
  std::uint64_t state_;
};

constexpr std::array<std::string_view, 8> cities = {"Berlin",  "Frankfurt", "Las Vegas", "Hamburg",
                                                    "München", "Köln",      "Seattle",   "Dresden"};

std::string_view city(Random& random) {
  return cities.at(static_cast<std::size_t>(random.below(std::ssize(cities))));
}

}  // namespace

bool is_extraordinary(const Ride& ride) {
  constexpr Money least_fare{5'000};
  constexpr double least_distance = 20;  // a whole number: the nearest double of a decimal compares with it as the decimal does
  return ride.fare >= least_fare && ride.distance.number() >= least_distance;
}

PlannedRide make_planned_ride(const MadeRides& rides, std::int64_t index) {
  Random random{rides.seed * 0x2545F4914F6CDD1DU + static_cast<std::uint64_t>(index)};
  random.next();
  const bool poison = rides.poison_every > 0 && (index + 1) % rides.poison_every == 0;
  const std::string customer = poison ? "poison" : fmt::format("customer-{:03}", random.below(rides.customers));
  const auto from = city(random);
  const auto to = city(random);
  std::string fare = Money{500 + random.below(29'500)}.text();
  const std::int64_t tenths = 10 + random.below(7'991);
  std::string distance = tenths % 10 == 0 ? std::to_string(tenths / 10) : fmt::format("{}.{}", tenths / 10, tenths % 10);
  switch (index % 20) {
    case 0:
      fare = "50.00", distance = "20";
      break;
    case 5:
      fare = "49.99", distance = "20";
      break;
    case 10:
      fare = "50.00", distance = "19.999";
      break;
    case 15:
      fare = "49.99", distance = "19.999";
      break;
    default:
      break;
  }
  PlannedRide planned;
  planned.json = fmt::format(R"({{"customer":"{}","from":"{}","to":"{}","distance":{},"duration":{},"fare":{}}})", customer, from,
                             to, distance, 5 + random.below(600), fare);
  if (auto ride = read_submitted_ride(planned.json)) planned.ride = std::move(*ride);
  return planned;
}

Result<std::vector<PlannedRide>> read_planned_rides(const std::string& path) {
  std::ifstream file{path};
  if (!file) return fail("cannot_read", "cannot read rides from '" + path + "'");
  std::vector<PlannedRide> planned;
  for (std::string line; std::getline(file, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto ride = read_submitted_ride(line);
    planned.push_back({std::move(line), ride ? std::optional{std::move(*ride)} : std::nullopt});
  }
  return planned;
}

}  // namespace remuda::rides
