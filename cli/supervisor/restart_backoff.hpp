#pragma once
// When a process that ended by itself is started again, and when no more. Pure: the time and the seed of the jitter are handed in.
//
// The delay doubles from `delay` to `max_delay`; a jitter of up to a quarter is taken off, so that 200 nodes which die together do
// not come back together. A process that was healthy for a minute begins again at `delay`. More than `max_restarts` failures within
// `window` hold it: nothing but `remuda start` or `restart` starts it again. Source of the figures: RELIABILITY F3.

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>

#include "common/clock.hpp"
#include "common/topology/plan.hpp"

namespace remuda::supervisor {

class RestartBackoff {
 public:
  static constexpr std::chrono::seconds healthy_after{60};

  RestartBackoff(const topology::RestartPolicy& policy, std::uint64_t jitter_seed)
      : policy_{policy}, random_{static_cast<std::minstd_rand::result_type>(jitter_seed)} {}

  /// The process ended by itself at `now`, having been ready for `healthy_for`. The delay until its next start; nothing: hold it.
  std::optional<std::chrono::milliseconds> after_failure(Instant now, Duration healthy_for);
  /// Forgets all failures: somebody decided to start the process.
  void reset();
  /// Failures within the window that ends now.
  [[nodiscard]] int recent_failures() const { return static_cast<int>(failures_.size()); }

 private:
  topology::RestartPolicy policy_;
  std::minstd_rand random_;
  std::deque<Instant> failures_;
  int doublings_ = 0;
};

}  // namespace remuda::supervisor
