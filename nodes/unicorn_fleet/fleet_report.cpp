#include "nodes/unicorn_fleet/fleet_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace remuda::rides {

namespace {

double per_second(std::int64_t count, std::chrono::microseconds elapsed) {
  return elapsed.count() == 0 ? 0.0 : static_cast<double>(count) / std::chrono::duration<double>(elapsed).count();
}

double milliseconds(std::uint32_t us) {
  return static_cast<double>(us) / 1'000.0;
}

}  // namespace

int FleetReport::exit_code() const {
  if (accepted == rides) return 0;
  return accepted == 0 ? 1 : 3;
}

std::uint32_t percentile(std::vector<std::uint32_t>& values, double share) {
  if (values.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  const std::size_t index = std::min(std::max<std::size_t>(rank, 1), values.size()) - 1;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(index), values.end());
  return values[index];
}

std::string summary_text(FleetReport& report) {
  std::string text;
  text += fmt::format("rides          {:>12}\n", report.rides);
  text +=
      fmt::format("accepted       {:>12}   extraordinary {}, poison {}\n", report.accepted, report.extraordinary, report.poison);
  text += fmt::format("refused        {:>12}\n", report.refused);
  text += fmt::format("unanswered     {:>12}\n", report.unanswered);
  text += fmt::format("retries        {:>12}\n", report.retries);
  text += fmt::format("sum of fares   {:>12}\n", report.fares.text());
  text += fmt::format("rate           {:>12.0f}   rides/s over {:.1f} s\n", per_second(report.accepted, report.elapsed),
                      std::chrono::duration<double>(report.elapsed).count());
  text += fmt::format("latency        {:>12.2f}   ms p50, {:.2f} ms p99\n", milliseconds(percentile(report.latencies_us, 0.5)),
                      milliseconds(percentile(report.latencies_us, 0.99)));
  return text;
}

std::string summary_json(FleetReport& report) {
  return fmt::format(
      R"({{"rides":{},"accepted":{},"refused":{},"unanswered":{},"retries":{},"extraordinary":{},"poison":{},"fares":{},"elapsed_ms":{},"rides_per_s":{:.1f},"p50_us":{},"p99_us":{}}})"
      "\n",
      report.rides, report.accepted, report.refused, report.unanswered, report.retries, report.extraordinary, report.poison,
      report.fares.text(), report.elapsed.count() / 1'000, per_second(report.accepted, report.elapsed),
      percentile(report.latencies_us, 0.5), percentile(report.latencies_us, 0.99));
}

std::string progress_line(std::int64_t done, std::int64_t total, std::int64_t retries, std::chrono::microseconds elapsed) {
  constexpr std::int64_t width = 20;
  const std::int64_t filled = total == 0 ? width : std::min(done, total) * width / total;
  const std::int64_t percent = total == 0 ? 100 : std::min(done, total) * 100 / total;
  return fmt::format("[{}{}] {:>3} %  {}/{} rides  {:.0f} rides/s  retries {}", std::string(static_cast<std::size_t>(filled), '#'),
                     std::string(static_cast<std::size_t>(width - filled), '-'), percent, done, total, per_second(done, elapsed),
                     retries);
}

}  // namespace remuda::rides
