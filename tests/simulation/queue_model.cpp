#include "tests/simulation/queue_model.hpp"

namespace remuda::broker::test {

std::span<const Name> QueueModel::by_id() {
  std::size_t count = 0;
  for (Name name = 0; name < names; ++name) {
    if (queues[name].id == 0) continue;
    std::size_t at = count++;
    for (; at > 0 && queues[by_id_[at - 1]].id > queues[name].id; --at) by_id_[at] = by_id_[at - 1];
    by_id_[at] = name;
  }
  return {by_id_.data(), count};
}

// --- messages come in

std::string_view ModelQueue::refusal(std::uint64_t messages_in, std::uint64_t bytes_in, std::uint64_t messages_out,
                                     std::uint64_t bytes_out) const {
  std::uint64_t bytes = 0;
  for (const ModelMessage& message : messages) bytes += text_size(message.body);
  const auto too_much = [](std::uint64_t present, std::uint64_t in, std::uint64_t out, std::uint64_t limit) {
    return limit != 0 && in != 0 && present + in > limit + out;
  };
  const bool alone =
      too_much(0, messages_in, messages_out, attributes.max_messages) || too_much(0, bytes_in, bytes_out, attributes.max_bytes);
  if (alone) return "over_limit";
  const bool full = too_much(messages.size(), messages_in, messages_out, attributes.max_messages) ||
                    too_much(bytes, bytes_in, bytes_out, attributes.max_bytes);
  return full ? "queue_full" : "";
}

Sequence QueueModel::send(ModelQueue& queue, std::uint32_t body, Milliseconds delay, std::uint8_t group, std::int64_t steady_ms) {
  ModelMessage& message = queue.messages.emplace_back();
  message.sequence = queue.next++;
  message.body = body;
  message.group = group;
  message.sent_ms = steady_ms;
  if (delay > Milliseconds{0}) {
    message.state = MessageState::delayed;
    message.visible_at_ms = steady_ms + delay.count();
  }
  ++queue.counters.sent;
  return message.sequence;
}

const ModelQueue::Accepted* QueueModel::accepted(const std::vector<ModelQueue::Accepted>& window, Key key, std::int64_t steady_ms) {
  for (const ModelQueue::Accepted& each : window) {
    if (each.key == key && steady_ms - each.time_ms < deduplication_window_ms) return &each;
  }
  return nullptr;
}

void QueueModel::remember(std::vector<ModelQueue::Accepted>& window, Key key, Sequence sequence, std::int64_t steady_ms) {
  std::erase_if(window, [&](const auto& each) { return each.key == key || steady_ms - each.time_ms > deduplication_window_ms; });
  window.push_back({key, sequence, steady_ms});
}

// --- attempts

void QueueModel::receive(ModelMessage& message, Milliseconds visibility, Instant now, std::int64_t steady_ms) {
  message.state = MessageState::in_flight;
  message.overdue_since = {};
  message.visible_at_ms = 0;
  message.received_at = now;
  message.visibility_ms = static_cast<std::uint32_t>(visibility.count());
  message.deadline = now + visibility;
  message.attempt_recorded = message.visibility_changed = false;
  if (message.first_received_ms == 0) message.first_received_ms = steady_ms;
  ++message.receive_count;
  ++message.attempt;
}

ModelMessage* QueueModel::held(const ReceiptHandle& handle) {
  ModelQueue* queue = of(handle.queue);
  ModelMessage* message = queue == nullptr ? nullptr : queue->find(handle.sequence);
  return message != nullptr && handle.attempt > 0 && message->attempt == handle.attempt ? message : nullptr;
}

ModelMessage* QueueModel::in_flight(const ReceiptHandle& handle) {
  ModelMessage* message = held(handle);
  return message != nullptr && message->state == MessageState::in_flight ? message : nullptr;
}

ModelMessage* QueueModel::deletable(const ReceiptHandle& handle) {
  ModelQueue* queue = of(handle.queue);
  return queue != nullptr && queue->attributes.is_fifo ? in_flight(handle) : held(handle);
}

bool QueueModel::used_up(const ModelQueue& queue, const ModelMessage& message) {
  const ModelAttributes& attributes = queue.attributes;
  return attributes.dead_letters != no_name && attributes.max_receives != 0 &&
         message.receive_count - message.receives_elsewhere >= attributes.max_receives;
}

void QueueModel::record_attempt(ModelMessage& message) {
  if (!message.attempt_recorded) ++message.attempts;
  message.attempt_recorded = true;
}

// --- groups

bool QueueModel::is_closed(const ModelQueue& queue, std::uint8_t group) const {
  for (const ModelMessage& message : queue.messages) {
    if (message.group == group && message.state == MessageState::in_flight) return true;
  }
  if (!queue.attributes.blocks_group) return false;
  for (const ModelQueue& other : queues) {
    if (other.id == 0) continue;
    for (const ModelMessage& message : other.messages) {
      if (message.group == group && message.origin == name_of(queue) && message.origin_sequence != 0) return true;
    }
  }
  return false;
}

std::uint64_t QueueModel::deliverable(const ModelQueue& queue) const {
  std::uint64_t count = 0;
  for (const ModelMessage& message : queue.messages)
    count += message.state == MessageState::visible && (!queue.attributes.is_fifo || !is_closed(queue, message.group));
  return count;
}

const ModelQueue::Attempt* QueueModel::repeatable(ModelQueue& queue, std::uint32_t attempt_id, std::int64_t steady_ms) {
  std::erase_if(queue.attempts, [&](const auto& attempt) { return steady_ms - attempt.time_ms >= deduplication_window_ms; });
  for (const ModelQueue::Attempt& attempt : queue.attempts) {
    if (attempt.id != attempt_id) continue;
    const bool untouched = std::all_of(attempt.handles.begin(), attempt.handles.end(), [&](const ReceiptHandle& handle) {
      const ModelMessage* message = in_flight(handle);
      return message != nullptr && !message->visibility_changed;
    });
    return untouched && !attempt.handles.empty() ? &attempt : nullptr;
  }
  return nullptr;
}

// --- messages go

ModelMessage QueueModel::take(ModelQueue& queue, Sequence sequence) {
  ModelMessage* found = queue.find(sequence);
  const ModelMessage message = *found;
  queue.messages.erase(queue.messages.begin() + (found - queue.messages.data()));
  return message;
}

Sequence QueueModel::dead_letter(ModelQueue& queue, Sequence sequence, Because why, std::int64_t steady_ms) {
  ModelQueue& target = queues[queue.attributes.dead_letters];
  ModelMessage message = take(queue, sequence);
  ++queue.counters.dead_lettered;
  message.origin = name_of(queue);
  message.reason = why;
  message.origin_sequence = queue.attributes.blocks_group ? message.sequence : 0;
  message.origin_attempt = queue.attributes.blocks_group ? message.attempt : 0;
  message.sequence = target.next++;
  message.state = MessageState::visible;
  message.attempt = 0;
  message.receives_elsewhere = message.receive_count;
  if (target.attributes.is_fifo) message.sent_ms = steady_ms;
  target.messages.push_back(message);
  ++target.counters.sent;
  ++target.counters.moved_in;
  return message.sequence;
}

/// To `target`, but what blocked its group takes its old place.
void QueueModel::redrive(ModelQueue& from, Sequence sequence, ModelQueue& to, Sequence target, std::int64_t steady_ms) {
  ModelMessage message = take(from, sequence);
  ++from.counters.redriven;
  ++to.counters.sent;
  ++to.counters.moved_in;
  const bool old_place =
      message.origin_sequence != 0 && message.origin == name_of(to) && to.find(message.origin_sequence) == nullptr;
  message.sequence = old_place ? message.origin_sequence : target;
  message.attempt = old_place ? message.origin_attempt : 0;
  message.state = MessageState::visible;
  message.receive_count = message.receives_elsewhere = 0;
  message.first_received_ms = message.visible_at_ms = 0;
  message.origin = no_name;
  message.reason = Because::nothing;
  message.origin_sequence = 0;
  message.sent_ms = steady_ms;
  message.overdue_since = {};
  const auto place = std::lower_bound(to.messages.begin(), to.messages.end(), message.sequence,
                                      [](const ModelMessage& each, Sequence value) { return each.sequence < value; });
  to.messages.insert(place, message);
}

/// Deduplication starts its full window again, but for what was over: the last record shows how late it was at least.
void QueueModel::restart(Instant now, std::int64_t steady_ms, std::int64_t last_record_ms) {
  waiting.clear();
  const auto is_over = [&](const ModelQueue::Accepted& each) { return last_record_ms - each.time_ms >= deduplication_window_ms; };
  for (ModelQueue& queue : queues) {
    for (ModelMessage& message : queue.messages) {
      message.overdue_since = {};
      // The last record is the latest that is known of time: a delay that nobody saw end may have to end once more.
      if (message.state == MessageState::visible && message.visible_at_ms > steady_ms) message.state = MessageState::delayed;
      if (message.state != MessageState::in_flight) continue;
      message.received_at = now;
      message.deadline = now + Milliseconds{message.visibility_ms};
    }
    std::erase_if(queue.accepted, is_over);
    for (auto& attempt : queue.attempts) attempt.may_be_forgotten = true;
    for (auto& each : queue.accepted) each.time_ms = steady_ms;
  }
  for (auto& topic : topics) {
    std::erase_if(topic, is_over);
    for (auto& each : topic) each.time_ms = steady_ms;
  }
}

}  // namespace remuda::broker::test
