#pragma once
// Submits rides, or whatever else its source plans, over several kept-alive connections, on a thread of its own. A ride without a
// clear answer is sent again with the same Idempotency-Key, so that it is one ride however often it was sent; without `retry`
// nobody is that patient, and what became of it is counted.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/http/endpoint.hpp"
#include "common/parameters.hpp"
#include "nodes/unicorn_fleet/fleet_report.hpp"
#include "nodes/unicorn_fleet/ride_source.hpp"

namespace remuda::rides {

struct FleetOptions {
  http::Endpoint target;
  std::int64_t rides = 2'000;
  int connections = 8;
  double rate = 0;                            ///< rides per second in all; 0: as fast as they are answered
  std::chrono::milliseconds timeout{10'000};  ///< for one attempt
  std::chrono::milliseconds give_up{60'000};  ///< for all attempts of a ride
  std::string run;                            ///< names this run in the Idempotency-Keys: "RUN-17"
  std::string path = "/submit-ride-completion";
  std::string content_type = "application/json";
  bool retry = true;
};

/// The parameter `target`. Throws std::invalid_argument naming it when it is no endpoint.
[[nodiscard]] http::Endpoint target_of(const Parameters& parameters);

class FleetClient {
 public:
  using Source = std::function<PlannedRide(std::int64_t index)>;
  /// Told of each accepted ride, on the client's thread: its id and what was planned.
  using Accepted = std::function<void(const std::string& id, const PlannedRide& planned)>;

  FleetClient(FleetOptions options, Source source, Accepted accepted);
  /// Stops at once.
  ~FleetClient();
  FleetClient(const FleetClient&) = delete;
  FleetClient& operator=(const FleetClient&) = delete;

  /// Starts the thread. `finished` is called on it, once: when every ride is answered or given up, or after stop().
  void start(std::function<void()> finished);
  /// Sends no more rides, and none again; those under way are still answered. From any thread.
  void stop();

  /// After `finished`.
  [[nodiscard]] FleetReport& report();
  [[nodiscard]] std::int64_t answered() const { return answered_; }
  [[nodiscard]] std::int64_t retries() const { return retries_; }

 private:
  class Connection;
  struct State;
  std::unique_ptr<State> state_;
  std::atomic<std::int64_t> answered_{0};
  std::atomic<std::int64_t> retries_{0};
};

}  // namespace remuda::rides
