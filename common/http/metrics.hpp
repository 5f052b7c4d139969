#pragma once
// Counts of requests by route, method and status, and a histogram of their durations, as Prometheus text. Thread-safe.
// Routes are templates, never paths, so clients cannot make the table grow.

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace remuda::http {

class RequestMetrics {
 public:
  void record(std::string_view method, std::string_view route, int status, std::chrono::nanoseconds duration);
  /// Prometheus text exposition format 0.0.4: `remuda_http_requests_total`, `remuda_http_request_duration_seconds`.
  [[nodiscard]] std::string render() const;

 private:
  static constexpr std::array<double, 13> bounds_s = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5};
  struct Histogram {
    std::array<std::uint64_t, bounds_s.size() + 1> buckets{};
    std::uint64_t count = 0;
    double sum_s = 0;
  };
  struct RouteMetrics {
    std::map<std::pair<std::string, int>, std::uint64_t> requests;  ///< by method and status
    Histogram durations;
  };
  mutable std::mutex mutex_;
  std::map<std::string, RouteMetrics, std::less<>> routes_;
};

/// One gauge or counter line with its HELP and TYPE, for what else a server wants to say.
[[nodiscard]] std::string metric_text(std::string_view name, std::string_view type, std::string_view help, std::uint64_t value);

}  // namespace remuda::http
