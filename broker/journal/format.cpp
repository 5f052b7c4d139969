#include "broker/journal/format.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "common/crc32c.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {
namespace {

constexpr std::string_view segment_magic = "RMDAJRNL";
constexpr std::string_view index_magic = "RMDAJIDX";
constexpr std::string_view mark_magic = "RMDAMARK";

template <class T>
void put(char* to, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) to[i] = static_cast<char>((value >> (8 * i)) & 0xFFU);
}

template <class T>
T get(std::string_view bytes, std::uint64_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof(T));  // little-endian machines only: crc32c.cpp asserts it
  return value;
}

std::uint64_t aligned(std::uint64_t size) {
  return (size + record_alignment - 1) / record_alignment * record_alignment;
}

std::uint64_t size_in(FileForm form, const RecordHeader& header) {
  return record_size(header.operations_size, form == FileForm::segment ? header.payload_size : 0);
}

std::string_view magic_of(FileForm form) {
  switch (form) {
    case FileForm::segment:
      return segment_magic;
    case FileForm::index:
      return index_magic;
    case FileForm::mark:
      break;
  }
  return mark_magic;
}

/// Writes the header, checksummed together with the operations that follow it at `to + record_header_size`.
void put_record_header(char* to, std::uint32_t seed, const RecordHeader& header) {
  put(to + 4, header.operations_size);
  put(to + 8, header.sequence);
  put(to + 16, header.payload_size);
  put(to + 20, header.payload_crc);
  put(to + 24, header.unsynced);
  put(to + 28, header.flags);
  put(to + 30, std::uint16_t{0});
  put(to, crc32c({to + 4, record_header_size - 4 + std::size_t{header.operations_size}}, seed));
}

}  // namespace

std::string encode(const SegmentHeader& header, FileForm form) {
  std::string bytes(segment_header_size, '\0');
  bytes.replace(0, 8, magic_of(form));
  put(bytes.data() + 8, journal_format_version);
  put(bytes.data() + 12, header.number);
  std::copy(header.identity.begin(), header.identity.end(), bytes.begin() + 16);
  put(bytes.data() + 32, header.first_sequence);
  put(bytes.data() + 40, header.capacity);
  put(bytes.data() + 44, crc32c({bytes.data(), 44}));
  return bytes;
}

Result<SegmentHeader> decode_segment_header(std::string_view bytes, FileForm form) {
  if (bytes.size() < segment_header_size) return fail("journal_damaged", "too short for a header");
  if (bytes.substr(0, 8) != magic_of(form)) return fail("journal_damaged", "not a journal file: wrong magic");
  // First of all: a flipped bit must not pass for another version.
  if (get<std::uint32_t>(bytes, 44) != crc32c(bytes.substr(0, 44))) return fail("journal_damaged", "header checksum is wrong");
  const auto version = get<std::uint32_t>(bytes, 8);
  if (version != journal_format_version) {
    return fail("journal_version", "written in format " + std::to_string(version) + ", this program reads format " +
                                       std::to_string(journal_format_version));
  }
  SegmentHeader header;
  header.number = get<std::uint32_t>(bytes, 12);
  std::transform(bytes.begin() + 16, bytes.begin() + 32, header.identity.begin(),
                 [](char c) { return static_cast<std::uint8_t>(c); });
  header.first_sequence = get<std::uint64_t>(bytes, 32);
  header.capacity = get<std::uint32_t>(bytes, 40);
  if (header.number == 0 || header.first_sequence == 0) return fail("journal_damaged", "header counts from zero");
  const bool possible = header.capacity >= segment_capacity_min && header.capacity <= segment_capacity_max;
  if (!possible || header.capacity % record_alignment != 0) {
    return fail("journal_damaged", "header gives an impossible capacity of " + std::to_string(header.capacity));
  }
  return header;
}

std::uint32_t record_seed(const JournalIdentity& identity, std::uint32_t segment_number) {
  if (REMUDA_MUTANT(73)) segment_number = 1;
  std::array<char, 20> bytes{};
  std::transform(identity.begin(), identity.end(), bytes.begin(), [](std::uint8_t b) { return static_cast<char>(b); });
  put(bytes.data() + 16, segment_number);
  return crc32c({bytes.data(), bytes.size()});
}

std::uint64_t record_size(std::uint64_t operations_size, std::uint64_t payload_size) {
  return aligned(record_header_size + operations_size + payload_size);
}

std::size_t append_record(std::string& out, std::uint32_t seed, RecordHeader header, std::string_view operations,
                          std::span<const std::string_view> payload) {
  assert(header.sequence > 0 && header.unsynced >= 1);
  std::size_t payload_size = 0;
  for (const auto piece : payload) payload_size += piece.size();
  const std::size_t start = out.size();
  const std::size_t payload_at = start + record_header_size + operations.size();
  out.reserve(start + record_size(operations.size(), payload_size));
  out.append(record_header_size, '\0');
  out.append(operations);
  for (const auto piece : payload) out.append(piece);

  header.operations_size = static_cast<std::uint32_t>(operations.size());
  header.payload_size = static_cast<std::uint32_t>(payload_size);
  header.payload_crc = crc32c({out.data() + payload_at, payload_size});
  put_record_header(out.data() + start, seed, header);
  out.append(record_size(operations.size(), payload_size) - (out.size() - start), '\0');
  return payload_at;
}

void append_index_record(std::string& out, std::uint32_t seed, const RecordHeader& header, std::string_view operations) {
  const std::size_t start = out.size();
  out.append(record_header_size, '\0');
  out.append(operations);
  put_record_header(out.data() + start, seed, header);
  out.append(record_size(operations.size(), 0) - (out.size() - start), '\0');
}

std::optional<RecordHeader> read_plausible_header(std::string_view file, std::uint64_t position, FileForm form) {
  if (position > file.size() || file.size() - position < record_header_size) return std::nullopt;
  RecordHeader header;
  header.sequence = get<std::uint64_t>(file, position + 8);
  header.unsynced = get<std::uint32_t>(file, position + 24);
  if (header.sequence == 0 || header.unsynced == 0 || header.unsynced > header.sequence) return std::nullopt;
  header.flags = get<std::uint16_t>(file, position + 28);
  if ((header.flags & ~record_flag::all) != 0 || get<std::uint16_t>(file, position + 30) != 0) return std::nullopt;
  header.operations_size = get<std::uint32_t>(file, position + 4);
  header.payload_size = get<std::uint32_t>(file, position + 16);
  header.payload_crc = get<std::uint32_t>(file, position + 20);
  if (size_in(form, header) > file.size() - position) return std::nullopt;
  return header;
}

std::optional<RecordView> read_record_head(std::string_view file, std::uint64_t position, std::uint32_t seed, FileForm form) {
  const auto header = read_plausible_header(file, position, form);
  if (!header) return std::nullopt;
  const auto summed = file.substr(position + 4, record_header_size - 4 + std::size_t{header->operations_size});
  if (get<std::uint32_t>(file, position) != crc32c(summed, seed) && !REMUDA_MUTANT(64)) return std::nullopt;
  return RecordView{*header, file.substr(position + record_header_size, header->operations_size), size_in(form, *header)};
}

bool payload_intact(std::string_view segment, std::uint64_t position, const RecordHeader& header) {
  if (REMUDA_MUTANT(63)) return true;
  return crc32c(segment.substr(payload_offset(position, header), header.payload_size)) == header.payload_crc;
}

}  // namespace remuda::broker
