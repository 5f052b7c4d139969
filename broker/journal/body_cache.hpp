#pragma once
// The bodies of segments, mapped into memory: the kernel pages them in when they are read. How much of that stays with the process is
// bounded here; what is given back is read from the disk again when somebody asks, so a backlog larger than memory works. Dropping
// never makes a view invalid.

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "broker/journal/files.hpp"

namespace remuda::broker {

class BodyCache {
 public:
  /// `folder` must outlive the cache.
  BodyCache(Folder& folder, std::uint64_t budget_bytes) : folder_{folder}, budget_{budget_bytes} {}

  /// The `size` bytes at `offset` of a segment of that capacity. Valid until forget() of the segment. Empty when there is no such
  /// place, or its file cannot be opened or mapped. A page that the disk cannot give reads as zeros.
  [[nodiscard]] std::string_view read(std::uint32_t segment, std::uint32_t capacity, std::uint32_t offset, std::uint32_t size);
  /// The segment is gone: its number is not used again, but its file may be.
  void forget(std::uint32_t segment);
  /// Memory that was read and not dropped since, in whole pieces: what the process holds of it is no more.
  [[nodiscard]] std::uint64_t size_bytes() const { return size_; }

 private:
  struct Segment {
    std::unique_ptr<File> file;
    std::string_view view;
    std::vector<bool> touched;  // by piece
    std::uint64_t size = 0;     // of the pieces touched
    std::uint64_t last_use = 0;
  };
  using Segments = std::map<std::uint32_t, Segment>;

  Segments::iterator open(std::uint32_t segment, std::uint32_t capacity);
  void touch(Segment& segment, std::uint64_t first, std::uint64_t last);
  void drop_least_used(const Segment& reading);

  Folder& folder_;
  const std::uint64_t budget_;
  Segments segments_;
  // The place of the last read: most reads go on where that was.
  Segments::iterator last_ = segments_.end();
  std::uint32_t last_segment_ = 0;  // 0: none
  std::uint64_t last_piece_ = 0;
  std::uint64_t uses_ = 0;
  std::uint64_t size_ = 0;
};

}  // namespace remuda::broker
