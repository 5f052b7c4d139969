#pragma once
// When to sync: at once, or a moment later together with what is about to come. Pure.
//
// Clients that were just confirmed come back with their next messages, each a little later. A sync for the first of them would make
// all others wait for its end: two syncs where one is enough. So after a large group a small one waits, for about as long as a sync
// takes, until as much has come as last time. One message at a time never waits: small groups expect nothing. Whoever waits in vain
// makes the last group a small one, so it happens once.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "common/clock.hpp"

namespace remuda::broker {

class GroupCommit {
 public:
  /// Groups below this are not waited for.
  static constexpr std::size_t large_bytes = 16 * 1024;
  static constexpr std::chrono::microseconds patience_max{250};

  /// Requests of so many bytes were taken.
  void take(std::size_t bytes) { bytes_ += bytes; }
  /// Something of it has to be synced. True when the sync should wait for more, at most until due().
  [[nodiscard]] bool wait_for_more(Instant now) {
    if (last_bytes_ < large_bytes || bytes_ >= last_bytes_ - last_bytes_ / 8) return false;
    if (!due_) due_ = now + std::min<Duration>(sync_takes_, patience_max);
    return now < *due_;
  }
  [[nodiscard]] Instant due() const { return due_.value_or(Instant::max()); }
  /// What was taken is durable; the sync took from `begin` to `end`.
  void synced(Instant begin, Instant end) {
    sync_takes_ = (7 * sync_takes_ + (end - begin)) / 8;
    last_bytes_ = std::exchange(bytes_, 0);
    due_.reset();
  }

 private:
  Duration sync_takes_{std::chrono::microseconds{100}};
  std::size_t last_bytes_ = 0;  ///< of the last group
  std::size_t bytes_ = 0;       ///< of the present one
  std::optional<Instant> due_;  ///< once its sync has waited
};

}  // namespace remuda::broker
