#pragma once
// Which segments of the log hold live messages, and how much: decides what may be truncated and when copying forward pays.

#include <algorithm>
#include <cstdint>
#include <deque>

#include "broker/engine/log.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

class SegmentLedger {
 public:
  /// A record was appended (or replayed) there.
  void reached(std::uint32_t segment) { newest_ = std::max(newest_, segment); }

  /// A reference to a body appeared or vanished. Each reference counts, also several to one body.
  void refer(Location place, std::uint32_t size) {
    reached(place.segment);
    Live& live = at(place.segment);
    ++live.references;
    live.bytes += size;
    bytes_ += size;
  }
  void release(Location place, std::uint32_t size) {
    Live& live = at(place.segment);
    --live.references;
    if (REMUDA_MUTANT(46) && live.references == 1) live.references = 0;
    live.bytes -= size;
    bytes_ -= size;
    while (!segments_.empty() && segments_.front().references == 0) {
      segments_.pop_front();
      ++first_;
    }
  }

  /// The segment from which on everything has to be kept: the first with a live message, or the one in use when none lives.
  [[nodiscard]] std::uint32_t oldest_needed_segment() const { return segments_.empty() ? newest_ : first_; }
  [[nodiscard]] std::uint32_t newest_segment() const { return newest_; }
  [[nodiscard]] std::uint64_t live_bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t live_bytes_of(std::uint32_t segment) const {
    return segment < first_ || segment - first_ >= segments_.size() ? 0 : segments_[segment - first_].bytes;
  }

 private:
  struct Live {
    std::uint64_t references = 0;
    std::uint64_t bytes = 0;
  };
  Live& at(std::uint32_t segment) {
    if (segments_.empty()) first_ = segment;
    for (; segment < first_; --first_) segments_.emplace_front();
    while (segment - first_ >= segments_.size()) segments_.emplace_back();
    return segments_[segment - first_];
  }

  std::deque<Live> segments_;  // from first_ on; the first one has a live message
  std::uint32_t first_ = 0;
  std::uint32_t newest_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace remuda::broker
