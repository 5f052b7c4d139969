#pragma once
// A log in memory with segments, checkpoints and truncation: what the engine sees of the journal, without a disk.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/engine/log.hpp"

namespace remuda::broker::test {

class MemoryLog final : public Log {
 public:
  struct Record {
    std::string operations;
    std::string payload;
    Location place;
  };

  explicit MemoryLog(std::uint32_t segment_size = 64U << 20U) : MemoryLog{segment_size, segment_size / 2} {}
  /// Here a record may be larger than a segment, and is one then.
  MemoryLog(std::uint32_t segment_size, std::uint32_t max_record_size)
      : segment_size_{segment_size}, max_record_size_{max_record_size} {}

  /// Asked for when a segment begins, as the journal does.
  std::function<std::string()> checkpoint;
  bool full = false;        ///< no room for payload
  bool no_reserve = false;  ///< nor for anything else

  Location append(std::string_view operations, std::span<const std::string_view> payload) override {
    std::string bytes;
    for (const std::string_view piece : payload) bytes += piece;
    const std::uint64_t size = operations.size() + bytes.size();
    if (offset_ > 0 && offset_ + size > segment_size_) {
      ++segment_;
      offset_ = 0;
      if (checkpoint) put(checkpoint(), {});
    }
    return put(operations, bytes);
  }
  [[nodiscard]] bool has_room(std::uint64_t size) const override { return !full && size <= max_record_size(); }
  [[nodiscard]] bool has_reserve(std::uint64_t size) const override { return !no_reserve && size <= max_record_size(); }
  [[nodiscard]] bool is_full() const override { return full; }
  [[nodiscard]] std::uint64_t max_record_size() const override { return max_record_size_; }
  [[nodiscard]] std::string_view read(Location at, std::uint32_t size) const override {
    auto after = std::upper_bound(records_.begin(), records_.end(), at,
                                  [](Location place, const Record& record) { return place < record.place; });
    if (after == records_.begin()) return {};
    const Record& record = *--after;
    const std::uint64_t skipped = at.offset - record.place.offset;
    if (record.place.segment == at.segment && skipped + size <= record.payload.size())
      return std::string_view{record.payload}.substr(static_cast<std::size_t>(skipped), size);
    return {};
  }

  [[nodiscard]] const std::vector<Record>& records() const { return records_; }
  /// A crash: only the first `count` records reached the disk.
  void keep_first(std::size_t count) {
    records_.resize(count);
    segment_ = records_.empty() ? 1 : records_.back().place.segment;
    offset_ = records_.empty() ? 0 : records_.back().place.offset + static_cast<std::uint32_t>(records_.back().payload.size());
  }
  void truncate_before(std::uint32_t segment) {
    std::erase_if(records_, [&](const Record& record) { return record.place.segment < segment; });
  }
  [[nodiscard]] std::uint32_t segments() const { return records_.empty() ? 0 : segment_ - records_.front().place.segment + 1; }

 private:
  Location put(std::string_view operations, std::string_view payload) {
    const Location place{segment_, offset_ + static_cast<std::uint32_t>(operations.size())};
    offset_ = place.offset + static_cast<std::uint32_t>(payload.size());
    records_.push_back({std::string{operations}, std::string{payload}, place});
    return place;
  }

  std::uint32_t segment_size_;
  std::uint32_t max_record_size_;
  std::uint32_t segment_ = 1;
  std::uint32_t offset_ = 0;
  std::vector<Record> records_;
};

}  // namespace remuda::broker::test
