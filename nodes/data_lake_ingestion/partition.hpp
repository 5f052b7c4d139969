#pragma once
// What a lake file holds and where it lies: Hive-style partitions by the hour of the ride (UTC), newline-delimited JSON, gzip.
// Pure, and equal input gives equal bytes: that is what makes it safe to write a file again.

#include <cstdint>
#include <string>
#include <string_view>

#include "nodes/wild_rydes/ride.hpp"

namespace remuda::rides {

/// "year=2026/month=11/day=22/hour=14"
[[nodiscard]] std::string partition_of(std::int64_t completed_ms);
/// "rides-00000000000000000001-00000000000000000042.ndjson.gz": sorted by name is sorted by arrival.
[[nodiscard]] std::string lake_file_name(std::string_view files, std::int64_t first_row, std::int64_t last_row);
/// One line without its end: the ride with `completed_at` as text; numbers are exact decimals.
[[nodiscard]] std::string lake_line(const Ride& ride);
/// The same for a message of another kind: its body, which must be a msgpack map or a JSON object.
/// Errors: `malformed_document` (definite).
Result<std::string> document_line(const Message& message);
/// A gzip member without name and time. Throws std::runtime_error when zlib has no memory.
[[nodiscard]] std::string gzip(std::string_view content);

}  // namespace remuda::rides
