#pragma once
// What a fleet's run came to: counts, exact sums, latencies. Pure.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nodes/wild_rydes/decimal.hpp"

namespace remuda::rides {

struct FleetReport {
  std::int64_t rides = 0;       ///< planned
  std::int64_t accepted = 0;    ///< answered 201 (or 200, 202)
  std::int64_t refused = 0;     ///< answered 4xx: sent again they would be refused again
  std::int64_t unanswered = 0;  ///< given up after the last retry: they may be accepted or not
  std::int64_t retries = 0;
  std::map<int, std::int64_t> failures;  ///< without retries: unanswered ones by status, 0: no answer or no connection
  std::int64_t extraordinary = 0;        ///< accepted ones with fare >= 50 and distance >= 20
  std::int64_t poison = 0;               ///< accepted ones of the customer `poison`
  Money fares;                           ///< of the accepted ones
  std::chrono::microseconds elapsed{};
  std::vector<std::uint32_t> latencies_us;  ///< of the accepted ones, from first sending to answer, retries included

  [[nodiscard]] std::int64_t answered() const { return accepted + refused + unanswered; }
  /// 0: all accepted; 3: some; 1: none.
  [[nodiscard]] int exit_code() const;
};

/// The latency below which `share` (0 to 1) of all lie; 0 for none. Sorts.
[[nodiscard]] std::uint32_t percentile(std::vector<std::uint32_t>& values, double share);

/// Several lines for people.
[[nodiscard]] std::string summary_text(FleetReport& report);
/// One JSON object, one line; sums of money as exact decimals.
[[nodiscard]] std::string summary_json(FleetReport& report);
/// `[######--------------]  33 %  660/2000 rides  1,234 rides/s  retries 3`
[[nodiscard]] std::string progress_line(std::int64_t done, std::int64_t total, std::int64_t retries,
                                        std::chrono::microseconds elapsed);

}  // namespace remuda::rides
