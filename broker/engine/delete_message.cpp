#include "broker/engine/settle_handles.hpp"

#include "common/mutant.hpp"

namespace remuda::broker {

QueueEngine::Judgement QueueEngine::judge(const DeleteMessage&, const Queue& queue, const ReceiptHandle& handle, Instant) const {
  const Slot* slot = held_by(handle, queue);
  if (slot == nullptr) return {HandleOutcome::stale_handle, false};
  if (slot->state() == MessageState::in_flight) return {HandleOutcome::done, true};
  // Also when the visibility timeout has ended, as long as nobody else has received the message: deleting it is what was meant. But
  // in a FIFO queue the group has been open to others since.
  if (is_waiting(slot->state()))
    return queue.is_fifo() ? Judgement{HandleOutcome::stale_handle, false} : Judgement{HandleOutcome::done, true};
  if (REMUDA_MUTANT(3)) return {HandleOutcome::done, false};
  return {slot->state() == MessageState::deleted ? HandleOutcome::done : HandleOutcome::stale_handle, false};
}

void QueueEngine::write(const DeleteMessage&, Queue& queue, std::span<const Sequence> sequences, Turn&) {
  if (sequences.empty()) return;
  record_.on_messages(Operation::deleted, queue.id(), sequences);
  note_departure(queue, sequences);
  sync_ |= !queue.attributes.relaxed;
  if (REMUDA_MUTANT(2)) sync_ = false;
}

}  // namespace remuda::broker
