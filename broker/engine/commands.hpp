#pragma once
// What can be asked of the queue engine: one struct per operation, under its SQS name. Views and spans point into the
// caller's memory and need to live only as long as the call of QueueEngine::apply.

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "broker/engine/receipt_handle.hpp"
#include "broker/engine/stream_position.hpp"
#include "common/clock.hpp"

namespace remuda::broker {

using ClientId = std::uint64_t;   ///< one connection, named by the shell
using SessionId = std::uint32_t;  ///< one client process across its connections, named by the engine; 0 = the broker itself
using SessionKey = std::array<char, 16>;
using Milliseconds = std::chrono::milliseconds;

/// The present on both clocks. Visibility and waiting follow `now`; `unix_ms` is what people read.
struct Moment {
  Instant now{};
  std::int64_t unix_ms = 0;
};
[[nodiscard]] inline Moment moment_of(const Clock& clock) {
  return Moment{clock.now(), to_unix_ms(clock.wall_now())};
}

/// Who asks. A changing request that repeats an applied `request` of its session is answered again and not applied again.
struct Requester {
  ClientId client = 0;
  SessionId session = 0;      ///< from OpenSession; 0: the broker itself asks, nothing is remembered
  std::uint64_t request = 0;  ///< increasing per session, from 1
  std::uint64_t settled = 0;  ///< requests below it are finished at the client and may be forgotten
};

/// A packed message as it travels, with the CRC32C that the shell computed over it and checks again before delivery.
struct Body {
  std::string_view bytes;
  std::uint32_t crc32c = 0;
};

/// What a deduplication id comes to: the first 128 bits of a SHA-256 over it, made by the shell, so that every id costs the same.
using DeduplicationKey = std::array<char, 16>;
/// A message's place in a FIFO queue, as the shell has read it from the message by the queue's `group_by` and `deduplicate_by`.
struct Grouping {
  std::string_view group;  ///< 1 to 128 bytes
  DeduplicationKey key{};
};

/// What becomes of a message group whose head went to the dead-letter queue.
enum class OnDeadLetter : std::uint8_t {
  skip,   ///< the next of the group is delivered: the order has a gap
  block,  ///< nothing of the group is delivered until that dead letter has left the dead-letter queue; redriven, it takes its old
          ///< place
};
/// Which messages are the same: those of the queue, or of one message group, with the same deduplication id.
enum class DeduplicationScope : std::uint8_t { queue, message_group };

/// What makes a queue a FIFO queue. Not to be changed later, but for `on_dead_letter`, and the selectors for what is sent then.
struct FifoAttributes {
  std::string group_by = "group_id";  ///< where a message names its group: a selector, see QUEUE.md; for the shell
  std::string deduplicate_by = "id";  ///< where it names its deduplication id, unless its header `dedup_id` does; for the shell
  DeduplicationScope deduplication_scope = DeduplicationScope::queue;
  OnDeadLetter on_dead_letter = OnDeadLetter::skip;
  friend bool operator==(const FifoAttributes&, const FifoAttributes&) = default;
};

/// Settings of a queue. Source of ranges and defaults: SQS Developer Guide, as in SEMANTICS §3.
struct QueueAttributes {
  std::string name;
  Milliseconds visibility_timeout{std::chrono::seconds{30}};  ///< 0 s … 12 h
  Milliseconds retention{std::chrono::hours{96}};             ///< 1 s … 14 days
  Milliseconds delay{0};                                      ///< 0 s … 15 min
  std::string dead_letter_queue;                              ///< empty: none
  std::uint32_t max_receives = 0;                             ///< 1 … 1000; 0: no limit
  std::uint32_t max_message_size_bytes = 1'048'576;           ///< of the packed message
  std::uint64_t max_messages = 0;                             ///< that it takes from senders and publishers to hold; 0: no limit
  std::uint64_t max_bytes = 0;                                ///< of packed messages, likewise; 0: no limit
  bool relaxed = false;                                       ///< confirm without waiting for the disk
  std::optional<FifoAttributes> fifo;                         ///< absent: a standard queue
  std::map<std::string, std::string, std::less<>> tags;       ///< at most 70; name 1 to 128 bytes, value at most 16 KiB
  friend bool operator==(const QueueAttributes&, const QueueAttributes&) = default;
};

/// Stores the messages in this order, all or none; but a message that a FIFO queue was sent before within five minutes, judged by
/// its deduplication key, is answered with the sequence of the first one and not stored.
/// Errors: no_such_queue, message_too_large, invalid_argument (nothing to send, delay out of range, a FIFO queue without a grouping
/// for each message, or the reverse), storage_full, queue_full (the queue would hold more than its max_messages or max_bytes: later
/// there may be room), over_limit (there never will be: this alone is more).
struct SendMessage {
  Requester from;
  QueueId queue = 0;
  std::span<const Body> messages;
  std::optional<Milliseconds> delay;       ///< 0 s … 15 min; the queue's own when absent
  std::span<const Milliseconds> delays{};  ///< empty, or one for each message in place of `delay`; negative: `delay`
  std::span<const Grouping> groupings{};   ///< of a FIFO queue: one for each message
};

/// One published message and the queues that want it (the shell has evaluated their filters); may be none.
struct Publication {
  Body message;
  std::span<const QueueId> targets;
  std::span<const Grouping> groupings{};    ///< parallel to `targets` when any of them is a FIFO queue; else empty
  DeduplicationKey key{};                   ///< at a FIFO topic
  std::span<const StreamTarget> streams{};  ///< that want it too
};
/// Stores every message once and a reference to it in each target, all or none. A FIFO topic passes over what it was published
/// before within five minutes; so does each FIFO target for itself. Errors: as SendMessage.
struct PublishMessage {
  Requester from;
  std::span<const Publication> messages;
  std::string_view fifo_topic{};  ///< name of the topic if it is a FIFO topic; else empty
};

/// Makes up to `max` visible messages in flight, oldest first, and delivers them. With none visible, or 120,000 in flight, it waits
/// up to `wait`.
/// Waiting receives of a queue are served in the order in which they came.
/// A FIFO queue delivers the messages of a group in their order, and none of a group of which an earlier receive has any in flight.
/// With the attempt id of a receive of the last five minutes it delivers the same messages under the same handles again, each
/// hidden for the whole timeout anew, as long as none of them was settled or had its visibility changed; the receive count stays.
/// An exclusive receive is that of a queue's only consumer: what is in flight, with one that died for instance, comes back first,
/// and its receive does not count. So it gets the oldest messages there are, in order.
/// Errors: no_such_queue, invalid_visibility_timeout, invalid_argument (max 0), over_limit (120,000 in flight and no wait).
struct ReceiveMessage {
  Requester from;
  QueueId queue = 0;
  std::uint32_t max = 1;
  Milliseconds wait{0};
  std::optional<Milliseconds> visibility_timeout;  ///< 0 s … 12 h; the queue's own when absent
  std::string_view attempt_id{};                   ///< at most 128 bytes; empty: none
  bool exclusive = false;
};

/// Deletes what the handles hold; one outcome per handle. The same handle again is `done` as well. After its visibility timeout a
/// handle still deletes from a standard queue while nobody else has received the message; on a FIFO queue it is stale.
struct DeleteMessage {
  Requester from;
  QueueId queue = 0;
  std::span<const ReceiptHandle> handles;
};

/// Hides the messages until now + `timeout`; 0 returns them at once, which ends the attempt like an expired timeout.
/// Per handle: stale_handle, or invalid_visibility_timeout when the whole attempt would last more than 12 h.
struct ChangeMessageVisibility {
  Requester from;
  QueueId queue = 0;
  std::span<const ReceiptHandle> handles;
  Milliseconds timeout{0};
};

/// Records a failed attempt. The message comes back after `delay` (0 s … 12 h), or when its visibility timeout ends if absent;
/// if it has used up its receives it goes to the dead-letter queue now.
struct RetryLater {
  Requester from;
  QueueId queue = 0;
  ReceiptHandle handle;
  std::string_view error;  ///< kept up to 1,024 bytes
  std::optional<Milliseconds> delay;
};

/// Moves the message to the dead-letter queue at once. Without one nothing may get lost: it then is RetryLater with that reason.
struct RejectMessage {
  Requester from;
  QueueId queue = 0;
  ReceiptHandle handle;
  std::string_view reason;  ///< kept up to 1,024 bytes
};

/// Gives back messages whose processing never started: visible at once, and the receive does not count.
struct ReleaseMessage {
  Requester from;
  QueueId queue = 0;
  std::span<const ReceiptHandle> handles;
};

/// Settings of a stream.
struct StreamAttributes {
  std::string name;
  std::uint32_t partitions = 1;                      ///< 1 … 1,024; stays what it was made with
  std::string partition_by;                          ///< where a record names its partition key: a selector, for the shell
  Milliseconds retention{std::chrono::hours{24}};    ///< 1 s … 365 days. Source: SEMANTICS §7
  std::uint64_t max_bytes = 0;                       ///< of packed records that are kept; 0: no limit
  std::uint32_t max_message_size_bytes = 1'048'576;  ///< of a packed record
  std::string dead_letter_queue;                     ///< a standard queue; empty: none
  std::uint32_t max_receives = 0;                    ///< 1 … 1000: then a record is diverted; 0: no limit
  friend bool operator==(const StreamAttributes&, const StreamAttributes&) = default;
};

/// Appends the records to their partitions in this order, all or none. Answers how many, and the offset of the first.
/// Errors: no_such_stream, message_too_large, invalid_argument (nothing to append, a partition that is not there), storage_full.
struct AppendStream {
  Requester from;
  StreamId stream = 0;
  std::span<const Body> records;
  std::span<const std::uint32_t> partitions;  ///< one for each record
};

/// Leases the next batch of a partition that nobody of this group holds, from the group's position on: at most one batch is in
/// flight per partition and group. A group is created by its first take. The lease ends with its last checkpoint, or may be taken
/// over once `visibility_timeout` has passed since the batch was handed out or last confirmed in part. Errors: no_such_stream,
/// invalid_argument, invalid_visibility_timeout, over_limit (1,000 groups), storage_full. With nothing to lease it waits up to `wait`;
/// takes of a group that wait are served in the order in which they came.
struct TakeStream {
  Requester from;
  StreamId stream = 0;
  std::string_view group;
  std::uint32_t max = 1;                                      ///< records; 10,000 at most are handed out
  std::uint64_t max_bytes = 10U * 1024 * 1024;                ///< of packed records; the first is handed out whatever its size
  Milliseconds visibility_timeout{std::chrono::seconds{30}};  ///< 0 s … 12 h
  bool start_latest = false;                                  ///< of a new group: only what comes from now on
  Milliseconds wait{0};
};

/// Confirms the records of the lease before `next`. The whole batch: the lease ends; else it goes on, its time counted
/// anew. Errors: stale_lease (it was taken over, sought away, or the broker was restarted), invalid_argument (`next` is
/// outside the batch).
struct CheckpointStream {
  Requester from;
  StreamLease lease;
  Offset next = 0;
  enum class End : std::uint8_t {
    none,     ///< goes on, unless everything is confirmed
    release,  ///< the rest is given back
    failed,   ///< the record at `next` failed: it comes again after `delay`, or is diverted when its receives are used up
    reject,   ///< it is diverted to the dead-letter queue at once; without one this is `failed`
  };
  End end = End::none;
  std::string_view reason{};  ///< kept up to 1,024 bytes
  Milliseconds delay{0};      ///< 0 s … 12 h
};

/// Moves a group's position, which ends its leases there. Errors: no_such_stream, no_such_group, invalid_argument (no such
/// partition), invalid_position (beyond the end).
struct SeekStream {
  Requester from;
  StreamId stream = 0;
  std::string_view group;
  std::optional<std::uint32_t> partition;  ///< absent: all
  StreamPosition position;
};

/// Creates the stream or gives it these attributes; its records stay. A dead-letter queue that does not exist is created.
/// Errors: invalid_attribute, saying which.
struct DeclareStream {
  Requester from;
  StreamAttributes attributes;
};

/// Deletes the stream with its records and groups. Errors: no_such_stream, stream_not_empty (unless `force`).
struct DeleteStream {
  Requester from;
  StreamId stream = 0;
  bool force = false;
};

/// How far a source outside has been taken, in that source's own words: kept until the next step of the same source replaces it, in one
/// record with the messages that were taken. `after`: the version that the asker knows, 0 when there is none; the new one is one more.
/// So of two who carry for one source only one gets on, and what was stored before is not stored again, however much later.
/// Errors: progress_moved (another version is there, which the error names), invalid_argument (name, value), too_many_sources
/// (10,000).
struct KeepProgress {
  std::string_view source;  ///< 1 to 128 bytes
  std::uint64_t after = 0;
  std::string_view value;  ///< at most 64 KiB
};

/// What was kept last; version 0: nothing is known of that source.
struct Progress {
  std::uint64_t version = 0;
  std::string value{};
};

using TransactionStep = std::variant<SendMessage, PublishMessage, DeleteMessage, ChangeMessageVisibility, RetryLater, RejectMessage,
                                     ReleaseMessage, AppendStream, CheckpointStream, KeepProgress>;
/// All steps or none, in one record; `from` of the steps is not looked at. A handle that is stale, already settled, or
/// used twice refuses the whole. Errors: those of the steps, naming the step.
struct Transact {
  Requester from;
  std::span<const TransactionStep> steps;
};

/// Deletes every message of the queue, in flight or not; or only those of `sequences` that still exist.
struct PurgeQueue {
  Requester from;
  QueueId queue = 0;
  std::optional<std::span<const Sequence>> sequences;
};

/// Moves waiting messages out of a (dead-letter) queue, oldest first: to `to`, or each to the queue it came from; those that
/// came from nowhere stay. Id, body and attempts are kept; the receive count starts again, and so does the age, lest a message that
/// waited here for longer than the other queue's retention be lost on arrival.
/// Errors: no_such_queue, invalid_argument (`to` is the queue itself, or of another kind).
struct RedriveMessages {
  Requester from;
  QueueId queue = 0;
  std::optional<QueueId> to;
  std::optional<std::span<const Sequence>> sequences;  ///< only these
  std::uint64_t max = UINT64_MAX;
};

using MoveId = std::uint32_t;
/// Begins to move messages of a queue in the background: the shell chooses which and how fast, the engine remembers how far it is,
/// so that a restart does not stop it. Only what is in the queue now is moved. Answers the id of the move as `first`. Errors:
/// no_such_queue, invalid_argument (into itself, queues of different kinds), move_in_progress (one at a time from each queue).
struct StartMove {
  Requester from;
  QueueId queue = 0;
  std::optional<QueueId> to;         ///< absent: each to the queue it came from
  std::string_view selection;        ///< which of them: the shell's own bytes, kept as they are
  std::uint32_t max_per_second = 0;  ///< 0: as fast as it goes
};
/// One step of a move: moves `sequences`, and remembers that everything below `next` has been looked at. Asked by
/// the broker itself.
struct ContinueMove {
  Requester from;
  MoveId move = 0;
  std::span<const Sequence> sequences;
  Sequence next = 0;
  bool done = false;  ///< it ends with this step
};
/// Ends a move; what it moved stays moved. Errors: no_such_move.
struct CancelMove {
  Requester from;
  MoveId move = 0;
};

/// Creates the queue or gives it these attributes; its messages stay. A dead-letter queue that does not exist is created, as FIFO
/// queue if this is one. Errors: invalid_attribute, saying which.
struct DeclareQueue {
  Requester from;
  QueueAttributes attributes;
};

/// Deletes the queue with all its messages; its name may be declared anew. Receives that wait are answered no_such_queue.
/// Errors: no_such_queue, queue_not_empty (it holds messages and `force` is not set), queue_in_use (it is the dead-letter
/// queue of another).
struct DeleteQueue {
  Requester from;
  QueueId queue = 0;
  bool force = false;
};

/// Keeps the definition of a topic, opaque to the engine, so that a topic declared over the wire survives a restart. Empty: forget
/// it, and what it deduplicates by.
struct DeclareTopic {
  Requester from;
  std::string_view name;
  std::string_view definition;
};

/// Opens a session, or finds it again by its key: the first thing that a client says.
struct OpenSession {
  ClientId client = 0;
  std::uint64_t request = 0;
  SessionKey key{};
  std::string_view node;
  std::string_view host;
};

/// The connection has gone: its waiting receives and takes are dropped. Messages in flight stay so until their timeout.
struct CancelReceives {
  ClientId client = 0;
};

using Command = std::variant<SendMessage, PublishMessage, ReceiveMessage, DeleteMessage, ChangeMessageVisibility, RetryLater,
                             RejectMessage, ReleaseMessage, Transact, PurgeQueue, RedriveMessages, StartMove, ContinueMove,
                             CancelMove, DeclareQueue, DeleteQueue, DeclareTopic, OpenSession, CancelReceives, AppendStream,
                             TakeStream, CheckpointStream, SeekStream, DeclareStream, DeleteStream>;

}  // namespace remuda::broker
