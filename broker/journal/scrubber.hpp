#pragma once
// Reads sealed segments again and again, a little at a time, and compares every record with its checksums: damage to a message that
// nobody has asked for yet is found while there still is a backup of it.

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

  /// Reads on by about `size` bytes in the segments [oldest, active): at least one record, and none twice before all were read
  /// once. The first record that is damaged; the next step goes on behind it.
  [[nodiscard]] std::optional<DamagedRecord> step(std::uint32_t oldest, std::uint32_t active, const JournalIdentity& identity,
                                                  std::uint64_t size);
  /// How often the end was reached.
  [[nodiscard]] std::uint64_t passes() const { return passes_; }

 private:
  [[nodiscard]] std::optional<DamagedRecord> open(const JournalIdentity& identity);
  [[nodiscard]] DamagedRecord give_up();
  [[nodiscard]] DamagedRecord damaged(std::uint64_t size) const;

  Folder& folder_;
  std::uint32_t segment_ = 0;  // where it reads
  std::uint64_t position_ = 0;
  std::uint64_t capacity_ = 0;
  std::unique_ptr<File> file_;  // of segment_, once it was opened
  std::uint64_t passes_ = 0;
};

}  // namespace remuda::broker
