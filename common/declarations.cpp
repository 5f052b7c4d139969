#include "common/declarations.hpp"

namespace remuda {

namespace {

std::uint64_t count(std::chrono::milliseconds duration) {
  return static_cast<std::uint64_t>(duration.count());
}
std::chrono::milliseconds duration(std::uint64_t count) {
  return std::chrono::milliseconds{count};
}

}  // namespace

wire::DeclareQueue declaration_of(const topology::QueuePlan& plan) {
  wire::DeclareQueue declare;
  declare.queue = plan.name;
  declare.visibility_timeout_ms = count(plan.visibility_timeout);
  declare.retention_ms = count(plan.retention);
  declare.delay_ms = count(plan.delay);
  declare.dead_letter_queue = plan.dead_letter_queue;
  declare.max_receives = static_cast<std::uint32_t>(plan.max_receives);
  declare.max_message_size_bytes = plan.max_message_size_bytes;
  declare.max_messages = plan.max_messages;
  declare.max_bytes = plan.max_bytes;
  declare.relaxed = plan.relaxed;
  if (plan.outbox.empty()) {
    declare.from_topic = plan.from_topic;
    declare.selection = {plan.filter_policy, plan.filter_on_attributes};
  }
  if (plan.fifo) {
    declare.fifo = {plan.fifo->group_by, plan.fifo->deduplicate_by, plan.fifo->deduplication_scope, plan.fifo->on_dead_letter};
  }
  for (const auto& [name, value] : plan.tags) declare.tags.emplace_back(name, value);
  return declare;
}

wire::DeclareStream declaration_of(const topology::StreamPlan& plan) {
  wire::DeclareStream declare;
  declare.stream = plan.name;
  declare.partitions = static_cast<std::uint32_t>(plan.partitions);
  declare.partition_by = plan.partition_by;
  declare.retention_ms = count(plan.retention);
  declare.max_bytes = plan.max_bytes;
  declare.dead_letter_queue = plan.dead_letter_queue;
  declare.max_receives = static_cast<std::uint32_t>(plan.max_receives);
  if (plan.outbox.empty()) {
    declare.from_topic = plan.from_topic;
    declare.selection = {plan.filter_policy, plan.filter_on_attributes};
  }
  return declare;
}

wire::DeclareTopic declaration_of(const topology::TopicPlan& plan) {
  wire::DeclareTopic declare;
  declare.topic = plan.name;
  declare.fifo = plan.fifo;
  declare.deduplicate_by = plan.deduplicate_by;
  return declare;
}

topology::QueuePlan plan_of(const wire::QueueInfo& info) {
  topology::QueuePlan plan;
  plan.name = info.queue;
  plan.from_topic = info.from_topic;
  plan.filter_policy = info.filter_policy;
  plan.filter_on_attributes = info.filter_on_attributes;
  plan.visibility_timeout = duration(info.visibility_timeout_ms);
  plan.retention = duration(info.retention_ms);
  plan.delay = duration(info.delay_ms);
  plan.dead_letter_queue = info.dead_letter_queue;
  plan.max_receives = static_cast<int>(info.max_receives);
  plan.max_message_size_bytes = info.max_message_size_bytes;
  plan.max_messages = info.max_messages;
  plan.max_bytes = info.max_bytes;
  plan.relaxed = info.relaxed;
  if (info.fifo) {
    plan.fifo = topology::FifoPlan{info.group_by, info.deduplicate_by, info.deduplication_scope, info.on_dead_letter};
  }
  plan.tags = info.tags;
  return plan;
}

topology::StreamPlan plan_of(const wire::StreamInfo& info) {
  topology::StreamPlan plan;
  plan.name = info.stream;
  plan.from_topic = info.from_topic;
  plan.filter_policy = info.filter_policy;
  plan.filter_on_attributes = info.filter_on_attributes;
  plan.partitions = static_cast<int>(info.partitions.size());
  plan.partition_by = info.partition_by;
  plan.retention = duration(info.retention_ms);
  plan.max_bytes = info.max_bytes;
  plan.dead_letter_queue = info.dead_letter_queue;
  plan.max_receives = static_cast<int>(info.max_receives);
  return plan;
}

topology::TopicPlan plan_of(const wire::TopicInfo& info) {
  topology::TopicPlan plan;
  plan.name = info.topic;
  plan.fifo = info.fifo;
  if (info.fifo) plan.deduplicate_by = info.deduplicate_by;
  return plan;
}

}  // namespace remuda
