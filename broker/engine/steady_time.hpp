#pragma once
// Time that never jumps and yet survives restarts: what retention and delay are measured in. It starts as Unix time,
// advances with the monotonic clock only, and over a restart by the wall clock's difference, clamped to [0, 24 h]: so a
// clock that jumps can delay the expiry of a message, never cause it. People are shown steady time + offset = Unix time.
// Source: RELIABILITY §5.1, clocks.

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "broker/engine/commands.hpp"

namespace remuda::broker {

class SteadyTime {
 public:
  /// Continues from what the last record said (zeros: a new store).
  void resume(std::int64_t last_ms, std::int64_t last_offset_ms, Moment moment) {
    constexpr std::int64_t longest_downtime_ms = 24 * 3600 * 1000;
    base_ms_ = moment.unix_ms;
    if (last_ms != 0)
      base_ms_ = last_ms + std::clamp<std::int64_t>(moment.unix_ms - last_ms - last_offset_ms, 0, longest_downtime_ms);
    base_ = moment.now;
    offset_ms_ = moment.unix_ms - base_ms_;
  }
  [[nodiscard]] std::int64_t at(Instant now) const { return base_ms_ + std::chrono::floor<Milliseconds>(now - base_).count(); }
  [[nodiscard]] Instant instant_of(std::int64_t steady_ms) const { return base_ + Milliseconds{steady_ms - base_ms_}; }
  /// Unix time minus steady time. Follows the wall clock; a difference of 1 ms is only rounding.
  std::int64_t follow_wall(Moment moment) {
    const std::int64_t offset = offset_at(moment);
    if (std::abs(offset - offset_ms_) > 1) offset_ms_ = offset;
    return offset_ms_;
  }
  [[nodiscard]] std::int64_t offset_at(Moment moment) const {
    const std::int64_t offset = moment.unix_ms - at(moment.now);
    return std::abs(offset - offset_ms_) > 1 ? offset : offset_ms_;
  }

 private:
  std::int64_t base_ms_ = 0;
  Instant base_{};
  std::int64_t offset_ms_ = 0;
};

}  // namespace remuda::broker
