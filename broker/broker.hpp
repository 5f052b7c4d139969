#pragma once
// The queue node without its sockets and without its disk: frames of clients go in, the engine decides, frames for clients come
// out. It translates between the wire and the engine, evaluates filters, knows who is connected and who waits, and keeps the
// limits. It never decides what becomes of a message: that is the engine's.
//
// One turn of the loop around it:  begin_turn() - on_frame() ... - end_turn() - write the log - send_written() - sync the log -
// send_synced().

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/connections.hpp"
#include "broker/engine/queue_engine.hpp"
#include "broker/grouping.hpp"
#include "broker/journal/backup_source.hpp"
#include "broker/journal/journal.hpp"
#include "broker/move_runner.hpp"
#include "broker/topics.hpp"
#include "common/clock.hpp"
#include "common/message.hpp"
#include "common/wire.hpp"

namespace remuda::keys {
struct KnownClient;
}

namespace remuda::broker {

struct BrokerSettings {
  std::string name = "main";
  std::uint64_t max_frame_size = 4ULL * 1024 * 1024;  ///< of requests and of replies
  std::size_t waiting_receives_max = 64;              ///< per connection
  std::size_t subscriptions_max = 256;                ///< per connection
  BackupSource* backup_source = nullptr;              ///< outlives the broker; none: no backups
};

/// Gives a frame to a client; false when that client cannot be reached any more, or does not read.
using SendFrame = std::function<bool(const Connection& to, std::string_view frame)>;

/// Milliseconds from the wire; whatever is too large for the engine's ranges stays too large.
[[nodiscard]] inline Milliseconds milliseconds(std::uint64_t ms) {
  return Milliseconds{static_cast<std::int64_t>(std::min<std::uint64_t>(ms, 1'000'000'000'000))};
}

/// A record that nobody may confirm over: the disk gave back other bytes than were stored.
struct DamagedBody {
  Location place;
};

class Broker {
 public:
  /// All of them must outlive the broker. The engine has recovered.
  Broker(QueueEngine& engine, const Log& log, const Clock& clock, BrokerSettings settings);

  /// Declares what the launch file says and restores the topics that the engine remembers.
  /// Errors: `invalid_attribute`, `invalid_filter_policy` and others of the engine.
  Result<void> declare(const wire::DeclareQueue& queue);
  Result<void> declare(const wire::DeclareTopic& topic);
  Result<void> declare(const wire::DeclareStream& stream);
  Result<void> restore_topics();

  // ---- a turn ----
  void begin_turn();
  /// `client`: what the key that was shown may do; null: it came over ipc or loopback, and may do everything.
  void on_frame(std::string_view routing_id, std::string_view frame, const keys::KnownClient* client = nullptr);
  void on_multipart(std::string_view routing_id);
  /// The connection is over: nothing more is handed out to it.
  void on_gone(std::string_view routing_id);
  /// Lets the engine finish the turn. True when somebody's answer has to wait for the disk.
  bool end_turn();
  /// Sends what need not wait for the disk, such as deliveries of what was stored before this turn; the log must have been written.
  void send_written(const SendFrame& send);
  /// Sends the rest and the live events; the log must have been synced, if end_turn() asked for it.
  void send_synced(const SendFrame& send);
  /// What could not be handed out was given back to its queue: another turn is needed at once.
  [[nodiscard]] bool wants_another_turn() const { return !returned_.empty() || !returned_leases_.empty(); }
  [[nodiscard]] std::optional<DamagedBody> damaged() const { return damaged_; }
  /// The scrub has found this. Tells it, once.
  void note_damage(const DamagedRecord& damage);
  /// How many such places there were.
  [[nodiscard]] std::uint64_t damaged_records() const { return damaged_records_; }
  [[nodiscard]] Instant next_deadline() const;
  /// Connections that took no more of what they asked for, by routing id: forgotten here, to be ended by the
  /// caller. After begin_turn().
  [[nodiscard]] std::vector<std::string> take_unreachable() { return std::exchange(unreachable_, {}); }

  /// Answers every waiting receive with nothing. Within a turn, the last but for giving back what nobody took.
  void drain();

  [[nodiscard]] std::uint64_t requests() const { return requests_; }
  [[nodiscard]] std::uint64_t refusals() const { return refusals_; }
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

 private:
  /// What a Done means on the wire; the engine's answers do not name their operation.
  enum class DoneForm : std::uint8_t { nothing, first, count };
  struct DirectReply {
    ClientId client = 0;
    std::string frame;
  };
  struct LiveEvent {
    Topic* topic = nullptr;
    MessageView message;
  };

  // constant after construction
  QueueEngine& engine_;
  const Log& log_;
  const Clock& clock_;
  BrokerSettings settings_;

  Connections connections_;
  Topics topics_;
  MoveRunner moves_;
  std::unordered_map<QueueId, GroupingRules> grouping_rules_;  ///< of the FIFO queues that were used
  std::unordered_map<StreamId, Selector> partitioning_;        ///< of the streams that were used
  Moment moment_;

  // this turn
  wire::Request request_;
  Effects effects_;
  std::vector<DoneForm> done_forms_;  ///< parallel to effects_.replies
  std::vector<DirectReply> direct_;   ///< answers that the engine has no part in
  std::vector<Body> bodies_;
  std::vector<std::uint32_t> partitions_;  ///< of appended messages
  std::vector<Publication> publications_;
  std::vector<QueueId> targets_;
  std::vector<StreamTarget> stream_targets_;
  std::vector<Milliseconds> delays_;
  std::vector<Grouping> groupings_;
  std::deque<std::string> group_names_;  ///< what they point to
  std::vector<LiveEvent> live_;          ///< of the request at hand: shown once the engine has accepted it
  std::vector<ReceiptHandle> handles_;
  std::vector<TransactionStep> steps_;
  std::vector<Topic*> published_;  ///< topics with events to flush

  // for the next turn
  std::vector<ReceiptHandle> returned_;  ///< deliveries that could not be handed out
  struct ReturnedLease {
    StreamLease lease;
    Offset first;
  };
  std::vector<ReturnedLease> returned_leases_;  ///< likewise
  std::vector<ClientId> gone_;
  std::vector<std::string> unreachable_;
  std::unordered_map<std::uint64_t, Topic*> subscribed_;  ///< by subscription
  std::optional<DamagedBody> damaged_;
  std::vector<DamagedRecord> damage_;  ///< found by the scrub
  std::uint64_t damaged_records_ = 0;
  std::string frame_;
  std::uint64_t next_subscription_ = 1;
  Instant next_sweep_{};
  std::optional<ClientId> backup_client_;  ///< whose backup holds the journal's segments
  Instant backup_until_{};                 ///< unless it asks for more before
  std::uint64_t requests_ = 0;
  std::uint64_t refusals_ = 0;

  // dispatch (broker.cpp)
  void handle(Connection& connection);
  /// True when the engine accepted it and had not done it before.
  bool apply(const Command& command, DoneForm form);
  void answer(const Connection& connection, std::string frame);
  void refuse(Connection& connection, std::uint64_t request, const Error& error);
  void strike(Connection& connection, std::uint64_t request, const Error& error);
  void forget(ClientId client);
  void give_back_undeliverable();
  [[nodiscard]] Requester requester(const Connection& connection) const;
  Result<QueueId> queue_named(std::string_view name) const;
  Result<Topic*> topic_named(std::string_view name);

  // hello and live topics (broker_sessions.cpp)
  void on(Connection& connection, const wire::Hello& hello);
  void on(Connection& connection, const wire::Ping&);
  void on(Connection& connection, const wire::CancelReceives&);
  void on(Connection& connection, const wire::Subscribe& subscribe);
  void on(Connection& connection, const wire::Unsubscribe& unsubscribe);
  void on(Connection& connection, const wire::Credit& credit);
  void end_waiting(Connection& connection);
  void end_subscription(std::uint64_t subscription, ClientId client);

  // messages (broker_messages.cpp)
  void on(Connection& connection, const wire::Send& send);
  void on(Connection& connection, const wire::Publish& publish);
  void on(Connection& connection, const wire::Receive& receive);
  void on(Connection& connection, const wire::Delete& command);
  void on(Connection& connection, const wire::ChangeVisibility& command);
  void on(Connection& connection, const wire::RetryLater& command);
  void on(Connection& connection, const wire::Reject& command);
  void on(Connection& connection, const wire::Release& command);
  void on(Connection& connection, const wire::Transact& transact);
  template <class HandlesCommand, class EngineCommand>
  void on_handles(Connection& connection, const HandlesCommand& command, EngineCommand engine_command);
  void reserve_scratch(std::span<const wire::Step> steps);
  /// The messages of a send, in the scratch memory. Errors: `malformed_message`, and those of GroupingRules.
  Result<SendMessage> take_send(QueueId queue, const wire::Send& send);
  [[nodiscard]] Result<const GroupingRules*> rules_of(QueueId queue);
  Result<Grouping> take_grouping(QueueId queue, const MessageView& message);
  Result<PublishMessage> take_publish(const wire::Publish& publish);
  std::span<const ReceiptHandle> take_handles(const std::vector<std::string_view>& handles);
  Result<TransactionStep> step(const wire::Step& step);
  Result<void> take_targets(const Topic& topic, const MessageView& message, Publication& publication);
  void refuse_messages(Connection& connection, const Error& error);
  void show_live();

  // operators' verbs (broker_operations.cpp)
  void on(Connection& connection, const wire::Peek& peek);
  void on(Connection& connection, const wire::Purge& purge);
  void on(Connection& connection, const wire::Redrive& redrive);
  void on(Connection& connection, const wire::StartMove& move);
  void on(Connection& connection, const wire::CancelMove& command);
  void on(Connection& connection, const wire::ListMoves&);
  void on(Connection& connection, const wire::GetQueueInfo& command);
  void on(Connection& connection, const wire::ListQueues&);
  void on(Connection& connection, const wire::ListTopics&);
  void on(Connection& connection, const wire::GetProgress& command);
  void on(Connection& connection, const wire::DeclareQueue& declare);
  void on(Connection& connection, const wire::DeleteQueue& command);
  void on(Connection& connection, const wire::DeclareTopic& declare);
  void on(Connection& connection, const wire::DeleteTopic& command);

  // streams (broker_streams.cpp)
  void on(Connection& connection, const wire::Append& append);
  void on(Connection& connection, const wire::StreamCheckpoint& command);
  void on(Connection& connection, const wire::StreamRead& read);
  void on(Connection& connection, const wire::StreamTake& take);
  void on(Connection& connection, const wire::StreamSeek& seek);
  void on(Connection& connection, const wire::DeclareStream& declare);
  void on(Connection& connection, const wire::DeleteStream& command);
  void on(Connection& connection, const wire::GetStreamInfo& command);
  void on(Connection& connection, const wire::ListStreams&);
  [[nodiscard]] wire::StreamInfo wire_info(const Stream& stream) const;
  std::uint32_t partition_of(const Stream& stream, const MessageView& message);
  Result<AppendStream> take_append(const wire::Append& append);
  [[nodiscard]] static Result<CheckpointStream> checkpoint_of(const wire::StreamCheckpoint& command);
  Result<StreamId> stream_named(std::string_view name) const;
  void encode_stream_batch(const Reply& reply, const StreamBatch& batch);
  [[nodiscard]] std::uint64_t batch_bytes_max() const;

  // backup (broker_backup.cpp)
  void on(Connection& connection, const wire::BeginBackup&);
  void on(Connection& connection, const wire::ReadBackup& read);
  void on(Connection& connection, const wire::EndBackup&);
  [[nodiscard]] bool may_back_up(Connection& connection);
  void end_backup();
  std::string_view read_body(Location place, std::uint32_t size, std::uint32_t crc32c);
  Result<std::vector<Sequence>> select(QueueId queue, const wire::Selection& selection, std::uint64_t max);
  [[nodiscard]] wire::QueueInfo wire_info(const QueueInfo& info) const;
  [[nodiscard]] std::map<std::string, std::uint64_t> damaged_messages() const;
  Result<void> remember(const std::vector<std::string>& topics);
  [[nodiscard]] std::optional<ChainedChannel> chained_channel(std::string_view name) const;
  [[nodiscard]] Result<Topic> declared(const wire::DeclareTopic& declare);

  // answers (broker_replies.cpp)
  void send_replies(bool after_sync, const SendFrame& send);
  void encode(const Reply& reply, DoneForm form, std::size_t& delivered);
  void encode_delivered(const Reply& reply, const Delivered& delivered, std::size_t& handed_out);
};

}  // namespace remuda::broker
