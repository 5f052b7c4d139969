#pragma once
// What delete, change visibility and release have in common: several handles, one outcome each; in a transaction all or none.

#include <algorithm>
#include <functional>

#include "broker/engine/queue_engine.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

/// The message that `handle` holds, if it is the handle of its last receive; in whatever state.
inline const Slot* held_by(const ReceiptHandle& handle, const Queue& queue) {
  if (handle.queue != queue.id() || handle.attempt == 0) return nullptr;
  const Slot* slot = queue.find(handle.sequence);
  if (REMUDA_MUTANT(33)) return slot;
  return slot != nullptr && slot->attempt() == handle.attempt ? slot : nullptr;
}

/// Alone: each handle for itself.
template <class Settling>
void QueueEngine::settle_each(const Settling& command, Turn& turn) {
  if (!is_known(command.from, turn)) return;
  Queue* queue = state_.queue(command.queue);
  if (queue == nullptr) return reply(command.from, *no_such_queue(), false, turn);
  if (Refusal refusal = check(command)) return reply(command.from, std::move(*refusal), false, turn);

  std::vector<HandleOutcome>& outcomes = turn.effects.outcomes;
  const HandlesSettled settled{outcomes.size(), command.handles.size()};
  if (AppliedRequest before; was_applied(command.from, before)) {
    // Answered as then: what was stale is stale for ever, anything else was done, and may be forgotten since.
    for (const ReceiptHandle& handle : command.handles) {
      const Slot* slot = handle.queue == queue->id() ? queue->find(handle.sequence) : nullptr;
      const bool was_done = slot == nullptr || slot->attempt() == handle.attempt;
      outcomes.push_back(was_done ? HandleOutcome::done : HandleOutcome::stale_handle);
    }
    turn.effects.sync_needed = true;
    return reply(command.from, settled, true, turn);
  }

  begin(command.from, turn);
  sequences_.clear();
  for (const ReceiptHandle& handle : command.handles) {
    const Judgement judgement = judge(command, *queue, handle, turn.moment.now);
    outcomes.push_back(judgement.outcome);
    if (judgement.changes) sequences_.push_back(handle.sequence);
  }
  if (std::adjacent_find(sequences_.begin(), sequences_.end(), std::greater_equal<>{}) != sequences_.end()) {
    std::sort(sequences_.begin(), sequences_.end());
    sequences_.erase(std::unique(sequences_.begin(), sequences_.end()), sequences_.end());
  }
  write(command, *queue, sequences_, turn);
  if (Refusal refusal = no_room_for_record()) {
    outcomes.resize(settled.first);
    return reply(command.from, std::move(*refusal), false, turn);
  }
  if (!record_.empty()) commit(turn);
  reply(command.from, settled, sync_, turn);
}

/// As a step of a transaction: one handle that changes nothing refuses it. That includes what is deleted already: the outputs that
/// came with that delete exist, and must not be sent twice.
template <class Step>
QueueEngine::Refusal QueueEngine::decide_all(const Step& step, Turn& turn) {
  Queue* queue = state_.queue(step.queue);
  if (queue == nullptr) return no_such_queue();
  if (Refusal refusal = check(step)) return refusal;
  sequences_.clear();
  for (const ReceiptHandle& handle : step.handles) {
    const Judgement judgement = judge(step, *queue, handle, turn.moment.now);
    if (judgement.outcome == HandleOutcome::invalid_visibility_timeout)
      return Error{"invalid_visibility_timeout", "a message cannot be in flight for more than 12 h after it was received", true};
    if (!judgement.changes) return stale_handle(handle);
    sequences_.push_back(handle.sequence);
    touched_.push_back(handle);
  }
  std::sort(sequences_.begin(), sequences_.end());
  write(step, *queue, sequences_, turn);
  return std::nullopt;
}

}  // namespace remuda::broker
