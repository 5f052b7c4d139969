#pragma once
// How many messages a consumer may hold beyond the one it works on: as many as keep it busy, few enough that a slow consumer buries
// none that another could take. A pure policy: durations in, a number out.

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace remuda {

class PrefetchWindow {
 public:
  /// The work that may wait here. Far below any sensible visibility timeout, far above the time of a round trip.
  static constexpr std::chrono::milliseconds work_max{250};

  explicit PrefetchWindow(std::size_t limit) : limit_{std::max<std::size_t>(1, limit)} {}

  /// `count` messages were handled and committed in `took`.
  void observe(std::size_t count, std::chrono::nanoseconds took) {
    if (count == 0) return;
    const auto each = std::max<double>(1.0, static_cast<double>(took.count()) / static_cast<double>(count));
    // Slower is believed at once, faster by and by: holding too many hurts others, holding too few only costs round trips.
    each_ns_ = each > each_ns_ ? each : 0.5 * each_ns_ + 0.5 * each;
  }

  /// From 1 to the limit.
  [[nodiscard]] std::size_t size() const {
    const auto fitting = static_cast<double>(std::chrono::nanoseconds{work_max}.count()) / each_ns_;
    return fitting >= static_cast<double>(limit_) ? limit_ : std::max<std::size_t>(1, static_cast<std::size_t>(fitting));
  }

  /// True when handlers are so slow that not even one more message may wait behind the running one.
  [[nodiscard]] bool one_at_a_time() const { return size() == 1; }

 private:
  std::size_t limit_;
  double each_ns_ = 1.0;
};

}  // namespace remuda
