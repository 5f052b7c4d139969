#include "broker/engine/settle_handles.hpp"

#include "common/mutant.hpp"

namespace remuda::broker {

QueueEngine::Refusal QueueEngine::decide(const RejectMessage& step, Turn& turn) {
  const Queue* queue = state_.queue(step.queue);
  if (queue == nullptr) return no_such_queue();
  if (REMUDA_MUTANT(36) && queue->dead_letter_queue == 0)
    return record_.on_messages(Operation::deleted, queue->id(), {&step.handle.sequence, 1}), std::nullopt;
  if (queue->dead_letter_queue == 0)  // nowhere to put it aside: it must not get lost
    return decide(RetryLater{step.from, step.queue, step.handle, step.reason, std::nullopt}, turn);
  const Slot* slot = held_by(step.handle, *queue);
  if (slot == nullptr || slot->state() != MessageState::in_flight) return stale_handle(step.handle);
  touched_.push_back(step.handle);
  if (!queue->detail_of(*slot)->attempt_recorded) write_failed_attempt(*queue, step.handle.sequence, step.reason);
  write_dead_letter(*queue, step.handle.sequence, step.reason);
  return std::nullopt;
}

}  // namespace remuda::broker
