#pragma once
// Durations and sizes as people write them in launch files and on the command line. Exact: no binary fractions are involved.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.hpp"

namespace remuda {

/// "250ms", "10s", "1.5s", "5m", "2h", "4d": a decimal number, at once followed by its unit; at most 100 years, and no finer than a
/// millisecond. "0" needs no unit. Errors: `invalid_duration`.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
/// The shortest exact form: 90000 ms -> "90s", 120000 ms -> "2m", 0 -> "0s".
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);

/// "64KiB", "1MiB", "2GiB", "100" (bytes), "100B". At most 2^53 bytes. Errors: `invalid_size`.
Result<std::uint64_t> parse_size(std::string_view text);
/// The shortest exact form: 1048576 -> "1MiB", 1000 -> "1000".
[[nodiscard]] std::string format_size(std::uint64_t bytes);

}  // namespace remuda
