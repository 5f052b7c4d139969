#include "broker/journal/segment_scan.hpp"

#include <algorithm>

#include "common/mutant.hpp"

namespace remuda::broker {

void scan_records(std::string_view file, FileForm form, std::uint32_t seed, ScanState& state,
                  const std::function<void(const ScannedRecord&)>& visit) {
  while (!state.sealed) {
    const auto record = read_record_head(file, state.position, seed, form);
    if (!record) return;
    const RecordHeader& header = record->header;
    const bool lost = (header.flags & record_flag::lost) != 0;
    if (REMUDA_MUTANT(65) ? false : lost ? header.sequence < state.next_sequence : header.sequence != state.next_sequence) return;
    if (form == FileForm::segment && !payload_intact(file, state.position, header)) return;

    state.synced_sequence = std::max(state.synced_sequence, header.synced_sequence());
    state.unsynced.emplace_back(header.sequence, state.segment_position);
    while (!state.unsynced.empty() && state.unsynced.front().first <= state.synced_sequence) state.unsynced.pop_front();
    visit({header, record->operations, payload_offset(state.segment_position, header)});
    state.next_sequence = header.sequence + 1;
    state.position += record->size;
    state.segment_position += record_size(header.operations_size, header.payload_size);
    state.sealed = (header.flags & record_flag::seal) != 0;
  }
}

Remnants look_behind(std::string_view segment, std::uint32_t seed, const ScanState& end) {
  // Nearly everything behind the end is zeros or the file's previous use, told apart without a checksum. A hostile file may be
  // made of things that look like headers, each with a checksum over all that follows: over this limit, refusing to start is safe.
  const std::uint64_t effort_max = 64 * std::uint64_t{segment.size()};
  std::uint64_t effort = 0;
  Remnants found;
  found.end = end.position;
  std::uint64_t next = 0;
  for (std::uint64_t at = end.position; at + record_header_size <= segment.size(); at = next) {
    next = at + record_alignment;
    const auto candidate = read_plausible_header(segment, at, FileForm::segment);
    if (!candidate || candidate->sequence < end.next_sequence) continue;
    effort += candidate->operations_size;
    if (effort > effort_max) {
      found.damage = true;
      return found;
    }
    const auto record = read_record_head(segment, at, seed, FileForm::segment);
    if (!record) continue;
    const RecordHeader& header = record->header;
    const bool intact = payload_intact(segment, at, header);
    found.damage = found.damage || header.synced_sequence() >= end.next_sequence;
    if (REMUDA_MUTANT(66)) found.damage = false;
    found.end = std::max(found.end, at + record->size);
    found.highest_sequence = std::max(found.highest_sequence, header.sequence);
    const bool behind_the_missing = header.sequence > end.next_sequence && at >= end.position + record_header_size;
    if (!found.resume && intact && behind_the_missing) found.resume.emplace(at, header);
    next = at + (intact ? record->size : record_size(header.operations_size, 0));
  }
  return found;
}

}  // namespace remuda::broker
