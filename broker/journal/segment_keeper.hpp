#pragma once
// Looks after the files that are not being written: keeps spare segments ready, takes back truncated ones, indexes sealed ones.
// Done on a helper thread so that filling 64 MiB with zeros never stalls the loop; or inside the calls, for tests. Only whole files
// and their names pass between the threads.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "broker/journal/files.hpp"
#include "broker/journal/format.hpp"

namespace remuda::broker {

class SegmentKeeper {
 public:
  struct Settings {
    std::uint32_t capacity = 0;    ///< of every segment it prepares
    std::uint32_t spares_max = 2;  ///< kept after truncations
    bool background = true;
  };
  /// Spares it prepares by itself: one to roll over into, one in reserve for records without payload.
  static constexpr std::uint32_t spares_wanted = 2;

  /// `spares` are the numbers of the spare files that are there and whole.
  SegmentKeeper(Folder& folder, Settings settings, std::vector<std::uint32_t> spares);
  SegmentKeeper(const SegmentKeeper&) = delete;
  SegmentKeeper& operator=(const SegmentKeeper&) = delete;
  /// Finishes what it is doing, leaves the rest undone (the next start does it) but for indexes given as bytes, joins.
  ~SegmentKeeper();

  /// Reserves space for the missing spares, then starts preparing them. A full disk is no error: full() tells.
  Result<void> start();

  /// Spares nobody was promised yet, whose space is reserved, whether zero-filled or not.
  [[nodiscard]] std::uint32_t available() const;
  /// Waits until one is available, or it is known that there will not be.
  [[nodiscard]] bool wait_for_spare() const;
  /// Sets one aside for a later take(); another is then prepared. False when none is available.
  [[nodiscard]] bool promise();
  /// The name of a promised spare, zero-filled, which then belongs to the caller; waits for one being prepared.
  /// Errors: `storage_full`, or the failure().
  Result<std::string> take();

  /// Takes back truncated segments, which the caller must give oldest first and have closed: each is gone for good before the next
  /// one goes. Those of the right capacity become spares while there are fewer than `spares_max`.
  struct Truncated {
    std::uint32_t number = 0;
    std::uint32_t capacity = 0;
  };
  void recycle(std::vector<Truncated> segments);
  /// Writes the index of a sealed, durable segment; or, given its bytes, of one that is still being written.
  void index(std::uint32_t segment, std::string bytes = {});
  /// Tries again after the disk was full.
  void retry();

  /// True while there is no space for another spare.
  [[nodiscard]] bool full() const { return full_; }
  /// The first failure other than a full disk: the journal is then poisoned.
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::optional<Error> failure() const;

 private:
  struct Job {
    std::optional<Truncated> recycle;
    std::uint32_t index = 0;
    std::string bytes;  ///< of the index; empty: what the segment says
  };
  using Lock = std::unique_lock<std::mutex>;

  void run();
  void work(Lock& lock);
  [[nodiscard]] bool idle() const;
  void do_one(Lock& lock);
  void fill_or_add_spare(Lock& lock);
  void do_recycle(Truncated segment, Lock& lock);
  void do_index(const Job& job, Lock& lock);
  [[nodiscard]] bool spare_missing() const;
  void note_space();
  void note(std::string_view call, const std::string& name, Errno error);
  void fail_with(Error error);
  void fail_without_memory();
  [[nodiscard]] std::uint32_t next_number() { return ++last_number_; }
  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(ready_.size() + reserved_.size()) + filling_; }

  Folder& folder_;
  const Settings settings_;

  mutable std::mutex mutex_;  // guards everything below
  mutable std::condition_variable changed_;
  std::deque<std::uint32_t> ready_;     // zero-filled or recycled, under their spare name
  std::deque<std::uint32_t> reserved_;  // space reserved, under their unfinished name
  std::uint32_t filling_ = 0;
  std::uint32_t promised_ = 0;
  std::uint32_t last_number_ = 0;
  std::deque<Job> jobs_;
  std::atomic<bool> full_ = false;    // also read without the mutex
  std::atomic<bool> failed_ = false;  // also read without the mutex
  bool retry_wanted_ = false;         // space may have come free since the disk was found full
  bool stopping_ = false;
  std::optional<Error> failure_;
  std::thread helper_;
};

}  // namespace remuda::broker
