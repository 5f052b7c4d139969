#include "broker/engine/queue_engine.hpp"

namespace remuda::broker {

std::optional<QueueId> QueueEngine::find_queue(std::string_view name) const {
  return state_.find_queue(name);
}

std::optional<QueueInfo> QueueEngine::queue_info(QueueId queue, Moment moment) const {
  const Queue* found = state_.queue(queue);
  return found == nullptr ? std::nullopt : std::optional{info(*found, moment)};
}

std::vector<QueueInfo> QueueEngine::queues(Moment moment) const {
  std::vector<QueueInfo> out;
  for (const auto& [name, id] : state_.queue_names()) out.push_back(info(*state_.queue(id), moment));
  return out;
}

std::vector<PlacedMessages> QueueEngine::messages_at(std::uint32_t segment, std::uint64_t begin, std::uint64_t end) const {
  std::vector<PlacedMessages> out;
  PlacedMessages found;
  const auto look = [&](Location place, std::uint64_t number) {
    if (place.segment != segment || place.offset < begin || place.offset >= end) return;
    if (found.count++ == 0) found.first = number;
  };
  const auto keep = [&](const std::string& name, bool is_stream) {
    if (found.count > 0) out.push_back({name, is_stream, found.count, found.first});
    found = {};
  };
  state_.for_each_queue([&](const Queue& queue) {
    queue.table().for_each(0, queue.next_sequence, [&](Sequence sequence, const Slot& slot) {
      if (is_live(slot.state())) look(slot.place, sequence);
      return true;
    });
    keep(queue.attributes.name, false);
  });
  state_.for_each_stream([&](const Stream& stream) {
    for (const auto& partition : stream.partitions) {
      for (Offset offset = partition.first(); offset < partition.next(); ++offset) look(partition.at(offset).place, offset);
    }
    keep(stream.attributes.name, true);
  });
  return out;
}

const QueueAttributes* QueueEngine::attributes(QueueId queue) const {
  const Queue* found = state_.queue(queue);
  return found == nullptr ? nullptr : &found->attributes;
}

std::map<std::string, std::string, std::less<>> QueueEngine::topics() const {
  std::map<std::string, std::string, std::less<>> out;
  for (const auto& [name, topic] : state_.topics()) out.emplace(name, topic.definition);
  return out;
}

QueueInfo QueueEngine::info(const Queue& queue, Moment moment) const {
  QueueInfo out;
  out.id = queue.id();
  out.attributes = queue.attributes;
  out.visible = queue.visible();
  out.in_flight = queue.in_flight();
  out.delayed = queue.delayed();
  out.bytes = queue.bytes();
  out.counters = queue.counters;
  if (queue.id() <= upkeep_.size()) out.waiting_receives = upkeep_[queue.id() - 1].waiting.size();
  if (queue.is_fifo()) {
    out.groups = queue.groups()->size();
    out.deduplicated = queue.deduplication()->size();
  }
  queue.table().for_each(0, queue.next_sequence, [&](Sequence, const Slot& slot) {
    if (!is_live(slot.state())) return true;
    out.oldest_age_ms = std::max<std::int64_t>(0, time_.at(moment.now) - slot.sent_ms());
    return false;
  });
  return out;
}

}  // namespace remuda::broker
