#pragma once
// One stream: its partitions, each a contiguous run of records that are read by offset and forgotten from the front, and the
// consumer groups with their positions. Reading changes nothing. Only BrokerState::evolve moves records and positions; leases are
// memory: a restart forgets them, and the unconfirmed batch is handed out again. See STREAM.md.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "broker/engine/commands.hpp"
#include "broker/engine/log.hpp"
#include "broker/engine/segment_ledger.hpp"

namespace remuda::broker {

/// One record: where its body is, and when it came.
struct StreamEntry {
  Location place;  ///< segment 0: its body's place is not known yet (a log that was truncated is being replayed)
  std::uint32_t size = 0;
  std::uint32_t crc32c = 0;
  std::int64_t time_ms = 0;  ///< steady
};
static_assert(sizeof(StreamEntry) == 24, "the memory goal is 24 bytes per record");

class StreamPartition {
 public:
  explicit StreamPartition(SegmentLedger& ledger) : ledger_{&ledger} {}

  [[nodiscard]] Offset first() const { return first_; }  ///< the oldest kept
  [[nodiscard]] Offset next() const { return next_; }    ///< what the next record will get
  [[nodiscard]] bool empty() const { return first_ == next_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  /// `offset` is in [first, next).
  [[nodiscard]] const StreamEntry& at(Offset offset) const {
    return chunks_[offset / entries_per_chunk - base_].entries[offset % entries_per_chunk];
  }
  /// The first record that came at or after `time_ms`; next() if none did.
  [[nodiscard]] Offset since(std::int64_t time_ms) const;
  /// Appends offsets of records whose body is in this segment, at most `max`.
  void find_in_segment(std::uint32_t segment, std::size_t max, std::vector<Offset>& out);

  void append(const StreamEntry& entry);
  void trim(Offset first);
  /// The body of a record in [first, next) is there now.
  void relocate(Offset offset, const StreamEntry& entry);
  /// What a checkpoint of the log says: records that are not known stand without a body until a later record brings it.
  void extend(Offset first, Offset next);

 private:
  static constexpr Offset entries_per_chunk = 4096;
  struct Chunk {
    std::vector<StreamEntry> entries;
    std::uint32_t oldest_segment = UINT32_MAX;  ///< lower bound over its records
  };
  void put(const StreamEntry& entry);

  SegmentLedger* ledger_;
  std::deque<Chunk> chunks_;
  std::uint64_t base_ = 0;  // number of the first chunk
  Offset first_ = 0;
  Offset next_ = 0;
  std::uint64_t bytes_ = 0;
};

/// What a consumer group has to do with one partition.
struct StreamShare {
  Offset next = 0;  ///< everything before it is confirmed
  // Not recorded: the lease of the batch [next, end), and how often the record at `next` failed.
  std::uint64_t lease = 0;  ///< 0: nobody holds it
  Offset end = 0;
  Instant deadline{};
  Instant paused_until{};
  Milliseconds visibility_timeout{0};
  std::uint32_t attempts = 0;
  std::uint32_t batch_max = UINT32_MAX;  ///< after a holder vanished: half of what it had, so that no innocent record is blamed
};

struct StreamGroup {
  std::string name;
  std::vector<StreamShare> shares;  ///< by partition
  std::uint32_t turn = 0;           ///< the partition that is looked at first by the next take
};

class Stream {
 public:
  Stream(StreamId id, SegmentLedger& ledger) : id_{id}, ledger_{ledger} {}
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[nodiscard]] StreamId id() const { return id_; }
  StreamAttributes attributes;
  QueueId dead_letter_queue = 0;  ///< 0: none
  std::vector<StreamPartition> partitions;
  std::vector<StreamGroup> groups;

  void make_partitions(std::uint32_t count) { partitions.assign(count, StreamPartition{ledger_}); }
  [[nodiscard]] std::uint64_t bytes() const;
  [[nodiscard]] StreamGroup* find_group(std::string_view name);
  /// The partition whose oldest record is the oldest of all; nothing when the stream is empty.
  [[nodiscard]] std::optional<std::uint32_t> oldest_partition() const;
  /// The position as an offset of that partition: below the first it is the first. Nothing beyond the end.
  [[nodiscard]] std::optional<Offset> resolve(std::uint32_t partition, const StreamPosition& position,
                                              std::int64_t wall_offset_ms) const;

 private:
  StreamId id_;
  SegmentLedger& ledger_;
};

}  // namespace remuda::broker
