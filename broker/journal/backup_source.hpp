#pragma once
// What a backup is read from: the files of the journal as they are on stable storage at one moment, kept until it has them all.

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.hpp"

namespace remuda::broker {

/// What is durable of one segment.
struct DurableSegment {
  std::uint32_t number = 0;
  std::uint32_t capacity = 0;  ///< size of its file
  std::uint64_t size_bytes =
      0;  ///< from the start; all of it, but for the segment being written. What follows may be read as zeros
  friend bool operator==(const DurableSegment&, const DurableSegment&) = default;
};

class BackupSource {
 public:
  BackupSource() = default;
  BackupSource(const BackupSource&) = delete;
  BackupSource& operator=(const BackupSource&) = delete;
  virtual ~BackupSource() = default;

  /// The segments that together are the journal as it was last synced, oldest first. None of them is truncated until release().
  [[nodiscard]] virtual std::vector<DurableSegment> hold() = 0;
  /// Up to `size` bytes of a segment that is held. Errors: `no_such_segment`, `storage_failed`; nothing is changed by either.
  [[nodiscard]] virtual Result<std::string> read_segment(std::uint32_t segment, std::uint64_t offset, std::uint32_t size) const = 0;
  virtual void release() = 0;
};

}  // namespace remuda::broker
