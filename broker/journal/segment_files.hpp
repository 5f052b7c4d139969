#pragma once
// The names of the files in a journal's folder, and whole reads and writes over calls that may do less than asked.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "broker/journal/files.hpp"
#include "broker/journal/format.hpp"

namespace remuda::broker {

inline constexpr const char* lock_file_name = "LOCK";

[[nodiscard]] std::string segment_name(std::uint32_t number);  ///< segment-0000000001.log
[[nodiscard]] std::string index_name(std::uint32_t number);    ///< segment-0000000001.index
[[nodiscard]] std::string spare_name(std::uint32_t number);    ///< spare-0000000001.log; the number only tells spares apart
/// A file on its way to `name`: worthless after a crash, swept at start.
[[nodiscard]] std::string unfinished_name(const std::string& name);

enum class FileKind : std::uint8_t { segment, index, spare, mark, unfinished, other };
struct FileName {
  FileKind kind = FileKind::other;
  std::uint32_t number = 0;
};
[[nodiscard]] FileName parse_file_name(std::string_view name);

/// Writes all of `bytes`, however many calls it takes.
[[nodiscard]] Io<Unit> write_fully(File& file, std::uint64_t offset, std::string_view bytes);
/// Writes zeros over [begin, end), in pieces.
[[nodiscard]] Io<Unit> write_zeros(File& file, std::uint64_t begin, std::uint64_t end);
/// The first `size` bytes, or all when the file is shorter.
[[nodiscard]] Io<std::string> read_fully(const File& file, std::uint64_t size);

/// `size` bytes from `offset` on, or what is there of them.
[[nodiscard]] Io<std::string> read_range(const File& file, std::uint64_t offset, std::uint64_t size);

/// No space left, or no quota: the one kind of failure that passes.
[[nodiscard]] bool is_disk_full(Errno error);
/// `storage_full` or `storage_failed`, with the call, the place and the reason.
[[nodiscard]] Error storage_error(const Folder& folder, std::string_view call, const std::string& name, Errno error);

/// A new file with `capacity` bytes of reserved space, which read as zeros. Neither zero-filled nor synced yet.
/// On failure no file is left behind.
[[nodiscard]] Io<std::unique_ptr<File>> create_preallocated(Folder& folder, const std::string& unfinished, std::uint64_t capacity);

/// The index of a sealed segment: its records without payload. Empty when `segment` is not whole up to its seal.
[[nodiscard]] std::optional<std::string> make_index(std::string_view segment);
/// The index, so far, of a segment that begins with a checkpoint: that record alone. Empty when it has none.
[[nodiscard]] std::string make_checkpoint_index(std::string_view segment);
/// Puts right what the segment's own index still has of records whose header or operations are damaged. How many these were.
std::uint64_t heal_from_index(std::string_view index, const SegmentHeader& header, std::string& segment);

}  // namespace remuda::broker
