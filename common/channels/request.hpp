#pragma once
// A request channel: ask and answer with a deadline, without a broker. Who answers listens (ROUTER); who asks has one DEALER per
// answering process and takes them in turn, only those that are there. At most once: a request is never sent twice, so an outcome
// can be unknown.

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/channel.hpp"
#include "common/socket.hpp"

namespace remuda {

class RequestOutput final : public RequestChannel {
 public:
  static constexpr std::size_t outstanding_max = 10'000;

  /// Connects to who answers, now or when it comes. `context` and `clock` must outlive the channel. Throws std::runtime_error when an endpoint
  /// has a wrong form.
  RequestOutput(Context& context, const std::vector<std::string>& endpoints, const Clock& clock);

  void append_poll_items(std::vector<zmq_pollitem_t>& items) const override;
  void turn(Instant now) override;
  [[nodiscard]] Instant next_deadline() const override { return deadlines_.empty() ? Instant::max() : deadlines_.begin()->first; }
  void ask(const Message& request, std::chrono::milliseconds deadline, ReplyHandler handler) override;
  /// The same with a packed message.
  void ask_packed(std::string packed, std::chrono::milliseconds deadline, ReplyHandler handler);
  [[nodiscard]] std::size_t outstanding() const override { return asked_.size(); }
  /// The others are asked meanwhile; without any the request waits, until its deadline.
  void hold(std::span<const std::string> endpoints) override;
  void resume(std::span<const std::string> endpoints, bool replaced) override;
  void rewire(std::span<const std::string> endpoints, std::size_t subscribers) override;
  [[nodiscard]] std::size_t unanswered_while_held() const override;
  /// Replies nobody waits for any more: late, repeated or never asked for. They do no harm.
  [[nodiscard]] std::uint64_t dropped_replies() const { return dropped_replies_; }
  /// Answering processes that are connected.
  [[nodiscard]] std::size_t live() const;

 private:
  struct Peer {
    Peer(Context& context, const std::string& listens_at);
    std::string endpoint;
    Socket socket;
    ConnectionMonitor monitor;
    bool live = false;
    bool held = false;
    bool outlived = false;  ///< the connection is one with a process that was, or is to be, replaced
    [[nodiscard]] bool can_be_asked() const { return live && !held && !outlived; }
  };
  struct Asked {
    Instant deadline;
    ReplyHandler handler;
    Peer* peer = nullptr;  ///< null: not sent yet
    std::string message;   ///< packed, until it is sent
  };
  using Number = std::uint64_t;

  [[nodiscard]] std::string correlation_of(Number number) const;
  bool send(Number number, Asked& asked);
  void send_waiting();
  void read_replies(Peer& peer);
  void on_reply(std::string_view frame);
  void on_lost(const Peer& peer);
  void answer(Number number, Result<Message> result);

  // Constant after construction.
  Context& context_;
  const Clock& clock_;
  std::string asker_;  ///< random: replies to an earlier life of this process are not ours

  std::vector<std::unique_ptr<Peer>> peers_;
  std::size_t turn_of_ = 0;
  Number next_number_ = 1;
  std::map<Number, Asked> asked_;
  std::set<std::pair<Instant, Number>> deadlines_;
  std::deque<Number> waiting_;  ///< not sent yet, in order; may name some that ended meanwhile
  std::uint64_t dropped_replies_ = 0;
  Frame frame_;
  std::string out_;
};

class RequestInput final : public InputChannel {
 public:
  static constexpr std::size_t waiting_max = 4'096;

  /// Listens on its own endpoints. `clock` must outlive the channel. Throws std::runtime_error when one cannot be bound.
  RequestInput(Context& context, const std::vector<std::string>& endpoints, const Clock& clock);

  void append_poll_items(std::vector<zmq_pollitem_t>& items) const override;
  void turn(Instant now) override;
  /// Requests whose asker has stopped waiting are left out.
  bool take(Incoming& incoming) override;
  void settled(const std::string& ticket, const Settlement& settlement) override;
  [[nodiscard]] std::uint64_t malformed() const override { return malformed_; }
  /// Requests that were not started because their deadline had passed.
  [[nodiscard]] std::uint64_t expired() const { return expired_; }

 private:
  struct Waiting {
    Message message;
    std::string ticket;
    Instant deadline;
  };
  void read(std::string_view routing_id, std::string_view frame);

  const Clock& clock_;
  Socket socket_;
  Frame routing_id_;
  Frame frame_;
  std::deque<Waiting> waiting_;
  std::uint64_t malformed_ = 0;
  std::uint64_t expired_ = 0;
  std::string out_;
};

}  // namespace remuda
