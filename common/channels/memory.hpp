#pragma once
// Channels without a transport, for tests: a broker that keeps its queues in memory and obeys the same contract as the real
// one (it reads the same encoded transactions), and ends whose other side is the test itself. Nothing happens by itself: no
// thread, no time.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/channel.hpp"
#include "common/channels/broker_connection.hpp"

namespace remuda {

class MemoryBroker final : public BrokerConnection {
 public:
  struct Stored {
    std::string packed;
    std::uint32_t receive_count = 0;
    std::string handle;                 ///< of the present receive; empty: visible
    std::vector<std::string> attempts;  ///< texts of retry_later
    std::size_t kept = 0;               ///< how often its holder has asked for more time
  };
  struct DeadLetter {
    std::string packed;
    std::string reason;
  };

  explicit MemoryBroker(std::string name = "memory") : name_{std::move(name)} {}

  // ---- what a test does ----
  void declare(const std::string& queue, const std::string& from_topic = {});
  void send(const std::string& queue, const Message& message);
  /// The visibility timeout of everything in flight (or of the message with this id) passes: visible again, the handle is stale.
  void expire(const std::string& queue, std::string_view id = {});
  /// Live events of a topic.
  void emit(const std::string& topic, const Message& message, std::uint64_t missed = 0);
  /// While false, changes and receives stay unanswered; they are answered when it becomes true again.
  void set_reachable(bool reachable);
  /// Every change is refused with this error until it is cleared.
  void refuse_changes(std::optional<Error> error) { refusal_ = std::move(error); }
  /// Changes to this queue are refused with `message_too_large` when a body is larger.
  void limit_bodies(std::size_t size) { body_size_max_ = size; }
  /// Changes that would make this queue hold more are refused with `queue_full`.
  void limit_messages(const std::string& queue, std::size_t count) { queues_.at(queue).messages_max = count; }
  /// Messages leave the front of a queue, as if somebody had received and deleted them.
  void consume(const std::string& queue, std::size_t count);

  // ---- what a test sees ----
  [[nodiscard]] std::vector<Message> messages(const std::string& queue) const;
  [[nodiscard]] const std::deque<Stored>& stored(const std::string& queue) const { return queues_.at(queue).stored; }
  [[nodiscard]] const std::vector<DeadLetter>& dead_letters() const { return dead_letters_; }
  [[nodiscard]] std::size_t transactions() const { return transactions_; }

  // ---- BrokerConnection ----
  [[nodiscard]] const std::string& endpoint() const override { return name_; }
  void receive(std::string_view queue, std::uint32_t max, std::chrono::milliseconds wait, Callback<Received> done) override;
  /// It has no streams.
  void take(const wire::StreamTake& take, Callback<wire::StreamBatch> done) override;
  void transact(const Transaction& transaction, Callback<Unit> done) override;
  void release(std::string_view queue, std::span<const std::string_view> handles) override;
  void keep(std::string_view queue, std::span<const std::string_view> handles, std::chrono::milliseconds time) override;
  void subscribe(std::string_view topic, const LiveFilter& filter, EventHandler on_event, Callback<Unit> done) override;
  /// They are answered at the next turn, with what is visible then: that was on its way.
  void cancel_receives() override { cancelled_ = true; }
  [[nodiscard]] std::size_t receiving() const override { return receives_.size(); }
  [[nodiscard]] std::size_t unanswered() const override { return unanswered_.size(); }
  /// Answers the receives that can be answered, one turn later than they were asked, as a wire would.
  void turn(Instant now) override;

 private:
  struct Queue {
    std::deque<Stored> stored;
    std::string from_topic;
    std::size_t messages_max = SIZE_MAX;
  };
  struct Receive {
    std::string queue;
    std::uint32_t max;
    Callback<Received> done;
  };
  struct Change {
    std::string request;
    Callback<Unit> done;
  };

  [[nodiscard]] Result<Unit> apply(const std::string& request);
  [[nodiscard]] std::optional<Error> objection(const wire::Step& step) const;
  void apply_step(const wire::Step& step);
  void store(Queue& queue, std::string_view packed);
  [[nodiscard]] Stored* find(const std::string& queue, std::string_view handle);
  void erase(const std::string& queue, std::string_view handle);

  std::string name_;
  std::map<std::string, Queue> queues_;
  std::vector<DeadLetter> dead_letters_;
  std::map<std::string, EventHandler, std::less<>> subscriptions_;
  std::deque<Receive> receives_;
  std::deque<Change> unanswered_;
  std::optional<Error> refusal_;
  std::optional<std::size_t> body_size_max_;
  bool reachable_ = true;
  bool cancelled_ = false;
  std::uint64_t next_handle_ = 1;
  std::size_t transactions_ = 0;
};

/// An input whose other side is the test: a direct channel, or with `request` one that remembers its answers.
class MemoryInput final : public InputChannel {
 public:
  void put(Message message, std::string ticket = {}) { waiting_.push_back({std::move(message), {}, std::move(ticket)}); }

  bool take(Incoming& incoming) override;
  void settled(const std::string& ticket, const Settlement& settlement) override { settlements.emplace_back(ticket, settlement); }
  void drain() override { draining = true; }

  std::vector<std::pair<std::string, Settlement>> settlements;  ///< by ticket, in order
  bool draining = false;

 private:
  std::deque<Incoming> waiting_;
};

/// A direct output whose other side is the test, which also decides when something is confirmed.
class MemoryOutput final : public OutputChannel {
 public:
  void send(std::span<const std::string_view> packed_messages, ConfirmHandler confirmed) override;
  [[nodiscard]] bool waits_for_handling() const override { return handled_first; }

  bool handled_first = false;  ///< it behaves as a request channel does

  /// Nothing is confirmed until answer() is called.
  using EventSource::hold;
  void hold() { answer_.reset(); }
  /// Answers what was held, and from now on everything at once.
  void answer(const Result<void>& answer);

  std::vector<Message> sent;  ///< also what was refused

 private:
  std::vector<ConfirmHandler> held_;
  std::optional<Result<void>> answer_ = Result<void>{};
};

}  // namespace remuda
