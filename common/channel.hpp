#pragma once
// The two ends of a channel, whatever its kind, as the node runtime uses them. Handlers never see this.
//
// Everything runs on the loop's thread. Nothing here blocks: what is waiting is taken, what must wait calls back.

#include <zmq.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.hpp"
#include "common/message.hpp"
#include "common/node.hpp"
#include "common/result.hpp"
#include "common/sent_up_to.hpp"

namespace remuda {

class BrokerConnection;
class Transaction;

/// Something the loop polls.
class EventSource {
 public:
  EventSource() = default;
  EventSource(const EventSource&) = delete;
  EventSource& operator=(const EventSource&) = delete;
  virtual ~EventSource() = default;

  /// Appends what to poll for.
  virtual void append_poll_items(std::vector<zmq_pollitem_t>& items) const { static_cast<void>(items); }
  /// Called on every turn of the loop: takes what is waiting on the sockets and does what is due at `now`.
  virtual void turn(Instant now) { static_cast<void>(now); }
  /// Called at the end of every turn of the loop, before it rests: hands over what was gathered meanwhile.
  virtual void flush() {}
  /// When turn() wants to be called at the latest; Instant::max() when only a socket can make it necessary.
  [[nodiscard]] virtual Instant next_deadline() const { return Instant::max(); }

  // ---- when the process at the other end of a direct channel is swapped, comes or leaves (common/runtime/handover.hpp)

  /// Nothing more leaves for who listens at, or subscribes to, one of these endpoints, until resume(); what is sent meanwhile waits.
  virtual void hold(std::span<const std::string> endpoints) { static_cast<void>(endpoints); }
  /// `replaced`: another process is there now. What waited leaves as soon as that one can take it.
  virtual void resume(std::span<const std::string> endpoints, bool replaced) {
    static_cast<void>(endpoints), static_cast<void>(replaced);
  }
  /// The node at the other end has more or fewer replicas: where they listen, for an end that connects; how many subscribe, for one that
  /// publishes. Whoever is not among them any more gets nothing, and nothing is waited for from there.
  virtual void rewire(std::span<const std::string> endpoints, std::size_t subscribers) {
    static_cast<void>(endpoints), static_cast<void>(subscribers);
  }
  /// Answers that are still to come from where it is held.
  [[nodiscard]] virtual std::size_t unanswered_while_held() const { return 0; }
  /// Adds how far it has sent, on every way by which something has left since it was made or last resumed.
  virtual void append_sent(std::vector<SentUpTo>& sent) const { static_cast<void>(sent); }
  /// Of a receiving end: messages up to there that have not arrived; 0 as well for what does not come here.
  [[nodiscard]] virtual std::uint64_t missing_of(const SentUpTo& sent) const { return static_cast<void>(sent), 0; }
  /// Of a receiving end: messages that have arrived, ever, and those of them that wait for their handler.
  [[nodiscard]] virtual std::uint64_t arrived() const { return 0; }
  [[nodiscard]] virtual std::size_t waiting() const { return 0; }
};

/// One message that came in, and what its channel needs to settle it.
struct Incoming {
  Message message;
  Delivery delivery;
  std::string ticket;  ///< the channel's own: a receipt handle, or who waits for the reply; empty where nothing is settled
};

/// What became of an incoming message.
struct Settlement {
  Outcome outcome = Outcome::done;
  std::optional<Message> reply;  ///< of a request that is done
  std::string refusal = {};      ///< of a request that is not: why, as a code for the asker; empty: what the outcome says
  bool stale = false;            ///< somebody else has it, or will have it again: nothing was changed
};

/// Where a node takes messages from.
class InputChannel : public EventSource {
 public:
  /// The next message that waits here, in the place of whatever `incoming` held; false when none does.
  virtual bool take(Incoming& incoming) = 0;
  /// Where its messages are settled; nullptr when there is nothing to acknowledge.
  [[nodiscard]] virtual BrokerConnection* broker() const { return nullptr; }
  /// With a broker: adds what the outcome asks for (delete, retry_later or reject) to `transaction`, for every ticket.
  virtual void add_settlement(std::span<const std::string_view> tickets, const Outcome& outcome, Transaction& transaction) const {
    static_cast<void>(tickets), static_cast<void>(outcome), static_cast<void>(transaction);
  }
  /// True when what comes in has to be settled in the order of taking, and a failure takes back what was taken after it.
  [[nodiscard]] virtual bool settles_in_order() const { return false; }
  /// With order: false when the ticket settles nothing any more, because something before it failed.
  [[nodiscard]] virtual bool holds(const std::string& ticket) const { return static_cast<void>(ticket), true; }
  /// With a broker: adds the answer to a request that is done to the transaction that settles it.
  virtual void add_reply(const std::string& ticket, const Message& reply, Transaction& transaction) const {
    static_cast<void>(ticket), static_cast<void>(reply), static_cast<void>(transaction);
  }
  /// These are still worked on: whatever would make them visible to others may not do so for `time` from now on.
  virtual void keep(std::span<const std::string_view> tickets, std::chrono::milliseconds time) {
    static_cast<void>(tickets), static_cast<void>(time);
  }
  /// Called exactly once for every message taken, after its effects and outputs are confirmed, or when it was given up.
  /// A request is answered here.
  virtual void settled(const std::string& ticket, const Settlement& settlement) {
    static_cast<void>(ticket), static_cast<void>(settlement);
  }
  /// `count` messages of this channel were handled and committed in `took`: so slow handlers get smaller portions.
  virtual void observe(std::size_t count, Duration took) { static_cast<void>(count), static_cast<void>(took); }
  /// Asks for no more. What waits unstarted goes back where that is possible; where it is not, take() still gives it out.
  virtual void drain() {}
  /// False while a live subscription is not confirmed yet: the node is not ready before.
  [[nodiscard]] virtual bool ready() const { return true; }
  /// Messages known to be lost on the way (gaps in the senders' numbering), and frames that were no messages.
  [[nodiscard]] virtual std::uint64_t missed() const { return 0; }
  [[nodiscard]] virtual std::uint64_t malformed() const { return 0; }
};

/// Where a node puts messages.
class OutputChannel : public EventSource {
 public:
  /// Sends packed messages (copied before this returns) and calls back once: confirmed by the broker, or on a direct channel handed
  /// to the transport. Errors: definite ones were not sent; with an unknown outcome, send the same bytes again.
  virtual void send(std::span<const std::string_view> packed_messages, ConfirmHandler confirmed) = 0;
  /// True when a message counts as sent only after its receiver has handled it: its failure is then the failure of what
  /// it came from.
  [[nodiscard]] virtual bool waits_for_handling() const { return false; }
  /// The broker it lives on; nullptr for a direct channel.
  [[nodiscard]] virtual BrokerConnection* broker() const { return nullptr; }
  /// With a broker: adds the messages to a transaction on that broker.
  virtual void add_messages(std::span<const std::string_view> packed_messages, Transaction& transaction) const {
    static_cast<void>(packed_messages), static_cast<void>(transaction);
  }
};

/// Where a node asks.
class RequestChannel : public EventSource {
 public:
  /// The handler is called exactly once, within `deadline`. Errors: `timed_out` and, after the request left, `unreachable` (unknown
  /// outcome); `unreachable` when nobody could be asked, `overloaded`, and what the answering side refused with (definite).
  virtual void ask(const Message& request, std::chrono::milliseconds deadline, ReplyHandler handler) = 0;
  /// Requests that wait for an answer.
  [[nodiscard]] virtual std::size_t outstanding() const = 0;
  /// Nobody will ask any more, and nobody waits for an answer.
  virtual void drain() {}
};

}  // namespace remuda
