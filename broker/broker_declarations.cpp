// Queues, topics and streams that come, change and go while the broker runs.

#include <algorithm>
#include <utility>

#include "broker/broker.hpp"

namespace remuda::broker {

namespace {

/// Errors: `invalid_attribute`, `invalid_selector`.
Result<std::optional<FifoAttributes>> fifo_attributes_of(const wire::DeclareQueue& declare) {
  std::optional<FifoAttributes> out;
  if (!declare.fifo) return out;
  FifoAttributes fifo{std::string{declare.fifo->group_by}, std::string{declare.fifo->deduplicate_by}, DeduplicationScope::queue,
                      OnDeadLetter::skip};
  const auto unknown = [&](std::string_view key, std::string_view value, std::string_view allowed) {
    return fail("invalid_attribute", "queue " + std::string{declare.queue} + ": " + std::string{key} + " is " +
                                         std::string{allowed} + ", not '" + std::string{value.substr(0, 64)} + "'");
  };
  if (declare.fifo->deduplication_scope == "message_group") {
    fifo.deduplication_scope = DeduplicationScope::message_group;
  } else if (declare.fifo->deduplication_scope != "queue") {
    return unknown("deduplication_scope", declare.fifo->deduplication_scope, "queue or message_group");
  }
  if (declare.fifo->on_dead_letter == "block") {
    fifo.on_dead_letter = OnDeadLetter::block;
  } else if (declare.fifo->on_dead_letter != "skip") {
    return unknown("on_dead_letter", declare.fifo->on_dead_letter, "skip or block");
  }
  if (const auto rules = GroupingRules::compile(declare.queue, fifo); !rules) return Failure{rules.error()};
  out = std::move(fifo);
  return out;
}

/// Errors: as fifo_attributes_of.
Result<QueueAttributes> attributes_of(const wire::DeclareQueue& declare) {
  auto fifo = fifo_attributes_of(declare);
  if (!fifo) return Failure{fifo.error()};
  QueueAttributes attributes;
  attributes.fifo = *std::move(fifo);
  for (const auto& [name, value] : declare.tags) attributes.tags.insert_or_assign(std::string{name}, std::string{value});
  attributes.name = declare.queue;
  attributes.visibility_timeout = milliseconds(declare.visibility_timeout_ms);
  attributes.retention = milliseconds(declare.retention_ms);
  attributes.delay = milliseconds(declare.delay_ms);
  attributes.dead_letter_queue = declare.dead_letter_queue;
  attributes.max_receives = declare.max_receives;
  attributes.max_message_size_bytes =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(declare.max_message_size_bytes, UINT32_MAX));
  attributes.max_messages = declare.max_messages;
  attributes.max_bytes = declare.max_bytes;
  attributes.relaxed = declare.relaxed;
  return attributes;
}

/// Errors: `invalid_selector`.
Result<StreamAttributes> attributes_of(const wire::DeclareStream& declare) {
  if (!declare.partition_by.empty()) {
    if (const auto selector = Selector::compile(declare.partition_by); !selector) return Failure{selector.error()};
  }
  StreamAttributes attributes;
  attributes.name = declare.stream;
  attributes.partitions = declare.partitions;
  attributes.partition_by = declare.partition_by;
  attributes.retention = milliseconds(declare.retention_ms);
  attributes.max_bytes = declare.max_bytes;
  attributes.dead_letter_queue = declare.dead_letter_queue;
  attributes.max_receives = declare.max_receives;
  return attributes;
}

}  // namespace

void Broker::on(Connection& connection, const wire::DeclareQueue& declare) {
  // The filter is checked first: a queue must not stay half declared.
  if (const auto policy = compile_filter(declare.selection.filter_policy, declare.selection.filter_on_attributes); !policy) {
    return refuse(connection, request_.request, policy.error());
  }
  auto attributes = attributes_of(declare);
  if (!attributes) return refuse(connection, request_.request, attributes.error());
  apply(DeclareQueue{requester(connection), *std::move(attributes)}, DoneForm::nothing);
  if (std::holds_alternative<Error>(effects_.replies.back().answer)) return;
  // Also when the declaration was repeated: the broker may have died between the two records.
  const auto changed = topics_.chain(declare.from_topic, *chained_channel(declare.queue), declare.selection.filter_policy,
                                     declare.selection.filter_on_attributes);
  if (!changed) return;
  if (const auto remembered = remember(*changed); !remembered) effects_.replies.back().answer = remembered.error();
}

void Broker::on(Connection& connection, const wire::DeleteQueue& command) {
  const auto queue = queue_named(command.queue);
  if (!queue) return refuse(connection, request_.request, queue.error());
  const ChainedChannel chained = *chained_channel(command.queue);
  apply(DeleteQueue{requester(connection), *queue, command.force}, DoneForm::nothing);
  if (engine_.attributes(*queue) != nullptr) return;  // refused
  grouping_rules_.erase(*queue);
  // A definition that still names the queue would be harmless: whoever restores it leaves out what it does not find.
  if (const auto changed = topics_.chain({}, chained, {}, false)) static_cast<void>(remember(*changed));
}

std::optional<ChainedChannel> Broker::chained_channel(std::string_view name) const {
  if (const auto stream = engine_.find_stream(name)) return ChainedChannel{std::string{name}, 0, *stream, false};
  const auto id = engine_.find_queue(name);
  if (!id) return std::nullopt;
  return ChainedChannel{std::string{name}, *id, 0, engine_.attributes(*id)->fifo.has_value()};
}

void Broker::on(Connection& connection, const wire::DeclareStream& declare) {
  if (const auto policy = compile_filter(declare.selection.filter_policy, declare.selection.filter_on_attributes); !policy)
    return refuse(connection, request_.request, policy.error());
  auto attributes = attributes_of(declare);
  if (!attributes) return refuse(connection, request_.request, attributes.error());
  apply(DeclareStream{requester(connection), *std::move(attributes)}, DoneForm::nothing);
  if (std::holds_alternative<Error>(effects_.replies.back().answer)) return;
  const auto changed = topics_.chain(declare.from_topic, *chained_channel(declare.stream), declare.selection.filter_policy,
                                     declare.selection.filter_on_attributes);
  if (!changed) return;
  if (const auto remembered = remember(*changed); !remembered) effects_.replies.back().answer = remembered.error();
}

void Broker::on(Connection& connection, const wire::DeleteStream& command) {
  const auto stream = stream_named(command.stream);
  if (!stream) return refuse(connection, request_.request, stream.error());
  const ChainedChannel chained = *chained_channel(command.stream);
  apply(DeleteStream{requester(connection), *stream, command.force}, DoneForm::nothing);
  if (engine_.stream(*stream) != nullptr) return;  // refused
  partitioning_.erase(*stream);
  if (const auto changed = topics_.chain({}, chained, {}, false)) static_cast<void>(remember(*changed));
}

/// The topic as declared, which exists or not. Errors: `invalid_selector`, `invalid_attribute`.
Result<Topic> Broker::declared(const wire::DeclareTopic& declare) {
  Topic fresh;
  const Topic* known = topics_.find(declare.topic);
  if (known != nullptr) {
    fresh.chains = known->chains;
    if (known->deduplicate_by.has_value() != declare.fifo)
      return fail("invalid_attribute",
                  "topic " + std::string{declare.topic} + " stays what it was made as, standard or FIFO: delete it first");
  }
  if (!declare.fifo) return fresh;
  auto selector = Selector::compile(declare.deduplicate_by);
  if (!selector) return Failure{selector.error()};
  fresh.deduplicate_by = *std::move(selector);
  return fresh;
}

void Broker::on(Connection& connection, const wire::DeclareTopic& declare) {
  const auto fresh = declared(declare);
  if (!fresh) return refuse(connection, request_.request, fresh.error());
  if (!apply(DeclareTopic{requester(connection), declare.topic, Topics::definition(*fresh)}, DoneForm::nothing)) return;
  topics_.declare(declare.topic).deduplicate_by = fresh->deduplicate_by;
}

void Broker::on(Connection& connection, const wire::DeleteTopic& command) {
  const auto topic = topic_named(command.topic);
  if (!topic) return refuse(connection, request_.request, topic.error());
  if (!apply(DeclareTopic{requester(connection), command.topic, {}}, DoneForm::nothing)) return;
  for (const auto& [subscription, client] : (*topic)->feed.subscriptions()) {
    if (Connection* subscriber = connections_.find(client)) std::erase(subscriber->subscriptions, subscription);
    subscribed_.erase(subscription);
  }
  std::erase(published_, *topic);
  topics_.remove(command.topic);
}

/// Errors: those of the engine; what was not remembered is lost at the next start, so whoever declared it has to try again.
Result<void> Broker::remember(const std::vector<std::string>& topics) {
  for (const auto& name : topics) {
    const std::size_t before = effects_.replies.size();
    const std::string definition = Topics::definition(*topics_.find(name));
    engine_.apply(DeclareTopic{{}, name, definition}, moment_, effects_);
    const Answer answer = std::move(effects_.replies.back().answer);
    effects_.replies.resize(before);  // nobody asked
    if (const auto* error = std::get_if<Error>(&answer)) return Failure{*error};
  }
  return {};
}

Result<void> Broker::declare(const wire::DeclareQueue& declare) {
  auto attributes = attributes_of(declare);
  if (!attributes) return Failure{attributes.error()};
  engine_.apply(DeclareQueue{{}, *std::move(attributes)}, moment_, effects_);
  const Answer answer = effects_.replies.empty() ? Answer{Done{}} : effects_.replies.back().answer;
  effects_.replies.clear();
  if (const auto* error = std::get_if<Error>(&answer)) return Failure{*error};
  const auto changed = topics_.chain(declare.from_topic, *chained_channel(declare.queue), declare.selection.filter_policy,
                                     declare.selection.filter_on_attributes);
  if (!changed) return Failure{changed.error()};
  return remember(*changed);
}

Result<void> Broker::declare(const wire::DeclareStream& declare) {
  auto attributes = attributes_of(declare);
  if (!attributes) return Failure{attributes.error()};
  engine_.apply(DeclareStream{{}, *std::move(attributes)}, moment_, effects_);
  const Answer answer = effects_.replies.empty() ? Answer{Done{}} : effects_.replies.back().answer;
  effects_.replies.clear();
  if (const auto* error = std::get_if<Error>(&answer)) return Failure{*error};
  const auto changed = topics_.chain(declare.from_topic, *chained_channel(declare.stream), declare.selection.filter_policy,
                                     declare.selection.filter_on_attributes);
  if (!changed) return Failure{changed.error()};
  return remember(*changed);
}

Result<void> Broker::declare(const wire::DeclareTopic& declare) {
  const auto fresh = declared(declare);
  if (!fresh) return Failure{fresh.error()};
  topics_.declare(declare.topic).deduplicate_by = fresh->deduplicate_by;
  return remember({std::string{declare.topic}});
}

Result<void> Broker::restore_topics() {
  for (const auto& [name, definition] : engine_.topics()) {
    auto restored = topics_.restore(name, definition, [&](std::string_view channel) { return chained_channel(channel); });
    if (!restored) return restored;
  }
  return {};
}

}  // namespace remuda::broker
