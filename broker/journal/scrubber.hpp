#pragma once
// Reads sealed segments again and again, a little at a time, and compares every record with its checksums: damage to a message that
// nobody has asked for yet is found while there still is a backup of it. One thread may read while another says what there is to read.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "broker/journal/files.hpp"
#include "broker/journal/format.hpp"
#include "broker/journal/journal.hpp"

namespace remuda::broker {

class Scrubber {
 public:
  /// `folder` must outlive the scrubber.
  explicit Scrubber(Folder& folder) : folder_{folder} {}

  /// The segments [oldest, active) are sealed and whole on disk. Must be told before the file of one that goes is used for another.
  void set_range(const JournalIdentity& identity, std::uint32_t oldest, std::uint32_t active) {
    if (active_ == 0) identity_ = identity;
    oldest_ = oldest;
    active_ = active;
  }
  /// Reads on by about `size` bytes: at least one record, and none twice before all were read once. The first record that is
  /// damaged; the next step goes on behind it.
  [[nodiscard]] std::optional<DamagedRecord> step(std::uint64_t size);
  /// How often the end was reached.
  [[nodiscard]] std::uint64_t passes() const { return passes_; }

 private:
  [[nodiscard]] std::optional<DamagedRecord> read_on(std::uint64_t size);
  [[nodiscard]] std::optional<DamagedRecord> open();
  [[nodiscard]] DamagedRecord give_up();
  [[nodiscard]] DamagedRecord damaged(std::uint64_t size) const;

  Folder& folder_;
  JournalIdentity identity_{};
  std::atomic<std::uint32_t> oldest_{0};
  std::atomic<std::uint32_t> active_{0};  // 0: nothing is known yet

  std::uint32_t segment_ = 0;  // where it reads
  std::uint64_t position_ = 0;
  std::uint64_t capacity_ = 0;
  std::unique_ptr<File> file_;  // of segment_, once it was opened
  std::atomic<std::uint64_t> passes_{0};
};

}  // namespace remuda::broker
