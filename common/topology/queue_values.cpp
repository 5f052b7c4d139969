#include "common/topology/queue_values.hpp"

#include "common/units.hpp"

namespace remuda::topology {

namespace {

/// `true` when there is nothing to say beyond it.
Value or_true(Value table) {
  return table.entries.empty() ? Value::of(true) : table;
}

Value fifo_value(const FifoPlan& fifo) {
  const FifoPlan standard;
  Value table;
  const auto add = [&](const char* key, const std::string& value, const std::string& usual) {
    if (value != usual) table.add(key, Value::of(value));
  };
  add("group_by", fifo.group_by, standard.group_by);
  add("dedup_by", fifo.deduplicate_by, standard.deduplicate_by);
  add("dedup_scope", fifo.deduplication_scope, standard.deduplication_scope);
  add("on_dead", fifo.on_dead_letter, standard.on_dead_letter);
  return or_true(std::move(table));
}

/// Where it lives and what it feeds on: of a queue or a stream.
template <class Plan>
Value chain_value(const Plan& plan, bool with_broker) {
  Value table;
  if (with_broker && !plan.broker.empty()) table.add("broker", Value::of(plan.broker));
  if (!with_broker && !plan.outbox.empty()) return table;  // its broker does not have the topic
  if (!plan.from_topic.empty()) table.add("from", Value::of(plan.from_topic));
  if (!plan.filter_policy.empty()) table.add("filter_policy", Value::of(plan.filter_policy));
  if (plan.filter_on_attributes) table.add("filter_scope", Value::of("attributes"));
  return table;
}

/// A stream may have one without a limit of receives: only what is rejected goes there.
template <class Plan>
void add_dead_letter(Value& table, const Plan& plan) {
  if (plan.dead_letter_queue.empty()) return;
  Value dead_letter;
  dead_letter.add("queue", Value::of(plan.dead_letter_queue));
  dead_letter.add("max_receives", Value::of(std::int64_t{plan.max_receives}));
  table.add("dead_letter", std::move(dead_letter));
}

}  // namespace

Value stream_value(const StreamPlan& stream, bool with_broker) {
  Value table = chain_value(stream, with_broker);
  table.add("partitions", Value::of(std::int64_t{stream.partitions}));
  if (!stream.partition_by.empty()) table.add("partition_by", Value::of(stream.partition_by));
  table.add("retention", Value::of(format_duration(stream.retention)));
  if (stream.max_bytes != 0) table.add("max_bytes", Value::of(format_size(stream.max_bytes)));
  add_dead_letter(table, stream);
  return table;
}

Value queue_value(const QueuePlan& queue, bool with_broker) {
  Value table = chain_value(queue, with_broker);
  table.add("visibility_timeout", Value::of(format_duration(queue.visibility_timeout)));
  table.add("retention", Value::of(format_duration(queue.retention)));
  if (queue.delay.count() != 0) table.add("delay", Value::of(format_duration(queue.delay)));
  add_dead_letter(table, queue);
  table.add("max_message_size", Value::of(format_size(queue.max_message_size_bytes)));
  if (queue.max_messages != 0) table.add("max_messages", Value::of(static_cast<std::int64_t>(queue.max_messages)));
  if (queue.max_bytes != 0) table.add("max_bytes", Value::of(format_size(queue.max_bytes)));
  if (queue.relaxed) table.add("durability", Value::of("relaxed"));
  if (queue.fifo) table.add("fifo", fifo_value(*queue.fifo));
  if (!queue.tags.empty()) {
    Value tags;
    for (const auto& [name, value] : queue.tags) tags.add(name, Value::of(value));
    table.add("tags", std::move(tags));
  }
  return table;
}

Value topic_value(const TopicPlan& topic, bool with_broker) {
  Value table;
  if (with_broker && !topic.broker.empty()) table.add("broker", Value::of(topic.broker));
  if (topic.fifo) {
    Value fifo;
    if (topic.deduplicate_by != TopicPlan{}.deduplicate_by) fifo.add("dedup_by", Value::of(topic.deduplicate_by));
    table.add("fifo", or_true(std::move(fifo)));
  }
  return table;
}

}  // namespace remuda::topology
