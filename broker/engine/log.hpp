#pragma once
// Where the engine's records go, as the engine sees it: memory that has a place on disk. Nothing here waits for a disk;
// the shell syncs once per turn, before any reply leaves.

#include <cstdint>
#include <span>
#include <string_view>

namespace remuda::broker {

/// A place in the journal. Segments are numbered from 1, strictly increasing, never reused.
struct Location {
  std::uint32_t segment = 0;  ///< 0: nowhere
  std::uint32_t offset = 0;   ///< bytes from the start of the segment
  friend auto operator<=>(const Location&, const Location&) = default;
};

class Log {
 public:
  Log() = default;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  virtual ~Log() = default;

  /// Appends one record: `operations` (compact, replayed at recovery) followed by `payload` (message bodies, in pieces that
  /// are copied before this returns). Returns the place of the first payload byte; payload bytes are contiguous from there,
  /// so a piece's place is the sum of the sizes before it. A record never spans two segments. Cannot fail: whoever calls it
  /// has asked has_room().
  virtual Location append(std::string_view operations, std::span<const std::string_view> payload) = 0;
  /// True when a record of this size (operations + payload) can be made durable now; false = disk full: refuse
  /// sends, keep deleting.
  [[nodiscard]] virtual bool has_room(std::uint64_t size) const = 0;
  /// The same for a record without payload, which may use the reserve that is kept for deletes while the disk is full. False = the
  /// reserve is used up too: refuse the record, for appending it would end the broker.
  [[nodiscard]] virtual bool has_reserve(std::uint64_t size) const { return has_room(size); }
  /// The disk is full: there may still be room for a small record, but what makes room should be done now.
  [[nodiscard]] virtual bool is_full() const { return false; }
  /// Operations + payload of the largest record: a larger one has no room, ever.
  [[nodiscard]] virtual std::uint64_t max_record_size() const = 0;
  /// The `size` payload bytes at `at`, to be checked by the caller against the CRC32C that came with them; valid until the next
  /// append or truncate. Empty when unreadable.
  [[nodiscard]] virtual std::string_view read(Location at, std::uint32_t size) const = 0;
};

}  // namespace remuda::broker
