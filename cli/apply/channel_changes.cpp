#include "cli/apply/channel_changes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <set>

#include "common/declarations.hpp"
#include "common/topology/queue_values.hpp"
#include "common/units.hpp"

namespace remuda::cli {

using topology::QueuePlan;
using topology::StreamPlan;
using topology::TopicPlan;
using topology::Value;

namespace {

std::vector<Difference> between(const Value& before, const Value& after) {
  std::vector<Difference> found;
  for (const topology::Entry& entry : before.entries) {
    const topology::Entry* other = after.find(entry.key);
    Difference difference{entry.key, to_toml(entry.value), other == nullptr ? "" : to_toml(other->value)};
    if (difference.before != difference.after) found.push_back(std::move(difference));
  }
  for (const topology::Entry& entry : after.entries) {
    if (before.find(entry.key) == nullptr) found.push_back({entry.key, "", to_toml(entry.value)});
  }
  return found;
}

template <class Named>
const Named* find_plan(const std::vector<Named>& plans, const std::string& name) {
  const auto found = std::find_if(plans.begin(), plans.end(), [&](const Named& plan) { return plan.name == name; });
  return found == plans.end() ? nullptr : &*found;
}
const wire::QueueInfo* find_queue(const LiveChannels& live, const std::string& name) {
  const auto found = std::find_if(live.queues.begin(), live.queues.end(), [&](const auto& info) { return info.queue == name; });
  return found == live.queues.end() ? nullptr : &*found;
}
const wire::TopicInfo* find_topic(const LiveChannels& live, const std::string& name) {
  const auto found = std::find_if(live.topics.begin(), live.topics.end(), [&](const auto& info) { return info.topic == name; });
  return found == live.topics.end() ? nullptr : &*found;
}

const wire::StreamInfo* find_stream(const LiveChannels& live, const std::string& name) {
  const auto found = std::find_if(live.streams.begin(), live.streams.end(), [&](const auto& info) { return info.stream == name; });
  return found == live.streams.end() ? nullptr : &*found;
}

/// The queues, each after its dead-letter queue.
std::vector<const QueuePlan*> dead_letter_queues_first(const std::vector<QueuePlan>& queues) {
  std::vector<const QueuePlan*> sorted;
  std::set<std::string> seen;
  for (const QueuePlan& start : queues) {
    std::vector<const QueuePlan*> path;
    for (const QueuePlan* queue = &start; queue != nullptr && seen.insert(queue->name).second;
         queue = find_plan(queues, queue->dead_letter_queue)) {
      path.push_back(queue);
    }
    sorted.insert(sorted.end(), path.rbegin(), path.rend());
  }
  return sorted;
}

std::uint64_t held(const wire::QueueInfo& queue) {
  return queue.visible + queue.in_flight + queue.delayed;
}

std::string all_messages_of(const wire::QueueInfo& queue) {
  const std::uint64_t count = held(queue);
  return count == 0 ? "" : fmt::format("{} message{}", count, count == 1 ? "" : "s");
}

/// What a queue that stays would lose: what is older than its new retention.
std::string outlived(const wire::QueueInfo& live, const QueuePlan& wanted) {
  const auto retention = static_cast<std::uint64_t>(wanted.retention.count());
  if (held(live) == 0 || retention >= live.retention_ms || live.oldest_age_ms <= retention) return {};
  return fmt::format("messages older than {}", format_duration(wanted.retention));
}

ChannelChange change_of(const QueuePlan& wanted, const wire::QueueInfo* live) {
  ChannelChange change{.name = wanted.name, .differences = {}, .loses = {}};
  const QueuePlan standard;
  change.differences = differences(live == nullptr ? standard : plan_of(*live), wanted);
  if (live == nullptr) return change;
  change.change = Change::change;
  change.loses = outlived(*live, wanted);
  if (live->fifo != wanted.fifo.has_value()) {
    change.change = Change::replace;
    change.loses = all_messages_of(*live);
  }
  return change;
}

std::string all_records_of(const wire::StreamInfo& stream) {
  const std::uint64_t count = stream.records();
  return count == 0 ? "" : fmt::format("{} record{}", count, count == 1 ? "" : "s");
}

ChannelChange change_of(const StreamPlan& wanted, const wire::StreamInfo* live, std::int64_t now_ms) {
  ChannelChange change{.kind = ChangedKind::stream, .name = wanted.name, .differences = {}, .loses = {}};
  change.differences = differences(live == nullptr ? StreamPlan{} : plan_of(*live), wanted);
  if (live == nullptr) return change;
  change.change = Change::change;
  if (live->records() > 0 && live->oldest_ms + wanted.retention.count() < now_ms)
    change.loses = fmt::format("records older than {}", format_duration(wanted.retention));
  if (live->records() > 0 && wanted.max_bytes != 0 && live->bytes > wanted.max_bytes)
    change.loses = fmt::format("the oldest of its records, down to {}", format_size(wanted.max_bytes));
  if (live->partitions.size() != static_cast<std::size_t>(wanted.partitions)) {
    change.change = Change::replace;
    change.loses = all_records_of(*live);
  }
  return change;
}

}  // namespace

std::string as_text(const Difference& difference) {
  if (difference.before.empty()) return fmt::format("+ {} = {}", difference.key, difference.after);
  if (difference.after.empty()) return fmt::format("- {} = {}", difference.key, difference.before);
  return fmt::format("{} {} -> {}", difference.key, difference.before, difference.after);
}

std::vector<Difference> differences(const QueuePlan& before, const QueuePlan& after) {
  return between(topology::queue_value(before, false), topology::queue_value(after, false));
}
std::vector<Difference> differences(const TopicPlan& before, const TopicPlan& after) {
  return between(topology::topic_value(before, false), topology::topic_value(after, false));
}

std::vector<Difference> differences(const StreamPlan& before, const StreamPlan& after) {
  return between(topology::stream_value(before, false), topology::stream_value(after, false));
}

std::ostream& operator<<(std::ostream& out, ChangedKind kind) {
  return out << (kind == ChangedKind::topic ? "topic" : kind == ChangedKind::queue ? "queue" : "stream");
}

std::ostream& operator<<(std::ostream& out, Change change) {
  switch (change) {
    case Change::create:
      return out << "create";
    case Change::change:
      return out << "change";
    case Change::replace:
      return out << "replace";
    case Change::remove:
      return out << "remove";
  }
  return out << "?";
}

std::vector<ChannelChange> channel_changes(const topology::Definitions& before, const topology::Definitions& wanted,
                                           const LiveChannels& live, std::int64_t now_ms) {
  std::vector<ChannelChange> changes;
  for (const TopicPlan& topic : wanted.topics) {
    const wire::TopicInfo* present = find_topic(live, topic.name);
    ChannelChange change{present == nullptr ? Change::create : Change::change, ChangedKind::topic, topic.name, {}, {}};
    change.differences = differences(present == nullptr ? TopicPlan{} : plan_of(*present), topic);
    if (present == nullptr || !change.differences.empty()) changes.push_back(std::move(change));
  }
  for (const QueuePlan* queue : dead_letter_queues_first(wanted.queues)) {
    ChannelChange change = change_of(*queue, find_queue(live, queue->name));
    if (change.change == Change::create || !change.differences.empty()) changes.push_back(std::move(change));
  }
  for (const StreamPlan& stream : wanted.streams) {
    ChannelChange change = change_of(stream, find_stream(live, stream.name), now_ms);
    if (change.change == Change::create || !change.differences.empty()) changes.push_back(std::move(change));
  }
  for (const StreamPlan& stream : before.streams) {
    const wire::StreamInfo* present = find_stream(live, stream.name);
    if (present == nullptr || find_plan(wanted.streams, stream.name) != nullptr) continue;
    changes.push_back({Change::remove, ChangedKind::stream, stream.name, {}, all_records_of(*present)});
  }
  const std::vector<const QueuePlan*> earlier = dead_letter_queues_first(before.queues);
  for (auto queue = earlier.rbegin(); queue != earlier.rend(); ++queue) {
    const wire::QueueInfo* present = find_queue(live, (*queue)->name);
    if (present == nullptr || find_plan(wanted.queues, (*queue)->name) != nullptr) continue;
    changes.push_back({Change::remove, ChangedKind::queue, (*queue)->name, {}, all_messages_of(*present)});
  }
  for (const TopicPlan& topic : before.topics) {
    if (find_topic(live, topic.name) == nullptr || find_plan(wanted.topics, topic.name) != nullptr) continue;
    changes.push_back({Change::remove, ChangedKind::topic, topic.name, {}, {}});
  }
  return changes;
}

}  // namespace remuda::cli
