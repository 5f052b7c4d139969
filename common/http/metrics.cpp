#include "common/http/metrics.hpp"

#include <algorithm>
#include <sstream>

namespace remuda::http {

void RequestMetrics::record(std::string_view method, std::string_view route, int status, std::chrono::nanoseconds duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  const auto bucket = static_cast<std::size_t>(std::lower_bound(bounds_s.begin(), bounds_s.end(), seconds) - bounds_s.begin());
  const std::lock_guard lock{mutex_};
  auto metrics = routes_.find(route);
  if (metrics == routes_.end()) metrics = routes_.emplace(std::string{route}, RouteMetrics{}).first;
  ++metrics->second.requests[{std::string{method}, status}];
  Histogram& durations = metrics->second.durations;
  ++durations.buckets[bucket];
  ++durations.count;
  durations.sum_s += seconds;
}

std::string RequestMetrics::render() const {
  std::ostringstream out;
  const std::lock_guard lock{mutex_};
  out << "# HELP remuda_http_requests_total Requests answered, by route, method and status.\n# TYPE remuda_http_requests_total "
         "counter\n";
  for (const auto& [route, metrics] : routes_) {
    for (const auto& [key, count] : metrics.requests) {
      out << "remuda_http_requests_total{route=\"" << route << "\",method=\"" << key.first << "\",status=\"" << key.second << "\"} "
          << count << '\n';
    }
  }
  constexpr auto name = "remuda_http_request_duration_seconds";
  out << "# HELP " << name << " From the complete request to its answer, by route.\n# TYPE " << name << " histogram\n";
  for (const auto& [route, metrics] : routes_) {
    const Histogram& histogram = metrics.durations;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < bounds_s.size(); ++i) {
      below += histogram.buckets[i];
      out << name << "_bucket{route=\"" << route << "\",le=\"" << bounds_s[i] << "\"} " << below << '\n';
    }
    out << name << "_bucket{route=\"" << route << "\",le=\"+Inf\"} " << histogram.count << '\n';
    out << name << "_sum{route=\"" << route << "\"} " << histogram.sum_s << '\n';
    out << name << "_count{route=\"" << route << "\"} " << histogram.count << '\n';
  }
  return out.str();
}

std::string metric_text(std::string_view name, std::string_view type, std::string_view help, std::uint64_t value) {
  std::ostringstream out;
  out << "# HELP " << name << ' ' << help << "\n# TYPE " << name << ' ' << type << '\n' << name << ' ' << value << '\n';
  return out.str();
}

}  // namespace remuda::http
