#include "nodes/customer_campaign/campaign_report.hpp"

#include <fmt/format.h>

namespace remuda::rides {
namespace {

double ms(FleetReport& report, double share) {
  return static_cast<double>(percentile(report.latencies_us, share)) / 1'000.0;
}

std::string name_of_failure(int status) {
  return status == 0 ? "no answer" : std::to_string(status);
}

}  // namespace

std::string campaign_text(FleetReport& report) {
  std::string text;
  text +=
      fmt::format("customers      {:>12}   over {:.1f} s\n", report.rides, std::chrono::duration<double>(report.elapsed).count());
  text += fmt::format("accepted       {:>12}\n", report.accepted);
  text += fmt::format("refused        {:>12}\n", report.refused);
  for (const auto& [status, count] : report.failures) text += fmt::format("{:<15}{:>12}\n", name_of_failure(status), count);
  text += fmt::format("latency        {:>12.2f}   ms p50, {:.2f} ms p90, {:.2f} ms p99, {:.2f} ms at most\n", ms(report, 0.5),
                      ms(report, 0.9), ms(report, 0.99), ms(report, 1));
  return text;
}

std::string campaign_json(FleetReport& report) {
  std::string failures;
  for (const auto& [status, count] : report.failures)
    failures += fmt::format("{}\"{}\":{}", failures.empty() ? "" : ",", name_of_failure(status), count);
  return fmt::format(
      R"({{"customers":{},"accepted":{},"refused":{},"failures":{{{}}},"elapsed_ms":{},"p50_us":{},"p90_us":{},"p99_us":{},"max_us":{}}})"
      "\n",
      report.rides, report.accepted, report.refused, failures, report.elapsed.count() / 1'000, percentile(report.latencies_us, 0.5),
      percentile(report.latencies_us, 0.9), percentile(report.latencies_us, 0.99), percentile(report.latencies_us, 1));
}

}  // namespace remuda::rides
