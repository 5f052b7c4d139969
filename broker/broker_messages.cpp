// Sending, receiving and settling messages: from wire commands to engine commands, without copying a message.

#include <algorithm>
#include <type_traits>
#include <utility>

#include "broker/broker.hpp"
#include "broker/journal/crc32c.hpp"

namespace remuda::broker {

namespace {

/// Milliseconds from the wire; whatever is too large for the engine's ranges stays too large.
Milliseconds milliseconds(std::uint64_t ms) {
  return Milliseconds{static_cast<std::int64_t>(std::min<std::uint64_t>(ms, 1'000'000'000'000))};
}
std::optional<Milliseconds> milliseconds(const std::optional<std::uint64_t>& ms) {
  return ms ? std::optional{milliseconds(*ms)} : std::nullopt;
}

ReceiptHandle handle_of(QueueId queue, std::string_view bytes) {
  // What was never a handle is treated like one that holds nothing any more.
  const auto handle = parse_receipt_handle(bytes);
  return handle ? *handle : ReceiptHandle{queue, 0, 0};
}

}  // namespace

void Broker::on(Connection& connection, const wire::Send& send) {
  const auto queue = queue_named(send.queue);
  if (!queue) return refuse(connection, request_.request, queue.error());
  bodies_.clear();
  live_.clear();
  bodies_.reserve(send.messages.size());
  const auto bodies = take_bodies(send.messages);
  if (!bodies) return strike(connection, request_.request, bodies.error());
  apply(SendMessage{requester(connection), *queue, *bodies, milliseconds(send.delay_ms)}, DoneForm::first);
}

void Broker::on(Connection& connection, const wire::Publish& publish) {
  const wire::Step as_step{publish};
  reserve_scratch({&as_step, 1});
  const auto publications = take_publications(publish.topic, publish.messages);
  if (!publications) {
    const bool is_malformed = publications.error().code == "malformed_message";
    return is_malformed ? strike(connection, request_.request, publications.error())
                        : refuse(connection, request_.request, publications.error());
  }
  if (apply(PublishMessage{requester(connection), *publications}, DoneForm::count)) show_live();
}

void Broker::on(Connection& connection, const wire::Receive& receive) {
  const auto queue = queue_named(receive.queue);
  if (!queue) return refuse(connection, request_.request, queue.error());
  if (connection.waiting.size() >= settings_.waiting_receives_max) {
    return refuse(connection, request_.request, {"over_limit", "this connection has 64 receives waiting already", true});
  }
  const std::size_t before = effects_.replies.size();
  apply(ReceiveMessage{requester(connection), *queue, receive.max, milliseconds(receive.wait_ms),
                       milliseconds(receive.visibility_timeout_ms)},
        DoneForm::nothing);
  if (effects_.replies.size() == before) connection.waiting.push_back(request_.request);
}

template <class HandlesCommand, class EngineCommand>
void Broker::on_handles(Connection& connection, const HandlesCommand& command, EngineCommand engine_command) {
  const auto queue = queue_named(command.queue);
  if (!queue) return refuse(connection, request_.request, queue.error());
  handles_.clear();
  handles_.reserve(command.handles.size());
  engine_command.from = requester(connection);
  engine_command.queue = *queue;
  engine_command.handles = take_handles(command.handles);
  apply(engine_command, DoneForm::nothing);
}
void Broker::on(Connection& connection, const wire::Delete& command) {
  on_handles(connection, command, DeleteMessage{});
}
void Broker::on(Connection& connection, const wire::Release& command) {
  on_handles(connection, command, ReleaseMessage{});
}
void Broker::on(Connection& connection, const wire::ChangeVisibility& command) {
  ChangeMessageVisibility change;
  change.timeout = milliseconds(command.timeout_ms);
  on_handles(connection, command, change);
}

void Broker::on(Connection& connection, const wire::RetryLater& command) {
  const auto queue = queue_named(command.queue);
  if (!queue) return refuse(connection, request_.request, queue.error());
  apply(RetryLater{requester(connection), *queue, handle_of(*queue, command.handle), command.error_text,
                   milliseconds(command.delay_ms)},
        DoneForm::nothing);
}

void Broker::on(Connection& connection, const wire::Reject& command) {
  const auto queue = queue_named(command.queue);
  if (!queue) return refuse(connection, request_.request, queue.error());
  apply(RejectMessage{requester(connection), *queue, handle_of(*queue, command.handle), command.reason}, DoneForm::nothing);
}

void Broker::on(Connection& connection, const wire::Transact& transact) {
  reserve_scratch(transact.steps);
  steps_.clear();
  for (std::size_t i = 0; i < transact.steps.size(); ++i) {
    auto translated = step(transact.steps[i]);
    if (!translated) {
      const Error& error = translated.error();
      return refuse(connection, request_.request, {error.code, "step " + std::to_string(i + 1) + ": " + error.message, true});
    }
    steps_.push_back(*std::move(translated));
  }
  if (apply(Transact{requester(connection), steps_}, DoneForm::nothing)) show_live();
}

Result<TransactionStep> Broker::step(const wire::Step& step) {
  return std::visit(
      [&](const auto& command) -> Result<TransactionStep> {
        using T = std::decay_t<decltype(command)>;
        if constexpr (std::is_same_v<T, wire::Publish>) {
          auto publications = take_publications(command.topic, command.messages);
          if (!publications) return Failure{publications.error()};
          return TransactionStep{PublishMessage{{}, *publications}};
        } else {
          const auto queue = queue_named(command.queue);
          if (!queue) return Failure{queue.error()};
          if constexpr (std::is_same_v<T, wire::Send>) {
            auto bodies = take_bodies(command.messages);
            if (!bodies) return Failure{bodies.error()};
            return TransactionStep{SendMessage{{}, *queue, *bodies, milliseconds(command.delay_ms)}};
          } else if constexpr (std::is_same_v<T, wire::Delete>) {
            return TransactionStep{DeleteMessage{{}, *queue, take_handles(command.handles)}};
          } else if constexpr (std::is_same_v<T, wire::Release>) {
            return TransactionStep{ReleaseMessage{{}, *queue, take_handles(command.handles)}};
          } else if constexpr (std::is_same_v<T, wire::ChangeVisibility>) {
            return TransactionStep{
                ChangeMessageVisibility{{}, *queue, take_handles(command.handles), milliseconds(command.timeout_ms)}};
          } else if constexpr (std::is_same_v<T, wire::RetryLater>) {
            return TransactionStep{
                RetryLater{{}, *queue, handle_of(*queue, command.handle), command.error_text, milliseconds(command.delay_ms)}};
          } else {
            static_assert(std::is_same_v<T, wire::Reject>);
            return TransactionStep{RejectMessage{{}, *queue, handle_of(*queue, command.handle), command.reason}};
          }
        }
      },
      step);
}

// ---- scratch memory of one request: spans into it live until the engine has decided ----

void Broker::reserve_scratch(std::span<const wire::Step> steps) {
  std::size_t messages = 0;
  std::size_t handles = 0;
  std::size_t targets = 0;
  for (const auto& step : steps) {
    if (const auto* send = std::get_if<wire::Send>(&step)) messages += send->messages.size();
    if (const auto* publish = std::get_if<wire::Publish>(&step)) {
      const Topic* topic = topics_.find(publish->topic);
      messages += publish->messages.size();
      targets += topic == nullptr ? 0 : publish->messages.size() * topic->chains.size();
    }
    if (const auto* command = std::get_if<wire::Delete>(&step)) handles += command->handles.size();
    if (const auto* command = std::get_if<wire::Release>(&step)) handles += command->handles.size();
    if (const auto* command = std::get_if<wire::ChangeVisibility>(&step)) handles += command->handles.size();
  }
  // Reserved at once, so that spans taken for an early step stay where they are.
  bodies_.clear();
  bodies_.reserve(messages);
  publications_.clear();
  publications_.reserve(messages);
  targets_.clear();
  targets_.reserve(targets);
  handles_.clear();
  handles_.reserve(handles);
  live_.clear();
}

Result<std::span<const Body>> Broker::take_bodies(const std::vector<std::string_view>& messages) {
  const std::size_t begin = bodies_.size();
  for (const auto message : messages) {
    if (const auto view = view_message(message); !view) return Failure{view.error()};
    bodies_.push_back({message, crc32c(message)});
  }
  return std::span<const Body>{bodies_}.subspan(begin);
}

Result<std::span<const Publication>> Broker::take_publications(std::string_view topic_name,
                                                               const std::vector<std::string_view>& messages) {
  const auto topic = topic_named(topic_name);
  if (!topic) return Failure{topic.error()};
  const std::size_t begin = publications_.size();
  for (const auto message : messages) {
    const auto view = view_message(message);
    if (!view) return Failure{view.error()};
    const std::size_t first_target = targets_.size();
    for (const auto& chain : (*topic)->chains) {
      if (chain.filter_policy.empty() || chain.policy.matches(*view)) targets_.push_back(chain.queue_id);
    }
    publications_.push_back({{message, crc32c(message)}, std::span<const QueueId>{targets_}.subspan(first_target)});
    live_.push_back({*topic, *view});
  }
  return std::span<const Publication>{publications_}.subspan(begin);
}

std::span<const ReceiptHandle> Broker::take_handles(const std::vector<std::string_view>& handles) {
  const std::size_t begin = handles_.size();
  for (const auto handle : handles) handles_.push_back(handle_of(0, handle));
  return std::span<const ReceiptHandle>{handles_}.subspan(begin);
}

void Broker::show_live() {
  for (const auto& [topic, message] : live_) {
    ++topic->published;
    if (topic->feed.empty()) continue;
    if (!topic->feed.pending()) published_.push_back(topic);
    topic->feed.publish(message);
  }
}

}  // namespace remuda::broker
