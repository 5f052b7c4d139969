#include "broker/journal/segment_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <sstream>

#include "broker/journal/known_end.hpp"
#include "broker/journal/segment_scan.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {
namespace {

constexpr std::size_t number_digits = 10;
constexpr std::string_view unfinished_suffix = ".tmp";
constexpr int interruptions_max = 1'000;  // of one call: more is no signal but a fault, and nobody may wait for ever

std::string numbered(std::string_view prefix, std::uint32_t number, std::string_view suffix) {
  const std::string digits = std::to_string(number);
  return std::string{prefix} + std::string(number_digits - digits.size(), '0') + digits + std::string{suffix};
}

/// The number in `name` when it is exactly what numbered() makes of it.
std::optional<std::uint32_t> number_in(std::string_view name, std::string_view prefix, std::string_view suffix) {
  if (name.size() != prefix.size() + number_digits + suffix.size()) return std::nullopt;
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
  std::uint64_t number = 0;
  for (const char digit : name.substr(prefix.size(), number_digits)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  if (number == 0 || number > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(number);
}

}  // namespace

std::string segment_name(std::uint32_t number) {
  return numbered("segment-", number, ".log");
}
std::string index_name(std::uint32_t number) {
  return numbered("segment-", number, ".index");
}
std::string spare_name(std::uint32_t number) {
  return numbered("spare-", number, ".log");
}
std::string unfinished_name(const std::string& name) {
  return name + std::string{unfinished_suffix};
}

FileName parse_file_name(std::string_view name) {
  if (name.ends_with(unfinished_suffix)) {
    const auto finished = parse_file_name(name.substr(0, name.size() - unfinished_suffix.size()));
    const bool ours = finished.kind != FileKind::other && finished.kind != FileKind::unfinished;
    return ours ? FileName{FileKind::unfinished, finished.number} : FileName{};
  }
  if (const auto number = number_in(name, "segment-", ".log")) return {FileKind::segment, *number};
  if (const auto number = number_in(name, "segment-", ".index")) return {FileKind::index, *number};
  if (const auto number = number_in(name, "spare-", ".log")) return {FileKind::spare, *number};
  if (name == mark_file_name) return {FileKind::mark, 0};
  return {};
}

Io<Unit> write_fully(File& file, std::uint64_t offset, std::string_view bytes) {
  for (int interruptions = 0; !bytes.empty();) {
    const auto written = file.write(offset, bytes);
    if (!written && written.error().value == EINTR && ++interruptions < interruptions_max) continue;
    if (!written) return Failure<Errno>{written.error()};
    if (*written == 0) return Failure<Errno>{Errno{EIO}};  // a write that does nothing would be repeated for ever
    offset += *written;
    bytes.remove_prefix(*written);
  }
  return Unit{};
}

Io<Unit> write_zeros(File& file, std::uint64_t begin, std::uint64_t end) {
  const std::string zeros(std::min<std::uint64_t>(end - std::min(begin, end), 1U << 20U), '\0');
  while (begin < end) {
    const auto piece = std::min<std::uint64_t>(end - begin, zeros.size());
    const auto written = write_fully(file, begin, {zeros.data(), piece});
    if (!written) return written;
    begin += piece;
  }
  return Unit{};
}

Io<std::string> read_fully(const File& file, std::uint64_t size) {
  const auto available = file.size();
  if (!available) return Failure<Errno>{available.error()};
  return read_range(file, 0, std::min(size, *available));
}

Io<std::string> read_range(const File& file, std::uint64_t offset, std::uint64_t size) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  for (int interruptions = 0; done < bytes.size();) {
    const auto count = file.read(offset + done, {bytes.data() + done, bytes.size() - done});
    if (!count && count.error().value == EINTR && ++interruptions < interruptions_max) continue;
    if (!count) return Failure<Errno>{count.error()};
    if (*count == 0) break;
    done += *count;
  }
  bytes.resize(done);
  return bytes;
}

bool is_disk_full(Errno error) {
  return error.value == ENOSPC || error.value == EDQUOT;
}

Error storage_error(const Folder& folder, std::string_view call, const std::string& name, Errno error) {
  std::ostringstream text;
  text << call << " of " << folder.path() << (name.empty() ? "" : "/") << name << ": " << error;
  return {is_disk_full(error) ? "storage_full" : "storage_failed", text.str(), true};
}

Io<std::unique_ptr<File>> create_preallocated(Folder& folder, const std::string& unfinished, std::uint64_t capacity) {
  auto file = folder.open(unfinished, OpenMode::create_exclusive);
  if (!file) return file;
  const auto allocated = (*file)->allocate(capacity);
  if (allocated) return file;
  static_cast<void>(folder.remove(unfinished));  // else swept at the next start
  return Failure<Errno>{allocated.error()};
}

std::optional<std::string> make_index(std::string_view segment) {
  const auto header = decode_segment_header(segment, FileForm::segment);
  if (!header || segment.size() < header->capacity) return std::nullopt;
  const std::uint32_t seed = record_seed(header->identity, header->number);
  std::string index = encode(*header, FileForm::index);
  ScanState state;
  state.next_sequence = header->first_sequence;
  scan_records(segment.substr(0, header->capacity), FileForm::segment, seed, state,
               [&](const ScannedRecord& record) { append_index_record(index, seed, record.header, record.operations); });
  if (!state.sealed) return std::nullopt;
  return index;
}

std::string make_checkpoint_index(std::string_view segment) {
  const auto header = decode_segment_header(segment, FileForm::segment);
  if (!header || REMUDA_MUTANT(133)) return {};
  const std::uint32_t seed = record_seed(header->identity, header->number);
  const auto record = read_record_head(segment, segment_header_size, seed, FileForm::segment);
  if (!record || (record->header.flags & record_flag::checkpoint) == 0) return {};
  std::string index = encode(*header, FileForm::index);
  append_index_record(index, seed, record->header, record->operations);
  return index;
}

std::uint64_t heal_from_index(std::string_view index, const SegmentHeader& header, std::string& segment) {
  const auto own = decode_segment_header(index, FileForm::index);
  if (!own || *own != header) return 0;
  const std::uint32_t seed = record_seed(header.identity, header.number);
  std::uint64_t healed = 0;
  ScanState state;
  state.next_sequence = header.first_sequence;
  scan_records(index, FileForm::index, seed, state, [&](const ScannedRecord& record) {
    const std::uint64_t position = record.payload_at - record.operations.size() - record_header_size;
    const auto there = read_record_head(segment, position, seed, FileForm::segment);
    if (there && there->header.sequence == record.header.sequence) return;
    std::string head;
    append_index_record(head, seed, record.header, record.operations);
    head.resize(record_header_size + record.operations.size());
    if (position + record_size(record.operations.size(), record.header.payload_size) > segment.size()) return;
    segment.replace(position, head.size(), head);
    ++healed;
  });
  return healed;
}

}  // namespace remuda::broker
