#include "broker/engine/settle_handles.hpp"

#include "common/mutant.hpp"

namespace remuda::broker {

QueueEngine::Refusal QueueEngine::decide(const RetryLater& step, Turn& turn) {
  const Queue* queue = state_.queue(step.queue);
  if (queue == nullptr) return no_such_queue();
  if (step.delay && (*step.delay < Milliseconds{0} || *step.delay > visibility_timeout_max))
    return Error{"invalid_argument", "a message can be retried after 0 s to 12 h", true};
  const Slot* slot = held_by(step.handle, *queue);
  if (slot == nullptr || slot->state() != MessageState::in_flight) return stale_handle(step.handle);
  touched_.push_back(step.handle);

  if (!queue->detail_of(*slot)->attempt_recorded) write_failed_attempt(*queue, step.handle.sequence, step.error);
  if (queue->used_up(*slot) && !REMUDA_MUTANT(35)) {
    write_dead_letter(*queue, step.handle.sequence, used_up_reason(*queue, *slot));
  } else if (step.delay && queue->is_fifo() && !REMUDA_MUTANT(105) && *step.delay > Milliseconds{0}) {
    // Delayed, it would let the others of its group pass: it stays in flight for so long instead.
    std::string& out = record_.operation(Operation::visibility_changed);
    put_varint(out, queue->id());
    put_varint(out, static_cast<std::uint64_t>(step.delay->count()));
    put_runs(out, std::span{&step.handle.sequence, 1});
    note(queue->id(), turn.moment.now + *step.delay);
  } else if (step.delay) {
    std::string& out = record_.operation(Operation::returned);
    put_varint(out, queue->id());
    put_varint(out, step.handle.sequence);
    put_varint(out, static_cast<std::uint64_t>(step.delay->count()));
    note_stored(queue->id(), *step.delay, turn);
  }
  return std::nullopt;
}

}  // namespace remuda::broker
