#pragma once
// How long to look again and again before going to sleep. Pure.
//
// A thread that sleeps in epoll is woken 20 to 60 µs after the event, a large part of what one message at a time takes. Who expects
// the next event within that order of time does better to keep looking, giving way to every other thread that wants the core. Worth
// it only when events are few but close together: after a large turn others have work to do and time is not short, and when events
// are rare the core would burn for nothing. So the budget is the limit while the usual gap between events is below it and the last
// turn was small, else nothing.

#include <algorithm>
#include <cstddef>

#include "common/clock.hpp"

namespace remuda::zmtp {

class BusyWait {
 public:
  /// Turns that took more than this are large.
  static constexpr std::size_t small_bytes = 8 * 1024;

  /// At most so long; zero: never.
  explicit BusyWait(Duration limit) : limit_{limit}, usual_gap_{forget * limit} {}

  /// The last turn took requests of so many bytes.
  void turned(std::size_t bytes) { last_bytes_ = bytes; }
  [[nodiscard]] Duration budget() const { return usual_gap_ < limit_ && last_bytes_ <= small_bytes ? limit_ : Duration::zero(); }
  /// An event, or the end of the wait, came after so long.
  void waited(Duration gap) { usual_gap_ = (3 * usual_gap_ + std::min(gap, forget * limit_)) / 4; }

 private:
  /// One gap counts at most as so many limits: after it, a few short ones are enough to begin again.
  static constexpr int forget = 8;
  Duration limit_;
  Duration usual_gap_;
  std::size_t last_bytes_ = 0;
};

}  // namespace remuda::zmtp
