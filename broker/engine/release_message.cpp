#include "broker/engine/settle_handles.hpp"

namespace remuda::broker {

QueueEngine::Judgement QueueEngine::judge(const ReleaseMessage&, const Queue& queue, const ReceiptHandle& handle, Instant) const {
  const Slot* slot = held_by(handle, queue);
  const bool in_flight = slot != nullptr && slot->state() == MessageState::in_flight;
  return {in_flight ? HandleOutcome::done : HandleOutcome::stale_handle, in_flight};
}

void QueueEngine::write(const ReleaseMessage&, Queue& queue, std::span<const Sequence> sequences, Turn&) {
  record_.on_messages(Operation::released, queue.id(), sequences);
}

}  // namespace remuda::broker
