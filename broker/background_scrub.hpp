#pragma once
// Reads the sealed segments of the journal again and again on a thread of its own, so slowly that nobody notices, and keeps what it
// finds damaged until the loop asks.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "broker/journal/journal.hpp"

namespace remuda::broker {

class BackgroundScrub {
 public:
  struct Pace {
    std::uint64_t bytes_per_second = 0;   ///< 0: it does nothing
    std::chrono::milliseconds period{0};  ///< between the end of one pass and the next
  };
  /// `journal` is open and outlives this.
  BackgroundScrub(Journal& journal, Pace pace);
  BackgroundScrub(const BackgroundScrub&) = delete;
  BackgroundScrub& operator=(const BackgroundScrub&) = delete;
  /// Waits for the step that is being done.
  ~BackgroundScrub();

  /// What was found since the last call. Costs nothing when that is nothing.
  [[nodiscard]] std::vector<DamagedRecord> take();
  [[nodiscard]] std::uint64_t passes() const { return journal_.scrub_passes(); }

 private:
  void run();

  Journal& journal_;
  const Pace pace_;
  std::atomic<bool> found_any_{false};
  std::mutex mutex_;  // guards what follows
  std::condition_variable stop_;
  bool stopping_ = false;
  std::vector<DamagedRecord> found_;
  std::thread thread_;
};

}  // namespace remuda::broker
