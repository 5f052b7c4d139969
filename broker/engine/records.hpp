#pragma once
// How a change of the broker's state is written down: the operations of one record. RECORDS.md is the grammar; this is its writer.
// The reader is BrokerState::evolve, which live operation and recovery share.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/engine/bytes.hpp"
#include "broker/engine/commands.hpp"
#include "broker/engine/queue_views.hpp"

namespace remuda::broker {

/// First byte of every record. A changed layout raises it.
inline constexpr std::uint8_t record_version = 3;
/// The oldest that is read: 2 is as 3 without `progress_kept`.
inline constexpr std::uint8_t record_version_oldest = 2;

enum class Operation : std::uint8_t {
  payloads = 1,
  stored = 2,
  received = 3,
  deleted = 4,
  visibility_changed = 5,
  timed_out = 6,
  released = 7,
  attempt_failed = 8,
  returned = 9,
  dead_lettered = 10,
  redriven = 11,
  purged = 12,
  purged_all = 13,
  expired = 14,
  relocated = 15,
  queue_declared = 16,
  topic_declared = 17,
  session_opened = 18,
  session_forgotten = 19,
  checkpoint_begins = 20,
  queue_totals = 21,
  session_requests = 22,
  stored_in_group = 23,
  published = 24,
  deduplication_kept = 25,
  receive_named = 26,
  receive_repeated = 27,
  queue_deleted = 28,
  move_started = 29,
  move_continued = 30,
  restarted = 31,
  stream_declared = 32,
  stream_deleted = 33,
  stream_appended = 34,
  stream_trimmed = 35,
  stream_group_created = 36,
  stream_checkpointed = 37,
  stream_diverted = 38,
  stream_relocated = 39,
  stream_partition = 40,
  stream_ids = 41,
  progress_kept = 42,
};

/// Why an attempt ended, in `timed_out`.
enum class AttemptEnd : std::uint8_t { timed_out = 0, made_visible = 1 };

// Flags of `relocated`.
inline constexpr std::uint8_t relocated_detail = 1;
inline constexpr std::uint8_t relocated_history = 2;
inline constexpr std::uint8_t relocated_in_flight = 4;
inline constexpr std::uint8_t relocated_delayed = 8;
inline constexpr std::uint8_t relocated_group = 16;

// Flags of `queue_declared`.
inline constexpr std::uint8_t declared_relaxed = 1;
inline constexpr std::uint8_t declared_fifo = 2;

/// What precedes the operations of a record: when, and on whose request.
struct RecordHead {
  std::int64_t time_ms = 0;         ///< steady time, see steady_time.hpp
  std::int64_t wall_offset_ms = 0;  ///< Unix time minus steady time
  SessionId session = 0;            ///< 0: no request to remember
  std::uint64_t request = 0;
  std::uint64_t settled = 0;
  std::int64_t restarted_ms = 0;  ///< steady time of the recovery before, in the first record after it; else 0
};

/// Sequences as runs: pairs (length, gap to the end of the run before), closed by a length of 0. Strictly increasing.
void put_runs(std::string& out, std::span<const Sequence> sequences);

/// One record being decided: its operations and the bodies that go with it.
class RecordWriter {
 public:
  void begin(const RecordHead& head);
  /// True while no operation was added: then there is nothing to append.
  [[nodiscard]] bool empty() const { return operations_.size() == head_size_; }
  [[nodiscard]] std::string_view operations() const { return operations_; }
  [[nodiscard]] std::span<const std::string_view> payload() const { return payload_; }
  [[nodiscard]] std::uint64_t size_bytes() const { return operations_.size() + payload_size_bytes_; }
  [[nodiscard]] bool has_payload() const { return !payload_.empty(); }

  /// Starts an operation; its fields follow through bytes().
  std::string& operation(Operation kind) {
    put_byte(operations_, static_cast<std::uint8_t>(kind));
    return operations_;
  }
  /// Adds bodies; returns the index of the first within this record.
  template <class BodyAt>
  std::uint32_t bodies(std::size_t count, BodyAt&& body_at) {
    std::string& out = operation(Operation::payloads);
    put_varint(out, count);
    const auto first = static_cast<std::uint32_t>(payload_.size());
    for (std::size_t i = 0; i < count; ++i) {
      const Body& body = body_at(i);
      put_varint(out, body.bytes.size());
      put_u32(out, body.crc32c);
      payload_.push_back(body.bytes);
      payload_size_bytes_ += body.bytes.size();
    }
    return first;
  }
  /// The bodies [first_body, first_body + count) become the next messages of `queue`.
  void stored(QueueId queue, std::uint64_t delay_ms, std::uint32_t first_body, std::uint64_t count);
  /// One body becomes the next message of a FIFO queue.
  void stored_in_group(QueueId queue, std::uint64_t delay_ms, std::uint32_t body, const Grouping& grouping);
  /// An operation that is a queue and some of its messages. None: nothing is written.
  void on_messages(Operation kind, QueueId queue, std::span<const Sequence> sequences);

 private:
  std::string operations_;
  std::vector<std::string_view> payload_;
  std::size_t head_size_ = 0;
  std::uint64_t payload_size_bytes_ = 0;
};

void put_queue_declared(RecordWriter& record, QueueId id, const QueueAttributes& attributes, QueueId dead_letter_queue);
void put_topic_declared(RecordWriter& record, std::string_view name, std::string_view definition, Sequence next_sequence);
void put_move_started(RecordWriter& record, const Move& move);
void put_move_continued(RecordWriter& record, MoveId id, MoveStatus status, Sequence next);
void put_stream_declared(RecordWriter& record, StreamId id, const StreamAttributes& attributes, QueueId dead_letter_queue);
void put_stream_checkpointed(RecordWriter& record, const StreamLease& place, Offset next);
void put_progress_kept(RecordWriter& record, std::string_view source, std::uint64_t version, std::string_view value);
void put_session_opened(RecordWriter& record, SessionId id, const SessionKey& key, std::string_view node, std::string_view host);

}  // namespace remuda::broker
