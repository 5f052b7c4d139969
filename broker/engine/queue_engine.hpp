#pragma once
// The queue node's state machine: commands and the present time go in, effects come out in the order in which they
// must be carried out. It owns no socket, clock, disk, thread or random source, so equal inputs give equal bytes and a
// failing seed replays.
//
// It decides a command into one record, appends that to the Log, and then changes its state by evolving that very record;
// recovery replays the same records through the same function (BrokerState::evolve). See QUEUE.md for the life of a message and
// RECORDS.md for the bytes.
//
// One turn of the shell: apply() every waiting command, finish with tick(), write the log (sync it if effects.sync_needed),
// send the replies, then perhaps compact() and truncate the log before oldest_needed_segment().
// Places in deliveries stay readable until then.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/engine/accepted_keys.hpp"
#include "broker/engine/broker_state.hpp"
#include "broker/engine/commands.hpp"
#include "broker/engine/effects.hpp"
#include "broker/engine/log.hpp"
#include "broker/engine/queue_views.hpp"
#include "broker/engine/steady_time.hpp"

namespace remuda::broker {

class QueueEngine {
 public:
  /// `log` must outlive the engine. `segment_size_bytes` is the log's, for the decision when stragglers are copied forward.
  explicit QueueEngine(Log& log, std::uint64_t segment_size_bytes = std::uint64_t{64} << 20U, HashKey hash_key = {});

  // Recovery: replay every record in its order, then say recovered() once, also for an empty log.
  /// Errors: `corrupt_record` (a record that this engine cannot have written); the state is then useless.
  Result<void> replay(std::string_view operations, Location payload);
  /// What was in flight gets its full visibility timeout again; its handles stay valid.
  void recovered(Moment moment);

  // A turn.
  /// Decides `command` and appends what it does and answers to `effects`. Receives that cannot be answered now are answered by
  /// a later tick().
  void apply(const Command& command, Moment moment, Effects& effects);
  /// Ends the turn: returns or dead-letters what timed out, expires what is too old, answers waiting receives.
  void tick(Moment moment, Effects& effects);
  /// When tick() next has something to do if nothing is applied; never too late, at times too early. Nothing when there is none.
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  // Reading: changes nothing, by type.
  [[nodiscard]] std::optional<QueueId> find_queue(std::string_view name) const;
  [[nodiscard]] std::optional<QueueInfo> queue_info(QueueId queue, Moment moment) const;
  /// Sorted by name.
  /// Whose bodies begin in [begin, end) of this segment. Looks at every message there is.
  [[nodiscard]] std::vector<PlacedMessages> messages_at(std::uint32_t segment, std::uint64_t begin, std::uint64_t end) const;
  [[nodiscard]] std::vector<QueueInfo> queues(Moment moment) const;
  /// Messages from `from` on in the order of their sequence, at most `limit`. An unknown queue has none.
  [[nodiscard]] std::vector<MessageInfo> peek(QueueId queue, Sequence from, std::size_t limit, Moment moment) const;
  /// name -> definition, as declared with DeclareTopic.
  [[nodiscard]] std::map<std::string, std::string, std::less<>> topics() const;
  /// Nothing when there is no such queue; valid until the next command.
  [[nodiscard]] const QueueAttributes* attributes(QueueId queue) const;
  /// Whether the FIFO topic has accepted this key within the last five minutes.
  [[nodiscard]] bool was_published(std::string_view topic, const DeduplicationKey& key, Moment moment);
  /// Those that run and the last few that ended, by id.
  [[nodiscard]] std::vector<Move> moves(Moment moment) const;
  [[nodiscard]] bool has_running_moves() const;

  /// How far this source has been taken, as KeepProgress last said.
  [[nodiscard]] Progress progress(std::string_view source) const;

  // Streams. Reading changes nothing, by type.
  [[nodiscard]] std::optional<StreamId> find_stream(std::string_view name) const { return state_.find_stream(name); }
  /// Nothing when there is no such stream; valid until the next command.
  [[nodiscard]] const Stream* stream(StreamId stream) const { return state_.stream(stream); }
  /// Appends up to `max` records (10,000 at most), and no more than `max_bytes` of them after the first, to
  /// `effects.stream_records`. A position below the first record kept means that one. Errors: no_such_stream, invalid_argument (no
  /// such partition), invalid_position (beyond the end).
  Result<StreamBatch> read_stream(StreamId stream, std::uint32_t partition, const StreamPosition& from, std::uint32_t max,
                                  std::uint64_t max_bytes, Moment moment, Effects& effects) const;
  /// Sorted by name.
  [[nodiscard]] std::vector<StreamId> streams() const;
  /// When the oldest record that is kept came, in Unix time; nothing when there is none.
  [[nodiscard]] std::optional<std::int64_t> oldest_record_ms(StreamId stream, Moment moment) const;
  /// Takes that wait for something to come.
  [[nodiscard]] std::size_t waiting_takes(StreamId stream) const;

  // Space in the log.
  /// Everything before this segment may be truncated: nothing live is there, and this segment starts with a checkpoint.
  [[nodiscard]] std::uint32_t oldest_needed_segment() const { return state_.ledger().oldest_needed_segment(); }
  /// Copies up to `budget_bytes` of live messages of the oldest segment forward if the log holds much more than what lives.
  /// True when there is more to do. The copies need no sync of their own, but one before the truncation that they permit.
  bool compact(std::uint64_t budget_bytes, Moment moment);
  /// The small state (queues, topics, counters, sessions) as operations of a record without payload. The log asks for it when it
  /// starts a segment, and writes it there as the first record.
  [[nodiscard]] std::string checkpoint() const;

  /// The whole state as text, the same for equal states: what tests compare before and after a restart.
  [[nodiscard]] std::string dump() const { return state_.dump(); }

 private:
  /// One call of apply() or tick(): the present, and where the effects go.
  struct Turn {
    Moment moment;
    std::int64_t time_ms;         ///< steady
    std::int64_t wall_offset_ms;  ///< Unix time minus steady time
    Effects& effects;
  };
  static constexpr std::chrono::milliseconds full_disk_pause{500};  ///< until what a full disk did not let happen is tried again
  /// What a step of a request comes to, beside the record being written: an error, or nothing.
  using Refusal = std::optional<Error>;
  struct Waiting {
    Requester from;
    std::uint32_t max;
    std::uint32_t visibility_timeout_ms;
    Instant deadline;
    std::string attempt_id;
    bool exclusive;
  };
  struct WaitingTake {
    TakeStream command;  ///< its group is a view of the next
    std::string group;
    Instant deadline;
  };
  /// Per stream, not recorded.
  struct WaitingTakes {
    std::deque<WaitingTake> takes;
    Instant look;  ///< when one of them may be answered
  };
  /// Per queue, not recorded.
  struct Upkeep {
    std::deque<Waiting> waiting;
    Instant next_expiry_check{};
    Instant planned = Instant::max();  ///< its entry in agenda_ that counts
  };
  struct Planned {
    Instant when;
    QueueId queue;
  };

  // One operation, one file.
  void on(const SendMessage& command, Turn& turn);
  void on(const PublishMessage& command, Turn& turn);
  void on(const ReceiveMessage& command, Turn& turn);
  void on(const DeleteMessage& command, Turn& turn);
  void on(const ChangeMessageVisibility& command, Turn& turn);
  void on(const RetryLater& command, Turn& turn);
  void on(const RejectMessage& command, Turn& turn);
  void on(const ReleaseMessage& command, Turn& turn);
  void on(const Transact& command, Turn& turn);
  void on(const PurgeQueue& command, Turn& turn);
  void on(const RedriveMessages& command, Turn& turn);
  void on(const StartMove& command, Turn& turn);
  void on(const ContinueMove& command, Turn& turn);
  void on(const CancelMove& command, Turn& turn);
  void on(const DeclareQueue& command, Turn& turn);
  void on(const DeleteQueue& command, Turn& turn);
  void on(const DeclareTopic& command, Turn& turn);
  void on(const OpenSession& command, Turn& turn);
  void on(const CancelReceives& command, Turn& turn);
  void on(const AppendStream& command, Turn& turn);
  void on(const TakeStream& command, Turn& turn);
  void on(const CheckpointStream& command, Turn& turn);
  void on(const SeekStream& command, Turn& turn);
  void on(const DeclareStream& command, Turn& turn);
  void on(const DeleteStream& command, Turn& turn);

  // The steps that a transaction may be made of: each writes its operations into record_, or refuses and says why.
  Refusal decide(const SendMessage& step, Turn& turn);
  Refusal decide(const PublishMessage& step, Turn& turn);
  Refusal decide(const DeleteMessage& step, Turn& turn);
  Refusal decide(const ChangeMessageVisibility& step, Turn& turn);
  Refusal decide(const ReleaseMessage& step, Turn& turn);
  Refusal decide(const RetryLater& step, Turn& turn);
  Refusal decide(const RejectMessage& step, Turn& turn);
  Refusal decide(const AppendStream& step, Turn& turn);
  Refusal decide(const CheckpointStream& step, Turn& turn);
  Refusal decide(const KeepProgress& step, Turn& turn);
  // Requests of their own.
  Refusal decide(const Transact& command, Turn& turn);
  Refusal decide(const PurgeQueue& command, Turn& turn);
  Refusal decide(const RedriveMessages& command, Turn& turn);
  Refusal decide(const StartMove& command, Turn& turn);
  Refusal decide(const ContinueMove& command, Turn& turn);
  Refusal decide(const CancelMove& command, Turn& turn);
  Refusal decide(const DeclareQueue& command, Turn& turn);
  Refusal decide(const DeleteQueue& command, Turn& turn);
  Refusal decide(const DeclareTopic& command, Turn& turn);
  Refusal decide(const SeekStream& command, Turn& turn);
  Refusal decide(const DeclareStream& command, Turn& turn);
  Refusal decide(const DeleteStream& command, Turn& turn);

  // Operations on several handles: what becomes of each, then the operations for those that change (sorted).
  struct Judgement {
    HandleOutcome outcome;
    bool changes;
  };
  [[nodiscard]] Judgement judge(const DeleteMessage& command, const Queue& queue, const ReceiptHandle& handle, Instant now) const;
  [[nodiscard]] Judgement judge(const ChangeMessageVisibility& command, const Queue& queue, const ReceiptHandle& handle,
                                Instant now) const;
  [[nodiscard]] Judgement judge(const ReleaseMessage& command, const Queue& queue, const ReceiptHandle& handle, Instant now) const;
  void write(const DeleteMessage& command, Queue& queue, std::span<const Sequence> sequences, Turn& turn);
  void write(const ChangeMessageVisibility& command, Queue& queue, std::span<const Sequence> sequences, Turn& turn);
  void write(const ReleaseMessage& command, Queue& queue, std::span<const Sequence> sequences, Turn& turn);
  [[nodiscard]] static Refusal check(const DeleteMessage&) { return std::nullopt; }
  [[nodiscard]] static Refusal check(const ChangeMessageVisibility& command);
  [[nodiscard]] static Refusal check(const ReleaseMessage&) { return std::nullopt; }
  template <class Step>
  Refusal decide_all(const Step& step, Turn& turn);
  template <class Settling>
  void settle_each(const Settling& command, Turn& turn);

  // redrive.cpp: when a message has used up its receives.
  void write_dead_letter(const Queue& queue, Sequence sequence, std::string_view reason);
  void write_failed_attempt(const Queue& queue, Sequence sequence, std::string_view error);
  void write_end_of_attempts(const Queue& queue, std::span<const Sequence> sequences, AttemptEnd cause);
  [[nodiscard]] static std::string used_up_reason(const Queue& queue, const Slot& slot);
  [[nodiscard]] QueueId origin_of(const Queue& queue, const Slot& slot) const;

  // redrive_messages.cpp: writes moves of messages that are waiting, with neighbours that go the same way in one operation
  class RedriveWriter;
  [[nodiscard]] Refusal check_way(const Queue& queue, std::optional<QueueId> to) const;

  // send_message.cpp: what FIFO queues make of messages
  [[nodiscard]] std::optional<Sequence> accepted_before(Queue& queue, const DeduplicationKey& key, Turn& turn);
  Sequence write_in_group(Queue& queue, std::uint32_t body, Milliseconds delay, const Grouping& grouping, Turn& turn);
  Refusal send_in_groups(const SendMessage& step, Queue& queue, Turn& turn);
  [[nodiscard]] static Refusal check_grouping(const Queue& queue, std::span<const Grouping> groupings, std::size_t messages);
  // publish_message.cpp
  void publish_to_streams(const PublishMessage& step, std::uint32_t first, Turn& turn);
  void choose_wanted(const PublishMessage& step, Turn& turn);
  void publish_in_group(Queue& queue, std::uint32_t body, const Publication& publication, std::size_t target, Turn& turn);

  // receive_message.cpp
  void reply_empty_handed(Queue& queue, const Requester& to, Turn& turn);
  void take_over(Queue& queue, Turn& turn);
  bool deliver(Queue& queue, const Waiting& receive, Turn& turn);
  bool deliver_again(Queue& queue, const Waiting& receive, Turn& turn);
  void append_deliveries(const Queue& queue, const Requester& to, Turn& turn);
  void serve_waiting(Turn& turn);
  void serve(Queue& queue, Turn& turn);
  void answer_expired_waits(QueueId queue, Turn& turn);
  void forget_wait(const Waiting& waiting, QueueId queue);
  void cancel_waits(ClientId client);

  // append_stream.cpp, take_stream.cpp: streams
  [[nodiscard]] static Refusal no_such_stream();
  void note_appended(const Stream& stream, std::uint64_t bytes, const Turn& turn);
  void trim_streams(Turn& turn);
  bool trim(const Stream& stream, Turn& turn);
  void look_at_streams(Instant when) { next_stream_check_ = std::min(next_stream_check_, when); }
  Refusal open_group(Stream& stream, const TakeStream& command, Turn& turn);
  [[nodiscard]] bool take(Stream& stream, const TakeStream& command, Turn& turn);
  [[nodiscard]] bool take(Stream& stream, StreamGroup& group, std::uint32_t partition, const TakeStream& command, Turn& turn);
  void wait_for_stream(const TakeStream& command, Turn& turn);
  void wake_takes(StreamId stream, Instant when);
  void serve_takes(Turn& turn);
  [[nodiscard]] bool serve(Stream* stream, WaitingTake& waiting, Turn& turn);
  [[nodiscard]] Instant next_chance(const Stream& stream, std::string_view group, Instant now) const;
  void end_lost_lease(const Stream& stream, const StreamGroup& group, std::uint32_t partition, Turn& turn);
  void write_diverted(const Stream& stream, const StreamLease& place, Offset offset, std::uint32_t attempts,
                      std::string_view reason);
  [[nodiscard]] StreamBatch batch_of(const Stream& stream, std::uint32_t partition, Offset from, std::uint64_t max,
                                     std::uint64_t max_bytes, Moment moment, Effects& effects) const;
  void settle_leases(Turn& turn);

  // timeouts.cpp
  void end_timed_out(Queue& queue, Turn& turn);
  void expire_old(Queue& queue, Turn& turn);
  void take_due(Instant now);
  void plan(Queue& queue, Turn& turn);
  void sweep(Turn& turn);

  // Requests, records, replies.
  template <class C>
  void change(const C& command, Turn& turn);
  [[nodiscard]] bool is_known(const Requester& from, Turn& turn);
  [[nodiscard]] bool was_applied(const Requester& from, AppliedRequest& before) const;
  [[nodiscard]] static Refusal no_such_queue();
  [[nodiscard]] static Refusal storage_full();
  [[nodiscard]] Refusal no_room_for_record() const;
  [[nodiscard]] std::size_t messages_that_fit(std::size_t count) const;
  [[nodiscard]] static Refusal too_large(const Body& message, const Queue& queue);
  // queue_limits.cpp: what senders put into queues that take only so much
  void note_arrival(const Queue& queue, std::uint64_t messages, std::uint64_t bytes);
  void note_departure(const Queue& queue, std::span<const Sequence> sequences);
  [[nodiscard]] Refusal over_queue_limits();
  [[nodiscard]] static Refusal stale_handle(const ReceiptHandle& handle);
  void begin(const Requester& from, Turn& turn);
  AppliedRequest commit(Turn& turn);
  void reply(const Requester& to, Answer answer, bool after_sync, Turn& turn) const;
  /// tick() looks at this queue then, or before.
  void note(QueueId queue, Instant deadline);
  void note_moved_in(Queue& queue);
  void note_stored(QueueId queue, Milliseconds delay, const Turn& turn);
  [[nodiscard]] Upkeep& upkeep(QueueId queue);
  [[nodiscard]] QueueInfo info(const Queue& queue, Moment moment) const;

  // constant after construction
  Log& log_;
  std::uint64_t segment_size_bytes_;
  // changed by evolving records only
  BrokerState state_;
  // changed by apply and tick, not recorded
  SteadyTime time_;
  std::vector<Upkeep> upkeep_;   // by queue id
  std::vector<Planned> agenda_;  // min-heap by time; an entry that its queue's `planned` does not name is void
  std::vector<QueueId> due_;     // of the tick
  WokenQueues looked_at_;        // of the tick
  std::unordered_map<ClientId, std::vector<QueueId>> waits_of_;  // where each client waits; once per waiting receive
  Instant next_sweep_ = Instant::max();
  Instant next_stream_check_ = Instant::max();  // when a record of a stream may be too old or too much
  std::map<StreamId, WaitingTakes> waiting_takes_;
  Instant next_take_look_ = Instant::max();
  std::uint64_t last_lease_ = 0;
  std::int64_t restarted_ms_ = 0;  ///< until the first record after a recovery has said so
  // the record being decided; memory kept from one to the next
  RecordWriter record_;
  bool sync_ = false;
  Location unsynced_from_;  ///< of this turn: what is stored here or later is not on stable storage yet
  std::vector<Sequence> sequences_;
  std::vector<Sequence> used_up_;
  std::vector<ReceiptHandle> touched_;  // by the steps of a transaction
  std::vector<std::size_t> wanted_;     // messages of a publish that some queue wants
  std::vector<Sequence> sent_;          // one per message of a send to a FIFO queue
  AcceptedKeys accepted_;
  std::vector<std::pair<QueueId, std::uint64_t>> stored_;  // by the record being decided, in FIFO queues
  struct Growth {
    QueueId queue;
    std::uint64_t messages_in;
    std::uint64_t bytes_in;
    std::uint64_t messages_out;
    std::uint64_t bytes_out;
  };
  std::vector<Growth> growth_;                   // by the record being decided, of queues that have a limit
  std::vector<CheckpointStream> lease_changes_;  // to be done once the record at hand is
  std::vector<Offset> offsets_;
  std::vector<std::pair<StreamTarget, std::vector<std::uint32_t>>> to_streams_;  // bodies of a publish
  struct StoredRun {
    QueueId queue;
    std::uint32_t first;
    std::uint32_t count;
  };
  std::vector<StoredRun> runs_;
  std::vector<std::size_t> last_run_;  // by queue id: its last run in runs_
};

}  // namespace remuda::broker
