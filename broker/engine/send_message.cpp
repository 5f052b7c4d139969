#include "broker/engine/queue_engine.hpp"

#include "common/mutant.hpp"

namespace remuda::broker {

QueueEngine::Refusal QueueEngine::decide(const SendMessage& step, Turn& turn) {
  const Queue* queue = state_.queue(step.queue);
  if (queue == nullptr) return no_such_queue();
  if (step.messages.empty()) return Error{"invalid_argument", "a send needs at least one message", true};
  const Milliseconds delay = step.delay.value_or(queue->attributes.delay);
  if (delay < Milliseconds{0} || delay > delay_max) return Error{"invalid_argument", "a delay is 0 s to 15 min", true};
  for (const Body& message : step.messages) {
    if (message.bytes.size() > queue->attributes.max_message_size_bytes) return too_large(message, *queue);
  }
  const std::uint32_t first = record_.bodies(step.messages.size(), [&](std::size_t i) -> const Body& { return step.messages[i]; });
  record_.stored(queue->id(), static_cast<std::uint64_t>(delay.count()), first, step.messages.size());
  sync_ |= !queue->attributes.relaxed;
  if (REMUDA_MUTANT(1)) sync_ = false;
  note_stored(delay, turn);
  return std::nullopt;
}

QueueEngine::Refusal QueueEngine::too_large(const Body& message, const Queue& queue) {
  return Error{"message_too_large",
               "a packed message of " + std::to_string(message.bytes.size()) + " bytes; queue " + queue.attributes.name +
                   " takes at most " + std::to_string(queue.attributes.max_message_size_bytes) +
                   ": send a reference to the data, or raise max_message_size",
               true};
}

void QueueEngine::note_stored(Milliseconds delay, const Turn& turn) {
  if (delay > Milliseconds{0}) note(turn.moment.now + delay);
}

}  // namespace remuda::broker
