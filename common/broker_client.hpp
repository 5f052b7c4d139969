#pragma once
// A client of one broker: typed requests, answered through callbacks, inside somebody else's poll loop. One thread, no blocking.
//
// Every callback is called exactly once. Requests that change something are kept until they are answered and resent with the same
// number after a reconnect; the broker applies each number once. So an answered change happened exactly once, also across kill -9
// of the broker. It refuses to guess: when a deadline passes first, the error is `timed_out` with an unknown outcome.

#include <zmq.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.hpp"
#include "common/message.hpp"
#include "common/result.hpp"
#include "common/socket.hpp"
#include "common/wire.hpp"

namespace remuda {

template <class T>
using Callback = std::function<void(Result<T>)>;

/// Who asks: recorded with failed attempts and shown to people.
struct ClientIdentity {
  std::string node;
  std::string host;
};

struct BrokerClientOptions {
  std::uint64_t max_frame_size = frame_size_default;
  /// A kept request that is unanswered for this long is resent: the backstop for replies that got lost on a living connection.
  std::chrono::milliseconds resend_after{10'000};
  /// A broker on another machine that is silent for `ping_after` is pinged; if it then says nothing for `dead_after` the connection
  /// is given up and another one tried: a network that was cut tells neither end. On one machine the kernel says so at once.
  std::chrono::milliseconds ping_after{1'000};
  std::chrono::milliseconds dead_after{5'000};
  bool pings_everywhere = false;  ///< on one machine, too
};

/// Several changes that happen together or not at all; one journal record in the broker. Reuse it: clear() keeps the memory.
class Transaction {
 public:
  void send(std::string_view queue, std::span<const std::string_view> packed_messages);
  void publish(std::string_view topic, std::span<const std::string_view> packed_messages);
  void delete_messages(std::string_view queue, std::span<const std::string_view> handles);
  void change_visibility(std::string_view queue, std::span<const std::string_view> handles, std::chrono::milliseconds timeout);
  /// delay absent: the visibility timeout decides.
  void retry_later(std::string_view queue, std::string_view handle, std::string_view error_text,
                   std::optional<std::chrono::milliseconds> delay = {});
  void reject(std::string_view queue, std::string_view handle, std::string_view reason);
  void release(std::string_view queue, std::span<const std::string_view> handles);
  void append(std::string_view stream, std::span<const std::string_view> packed_messages);
  void checkpoint(const wire::StreamCheckpoint& checkpoint);
  /// Errors of the transaction: `progress_moved` when another version than `after` is there.
  void keep_progress(std::string_view source, std::uint64_t after, std::string_view value);
  void clear();
  [[nodiscard]] bool empty() const { return step_count_ == 0; }
  [[nodiscard]] std::size_t step_count() const { return step_count_; }
  [[nodiscard]] std::string_view encoded() const { return steps_; }

 private:
  void add(const wire::Step& step);
  std::string steps_;
  std::size_t step_count_ = 0;
};

class BrokerClient {
 public:
  class Session;
  using Received = wire::Received;  ///< its views are valid during the callback only
  /// `missed`: events lost before this one because the subscriber was slow or the connection was down.
  using EventCallback = std::function<void(std::string_view packed_message, std::uint64_t missed)>;

  /// Connects in the background; requests made before that wait. `clock` must outlive the client.
  /// Throws std::runtime_error when the endpoint has a wrong form.
  BrokerClient(const std::string& endpoint, ClientIdentity identity, const Clock& clock, BrokerClientOptions options = {});
  BrokerClient(const BrokerClient&) = delete;
  BrokerClient& operator=(const BrokerClient&) = delete;
  /// Drops what is unanswered without calling back.
  ~BrokerClient();

  // ---- the loop ----
  /// Appends what to poll for: at most one item.
  void append_poll_items(std::vector<zmq_pollitem_t>& items) const;
  /// Takes everything that is waiting and calls back. Call it whenever one of the items is ready.
  void on_readable();
  /// When tick() wants to be called at the latest; Instant::max() when never.
  [[nodiscard]] Instant next_deadline() const;
  /// Deadlines, resends, and everything on_readable() does.
  void tick();

  // ---- changes: kept until answered ----
  /// Messages are packed (common/message.hpp) and copied before this returns. Answers the sequence number of the first one.
  void send(std::string_view queue, std::span<const std::string_view> packed_messages, Callback<std::uint64_t> done);
  void send(std::string_view queue, const Message& message, Callback<std::uint64_t> done);
  /// With all that a send can say. Answers a sequence for each message: in a FIFO queue that of the first acceptance where the
  /// deduplication id repeats one. Empty when the answer is to a resend, whose result nobody remembers.
  void send(const wire::Send& send, Callback<std::vector<std::uint64_t>> done);
  /// Answers how many copies were stored in queues.
  void publish(std::string_view topic, std::span<const std::string_view> packed_messages, Callback<std::uint64_t> done);
  void publish(std::string_view topic, const Message& message, Callback<std::uint64_t> done);
  /// Answers the handles that were refused; empty: all done.
  void delete_messages(std::string_view queue, std::span<const std::string_view> handles,
                       Callback<std::vector<wire::HandleError>> done);
  void change_visibility(std::string_view queue, std::span<const std::string_view> handles, std::chrono::milliseconds timeout,
                         Callback<std::vector<wire::HandleError>> done);
  void release(std::string_view queue, std::span<const std::string_view> handles, Callback<std::vector<wire::HandleError>> done);
  void retry_later(std::string_view queue, std::string_view handle, std::string_view error_text,
                   std::optional<std::chrono::milliseconds> delay, Callback<Unit> done);
  void reject(std::string_view queue, std::string_view handle, std::string_view reason, Callback<Unit> done);
  /// Errors: those of its steps; `stale_handle` refuses all of them.
  void transact(const Transaction& transaction, Callback<Unit> done);
  void purge(const wire::Purge& purge, Callback<std::uint64_t> done);
  void redrive(const wire::Redrive& redrive, Callback<std::uint64_t> done);
  void declare_queue(const wire::DeclareQueue& queue, Callback<Unit> done);
  void delete_queue(const wire::DeleteQueue& queue, Callback<Unit> done);
  void declare_topic(const wire::DeclareTopic& topic, Callback<Unit> done);
  void delete_topic(std::string_view topic, Callback<Unit> done);
  /// Answers the number of the move.
  void start_move(const wire::StartMove& move, Callback<std::uint64_t> done);
  void cancel_move(std::uint32_t move, Callback<Unit> done);
  /// Answers how many records were appended; 0 when the answer is to a resend.
  void append(std::string_view stream, std::span<const std::string_view> packed_messages, Callback<std::uint64_t> done);
  /// Errors: `stale_lease`.
  void checkpoint(const wire::StreamCheckpoint& checkpoint, Callback<Unit> done);
  void seek_stream(const wire::StreamSeek& seek, Callback<Unit> done);
  void declare_stream(const wire::DeclareStream& stream, Callback<Unit> done);
  void delete_stream(const wire::DeleteStream& stream, Callback<Unit> done);

  // ---- receiving ----
  /// Answers up to `max` messages, at the latest after `wait` (then none). When the connection breaks meanwhile the error is
  /// `unreachable`: ask again. Asked while there is no connection it waits for one.
  void receive(std::string_view queue, std::uint32_t max, std::chrono::milliseconds wait, Callback<std::span<const Received>> done,
               std::optional<std::chrono::milliseconds> visibility_timeout = {}, std::string_view attempt_id = {});
  /// The receive of the queue's only consumer: what is in flight comes back first, so this gets the oldest messages in order.
  void receive_exclusively(std::string_view queue, std::uint32_t max, std::chrono::milliseconds wait,
                           Callback<std::span<const Received>> done);
  /// How far this source has been taken: what the last keep_progress said.
  void progress(std::string_view source, Callback<wire::Progress> done);
  /// Answers with a batch and its lease, valid during the callback only; without lease and records when there was nothing until the
  /// end of the wait. A connection that breaks: as a receive.
  void take(const wire::StreamTake& take, Callback<wire::StreamBatch> done);
  /// Answers at once.
  void read_stream(const wire::StreamRead& read, Callback<wire::StreamBatch> done);
  /// Live events of a topic from now on; renewed after every reconnect until unsubscribe(). Returns a key for unsubscribe().
  /// `done` is called once the broker has confirmed it for the first time.
  std::uint64_t subscribe(std::string_view topic, EventCallback on_event, Callback<Unit> done = {},
                          std::string_view filter_policy = {}, bool filter_on_attributes = false);
  void unsubscribe(std::uint64_t subscription);

  // ---- looking ----
  void peek(const wire::Peek& peek, Callback<std::vector<wire::Peeked>> done);
  void queue_info(std::string_view queue, Callback<wire::QueueInfo> done);
  void list_queues(Callback<std::vector<wire::QueueInfo>> done);
  void list_topics(Callback<std::vector<wire::TopicInfo>> done);
  void list_moves(Callback<std::vector<wire::MoveInfo>> done);
  void stream_info(std::string_view stream, Callback<wire::StreamInfo> done);
  void list_streams(Callback<std::vector<wire::StreamInfo>> done);
  void ping(Callback<Unit> done);

  // ---- backup: see PROTOCOL.md ----
  void begin_backup(Callback<std::vector<wire::BackupSegment>> done);
  void read_backup(std::uint32_t segment, std::uint64_t offset, Callback<std::string> done);
  void end_backup(Callback<Unit> done);

  /// Applies to the requests made after it: they answer `timed_out` (outcome unknown) when this long has passed. Absent: never.
  void set_deadline(std::optional<Duration> deadline);
  /// Asks the broker to answer every waiting receive and take now: they call back with nothing, or with what was already on its
  /// way. Those that were not sent yet end as `unreachable` at the next tick. For draining.
  void cancel_receives();

  // ---- state ----
  [[nodiscard]] bool connected() const;  ///< the broker has answered hello on this connection
  [[nodiscard]] std::uint64_t reconnects() const;
  [[nodiscard]] std::size_t unanswered() const;  ///< changes that are kept
  [[nodiscard]] std::size_t receiving() const;   ///< receives, takes and subscriptions that were sent and may still bring something
  [[nodiscard]] const std::string& endpoint() const;

 private:
  std::unique_ptr<Session> session_;
};

/// One message that a blocking receive returned; owns its bytes.
struct ReceivedMessage {
  std::string handle;
  std::uint32_t receive_count = 0;
  std::int64_t sent_ms = 0;
  std::int64_t first_received_ms = 0;
  std::string message;  ///< packed
};

/// A batch that a blocking take or read returned; owns its bytes.
struct TakenBatch {
  struct Record {
    std::uint64_t offset = 0;
    std::int64_t time_ms = 0;
    std::string message;  ///< packed
  };
  std::string lease;  ///< empty: of a read, or there was nothing to take
  std::uint32_t partition = 0;
  std::uint64_t next = 0;
  std::uint64_t behind = 0;
  std::uint64_t behind_ms = 0;
  std::uint32_t attempts = 0;
  std::vector<Record> records;
};

/// The same requests, each waiting for its answer: for command-line verbs and tests. Every call answers within `deadline`,
/// with `unreachable` when the broker was never reached and `timed_out` otherwise.
class BlockingBrokerClient {
 public:
  explicit BlockingBrokerClient(const std::string& endpoint, ClientIdentity identity = {"remuda", ""},
                                std::chrono::milliseconds deadline = std::chrono::seconds{5});

  Result<std::uint64_t> send(std::string_view queue, const Message& message);
  Result<std::uint64_t> send(std::string_view queue, std::span<const std::string_view> packed_messages);
  Result<std::vector<std::uint64_t>> send(const wire::Send& send);
  Result<std::uint64_t> publish(std::string_view topic, const Message& message);
  Result<std::uint64_t> publish(std::string_view topic, std::span<const std::string_view> packed_messages);
  /// Waits up to `wait` beyond the client's deadline.
  Result<std::vector<ReceivedMessage>> receive(std::string_view queue, std::uint32_t max = 1, std::chrono::milliseconds wait = {},
                                               std::optional<std::chrono::milliseconds> visibility_timeout = {},
                                               std::string_view attempt_id = {});
  Result<std::vector<wire::HandleError>> delete_messages(std::string_view queue, std::span<const std::string_view> handles);
  /// Errors: also the handle's own, e.g. `stale_handle`.
  Result<Unit> delete_message(std::string_view queue, std::string_view handle);
  Result<Unit> change_visibility(std::string_view queue, std::string_view handle, std::chrono::milliseconds timeout);
  Result<Unit> release(std::string_view queue, std::string_view handle);
  Result<Unit> retry_later(std::string_view queue, std::string_view handle, std::string_view error_text,
                           std::optional<std::chrono::milliseconds> delay = {});
  Result<Unit> reject(std::string_view queue, std::string_view handle, std::string_view reason);
  Result<Unit> transact(const Transaction& transaction);
  Result<std::uint64_t> purge(const wire::Purge& purge);
  Result<std::uint64_t> redrive(const wire::Redrive& redrive);
  Result<Unit> declare_queue(const wire::DeclareQueue& queue);
  Result<Unit> delete_queue(const wire::DeleteQueue& queue);
  Result<Unit> declare_topic(const wire::DeclareTopic& topic);
  Result<Unit> delete_topic(std::string_view topic);
  Result<std::uint64_t> start_move(const wire::StartMove& move);
  Result<Unit> cancel_move(std::uint32_t move);
  Result<std::vector<wire::MoveInfo>> list_moves();
  Result<std::vector<wire::Peeked>> peek(const wire::Peek& peek);
  Result<wire::QueueInfo> queue_info(std::string_view queue);
  Result<std::vector<wire::QueueInfo>> list_queues();
  Result<std::vector<wire::TopicInfo>> list_topics();
  Result<std::uint64_t> append(std::string_view stream, std::span<const std::string_view> packed_messages);
  Result<std::uint64_t> append(std::string_view stream, const Message& message);
  Result<Unit> checkpoint(const wire::StreamCheckpoint& checkpoint);
  Result<TakenBatch> take(const wire::StreamTake& take);
  Result<TakenBatch> read_stream(const wire::StreamRead& read);
  Result<Unit> seek_stream(const wire::StreamSeek& seek);
  Result<Unit> declare_stream(const wire::DeclareStream& stream);
  Result<Unit> delete_stream(const wire::DeleteStream& stream);
  Result<wire::StreamInfo> stream_info(std::string_view stream);
  Result<std::vector<wire::StreamInfo>> list_streams();
  Result<std::vector<wire::BackupSegment>> begin_backup();
  Result<std::string> read_backup(std::uint32_t segment, std::uint64_t offset);
  Result<Unit> end_backup();
  Result<Unit> ping();
  /// Calls `on_event` for every event until it returns false or `wait` has passed.
  Result<Unit> listen(std::string_view topic, std::chrono::milliseconds wait,
                      const std::function<bool(std::string_view packed_message, std::uint64_t missed)>& on_event,
                      std::string_view filter_policy = {});

  [[nodiscard]] BrokerClient& client() { return client_; }

 private:
  template <class T>
  Result<T> wait_for(const std::function<void(Callback<T>)>& ask);

  SystemClock clock_;
  BrokerClient client_;
};

}  // namespace remuda
