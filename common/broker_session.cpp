#include "common/broker_session.hpp"
#include "common/keys/key_folder.hpp"
#include "common/socket.hpp"

#include <sys/random.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "common/log.hpp"

namespace remuda {

namespace {

constexpr std::size_t spare_frames_max = 64;
constexpr std::uint32_t event_window = 4'096;

std::array<char, wire::session_size> random_session() {
  std::array<char, wire::session_size> key{};
  if (getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) throw std::runtime_error{"no random bytes"};
  return key;
}

BrokerClient::Session::Kind kind_of(const wire::Command& command) {
  if (wire::is_remembered(command)) return BrokerClient::Session::Kind::kept;
  const bool ends = std::holds_alternative<wire::Receive>(command) || std::holds_alternative<wire::StreamTake>(command) ||
                    std::holds_alternative<wire::Subscribe>(command);
  return ends ? BrokerClient::Session::Kind::ends : BrokerClient::Session::Kind::question;
}

}  // namespace

namespace {

bool leaves_this_machine(const std::string& endpoint) {
  const auto stays = check_listen_endpoint(endpoint);
  return !stays && stays.error().code == "open_endpoint";
}

/// Over TCP what REMUDA_KEYS holds is shown, and no connection without it leaves this machine.
std::shared_ptr<const zmtp::CurveClient> keys_for(const std::string& endpoint) {
  if (!endpoint.starts_with("tcp://")) return nullptr;
  auto keys = keys::client_from_environment();
  if (!keys && leaves_this_machine(endpoint)) {
    throw std::runtime_error{
        "'" + endpoint +
        "' is beyond this machine, and this process has no keys; on the queue node's machine `remuda keys add-host "
        "NAME` makes a folder of them, which REMUDA_KEYS must name here"};
  }
  return keys;
}

}  // namespace

BrokerClient::Session::Session(const std::string& endpoint, ClientIdentity identity, const Clock& clock,
                               BrokerClientOptions options)
    : endpoint_{endpoint},
      identity_{std::move(identity)},
      clock_{clock},
      options_{options},
      session_key_{random_session()},
      dealer_{endpoint, options.max_frame_size, clock, keys_for(endpoint)},
      handlers_{[this] { greet(); }, [this](std::string_view frame) { on_frame(frame); }, [this] { on_disconnected(); }},
      max_frame_size_{options.max_frame_size},
      pings_{options.pings_everywhere || leaves_this_machine(endpoint)} {}

// ---- asking ----

void BrokerClient::Session::ask(const wire::Command& command, Handler handler, Duration wait) {
  std::string frame = take_frame();
  wire::encode_request({next_request_, settled(), command}, frame);
  submit(kind_of(command), std::move(frame), std::move(handler), wait);
}

void BrokerClient::Session::ask(const Transaction& transaction, Handler handler) {
  std::string frame = take_frame();
  wire::encode_transact(next_request_, settled(), transaction.encoded(), transaction.step_count(), frame);
  submit(Kind::kept, std::move(frame), std::move(handler), {});
}

std::string BrokerClient::Session::take_frame() {
  if (spare_frames_.empty()) return {};
  std::string frame = std::move(spare_frames_.back());
  spare_frames_.pop_back();
  frame.clear();
  return frame;
}

void BrokerClient::Session::give_back(std::string frame) {
  constexpr std::size_t worth_keeping = 256 * 1024;
  if (spare_frames_.size() < spare_frames_max && frame.capacity() <= worth_keeping) spare_frames_.push_back(std::move(frame));
}

void BrokerClient::Session::submit(Kind kind, std::string frame, Handler handler, Duration wait) {
  if (frame.size() > max_frame_size_) {
    // The broker would close the connection, and a resend would close it again.
    refused_.emplace_back(std::move(handler),
                          Error{"over_limit",
                                "the request has " + std::to_string(frame.size()) + " bytes, the broker takes " +
                                    std::to_string(max_frame_size_) + "; send fewer messages at once",
                                true});
    return;
  }
  const Instant now = clock_.now();
  if (kept_count_ == 0 && kind == Kind::kept) last_heard_ = now;  // the backstop's clock starts with the first that is waited for
  Outstanding outstanding;
  outstanding.request = next_request_++;
  outstanding.kind = kind;
  outstanding.frame = std::move(frame);
  outstanding.handler = std::move(handler);
  outstanding.deadline = deadline_ ? now + *deadline_ + wait : Instant::max();
  outstanding.give_up = Instant::max();
  outstanding.wait = wait;
  if (deadline_) ++deadline_count_;
  if (kind == Kind::kept) ++kept_count_;
  auto& stored = kind == Kind::kept ? kept_.emplace_back(std::move(outstanding)) : passing_.emplace_back(std::move(outstanding));
  if (state_ == State::ready) send(stored);
}

void BrokerClient::Session::send(Outstanding& outstanding) {
  // A send that finds no connection is no loss: the disconnection is about to be noticed, and everything is sent again then.
  dealer_.send(outstanding.frame);
  outstanding.sent = true;
  if (outstanding.kind == Kind::ends) outstanding.give_up = clock_.now() + outstanding.wait + options_.resend_after;
}

// ---- the connection ----

void BrokerClient::Session::greet() {
  state_ = State::greeting;
  std::string frame = take_frame();
  wire::encode_request(
      {0, settled(),
       wire::Hello{wire::protocol_version, {session_key_.data(), session_key_.size()}, identity_.node, identity_.host}},
      frame);
  dealer_.send(frame);
  last_heard_ = clock_.now();
  if (pings_) pinged_ = last_heard_;
  give_back(std::move(frame));
}

void BrokerClient::Session::on_welcome(std::string_view result) {
  if (state_ != State::greeting) return;
  const auto welcome = wire::decode_welcome(result);
  if (!welcome) return on_hello_refused(welcome.error());
  max_frame_size_ = std::min(options_.max_frame_size, welcome->max_frame_size_bytes);
  state_ = State::ready;
  ++greetings_;
  for (auto& outstanding : kept_) {
    if (outstanding.handler) send(outstanding);
  }
  for (auto& outstanding : passing_) {
    if (outstanding.handler) send(outstanding);
  }
  for (const auto& [key, subscription] : subscriptions_) renew(subscription);
  if (greetings_ > 1) log_debug("reconnected to the broker", {{"endpoint", endpoint_}, {"resent", kept_count_}});
}

void BrokerClient::Session::on_hello_refused(const Error& error) {
  state_ = State::disconnected;
  log_error("the broker refuses this client", {{"endpoint", endpoint_}, {"code", error.code}, {"reason", error.message}});
  end_all(error);
}

void BrokerClient::Session::on_disconnected() {
  if (state_ == State::ready) log_debug("the connection to the broker broke", {{"endpoint", endpoint_}});
  state_ = State::disconnected;
  end_receives("the connection to " + endpoint_ + " broke");
}

void BrokerClient::Session::process() {
  dealer_.process(handlers_);
  tell_refused();
}

void BrokerClient::Session::on_frame(std::string_view frame) {
  auto reply = wire::decode_reply(frame);
  if (!reply) {
    log_warning("a frame of the broker is not understood", {{"endpoint", endpoint_}, {"reason", reply.error().message}});
    return;
  }
  last_heard_ = last_frame_ = clock_.now();
  pinged_.reset();
  if (const auto* event = std::get_if<wire::Event>(&*reply)) return on_event(*event);
  if (const auto* ok = std::get_if<wire::Ok>(&*reply)) {
    return ok->request == 0 ? on_welcome(ok->result) : answer(ok->request, ok->result);
  }
  auto& refused = std::get<wire::Refused>(*reply);
  if (refused.error.code == "hello_first") {
    // The broker was restarted behind a connection that lived on, or frames overtook the hello. Once is enough: replies
    // come in order.
    if (state_ == State::ready) {
      on_disconnected();
      greet();
    }
    return;
  }
  if (refused.request == 0 && state_ == State::greeting) return on_hello_refused(refused.error);
  answer(refused.request, Failure{std::move(refused.error)});
}

// ---- answers ----

void BrokerClient::Session::answer(std::uint64_t request, Result<std::string_view> result) {
  const auto is_before = [](const Outstanding& outstanding, std::uint64_t number) { return outstanding.request < number; };
  // A reply to a request that is not waited for any more (it was resent and answered twice, or timed out) has no one to tell.
  if (const auto kept = std::lower_bound(kept_.begin(), kept_.end(), request, is_before);
      kept != kept_.end() && kept->request == request) {
    if (kept->handler) finish(*kept, std::move(result));
  } else if (const auto passing = std::lower_bound(passing_.begin(), passing_.end(), request, is_before);
             passing != passing_.end() && passing->request == request) {
    if (passing->handler) finish(*passing, std::move(result));
  }
  forget_answered();
}

void BrokerClient::Session::finish(Outstanding& outstanding, Result<std::string_view> result) {
  const Handler handler = std::exchange(outstanding.handler, {});
  if (outstanding.kind == Kind::kept) --kept_count_;
  if (outstanding.deadline != Instant::max()) --deadline_count_;
  give_back(std::move(outstanding.frame));
  handler(std::move(result));  // may ask again: `outstanding` is not to be touched after this
}

void BrokerClient::Session::forget_answered() {
  while (!kept_.empty() && !kept_.front().handler) kept_.pop_front();
  std::erase_if(passing_, [](const Outstanding& outstanding) { return !outstanding.handler; });
}

void BrokerClient::Session::end_receives(const std::string& why) {
  // By number, not by iterator: handlers ask again, which grows the list.
  std::vector<std::uint64_t> ended;
  for (const auto& outstanding : passing_) {
    if (outstanding.kind == Kind::ends && outstanding.sent && outstanding.handler) ended.push_back(outstanding.request);
  }
  for (const auto request : ended) answer(request, fail_unknown("unreachable", why + "; receive again"));
  for (const auto& [key, subscription] : subscriptions_) {
    subscription->interrupted = subscription->interrupted || subscription->number.has_value();
    subscription->number.reset();
  }
}

void BrokerClient::Session::cancel_receives() {
  // What waits for a connection is not to leave once there is one: nobody would take what it brings.
  for (auto& outstanding : passing_) {
    if (outstanding.kind != Kind::ends || outstanding.sent || !outstanding.handler) continue;
    if (outstanding.deadline != Instant::max()) --deadline_count_;
    refused_.emplace_back(std::exchange(outstanding.handler, {}), Error{"unreachable", "cancelled before it was sent", true});
  }
  forget_answered();
  ask(wire::CancelReceives{}, [](const Result<std::string_view>&) {});
}

std::size_t BrokerClient::Session::receiving() const {
  return static_cast<std::size_t>(std::count_if(passing_.begin(), passing_.end(), [](const Outstanding& outstanding) {
    return outstanding.kind == Kind::ends && outstanding.sent && outstanding.handler;
  }));
}

void BrokerClient::Session::end_all(const Error& error) {
  std::vector<std::uint64_t> ended;
  for (const auto& outstanding : kept_) ended.push_back(outstanding.request);
  for (const auto& outstanding : passing_) ended.push_back(outstanding.request);
  for (const auto request : ended) answer(request, Failure{error});
}

void BrokerClient::Session::tell_refused() {
  for (auto& [handler, error] : std::exchange(refused_, {})) handler(Failure{std::move(error)});
}

// ---- live topics ----

std::uint64_t BrokerClient::Session::subscribe(std::string_view topic, EventCallback on_event, Callback<Unit> done,
                                               const wire::Selection& selection) {
  auto subscription = std::make_shared<Subscription>();
  subscription->topic = topic;
  subscription->filter_policy = selection.filter_policy;
  subscription->filter_on_attributes = selection.filter_on_attributes;
  subscription->on_event = std::move(on_event);
  subscription->done = std::move(done);
  subscriptions_.emplace(next_subscription_, subscription);
  if (state_ == State::ready) renew(subscription);
  return next_subscription_++;
}

void BrokerClient::Session::renew(const std::shared_ptr<Subscription>& subscription) {
  const wire::Subscribe command{
      subscription->topic, {subscription->filter_policy, subscription->filter_on_attributes}, event_window};
  const auto deadline = std::exchange(deadline_, std::nullopt);  // it is wanted until unsubscribe()
  ask(command, [this, subscription](Result<std::string_view> result) {
    const auto number = result ? wire::decode_number(*result) : Result<std::uint64_t>{Failure{result.error()}};
    if (subscription->cancelled) {
      if (number) ask(wire::Unsubscribe{*number}, [](Result<std::string_view>) {});
      return;
    }
    if (number) {
      subscription->number = *number;
      subscription->expected = 1;
      subscription->credited = 0;
    } else if (number.error().code == "unreachable") {
      if (state_ == State::ready) renew(subscription);  // else every subscription is renewed on the next connection
      return;
    }
    if (const auto done = std::exchange(subscription->done, {}))
      done(number ? Result<Unit>{Unit{}} : Result<Unit>{Failure{number.error()}});
  });
  deadline_ = deadline;
}

void BrokerClient::Session::unsubscribe(std::uint64_t key) {
  const auto found = subscriptions_.find(key);
  if (found == subscriptions_.end()) return;
  const auto subscription = found->second;
  subscriptions_.erase(found);
  subscription->cancelled = true;
  subscription->done = {};
  if (subscription->number) ask(wire::Unsubscribe{*subscription->number}, [](Result<std::string_view>) {});
}

void BrokerClient::Session::on_event(const wire::Event& event) {
  const auto found = std::find_if(subscriptions_.begin(), subscriptions_.end(),
                                  [&](const auto& entry) { return entry.second->number == event.subscription; });
  if (found == subscriptions_.end()) return;  // unsubscribed meanwhile
  const auto subscription = found->second;
  std::uint64_t missed = event.sequence - subscription->expected;
  if (std::exchange(subscription->interrupted, false)) ++missed;
  for (const auto message : event.messages) {
    if (!subscription->cancelled) subscription->on_event(message, std::exchange(missed, 0));
  }
  subscription->expected = event.sequence + event.messages.size();
  const std::uint64_t taken = subscription->expected - 1;
  if (subscription->number && taken - subscription->credited >= event_window / 4) {
    subscription->credited = taken;
    std::string frame = take_frame();
    wire::encode_request({next_request_++, settled(), wire::Credit{*subscription->number, taken}}, frame);
    dealer_.send(frame);
    give_back(std::move(frame));
  }
}

// ---- time ----

Instant BrokerClient::Session::next_deadline() const {
  if (!refused_.empty()) return clock_.now();
  Instant next = dealer_.next_deadline();
  if (state_ != State::disconnected && (kept_count_ > 0 || state_ == State::greeting)) {
    next = std::min(next, last_heard_ + options_.resend_after);
  }
  if (pings_ && state_ != State::disconnected)
    next = std::min<Instant>(next, pinged_ ? *pinged_ + options_.dead_after : last_frame_ + options_.ping_after);
  for (const auto& outstanding : passing_) next = std::min({next, outstanding.deadline, outstanding.give_up});
  if (deadline_count_ > 0) {
    for (const auto& outstanding : kept_) {
      if (outstanding.handler) next = std::min(next, outstanding.deadline);
    }
  }
  return next;
}

void BrokerClient::Session::tick() {
  process();
  const Instant now = clock_.now();
  if (next_deadline() > now) return;
  expire(now);
  if (pings_ && state_ != State::disconnected) ping_or_give_up(now);
  const bool silent = state_ != State::disconnected && now >= last_heard_ + options_.resend_after;
  if (silent && (kept_count_ > 0 || state_ == State::greeting)) {
    log_warning("the broker is silent; asking again", {{"endpoint", endpoint_}, {"unanswered", kept_count_}});
    greet();
  }
}

void BrokerClient::Session::ping_or_give_up(Instant now) {
  if (pinged_ && now >= *pinged_ + options_.dead_after) {
    log_warning("the broker does not answer; connecting again", {{"endpoint", endpoint_}, {"unanswered", kept_count_}});
    pinged_.reset();
    dealer_.reconnect(handlers_);
  } else if (!pinged_ && now >= last_frame_ + options_.ping_after) {
    pinged_ = now;
    ask(wire::Ping{}, [](const Result<std::string_view>&) {});
  }
}

void BrokerClient::Session::expire(Instant now) {
  std::vector<std::pair<std::uint64_t, Error>> expired;
  const auto look_at = [&](const Outstanding& outstanding) {
    if (!outstanding.handler) return;
    if (now >= outstanding.deadline) {
      expired.emplace_back(outstanding.request,
                           outstanding.sent ? Error{"timed_out", "no answer from " + endpoint_ + " in time", false}
                                            : Error{"unreachable", "no broker answers at " + endpoint_ + "; is it running?", true});
    } else if (now >= outstanding.give_up) {
      expired.emplace_back(outstanding.request,
                           Error{"unreachable", "the answer from " + endpoint_ + " got lost; receive again", false});
    }
  };
  for (const auto& outstanding : kept_) look_at(outstanding);
  for (const auto& outstanding : passing_) look_at(outstanding);
  for (auto& [request, error] : expired) answer(request, Failure{std::move(error)});
}

}  // namespace remuda
