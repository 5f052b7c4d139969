#pragma once
// The bytes of a journal: segment header, record, index. Pure: bytes in, values out; every byte read is taken for hostile.
// The layout is specified in JOURNAL.md, with an example that the tests hold to these functions.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/result.hpp"

namespace remuda::broker {

using JournalIdentity = std::array<std::uint8_t, 16>;

inline constexpr std::uint32_t journal_format_version = 1;
inline constexpr std::uint32_t segment_header_size = 48;
inline constexpr std::uint32_t record_header_size = 32;
inline constexpr std::uint32_t record_alignment = 8;
/// Bounds of a segment's capacity; offsets are 32 bits, and a hostile header must not make us take much memory.
inline constexpr std::uint32_t segment_capacity_min = 4096;
inline constexpr std::uint32_t segment_capacity_max = 1U << 30U;

struct SegmentHeader {
  JournalIdentity identity{};
  std::uint32_t number = 0;          ///< from 1, strictly increasing, never reused
  std::uint32_t capacity = 0;        ///< bytes the file has had since before its first record
  std::uint64_t first_sequence = 0;  ///< of the first record in it
  friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};

enum class FileForm : std::uint8_t {
  segment,  ///< records with their payload
  index,    ///< the same records without it
  mark,     ///< of the known end: a header and nothing else
};

[[nodiscard]] std::string encode(const SegmentHeader& header, FileForm form);
/// Errors: `journal_version` (whole, and written by another version), `journal_damaged`.
Result<SegmentHeader> decode_segment_header(std::string_view bytes, FileForm form);

namespace record_flag {
inline constexpr std::uint16_t checkpoint = 1;  ///< the state that replay of later records stands on; first in its segment
inline constexpr std::uint16_t seal = 2;        ///< the last record of its segment: a later segment may exist
inline constexpr std::uint16_t lost = 4;        ///< put over damage by salvage: stands for the records up to its sequence
inline constexpr std::uint16_t all = checkpoint | seal | lost;
}  // namespace record_flag

struct RecordHeader {
  std::uint64_t sequence = 0;
  std::uint32_t operations_size = 0;
  std::uint32_t payload_size = 0;
  std::uint32_t payload_crc = 0;
  /// Records up to and including `sequence - unsynced` were durable when this one was appended. At least 1.
  std::uint32_t unsynced = 1;
  std::uint16_t flags = 0;
  [[nodiscard]] std::uint64_t synced_sequence() const { return sequence - unsynced; }
};

/// What every record checksum of a segment starts from, so that no record of another segment, nor of the previous use of a
/// recycled file, can pass for one of this segment.
[[nodiscard]] std::uint32_t record_seed(const JournalIdentity& identity, std::uint32_t segment_number);

/// Bytes a record takes in a file of this form.
[[nodiscard]] std::uint64_t record_size(std::uint64_t operations_size, std::uint64_t payload_size);

/// Appends the record to `out`; sizes and payload checksum are filled in from what is given. Returns where in `out`
/// the payload starts.
std::size_t append_record(std::string& out, std::uint32_t seed, RecordHeader header, std::string_view operations,
                          std::span<const std::string_view> payload);
/// The same record as it stands in an index: `header` and `operations` as read, no payload.
void append_index_record(std::string& out, std::uint32_t seed, const RecordHeader& header, std::string_view operations);

struct RecordView {
  RecordHeader header;
  std::string_view operations;
  std::uint64_t size = 0;  ///< bytes it takes in this file, padding included
};

/// The header at `position` when it could be one: in range, no impossible field. Its checksum is not looked at.
[[nodiscard]] std::optional<RecordHeader> read_plausible_header(std::string_view file, std::uint64_t position, FileForm form);
/// The record at `position`, when its header and operations are whole: in range, plausible, checksum right. The payload is in
/// range, in a segment, but not verified: see payload_intact().
[[nodiscard]] std::optional<RecordView> read_record_head(std::string_view file, std::uint64_t position, std::uint32_t seed,
                                                         FileForm form);
[[nodiscard]] bool payload_intact(std::string_view segment, std::uint64_t position, const RecordHeader& header);
[[nodiscard]] inline std::uint64_t payload_offset(std::uint64_t position, const RecordHeader& header) {
  return position + record_header_size + header.operations_size;
}

}  // namespace remuda::broker
