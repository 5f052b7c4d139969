#pragma once
// The wire between a client and a broker: frames <-> commands and replies. Pure: bytes in, values out; no socket, no clock.
// Malformed input is refused with a typed error and never crashes. The grammar is in PROTOCOL.md beside this file.
//
// Everything decoded is a view into the frame: it is valid as long as the frame's bytes are.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/result.hpp"

namespace remuda::wire {

inline constexpr std::uint32_t protocol_version = 1;
inline constexpr std::size_t session_size = 16;        ///< random bytes that name a client for as long as it lives
inline constexpr std::size_t batch_size_max = 10'000;  ///< messages or handles in one request
inline constexpr std::size_t transaction_steps_max = 1'000;

// ---- What a client asks. One struct per operation, under its name on the wire. ----

struct Hello {  ///< `hello`
  std::uint32_t protocol = protocol_version;
  std::string_view session;  ///< exactly session_size bytes
  std::string_view node;     ///< who this is, for people: shown with failed attempts
  std::string_view host;
};
struct Ping {};  ///< `ping`

/// `send`: stores all messages in the queue, or none.
struct Send {
  std::string_view queue;
  std::vector<std::string_view> messages;                 ///< packed, see common/message.hpp
  std::optional<std::uint64_t> delay_ms{};                ///< absent: the queue's own
  std::vector<std::optional<std::uint64_t>> delays_ms{};  ///< empty, or one for each message; absent: `delay_ms`
};
/// `publish`: stores the messages in every chained queue whose filter matches, and shows them to live subscribers.
struct Publish {
  std::string_view topic;
  std::vector<std::string_view> messages;
};
/// `receive`: up to `max` visible messages; waits up to `wait_ms` when there is none.
struct Receive {
  std::string_view queue;
  std::uint32_t max = 1;
  std::uint64_t wait_ms = 0;
  std::optional<std::uint64_t> visibility_timeout_ms{};  ///< absent: the queue's own
  std::string_view attempt_id{};                         ///< a receive of the same id within five minutes gets the same messages
  bool exclusive = false;                                ///< of the queue's only consumer: what is in flight comes back first
};
/// `cancel_receives`: every waiting receive and take of this client is answered now, empty.
struct CancelReceives {};
struct Delete {  ///< `delete`
  std::string_view queue;
  std::vector<std::string_view> handles;
};
struct ChangeVisibility {  ///< `change_visibility`
  std::string_view queue;
  std::vector<std::string_view> handles;
  std::uint64_t timeout_ms = 0;
};
/// `retry_later`: records a failed attempt.
struct RetryLater {
  std::string_view queue;
  std::string_view handle;
  std::string_view error_text;
  std::optional<std::uint64_t> delay_ms;  ///< absent: the visibility timeout decides
};
struct Reject {  ///< `reject`: dead-letters at once
  std::string_view queue;
  std::string_view handle;
  std::string_view reason;
};
struct Release {  ///< `release`: never started; visible again, receive count one less
  std::string_view queue;
  std::vector<std::string_view> handles;
};
/// `append`: adds the messages to the partitions of the stream that their keys belong to, or none.
struct Append {
  std::string_view stream;
  std::vector<std::string_view> messages;
};
/// `stream_checkpoint`: confirms what was taken before `next`; see PROTOCOL.md, Streams.
struct StreamCheckpoint {
  std::string_view lease;
  std::uint64_t next = 0;
  std::string_view end = "none";  ///< "none", "release", "failed", "reject"
  std::string_view reason{};
  std::uint64_t delay_ms = 0;
};
/// `keep_progress`, a step only: how far a source outside has been taken, kept in one record with what was taken; see PROTOCOL.md.
struct KeepProgress {
  std::string_view source;
  std::uint64_t after = 0;  ///< the version that is there; 0: none
  std::string_view value;   ///< bytes, in the source's own words
};
using Step =
    std::variant<Send, Publish, Delete, ChangeVisibility, RetryLater, Reject, Release, Append, StreamCheckpoint, KeepProgress>;
struct Transact {  ///< `transact`: all steps or none
  std::vector<Step> steps;
};

/// Which messages of a queue an operator's verb is about. Policies are SNS filter policies as JSON text.
struct Selection {
  std::string_view filter_policy;  ///< empty: all
  bool filter_on_attributes = false;
};
struct Peek {  ///< `peek`: looks without any effect
  std::string_view queue;
  std::uint64_t from = 0;  ///< sequence number to begin at
  std::uint32_t max = 10;
  Selection selection;
};
struct Purge {  ///< `purge`
  std::string_view queue;
  Selection selection;
  bool dry_run = false;
};
struct Redrive {  ///< `redrive`: dead letters back to where they came from
  std::string_view queue;
  std::string_view to;    ///< empty: each to its origin queue
  std::uint64_t max = 0;  ///< 0: all
  Selection selection;
  bool dry_run = false;
};
/// `start_move`: moves messages out of a queue in the background; goes on after a restart of the broker.
struct StartMove {
  std::string_view queue;
  std::string_view to;  ///< empty: each to its origin queue
  Selection selection;
  std::uint32_t max_per_second = 0;  ///< 0: as fast as it goes
};
struct CancelMove {  ///< `cancel_move`
  std::uint32_t move = 0;
};
struct ListMoves {};   ///< `list_moves`: those that run, and the last few that ended
struct GetQueueInfo {  ///< `queue_info`
  std::string_view queue;
};
struct BeginBackup {};  ///< `backup`: holds what is durable now until everything is read
struct ReadBackup {     ///< `backup_read`
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;
};
struct EndBackup {};   ///< `backup_end`
struct ListQueues {};  ///< `list_queues`
struct ListTopics {};  ///< `list_topics`
struct GetProgress {   ///< `progress`: what was kept last
  std::string_view source;
};
/// What makes a queue a FIFO queue. Selectors are explained in PROTOCOL.md.
struct Fifo {
  std::string_view group_by = "group_id";
  std::string_view deduplicate_by = "id";
  std::string_view deduplication_scope = "queue";  ///< or "message_group"
  std::string_view on_dead_letter = "skip";        ///< or "block"
};
struct DeclareQueue {  ///< `declare_queue`: creates it or changes its attributes
  std::string_view queue;
  std::uint64_t visibility_timeout_ms = 30'000;
  std::uint64_t retention_ms = 4ULL * 24 * 3'600'000;
  std::uint64_t delay_ms = 0;
  std::string_view dead_letter_queue;  ///< empty: none
  std::uint32_t max_receives = 0;      ///< 0: no limit
  std::uint64_t max_message_size_bytes = 1'048'576;
  std::uint64_t max_messages = 0;  ///< 0: no limit
  std::uint64_t max_bytes = 0;     ///< 0: no limit
  bool relaxed = false;
  std::string_view from_topic;  ///< empty: not chained
  Selection selection;          ///< of a chained queue
  std::optional<Fifo> fifo{};
  std::vector<std::pair<std::string_view, std::string_view>> tags{};
};
struct DeleteQueue {  ///< `delete_queue`
  std::string_view queue;
  bool force = false;  ///< also when it holds messages, which are then lost
};
struct DeclareTopic {  ///< `declare_topic`
  std::string_view topic;
  bool fifo = false;
  std::string_view deduplicate_by = "id";  ///< of a FIFO topic
};
/// Where to begin in a stream: `offset` or `time_ms` if given, else "oldest" or "latest".
struct StreamPosition {
  std::string_view from = "oldest";
  std::optional<std::uint64_t> offset{};
  std::optional<std::uint64_t> time_ms{};
};
struct StreamRead {  ///< `stream_read`: answered at once
  std::string_view stream;
  std::uint32_t partition = 0;
  std::uint32_t max = 1;
  StreamPosition position{};
};
/// `stream_take`: leases a batch of a partition that nobody of the group holds; waits up to `wait_ms` when there is none.
struct StreamTake {
  std::string_view stream;
  std::string_view group;
  std::uint32_t max = 1;
  std::uint64_t visibility_timeout_ms = 30'000;
  std::string_view start = "oldest";  ///< of a new group; or "latest"
  std::uint64_t wait_ms = 0;
};
struct StreamSeek {  ///< `stream_seek`
  std::string_view stream;
  std::string_view group;
  std::optional<std::uint64_t> partition{};  ///< absent: all
  StreamPosition position{};
};
struct DeclareStream {  ///< `declare_stream`
  std::string_view stream;
  std::uint32_t partitions = 1;
  std::string_view partition_by{};  ///< a selector; empty: the header `group_id`, and without one the message's id
  std::uint64_t retention_ms = 24ULL * 3'600'000;
  std::uint64_t max_bytes = 0;
  std::string_view dead_letter_queue{};
  std::uint32_t max_receives = 0;
  std::string_view from_topic{};  ///< empty: not chained
  Selection selection{};          ///< of a chained stream
};
struct GetStreamInfo {  ///< `stream_info`
  std::string_view stream;
};
struct ListStreams {};  ///< `list_streams`
struct DeleteStream {   ///< `delete_stream`
  std::string_view stream;
  bool force = false;
};
struct DeleteTopic {  ///< `delete_topic`: its queues stay, and are chained to nothing
  std::string_view topic;
};
struct Subscribe {  ///< `subscribe`: live events of a topic, nothing stored
  std::string_view topic;
  Selection selection;
  std::uint32_t window = 1'024;  ///< events the broker may send beyond the last one credited
};
struct Unsubscribe {  ///< `unsubscribe`
  std::uint64_t subscription = 0;
};
/// `credit`: the subscriber has taken every event up to `sequence`. The one request without a reply.
struct Credit {
  std::uint64_t subscription = 0;
  std::uint64_t sequence = 0;
};

using Command = std::variant<Hello, Ping, Send, Publish, Receive, CancelReceives, Delete, ChangeVisibility, RetryLater, Reject,
                             Release, Transact, Peek, Purge, Redrive, StartMove, CancelMove, ListMoves, GetQueueInfo, ListQueues,
                             ListTopics, BeginBackup, ReadBackup, EndBackup, DeclareQueue, DeleteQueue, DeclareTopic, DeleteTopic,
                             Subscribe, Unsubscribe, Credit, Append, StreamCheckpoint, StreamRead, StreamTake, StreamSeek,
                             DeclareStream, DeleteStream, GetStreamInfo, ListStreams, GetProgress>;

struct Request {
  std::uint64_t request = 0;  ///< increasing per session; 0 for hello
  std::uint64_t settled = 0;  ///< no remembered request below this number will be sent again
  Command command;
};

/// True for the requests that change messages or declarations: a client keeps and resends them with their number, the
/// broker remembers that it has done them. `receive` is not one of them.
[[nodiscard]] bool is_remembered(const Command& command);
/// The operation's name on the wire.
[[nodiscard]] std::string_view name_of(const Command& command);

/// Reads a request frame. On failure `out.request` holds the number if that much could be read, so that the reply finds its asker.
/// Errors: `malformed_request`, `unknown_operation`, `over_limit` (all definite).
Result<void> decode_request(std::string_view frame, Request& out);
/// Appends the frame to `out`.
void encode_request(const Request& request, std::string& out);
/// Appends `[op, argument...]`, the form of a step inside `transact`.
void encode_step(const Step& step, std::string& out);
/// Appends a transact frame whose `step_count` steps are already encoded in `steps`.
void encode_transact(std::uint64_t request, std::uint64_t settled, std::string_view steps, std::size_t step_count,
                     std::string& out);

// ---- What a broker answers. ----

struct Ok {
  std::uint64_t request = 0;
  std::string_view result;  ///< one msgpack value: for the decoders below
};
struct Refused {
  std::uint64_t request = 0;
  Error error;
};
/// One or more messages of a live topic with consecutive sequence numbers from `sequence`.
struct Event {
  std::uint64_t subscription = 0;
  std::uint64_t sequence = 0;
  std::vector<std::string_view> messages;
};
using Reply = std::variant<Ok, Refused, Event>;

/// Errors: `malformed_reply` (outcome unknown).
Result<Reply> decode_reply(std::string_view frame);

/// One message as `receive` hands it out.
struct Received {
  std::string_view handle;          ///< opaque; stops working when the message is received again
  std::uint32_t receive_count = 0;  ///< 1 the first time
  std::int64_t sent_ms = 0;         ///< when the queue got it
  std::int64_t first_received_ms = 0;
  std::string_view message;  ///< packed
};
/// What became of one handle that was refused.
struct HandleError {
  std::uint32_t index = 0;  ///< in the request's list
  std::string code;         ///< `stale_handle`, ...
  friend bool operator==(const HandleError&, const HandleError&) = default;
};
struct Attempt {
  std::string node;
  std::string host;
  std::int64_t time_ms = 0;
  std::string error;
  friend bool operator==(const Attempt&, const Attempt&) = default;
};
/// One message as `peek` shows it.
struct Peeked {
  std::uint64_t sequence = 0;
  std::string state;  ///< "visible", "in_flight", "delayed"
  std::uint32_t receive_count = 0;
  std::int64_t sent_ms = 0;
  std::int64_t first_received_ms = 0;  ///< 0: never
  std::string origin_queue;            ///< dead letters: where it came from
  std::string reason;                  ///< dead letters: why it is here
  std::string holder_node;             ///< in flight: who has it
  std::string holder_host;
  std::string group;  ///< in a FIFO queue
  std::uint64_t attempts_total = 0;
  std::vector<Attempt> attempts;  ///< those that failed: the first and the last nine
  std::string message;            ///< packed
  friend bool operator==(const Peeked&, const Peeked&) = default;
};
struct QueueInfo {
  std::string queue;
  std::string from_topic;
  std::string filter_policy;
  bool filter_on_attributes = false;
  std::uint64_t visibility_timeout_ms = 0;
  std::uint64_t retention_ms = 0;
  std::uint64_t delay_ms = 0;
  std::string dead_letter_queue;
  std::uint32_t max_receives = 0;
  std::uint64_t max_message_size_bytes = 0;
  std::uint64_t max_messages = 0;  ///< 0: no limit
  std::uint64_t max_bytes = 0;     ///< 0: no limit
  bool relaxed = false;
  bool fifo = false;
  std::string group_by;  ///< this and the next three: of a FIFO queue
  std::string deduplicate_by;
  std::string deduplication_scope;
  std::string on_dead_letter;
  std::map<std::string, std::string> tags;
  // now
  std::uint64_t visible = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t delayed = 0;
  std::uint64_t bytes = 0;  ///< of all these messages, packed
  std::uint64_t waiting_receives = 0;
  std::uint64_t oldest_age_ms = 0;  ///< of the oldest message that is there; 0: none
  std::uint64_t groups = 0;         ///< of a FIFO queue: message groups that have messages
  std::uint64_t deduplicated = 0;   ///< of a FIFO queue: deduplication ids that it remembers
  std::uint64_t damaged = 0;        ///< messages whose stored bodies are known to be damaged
  // since the queue exists
  std::uint64_t sent = 0;      ///< into this queue: sent, published or moved here; what it ever held
  std::uint64_t moved_in = 0;  ///< of these, dead-lettered or redriven from another queue
  std::uint64_t received = 0;
  std::uint64_t redelivered = 0;  ///< of these, not the first of their message
  std::uint64_t deleted = 0;
  std::uint64_t purged = 0;
  std::uint64_t dead_lettered = 0;  ///< moved from here to the dead-letter queue
  std::uint64_t redriven = 0;       ///< moved from here by a redrive
  std::uint64_t expired = 0;
  friend bool operator==(const QueueInfo&, const QueueInfo&) = default;
};
struct ChainedQueue {
  std::string queue;
  std::string filter_policy;
  bool filter_on_attributes = false;
  friend bool operator==(const ChainedQueue&, const ChainedQueue&) = default;
};
struct TopicInfo {
  std::string topic;
  std::vector<ChainedQueue> queues;
  std::vector<ChainedQueue> streams;
  bool fifo = false;
  std::string deduplicate_by;  ///< of a FIFO topic
  std::uint64_t subscribers = 0;
  std::uint64_t published = 0;  ///< since the broker started
  std::uint64_t missed = 0;     ///< events that slow subscribers did not get, since the broker started
  friend bool operator==(const TopicInfo&, const TopicInfo&) = default;
};
/// One record as a read or a take hands it out.
struct StreamRecord {
  std::uint64_t offset = 0;
  std::int64_t time_ms = 0;
  std::string_view message;  ///< packed
};
/// Records of one partition and what is left behind them.
struct StreamBatch {
  std::string_view lease;  ///< of a take; empty: there was nothing to take
  std::uint32_t partition = 0;
  std::uint64_t next = 0;       ///< where to go on
  std::uint64_t behind = 0;     ///< records from there on
  std::uint64_t behind_ms = 0;  ///< age of the first of them
  std::uint32_t attempts = 0;   ///< how often the first record failed before
  std::vector<StreamRecord> records;
};
/// A consumer group at one partition.
struct StreamShare {
  std::uint64_t next = 0;       ///< everything before it is confirmed
  std::uint64_t in_flight = 0;  ///< records that are leased
  std::uint32_t attempts = 0;   ///< how often the record at `next` failed
  friend bool operator==(const StreamShare&, const StreamShare&) = default;
};
struct StreamGroup {
  std::string group;
  std::vector<StreamShare> shares;  ///< by partition
  friend bool operator==(const StreamGroup&, const StreamGroup&) = default;
};
struct StreamInfo {
  std::string stream;
  std::string partition_by;
  std::uint64_t retention_ms = 0;
  std::uint64_t max_bytes = 0;  ///< 0: no limit
  std::string dead_letter_queue;
  std::uint32_t max_receives = 0;
  std::string from_topic;
  std::string filter_policy;
  bool filter_on_attributes = false;
  // now
  std::uint64_t bytes = 0;     ///< of the records that are kept, packed
  std::int64_t oldest_ms = 0;  ///< when the oldest of them came; 0: there is none
  std::uint64_t waiting_takes = 0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> partitions;  ///< the offset of the oldest record, and of the next to come
  std::vector<StreamGroup> groups;

  [[nodiscard]] std::uint64_t records() const;   ///< that are kept
  [[nodiscard]] std::uint64_t appended() const;  ///< ever
  /// Records that the group has not confirmed.
  [[nodiscard]] std::uint64_t behind(const StreamGroup& group) const;
  friend bool operator==(const StreamInfo&, const StreamInfo&) = default;
};
/// A move in the background.
struct MoveInfo {
  std::uint32_t move = 0;
  std::string queue;
  std::string to;  ///< empty: each to its origin queue
  std::string filter_policy;
  bool filter_on_attributes = false;
  std::uint32_t max_per_second = 0;
  std::string status;  ///< "running", "completed", "cancelled"
  std::int64_t started_ms = 0;
  std::uint64_t moved = 0;
  friend bool operator==(const MoveInfo&, const MoveInfo&) = default;
};
/// A file of a backup: what is durable of one segment of the journal.
struct BackupSegment {
  std::uint32_t number = 0;
  std::uint64_t capacity_bytes = 0;  ///< the size it has to be given; zeros follow what is read
  std::uint64_t size_bytes = 0;      ///< what there is to read
  friend bool operator==(const BackupSegment&, const BackupSegment&) = default;
};
/// How far a source has been taken.
struct Progress {
  std::uint64_t version = 0;  ///< 0: nothing is known of it
  std::string value;
  friend bool operator==(const Progress&, const Progress&) = default;
};
/// The answer to hello.
struct Welcome {
  std::uint32_t protocol = protocol_version;
  std::string broker;
  std::uint64_t max_frame_size_bytes = 0;
  friend bool operator==(const Welcome&, const Welcome&) = default;
};

// Encoders append one whole reply frame to `out`.
void encode_error(std::uint64_t request, const Error& error, std::string& out);
void encode_ok(std::uint64_t request, std::string& out);  ///< result nil
void encode_ok(std::uint64_t request, std::uint64_t number, std::string& out);
void encode_ok(std::uint64_t request, const Welcome& welcome, std::string& out);
void encode_ok(std::uint64_t request, std::size_t handle_count, std::span<const HandleError> refused, std::string& out);
void encode_ok(std::uint64_t request, std::span<const Peeked> messages, std::string& out);
void encode_ok(std::uint64_t request, const QueueInfo& info, std::string& out);
void encode_ok(std::uint64_t request, std::span<const QueueInfo> queues, std::string& out);
void encode_ok(std::uint64_t request, std::span<const TopicInfo> topics, std::string& out);
void encode_ok(std::uint64_t request, std::span<const MoveInfo> moves, std::string& out);
void encode_ok(std::uint64_t request, const StreamInfo& info, std::string& out);
void encode_ok(std::uint64_t request, std::span<const StreamInfo> streams, std::string& out);
/// A send to a FIFO queue: one sequence for each message.
void encode_ok(std::uint64_t request, std::span<const std::uint64_t> sequences, std::string& out);
void encode_ok(std::uint64_t request, std::span<const BackupSegment> segments, std::string& out);
void encode_ok(std::uint64_t request, const Progress& progress, std::string& out);
void encode_bytes(std::uint64_t request, std::string_view bytes, std::string& out);
/// The reply of a stream_read or stream_take is written in place: the head, then exactly `count` records.
struct StreamBatchHead {
  std::string_view lease;
  std::uint32_t partition = 0;
  std::uint64_t next = 0;
  std::uint64_t behind = 0;
  std::uint64_t behind_ms = 0;
  std::uint32_t attempts = 0;
};
void begin_stream_batch(std::uint64_t request, const StreamBatchHead& head, std::size_t count, std::string& out);
void append_stream_record(std::uint64_t offset, std::int64_t time_ms, std::string_view packed, std::string& out);
/// Events are written in place too: the head, then exactly `count` messages.
void begin_event(std::uint64_t subscription, std::uint64_t sequence, std::size_t count, std::string& out);
void append_event_message(std::string_view packed, std::string& out);
/// The reply of a receive is written in place: the head, then exactly `count` messages.
void begin_received(std::uint64_t request, std::size_t count, std::string& out);
void append_received(const Received& received, std::string& out);

// Decoders of an Ok's result. Errors: `malformed_reply` (outcome unknown).
Result<std::uint64_t> decode_number(std::string_view result);
/// Of a send of `count` messages; empty when it is the answer to a resent request, whose result nobody remembers.
Result<std::vector<std::uint64_t>> decode_sequences(std::string_view result, std::size_t count);
Result<Welcome> decode_welcome(std::string_view result);
Result<std::vector<Received>> decode_received(std::string_view result);
Result<std::vector<HandleError>> decode_handle_errors(std::string_view result);
Result<std::vector<Peeked>> decode_peeked(std::string_view result);
Result<QueueInfo> decode_queue_info(std::string_view result);
Result<std::vector<QueueInfo>> decode_queue_list(std::string_view result);
Result<std::vector<TopicInfo>> decode_topic_list(std::string_view result);
Result<StreamBatch> decode_stream_batch(std::string_view result);
Result<StreamInfo> decode_stream_info(std::string_view result);
Result<std::vector<StreamInfo>> decode_stream_list(std::string_view result);
Result<std::vector<MoveInfo>> decode_move_list(std::string_view result);
Result<std::vector<BackupSegment>> decode_backup(std::string_view result);
Result<Progress> decode_progress(std::string_view result);
Result<std::string> decode_bytes(std::string_view result);

}  // namespace remuda::wire
