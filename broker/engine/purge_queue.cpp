#include <algorithm>

#include "broker/engine/queue_engine.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

QueueEngine::Refusal QueueEngine::decide(const PurgeQueue& command, Turn&) {
  const Queue* queue = state_.queue(command.queue);
  if (queue == nullptr) return no_such_queue();
  sync_ |= !queue->attributes.relaxed;
  if (REMUDA_MUTANT(42)) sync_ = false;
  if (!command.sequences) {
    const std::uint64_t count = queue->visible() + queue->delayed() + queue->in_flight();
    if (count == 0) return std::nullopt;
    std::string& out = record_.operation(Operation::purged_all);
    put_varint(out, queue->id());
    put_varint(out, count);
    return std::nullopt;
  }
  sequences_.assign(command.sequences->begin(), command.sequences->end());
  std::sort(sequences_.begin(), sequences_.end());
  sequences_.erase(std::unique(sequences_.begin(), sequences_.end()), sequences_.end());
  std::erase_if(sequences_, [&](Sequence sequence) {
    const Slot* slot = queue->find(sequence);
    return slot == nullptr || !is_live(slot->state());
  });
  record_.on_messages(Operation::purged, queue->id(), sequences_);
  return std::nullopt;
}

}  // namespace remuda::broker
