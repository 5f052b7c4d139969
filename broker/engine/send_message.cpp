#include <algorithm>

#include "broker/engine/queue_engine.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

namespace {
std::uint64_t bytes_of(std::span<const Body> messages) {
  std::uint64_t bytes = 0;
  for (const Body& message : messages) bytes += message.bytes.size();
  return bytes;
}
}  // namespace

QueueEngine::Refusal QueueEngine::decide(const SendMessage& step, Turn& turn) {
  Queue* queue = state_.queue(step.queue);
  if (queue == nullptr) return no_such_queue();
  if (step.messages.empty()) return Error{"invalid_argument", "a send needs at least one message", true};
  const auto is_wrong = [](Milliseconds delay) { return delay > delay_max; };
  const Milliseconds delay = step.delay.value_or(queue->attributes.delay);
  if (delay < Milliseconds{0} || is_wrong(delay) || std::any_of(step.delays.begin(), step.delays.end(), is_wrong))
    return Error{"invalid_argument", "a delay is 0 s to 15 min", true};
  for (const Body& message : step.messages) {
    if (message.bytes.size() > queue->attributes.max_message_size_bytes) return too_large(message, *queue);
  }
  if (Refusal refusal = check_grouping(*queue, step.groupings, step.messages.size())) return refusal;
  sync_ |= !queue->attributes.relaxed;
  if (REMUDA_MUTANT(1)) sync_ = false;
  if (queue->is_fifo()) return send_in_groups(step, *queue, turn);

  const std::uint32_t first = record_.bodies(step.messages.size(), [&](std::size_t i) -> const Body& { return step.messages[i]; });
  note_arrival(*queue, step.messages.size(), bytes_of(step.messages));
  const auto delay_of = [&](std::size_t i) {
    return i < step.delays.size() && step.delays[i] >= Milliseconds{0} ? step.delays[i] : delay;
  };
  // Neighbours with the same delay share one operation.
  for (std::size_t begin = 0, end = 0; begin < step.messages.size(); begin = end) {
    end = step.delays.empty() ? step.messages.size() : begin + 1;
    while (end < step.messages.size() && delay_of(end) == delay_of(begin)) ++end;
    record_.stored(queue->id(), static_cast<std::uint64_t>(delay_of(begin).count()), first + static_cast<std::uint32_t>(begin),
                   end - begin);
    note_stored(queue->id(), delay_of(begin), turn);
  }
  return std::nullopt;
}

QueueEngine::Refusal QueueEngine::too_large(const Body& message, const Queue& queue) {
  return Error{"message_too_large",
               "a packed message of " + std::to_string(message.bytes.size()) + " bytes; queue " + queue.attributes.name +
                   " takes at most " + std::to_string(queue.attributes.max_message_size_bytes) +
                   ": send a reference to the data, or raise max_message_size",
               true};
}

void QueueEngine::note_stored(QueueId queue, Milliseconds delay, const Turn& turn) {
  if (delay > Milliseconds{0}) note(queue, turn.moment.now + delay);
}

// --- FIFO queues

QueueEngine::Refusal QueueEngine::check_grouping(const Queue& queue, std::span<const Grouping> groupings, std::size_t messages) {
  if (groupings.size() != (queue.is_fifo() ? messages : 0))
    return Error{"invalid_argument", "each message to a FIFO queue has a message group, and none to a standard queue", true};
  const auto is_wrong = [](const Grouping& grouping) {
    return grouping.group.empty() || grouping.group.size() > group_size_max_bytes;
  };
  if (std::any_of(groupings.begin(), groupings.end(), is_wrong))
    return Error{"invalid_argument", "the name of a message group has 1 to 128 bytes", true};
  return std::nullopt;
}

/// The message that holds this key in the queue's window, or will once the record at hand is evolved.
std::optional<Sequence> QueueEngine::accepted_before(Queue& queue, const DeduplicationKey& key, Turn& turn) {
  queue.deduplication().forget_old(turn.time_ms);
  if (const auto before = queue.deduplication().find(key)) {
    turn.effects.sync_needed = true;  // that may be of this very turn, and the answer says that it is stored
    return before;
  }
  return accepted_.find(queue.id(), key);
}

/// Writes one message that was not accepted before. Answers the sequence that it will have.
Sequence QueueEngine::write_in_group(Queue& queue, std::uint32_t body, Milliseconds delay, const Grouping& grouping, Turn& turn) {
  auto count = std::find_if(stored_.begin(), stored_.end(), [&](const auto& each) { return each.first == queue.id(); });
  if (count == stored_.end()) count = stored_.insert(count, {queue.id(), 0});
  const Sequence sequence = queue.next_sequence + count->second++;
  record_.stored_in_group(queue.id(), static_cast<std::uint64_t>(delay.count()), body, grouping);
  accepted_.add(queue.id(), grouping.key, sequence);
  note_stored(queue.id(), delay, turn);
  return sequence;
}

QueueEngine::Refusal QueueEngine::send_in_groups(const SendMessage& step, Queue& queue, Turn& turn) {
  const Milliseconds queue_delay = step.delay.value_or(queue.attributes.delay);
  for (std::size_t i = 0; i < step.messages.size(); ++i) {
    if (const auto before = accepted_before(queue, step.groupings[i].key, turn)) {
      sent_.push_back(*before);
      continue;
    }
    const std::uint32_t body = record_.bodies(1, [&](std::size_t) -> const Body& { return step.messages[i]; });
    const Milliseconds delay = i < step.delays.size() && step.delays[i] >= Milliseconds{0} ? step.delays[i] : queue_delay;
    note_arrival(queue, 1, step.messages[i].bytes.size());
    sent_.push_back(write_in_group(queue, body, delay, step.groupings[i], turn));
  }
  return std::nullopt;
}

}  // namespace remuda::broker
