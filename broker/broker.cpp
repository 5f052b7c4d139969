#include "broker/broker.hpp"

#include <algorithm>
#include <utility>

#include "broker/access.hpp"
#include "common/log.hpp"

namespace remuda::broker {

namespace {

constexpr std::chrono::seconds sweep_interval{30};

}  // namespace

Broker::Broker(QueueEngine& engine, const Log& log, const Clock& clock, BrokerSettings settings)
    : engine_{engine},
      log_{log},
      clock_{clock},
      settings_{std::move(settings)},
      moment_{moment_of(clock)},
      next_sweep_{moment_.now + sweep_interval} {}

// ---- the turn ----

void Broker::begin_turn() {
  moment_ = moment_of(clock_);
  effects_.clear();
  done_forms_.clear();
  direct_.clear();
  published_.clear();
  give_back_undeliverable();
  if (moment_.now >= next_sweep_) {
    next_sweep_ = moment_.now + sweep_interval;
    if (backup_client_ && moment_.now >= backup_until_) end_backup();
    for (const ClientId client : connections_.idle(moment_.now)) forget(client);
  }
}

void Broker::on_frame(std::string_view routing_id, std::string_view frame, const keys::KnownClient* client) {
  // The turn may be older than the request: this process had to wait for its processor meanwhile. Time counts from the request on.
  moment_ = moment_of(clock_);
  Connection& connection = connections_.heard(routing_id, moment_.now);
  if (moment_.now < connection.ignored_until) return;
  ++requests_;
  if (auto decoded = wire::decode_request(frame, request_); !decoded) return strike(connection, request_.request, decoded.error());
  if (client != nullptr) {
    if (const auto refusal = refusal_for(*client, request_.command)) return refuse(connection, request_.request, *refusal);
  }
  handle(connection);
}

void Broker::on_multipart(std::string_view routing_id) {
  Connection& connection = connections_.heard(routing_id, moment_.now);
  if (moment_.now < connection.ignored_until) return;
  strike(connection, 0, {"malformed_request", "a request is one frame, not several; see PROTOCOL.md", true});
}

void Broker::on_gone(std::string_view routing_id) {
  if (const Connection* connection = connections_.find(routing_id)) forget(connection->id);
}

void Broker::handle(Connection& connection) {
  const bool is_hello = std::holds_alternative<wire::Hello>(request_.command);
  if (connection.session == 0 && !is_hello) {
    return refuse(connection, request_.request, {"hello_first", "say hello on this connection first; nothing was done", true});
  }
  std::visit([&](const auto& command) { on(connection, command); }, request_.command);
}

bool Broker::end_turn() {
  moment_ = moment_of(clock_);
  moves_.run(
      engine_, moment_, [&](const MessageInfo& info) { return read_body(info.place, info.size, info.crc32c); }, effects_);
  engine_.tick(moment_, effects_);
  done_forms_.resize(effects_.replies.size(), DoneForm::nothing);
  return effects_.sync_needed;
}

Instant Broker::next_deadline() const {
  const auto engine = engine_.next_deadline();
  const auto moves = moves_.next_deadline();
  return std::min({engine.value_or(next_sweep_), moves.value_or(next_sweep_), next_sweep_});
}

void Broker::drain() {
  for (const ClientId client : connections_.all()) {
    if (Connection* connection = connections_.find(client)) end_waiting(*connection);
  }
}

// ---- what the handlers use ----

bool Broker::apply(const Command& command, DoneForm form) {
  const std::size_t before = effects_.replies.size();
  engine_.apply(command, moment_, effects_);
  done_forms_.resize(effects_.replies.size(), form);
  if (effects_.replies.size() == before) return true;  // a receive that waits
  const Answer& answer = effects_.replies.back().answer;
  if (const auto* done = std::get_if<Done>(&answer)) return !done->repeated;
  return !std::holds_alternative<Error>(answer);
}

void Broker::answer(const Connection& connection, std::string frame) {
  direct_.push_back({connection.id, std::move(frame)});
}

void Broker::refuse(Connection& connection, std::uint64_t request, const Error& error) {
  ++refusals_;
  std::string frame;
  wire::encode_error(request, error, frame);
  answer(connection, std::move(frame));
}

void Broker::strike(Connection& connection, std::uint64_t request, const Error& error) {
  refuse(connection, request, error);
  if (++connection.strikes < Connections::strikes_max) return;
  connection.strikes = 0;
  connection.ignored_until = moment_.now + Connections::ban;
  log_warning("a client sends what is not understood; it is ignored for a minute",
              {{"client", connection.name}, {"code", error.code}, {"reason", error.message}});
}

void Broker::forget(ClientId client) {
  const Connection* connection = connections_.find(client);
  if (connection == nullptr) return;
  engine_.apply(CancelReceives{client}, moment_, effects_);
  if (backup_client_ == client) end_backup();
  for (const std::uint64_t subscription : connection->subscriptions) end_subscription(subscription, client);
  connections_.remove(client);
}

void Broker::give_back_undeliverable() {
  for (const ClientId client : std::exchange(gone_, {})) {
    if (const Connection* connection = connections_.find(client)) unreachable_.push_back(connection->routing_id);
    forget(client);
  }
  std::vector<ReceiptHandle> returned = std::exchange(returned_, {});
  std::sort(returned.begin(), returned.end());
  for (std::size_t begin = 0; begin < returned.size();) {
    std::size_t end = begin;
    while (end < returned.size() && returned[end].queue == returned[begin].queue) ++end;
    ReleaseMessage release;
    release.queue = returned[begin].queue;
    release.handles = std::span{returned}.subspan(begin, end - begin);
    engine_.apply(release, moment_, effects_);
    begin = end;
  }
  for (const auto& [lease, first] : std::exchange(returned_leases_, {}))
    engine_.apply(CheckpointStream{{}, lease, first, CheckpointStream::End::release}, moment_, effects_);
  done_forms_.resize(effects_.replies.size(), DoneForm::nothing);
}

Requester Broker::requester(const Connection& connection) const {
  return {connection.id, connection.session, request_.request, request_.settled};
}

Result<QueueId> Broker::queue_named(std::string_view name) const {
  if (const auto queue = engine_.find_queue(name)) return *queue;
  return fail("no_such_queue", "this broker has no queue '" + std::string{name} + "'; `remuda queue ls` shows what there is");
}

Result<Topic*> Broker::topic_named(std::string_view name) {
  if (Topic* topic = topics_.find(name)) return topic;
  return fail("no_such_topic", "this broker has no topic '" + std::string{name} + "'; `remuda topic ls` shows what there is");
}

}  // namespace remuda::broker
