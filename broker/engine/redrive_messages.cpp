#include <algorithm>

#include "broker/engine/queue_engine.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

/// Writes runs of neighbours with the same target, so that all messages keep their order.
QueueEngine::Refusal QueueEngine::decide(const RedriveMessages& command, Turn&) {
  const Queue* queue = state_.queue(command.queue);
  if (queue == nullptr || (command.to && state_.queue(*command.to) == nullptr)) return no_such_queue();
  if (command.to == command.queue) return Error{"invalid_argument", "a queue cannot be redriven into itself", true};
  sync_ |= !queue->attributes.relaxed;

  QueueId run_target = 0;
  sequences_.clear();
  const auto end_run = [&] {
    if (sequences_.empty()) return;
    std::string& out = record_.operation(Operation::redriven);
    put_varint(out, queue->id());
    put_varint(out, run_target);
    put_runs(out, sequences_);
    note_moved_in(*state_.queue(run_target));
    sequences_.clear();
  };
  std::uint64_t moved = 0;
  const auto consider = [&](Sequence sequence, const Slot& slot) {
    if (moved == command.max) return false;
    if (!is_waiting(slot.state())) return true;
    if (REMUDA_MUTANT(40) && moved == 1) return false;
    const QueueId target = command.to ? *command.to : origin_of(*queue, slot);
    if (target == 0 || target == queue->id()) return true;
    if (target != run_target) end_run();
    run_target = target;
    sequences_.push_back(sequence);
    ++moved;
    return true;
  };

  if (!command.sequences) {
    queue->table().for_each(0, queue->next_sequence, consider);
  } else {
    std::vector<Sequence> chosen{command.sequences->begin(), command.sequences->end()};
    std::sort(chosen.begin(), chosen.end());
    chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
    for (const Sequence sequence : chosen) {
      const Slot* slot = queue->find(sequence);
      if (slot != nullptr && !consider(sequence, *slot)) break;
    }
  }
  end_run();
  return std::nullopt;
}

/// The queue that this dead letter came from; 0: none, or it is gone.
QueueId QueueEngine::origin_of(const Queue& queue, const Slot& slot) const {
  const MessageDetail* detail = queue.detail_of(slot);
  if (detail == nullptr || !detail->history || detail->history->origin_queue.empty()) return 0;
  return state_.find_queue(detail->history->origin_queue).value_or(0);
}

}  // namespace remuda::broker
