#pragma once
// The inside of BrokerClient: one session with one broker over however many connections. Numbers requests, keeps them until they
// are answered, and resends what must be resent. Knows frames and replies, not what the operations mean.
//
// States: disconnected -> greeting (hello is out) -> ready. Requests leave in `ready` only, in the order of their numbers, so a
// broker sees hello first on every connection.

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/broker_client.hpp"
#include "common/wire.hpp"
#include "common/zmtp/dealer.hpp"

namespace remuda {

class BrokerClient::Session {
 public:
  /// The msgpack value that an `ok` carries, valid during the call, or the error.
  using Handler = std::function<void(Result<std::string_view>)>;

  /// What a break of the connection means for a request.
  enum class Kind {
    kept,      ///< a change: resent with its number until answered
    question,  ///< changes nothing: asked again
    ends,      ///< a receive, a take or a subscription: ends with the connection, `unreachable`
  };

  Session(const std::string& endpoint, ClientIdentity identity, const Clock& clock, BrokerClientOptions options);

  /// `wait`: how long the broker may take by agreement (receives).
  void ask(const wire::Command& command, Handler handler, Duration wait = {});
  void ask(const Transaction& transaction, Handler handler);

  std::uint64_t subscribe(std::string_view topic, EventCallback on_event, Callback<Unit> done, const wire::Selection& selection);
  void unsubscribe(std::uint64_t key);

  void append_poll_items(std::vector<zmq_pollitem_t>& items) const { dealer_.append_poll_items(items); }
  void process();
  void tick();
  [[nodiscard]] Instant next_deadline() const;

  void set_deadline(std::optional<Duration> deadline) { deadline_ = deadline; }
  [[nodiscard]] bool ready() const { return state_ == State::ready; }
  [[nodiscard]] std::uint64_t reconnects() const { return greetings_ > 0 ? greetings_ - 1 : 0; }
  [[nodiscard]] std::size_t kept() const { return kept_count_; }
  [[nodiscard]] std::size_t receiving() const;
  void cancel_receives();
  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }

 private:
  enum class State { disconnected, greeting, ready };

  struct Outstanding {
    std::uint64_t request = 0;
    Kind kind = Kind::kept;
    std::string frame;
    Handler handler;     ///< empty: answered
    Instant deadline{};  ///< Instant::max(): none
    Instant give_up{};   ///< receives that were sent: the reply must have got lost after this
    Duration wait{};
    bool sent = false;  ///< at least once
  };

  struct Subscription {
    std::string topic;
    std::string filter_policy;
    bool filter_on_attributes = false;
    EventCallback on_event;
    Callback<Unit> done;
    std::optional<std::uint64_t> number;  ///< the broker's name for it on this connection
    std::uint64_t expected = 1;           ///< sequence number of the next event
    std::uint64_t credited = 0;
    bool cancelled = false;
    bool interrupted = false;  ///< the connection broke: at least one event may be missed
  };

  // constant after construction
  std::string endpoint_;
  ClientIdentity identity_;
  const Clock& clock_;
  BrokerClientOptions options_;
  std::array<char, wire::session_size> session_key_{};

  zmtp::Dealer dealer_;
  zmtp::Dealer::Handlers handlers_;

  State state_ = State::disconnected;
  std::uint64_t greetings_ = 0;
  std::uint64_t max_frame_size_;
  std::uint64_t next_request_ = 1;
  std::optional<Duration> deadline_;
  Instant last_heard_{};
  bool pings_ = false;               ///< constant: the broker may vanish without a word
  std::optional<Instant> pinged_{};  ///< and nothing heard since; a hello counts as a ping
  Instant last_frame_{};

  std::deque<Outstanding> kept_;      ///< by number; answered ones stay until they are at the front
  std::vector<Outstanding> passing_;  ///< questions and receives, by number
  std::size_t kept_count_ = 0;
  std::size_t deadline_count_ = 0;  ///< outstanding requests that have a deadline: without any there is nothing to search
  std::vector<std::pair<Handler, Error>> refused_;  ///< to be told at the next tick, never inside ask()
  std::vector<std::string> spare_frames_;

  std::map<std::uint64_t, std::shared_ptr<Subscription>> subscriptions_;
  std::uint64_t next_subscription_ = 1;

  [[nodiscard]] std::uint64_t settled() const { return kept_.empty() ? next_request_ : kept_.front().request; }
  std::string take_frame();
  void give_back(std::string frame);
  void submit(Kind kind, std::string frame, Handler handler, Duration wait);
  void send(Outstanding& outstanding);
  void greet();
  void on_frame(std::string_view frame);
  void on_welcome(std::string_view result);
  void on_hello_refused(const Error& error);
  void on_disconnected();
  void on_event(const wire::Event& event);
  void answer(std::uint64_t request, Result<std::string_view> result);
  void finish(Outstanding& outstanding, Result<std::string_view> result);
  void forget_answered();
  void end_receives(const std::string& why);
  void end_all(const Error& error);
  void renew(const std::shared_ptr<Subscription>& subscription);
  void tell_refused();
  void expire(Instant now);
  void ping_or_give_up(Instant now);
};

}  // namespace remuda
