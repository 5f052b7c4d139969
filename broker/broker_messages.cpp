// Sending, receiving and settling messages: from wire commands to engine commands, without copying a message.

#include <algorithm>
#include <type_traits>
#include <utility>

#include "broker/broker.hpp"
#include "common/crc32c.hpp"

namespace remuda::broker {

namespace {

std::optional<Milliseconds> if_said(const std::optional<std::uint64_t>& ms) {
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
  groupings_.clear();
  delays_.clear();
  delays_.reserve(send.delays_ms.size());
  auto command = take_send(*queue, send);
  if (!command) return refuse_messages(connection, command.error());
  command->from = requester(connection);
  apply(*command, DoneForm::first);
}

/// Bytes that are no message are an offence; a message that says too little for its queue is not.
void Broker::refuse_messages(Connection& connection, const Error& error) {
  if (error.code == "malformed_message") return strike(connection, request_.request, error);
  refuse(connection, request_.request, error);
}

void Broker::on(Connection& connection, const wire::Publish& publish) {
  const wire::Step as_step{publish};
  reserve_scratch({&as_step, 1});
  auto command = take_publish(publish);
  if (!command) return refuse_messages(connection, command.error());
  command->from = requester(connection);
  if (apply(*command, DoneForm::count)) show_live();
}

void Broker::on(Connection& connection, const wire::Receive& receive) {
  const auto queue = queue_named(receive.queue);
  if (!queue) return refuse(connection, request_.request, queue.error());
  if (connection.waiting.size() >= settings_.waiting_receives_max) {
    const std::string has = "this connection has " + std::to_string(connection.waiting.size()) + " receives waiting already";
    return refuse(connection, request_.request, {"over_limit", has, true});
  }
  const std::size_t before = effects_.replies.size();
  apply(ReceiveMessage{requester(connection), *queue, receive.max, milliseconds(receive.wait_ms),
                       if_said(receive.visibility_timeout_ms), receive.attempt_id, receive.exclusive},
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
  apply(RetryLater{requester(connection), *queue, handle_of(*queue, command.handle), command.error_text, if_said(command.delay_ms)},
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
        if constexpr (std::is_same_v<T, wire::Append>) {
          auto append = take_append(command);
          if (!append) return Failure{append.error()};
          return TransactionStep{*std::move(append)};
        } else if constexpr (std::is_same_v<T, wire::StreamCheckpoint>) {
          auto checkpoint = checkpoint_of(command);
          if (!checkpoint) return Failure{checkpoint.error()};
          return TransactionStep{*std::move(checkpoint)};
        } else if constexpr (std::is_same_v<T, wire::KeepProgress>) {
          return TransactionStep{KeepProgress{command.source, command.after, command.value}};
        } else if constexpr (std::is_same_v<T, wire::Publish>) {
          auto publish = take_publish(command);
          if (!publish) return Failure{publish.error()};
          return TransactionStep{*std::move(publish)};
        } else {
          const auto queue = queue_named(command.queue);
          if (!queue) return Failure{queue.error()};
          if constexpr (std::is_same_v<T, wire::Send>) {
            auto send = take_send(*queue, command);
            if (!send) return Failure{send.error()};
            return TransactionStep{*std::move(send)};
          } else if constexpr (std::is_same_v<T, wire::Delete>) {
            return TransactionStep{DeleteMessage{{}, *queue, take_handles(command.handles)}};
          } else if constexpr (std::is_same_v<T, wire::Release>) {
            return TransactionStep{ReleaseMessage{{}, *queue, take_handles(command.handles)}};
          } else if constexpr (std::is_same_v<T, wire::ChangeVisibility>) {
            return TransactionStep{
                ChangeMessageVisibility{{}, *queue, take_handles(command.handles), milliseconds(command.timeout_ms)}};
          } else if constexpr (std::is_same_v<T, wire::RetryLater>) {
            return TransactionStep{
                RetryLater{{}, *queue, handle_of(*queue, command.handle), command.error_text, if_said(command.delay_ms)}};
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
  std::size_t sent = 0;
  for (const auto& step : steps) {
    if (const auto* send = std::get_if<wire::Send>(&step)) sent += send->messages.size();
    if (const auto* append = std::get_if<wire::Append>(&step)) sent += append->messages.size();
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
  bodies_.reserve(sent);
  partitions_.clear();
  partitions_.reserve(sent);
  delays_.clear();
  delays_.reserve(sent);
  groupings_.clear();
  groupings_.reserve(sent + targets);
  publications_.clear();
  publications_.reserve(messages);
  targets_.clear();
  targets_.reserve(targets);
  stream_targets_.clear();
  stream_targets_.reserve(targets);
  handles_.clear();
  handles_.reserve(handles);
  live_.clear();
}

Result<SendMessage> Broker::take_send(QueueId queue, const wire::Send& send) {
  SendMessage command;
  command.queue = queue;
  command.delay = if_said(send.delay_ms);
  const bool is_fifo = engine_.attributes(queue)->fifo.has_value();
  const std::size_t first_body = bodies_.size();
  const std::size_t first_grouping = groupings_.size();
  if (is_fifo) groupings_.reserve(groupings_.size() + send.messages.size());  // alone; in a transaction there is room
  for (const auto message : send.messages) {
    const auto view = view_message(message);
    if (!view) return Failure{view.error()};
    bodies_.push_back({message, crc32c(message)});
    if (!is_fifo) continue;
    const auto grouping = take_grouping(queue, *view);
    if (!grouping) return Failure{grouping.error()};
    groupings_.push_back(*grouping);
  }
  const std::size_t first_delay = delays_.size();
  for (const auto& delay : send.delays_ms) delays_.push_back(delay ? milliseconds(*delay) : Milliseconds{-1});
  command.messages = std::span<const Body>{bodies_}.subspan(first_body);
  command.groupings = std::span<const Grouping>{groupings_}.subspan(first_grouping);
  command.delays = std::span<const Milliseconds>{delays_}.subspan(first_delay);
  return command;
}

Result<const GroupingRules*> Broker::rules_of(QueueId queue) {
  const QueueAttributes& attributes = *engine_.attributes(queue);
  const auto known = grouping_rules_.find(queue);
  if (known != grouping_rules_.end() && known->second.attributes() == *attributes.fifo) return &known->second;
  auto rules = GroupingRules::compile(attributes.name, *attributes.fifo);
  if (!rules) return Failure{rules.error()};
  return &grouping_rules_.insert_or_assign(queue, *std::move(rules)).first->second;
}

Result<Grouping> Broker::take_grouping(QueueId queue, const MessageView& message) {
  const auto rules = rules_of(queue);
  if (!rules) return Failure{rules.error()};
  if (groupings_.empty()) group_names_.clear();
  return (*rules)->of(message, group_names_.emplace_back());
}

Result<PublishMessage> Broker::take_publish(const wire::Publish& publish) {
  const auto topic = topic_named(publish.topic);
  if (!topic) return Failure{topic.error()};
  PublishMessage command;
  if ((*topic)->deduplicate_by) command.fifo_topic = (*topic)->name;
  const std::size_t begin = publications_.size();
  for (const auto message : publish.messages) {
    const auto view = view_message(message);
    if (!view) return Failure{view.error()};
    Publication publication{{message, crc32c(message)}, {}};
    if (auto taken = take_targets(**topic, *view, publication); !taken) return Failure{taken.error()};
    bool is_new = true;
    if ((*topic)->deduplicate_by) {
      const auto key = deduplication_key(*view, *(*topic)->deduplicate_by, "topic " + (*topic)->name);
      if (!key) return Failure{key.error()};
      publication.key = *key;
      is_new = !engine_.was_published((*topic)->name, *key, moment_);
    }
    publications_.push_back(publication);
    if (is_new) live_.push_back({*topic, *view});
  }
  command.messages = std::span<const Publication>{publications_}.subspan(begin);
  return command;
}

/// The queues and streams that want the message. Groupings are kept only where a FIFO queue is among the topic's queues.
Result<void> Broker::take_targets(const Topic& topic, const MessageView& message, Publication& publication) {
  const std::size_t first_target = targets_.size();
  const std::size_t first_stream = stream_targets_.size();
  const std::size_t first_grouping = groupings_.size();
  const bool any_fifo = std::any_of(topic.chains.begin(), topic.chains.end(), [](const Chain& chain) { return chain.is_fifo; });
  for (const auto& chain : topic.chains) {
    if (!chain.filter_policy.empty() && !chain.policy.matches(message)) continue;
    if (chain.stream_id != 0) {
      stream_targets_.push_back({chain.stream_id, partition_of(*engine_.stream(chain.stream_id), message)});
      continue;
    }
    targets_.push_back(chain.queue_id);
    if (!any_fifo) continue;
    Grouping grouping;
    if (chain.is_fifo) {
      auto taken = take_grouping(chain.queue_id, message);
      if (!taken) return Failure{taken.error()};
      grouping = *taken;
    }
    groupings_.push_back(grouping);
  }
  publication.targets = std::span<const QueueId>{targets_}.subspan(first_target);
  publication.groupings = std::span<const Grouping>{groupings_}.subspan(first_grouping);
  publication.streams = std::span<const StreamTarget>{stream_targets_}.subspan(first_stream);
  return {};
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
