#include "broker/engine/settle_handles.hpp"

#include "common/mutant.hpp"

namespace remuda::broker {

QueueEngine::Refusal QueueEngine::check(const ChangeMessageVisibility& command) {
  if (command.timeout >= Milliseconds{0} && command.timeout <= visibility_timeout_max) return std::nullopt;
  return Error{"invalid_visibility_timeout", "a visibility timeout is 0 s to 12 h", true};
}

QueueEngine::Judgement QueueEngine::judge(const ChangeMessageVisibility& command, const Queue& queue, const ReceiptHandle& handle,
                                          Instant now) const {
  const Slot* slot = held_by(handle, queue);
  if (slot == nullptr || slot->state() != MessageState::in_flight) return {HandleOutcome::stale_handle, false};
  if (now + command.timeout > queue.detail_of(*slot)->received_at + visibility_timeout_max)
    return {HandleOutcome::invalid_visibility_timeout, false};
  return {HandleOutcome::done, true};
}

void QueueEngine::write(const ChangeMessageVisibility& command, Queue& queue, std::span<const Sequence> sequences, Turn& turn) {
  if (sequences.empty()) return;
  if (REMUDA_MUTANT(34) && command.timeout == Milliseconds{0})
    return record_.on_messages(Operation::released, queue.id(), sequences);
  if (command.timeout == Milliseconds{0}) return write_end_of_attempts(queue, sequences, AttemptEnd::made_visible);
  std::string& out = record_.operation(Operation::visibility_changed);
  put_varint(out, queue.id());
  put_varint(out, static_cast<std::uint64_t>(command.timeout.count()));
  put_runs(out, sequences);
  note(queue.id(), turn.moment.now + command.timeout);
}

}  // namespace remuda::broker
