#include <algorithm>

#include "broker/engine/redrive_writer.hpp"

namespace remuda::broker {

QueueEngine::Refusal QueueEngine::decide(const RedriveMessages& command, Turn&) {
  const Queue* queue = state_.queue(command.queue);
  if (queue == nullptr) return no_such_queue();
  if (Refusal refusal = check_way(*queue, command.to)) return refusal;
  sync_ |= !queue->attributes.relaxed;
  RedriveWriter writer{*this, *queue, command.to};
  if (!command.sequences) {
    queue->table().for_each(0, queue->next_sequence, [&](Sequence sequence, const Slot& slot) {
      if (writer.moved() == command.max) return false;
      writer.consider(sequence, slot);
      return true;
    });
  } else {
    std::vector<Sequence> chosen{command.sequences->begin(), command.sequences->end()};
    std::sort(chosen.begin(), chosen.end());
    chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
    for (const Sequence sequence : chosen) {
      if (writer.moved() == command.max) break;
      if (const Slot* slot = queue->find(sequence)) writer.consider(sequence, *slot);
    }
  }
  writer.finish();
  return std::nullopt;
}

/// Whether messages may be moved that way at all.
QueueEngine::Refusal QueueEngine::check_way(const Queue& queue, std::optional<QueueId> to) const {
  if (!to) return std::nullopt;
  const Queue* target = state_.queue(*to);
  if (target == nullptr) return no_such_queue();
  if (target == &queue) return Error{"invalid_argument", "a queue cannot be redriven into itself", true};
  if (target->is_fifo() != queue.is_fifo())
    return Error{"invalid_argument", "messages move between two standard queues or between two FIFO queues", true};
  return std::nullopt;
}

/// The queue that this dead letter came from; 0: none, or it is gone, or of another kind now.
QueueId QueueEngine::origin_of(const Queue& queue, const Slot& slot) const {
  const MessageDetail* detail = queue.detail_of(slot);
  if (detail == nullptr || !detail->history || detail->history->origin_queue.empty()) return 0;
  const QueueId origin = state_.find_queue(detail->history->origin_queue).value_or(0);
  return origin != 0 && state_.queue(origin)->is_fifo() == queue.is_fifo() ? origin : 0;
}

}  // namespace remuda::broker
