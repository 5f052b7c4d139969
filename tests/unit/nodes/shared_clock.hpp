#pragma once
// Time for a server that runs on a thread of its own, as its test tells it.

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdint>

#include "common/clock.hpp"

namespace remuda::test {

/// A clock that two threads may look at.
class SharedClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return Instant{std::chrono::nanoseconds{now_ns_.load()}}; }
  [[nodiscard]] WallTime wall_now() const override { return from_unix_ms(1'767'225'600'000); }
  void wait_until(Instant) const override { BOOST_FAIL("the server waits for events only"); }
  void advance(std::chrono::nanoseconds by) { now_ns_ += by.count(); }

 private:
  std::atomic<std::int64_t> now_ns_{3'600'000'000'000};
};

}  // namespace remuda::test
