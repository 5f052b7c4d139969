#pragma once
// Walks the records of one segment or index, and judges what stands where no record could be read. Pure.

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "broker/journal/format.hpp"

namespace remuda::broker {

/// Where a walk over records stands: everything before `position` was read and is whole.
struct ScanState {
  std::uint64_t position = segment_header_size;          ///< in the file walked
  std::uint64_t segment_position = segment_header_size;  ///< of the same record in the segment
  std::uint64_t next_sequence = 1;
  bool sealed = false;                ///< the last record read was the segment's last
  std::uint64_t synced_sequence = 0;  ///< the highest that any record read claims to be durable
  /// Places of the records that no later record claims to be durable, oldest first: (sequence, segment position).
  std::deque<std::pair<std::uint64_t, std::uint64_t>> unsynced;
};

struct ScannedRecord {
  RecordHeader header;
  std::string_view operations;
  std::uint64_t payload_at = 0;  ///< from the start of the segment
};

/// Reads whole records from `state` on, calling `visit` for each, until one is missing, broken, out of sequence, or seals the
/// segment. Reads nothing at or behind `file.size()`. In a segment the payloads are verified too.
void scan_records(std::string_view file, FileForm form, std::uint32_t seed, ScanState& state,
                  const std::function<void(const ScannedRecord&)>& visit);

/// What lies behind the end of the readable records of a segment.
struct Remnants {
  /// A record behind the end claims that a record at or after the end was durable: it was confirmed, and is gone.
  bool damage = false;
  std::uint64_t end = 0;               ///< behind the last byte of the last record that could pass for one of this segment's
  std::uint64_t highest_sequence = 0;  ///< among those; 0 when there are none
  /// The first whole record with a sequence above the one missing: where salvage goes on.
  std::optional<std::pair<std::uint64_t, RecordHeader>> resume;
};

/// Looks behind the end of a scan. A power cut keeps any part of what was written after the last sync, so whole records behind a
/// broken one are normal there; a record that was appended after the broken one had been synced proves damage.
[[nodiscard]] Remnants look_behind(std::string_view segment, std::uint32_t seed, const ScanState& end);

}  // namespace remuda::broker
