// Who is there: hello, ping, the end of waiting, live subscriptions.

#include <algorithm>
#include <utility>

#include "broker/broker.hpp"
#include "common/log.hpp"

namespace remuda::broker {

void Broker::on(Connection& connection, const wire::Hello& hello) {
  if (hello.protocol != wire::protocol_version) {
    return refuse(connection, request_.request,
                  {"protocol_mismatch",
                   "this broker speaks protocol 1, the client " + std::to_string(hello.protocol) + "; use the same version", true});
  }
  SessionKey key{};
  std::copy(hello.session.begin(), hello.session.end(), key.begin());
  // The client came back on a new connection: whatever waits on the old one has nobody to answer to.
  if (const Connection* old = connections_.find(key); old != nullptr && old->id != connection.id) forget(old->id);
  end_waiting(connection);

  const std::size_t before = effects_.replies.size();
  engine_.apply(OpenSession{connection.id, request_.request, key, hello.node, hello.host}, moment_, effects_);
  // The engine's answer is for us; the client gets the welcome.
  Answer answered =
      effects_.replies.size() > before ? std::move(effects_.replies.back().answer) : Answer{Error{"internal", "no session", true}};
  effects_.replies.resize(before);
  if (const auto* error = std::get_if<Error>(&answered)) return refuse(connection, request_.request, *error);
  const auto& opened = std::get<SessionOpened>(answered);
  connections_.bind_session(connection, opened.session, key);
  connection.name = std::string{hello.node} + "@" + std::string{hello.host};
  log_debug(opened.resumed ? "a client came back" : "a client connected", {{"client", connection.name}});

  std::string frame;
  wire::encode_ok(request_.request, wire::Welcome{wire::protocol_version, settings_.name, settings_.max_frame_size}, frame);
  answer(connection, std::move(frame));
}

void Broker::on(Connection& connection, const wire::Ping&) {
  std::string frame;
  wire::encode_ok(request_.request, frame);
  answer(connection, std::move(frame));
}

void Broker::on(Connection& connection, const wire::CancelReceives&) {
  end_waiting(connection);
  std::string frame;
  wire::encode_ok(request_.request, frame);
  answer(connection, std::move(frame));
}

void Broker::end_waiting(Connection& connection) {
  if (connection.waiting.empty() && connection.waiting_takes.empty()) return;
  engine_.apply(CancelReceives{connection.id}, moment_, effects_);
  for (const std::uint64_t request : std::exchange(connection.waiting, {})) {
    std::string frame;
    wire::begin_received(request, 0, frame);
    answer(connection, std::move(frame));
  }
  for (const std::uint64_t request : std::exchange(connection.waiting_takes, {})) {
    std::string frame;
    wire::begin_stream_batch(request, {}, 0, frame);
    answer(connection, std::move(frame));
  }
}

void Broker::on(Connection& connection, const wire::Subscribe& subscribe) {
  const auto topic = topic_named(subscribe.topic);
  if (!topic) return refuse(connection, request_.request, topic.error());
  if (connection.subscriptions.size() >= settings_.subscriptions_max) {
    const std::string has = "this connection has " + std::to_string(connection.subscriptions.size()) + " subscriptions already";
    return refuse(connection, request_.request, {"over_limit", has, true});
  }
  auto policy = compile_filter(subscribe.selection.filter_policy, subscribe.selection.filter_on_attributes);
  if (!policy) return refuse(connection, request_.request, policy.error());
  const std::uint64_t number = next_subscription_++;
  (*topic)->feed.add(number, connection.id, *std::move(policy), !subscribe.selection.filter_policy.empty(), subscribe.window);
  connection.subscriptions.push_back(number);
  subscribed_[number] = *topic;
  std::string frame;
  wire::encode_ok(request_.request, number, frame);
  answer(connection, std::move(frame));
}

void Broker::on(Connection& connection, const wire::Unsubscribe& unsubscribe) {
  if (std::erase(connection.subscriptions, unsubscribe.subscription) > 0) end_subscription(unsubscribe.subscription, connection.id);
  std::string frame;
  wire::encode_ok(request_.request, frame);
  answer(connection, std::move(frame));
}

void Broker::on(Connection& connection, const wire::Credit& credit) {
  const auto topic = subscribed_.find(credit.subscription);
  if (topic != subscribed_.end()) topic->second->feed.credit(credit.subscription, connection.id, credit.sequence);
}

void Broker::end_subscription(std::uint64_t subscription, ClientId client) {
  const auto topic = subscribed_.find(subscription);
  if (topic == subscribed_.end()) return;
  topic->second->feed.remove(subscription, client);
  subscribed_.erase(topic);
}

}  // namespace remuda::broker
