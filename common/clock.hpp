#pragma once
// Time as everything in Remuda sees it. Nothing below a `main` reads the machine's clocks by itself: a Clock is handed
// in, so that tests advance time instead of sleeping and a seed replays a failure.

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <ctime>

namespace remuda {

/// Monotonic time: for deadlines, timeouts and intervals. Never jumps; means nothing across a restart.
using Instant = std::chrono::steady_clock::time_point;
/// Wall-clock time: for what people read and for ages across a restart. May jump.
using WallTime = std::chrono::system_clock::time_point;
using Duration = std::chrono::nanoseconds;

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const = 0;
  [[nodiscard]] virtual WallTime wall_now() const = 0;
  /// Returns once now() is `deadline` or later. For work that stands for somebody else's; whatever waits for events polls
  /// with a timeout.
  virtual void wait_until(Instant deadline) const = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] WallTime wall_now() const override { return std::chrono::system_clock::now(); }
  void wait_until(Instant deadline) const override {
    const auto since_boot = deadline.time_since_epoch();  // steady_clock is CLOCK_MONOTONIC
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_boot);
    const timespec at{seconds.count(), (since_boot - seconds).count()};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == EINTR) {}
  }
};

/// A clock that moves only when told to or waited for; both faces advance together, and the wall can be made to jump.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] WallTime wall_now() const override { return wall_; }
  void wait_until(Instant deadline) const override {
    if (deadline > now_) move(deadline - now_);
  }
  void advance(Duration by) { move(by); }
  void jump_wall(Duration by) { wall_ += std::chrono::duration_cast<WallTime::duration>(by); }

 private:
  // A wait moves it, and who waits has a const clock.
  mutable Instant now_{std::chrono::hours{1}};
  mutable WallTime wall_{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};

  void move(Duration by) const {
    now_ += std::chrono::duration_cast<Instant::duration>(by);
    wall_ += std::chrono::duration_cast<WallTime::duration>(by);
  }
};

/// Milliseconds since the Unix epoch: the form in which wall time travels and is stored (`..._ms`).
inline std::int64_t to_unix_ms(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}
inline WallTime from_unix_ms(std::int64_t ms) {
  return WallTime{std::chrono::milliseconds{ms}};
}

}  // namespace remuda
