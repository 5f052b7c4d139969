#include "broker/engine/queue_engine.hpp"

namespace remuda::broker {

std::vector<MessageInfo> QueueEngine::peek(QueueId queue_id, Sequence from, std::size_t limit, Moment moment) const {
  std::vector<MessageInfo> out;
  const Queue* queue = state_.queue(queue_id);
  if (queue == nullptr || limit == 0 || from >= queue->next_sequence) return out;
  const std::int64_t offset = time_.offset_at(moment);
  queue->table().for_each(from, queue->next_sequence - from, [&](Sequence sequence, const Slot& slot) {
    if (!is_live(slot.state())) return true;
    MessageInfo& message = out.emplace_back();
    message.sequence = sequence;
    message.state = slot.state();
    message.receive_count = slot.receive_count();
    message.sent_ms = slot.sent_ms() + offset;
    message.place = slot.place;
    message.size = slot.size;
    message.crc32c = slot.crc32c;
    message.group = queue->group_of(sequence);
    if (const MessageDetail* detail = queue->detail_of(slot)) {
      if (detail->first_received_ms != 0) message.first_received_ms = detail->first_received_ms + offset;
      if (slot.state() == MessageState::in_flight) {
        if (const Session* holder = state_.sessions().find(detail->holder)) {
          message.holder_node = holder->node;
          message.holder_host = holder->host;
        }
      }
      if (const MessageHistory* history = detail->history.get()) {
        message.origin_queue = history->origin_queue;
        message.reason = history->reason;
        message.attempts_total = history->attempts_total;
        for (const Attempt& attempt : history->attempts)
          message.attempts.push_back({attempt.node, attempt.host, attempt.time_ms + offset, attempt.error});
      }
    }
    return out.size() < limit;
  });
  return out;
}

}  // namespace remuda::broker
