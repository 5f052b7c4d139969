#pragma once
// How far the journal is known to have been durable, kept outside of its segments: what is missing of it is damage, however much it
// looks like the unfinished write of a power cut. JOURNAL.md, "Mark".

#include <optional>

#include "broker/journal/files.hpp"
#include "broker/journal/format.hpp"

namespace remuda::broker {

inline constexpr const char* mark_file_name = "MARK";

/// Keeps `end`: the header of the last segment, but with the sequence that comes next. All before it must be durable. A crash inside
/// leaves the mark of before, which is just as true.
[[nodiscard]] Io<Unit> keep_known_end(Folder& folder, const SegmentHeader& end);

struct KnownEnd {
  std::optional<SegmentHeader> end;  ///< absent: there is no mark, or no readable one
  bool damaged = false;
};
[[nodiscard]] Io<KnownEnd> read_known_end(Folder& folder);

}  // namespace remuda::broker
