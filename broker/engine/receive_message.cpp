#include <algorithm>

#include "broker/engine/queue_engine.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

namespace {
constexpr std::uint32_t batch_max = 10'000;  // bounds one reply
}

void QueueEngine::on(const ReceiveMessage& command, Turn& turn) {
  if (!is_known(command.from, turn)) return;
  Queue* queue = state_.queue(command.queue);
  if (queue == nullptr) return reply(command.from, *no_such_queue(), false, turn);
  const Milliseconds timeout = command.visibility_timeout.value_or(queue->attributes.visibility_timeout);
  if (timeout < Milliseconds{0} || timeout > visibility_timeout_max)
    return reply(command.from, Error{"invalid_visibility_timeout", "a visibility timeout is 0 s to 12 h", true}, false, turn);
  if (command.max == 0)
    return reply(command.from, Error{"invalid_argument", "a receive asks for at least one message", true}, false, turn);
  if (queue->in_flight() >= in_flight_max && !REMUDA_MUTANT(43))
    return reply(command.from, Error{"over_limit", "120,000 messages of this queue are in flight: delete some first", true}, false,
                 turn);

  const Waiting receive{command.from, std::min(command.max, batch_max), static_cast<std::uint32_t>(timeout.count()),
                        turn.moment.now + std::max(command.wait, Milliseconds{0})};
  std::deque<Waiting>& waiting = upkeep(queue->id()).waiting;
  if (waiting.empty() && deliver(*queue, receive, turn)) return;  // those who wait already come first
  // A receive that waits anyway waits for space, too.
  const bool no_space = queue->visible() > 0 && messages_that_fit(1) == 0;
  if (command.wait <= Milliseconds{0} && no_space) return reply(command.from, *storage_full(), false, turn);
  if (command.wait <= Milliseconds{0}) return reply(command.from, Delivered{turn.effects.deliveries.size(), 0}, false, turn);
  waiting.push_back(receive);
  if (REMUDA_MUTANT(30)) std::rotate(waiting.begin(), waiting.end() - 1, waiting.end());
  note(receive.deadline);
}

/// Answers `receive` if something is visible.
bool QueueEngine::deliver(Queue& queue, const Waiting& receive, Turn& turn) {
  while (queue.visible() > 0 && queue.in_flight() < in_flight_max) {
    sequences_.clear();
    used_up_.clear();
    const std::size_t count =
        messages_that_fit(std::min<std::uint64_t>({receive.max, queue.visible(), in_flight_max - queue.in_flight()}));
    if (count == 0) return false;
    queue.take_visible(count, sequences_);
    if (REMUDA_MUTANT(31) && queue.visible() > sequences_.size()) queue.take_visible(1, sequences_);
    std::uint64_t redelivered = 0;
    for (const Sequence sequence : sequences_) {
      const Slot& slot = *queue.find(sequence);
      if (slot.receive_count() == 0) continue;  // the usual case
      ++redelivered;
      if (queue.used_up(slot)) used_up_.push_back(sequence);
    }
    begin(Requester{}, turn);
    // The limit was lowered since these came back: they may not be received again.
    for (const Sequence sequence : used_up_) write_dead_letter(queue, sequence, used_up_reason(queue, *queue.find(sequence)));
    if (!used_up_.empty()) {
      std::erase_if(sequences_, [&](Sequence s) { return std::binary_search(used_up_.begin(), used_up_.end(), s); });
      redelivered -= used_up_.size();
    }
    if (!sequences_.empty()) {
      std::string& out = record_.operation(Operation::received);
      put_varint(out, queue.id());
      put_varint(out, receive.from.session);
      put_varint(out, receive.visibility_timeout_ms);
      put_varint(out, redelivered);
      put_runs(out, sequences_);
    }
    commit(turn);
    if (sequences_.empty()) continue;

    note(turn.moment.now + Milliseconds{receive.visibility_timeout_ms});
    std::vector<Delivery>& deliveries = turn.effects.deliveries;
    const Delivered delivered{deliveries.size(), sequences_.size()};
    bool any_unsynced = false;
    for (const Sequence sequence : sequences_) {
      const Slot& slot = *queue.find(sequence);
      any_unsynced |= slot.place >= unsynced_from_;
      deliveries.push_back(
          Delivery{ReceiptHandle{queue.id(), slot.attempt(), sequence}, slot.receive_count(), slot.sent_ms() + turn.wall_offset_ms,
                   queue.detail_of(slot)->first_received_ms + turn.wall_offset_ms, slot.place, slot.size, slot.crc32c});
    }
    // The record has to be written before the messages leave, so that a crash of this process forgets no receive; synced it need
    // not be. What this very turn stores is handed out no sooner than its sender is told that it is stored.
    const bool after_sync = any_unsynced && turn.effects.sync_needed && !queue.attributes.relaxed;
    reply(receive.from, delivered, after_sync, turn);
    return true;
  }
  return false;
}

/// Waiting receives of a queue are served in turn. A dead letter of one round may be what another queue's receive waits for.
void QueueEngine::serve_waiting(Turn& turn) {
  for (bool served = true; served;) {
    served = false;
    for (QueueId id = 1; id <= upkeep_.size(); ++id) {
      Queue* queue = state_.queue(id);
      while (!upkeep_[id - 1].waiting.empty() && queue->visible() > 0) {
        const Waiting next = upkeep_[id - 1].waiting.front();
        if (!deliver(*queue, next, turn)) break;
        upkeep_[id - 1].waiting.pop_front();
        served = true;
      }
    }
  }
}

void QueueEngine::answer_expired_waits(Turn& turn) {
  for (Upkeep& each : upkeep_) {
    std::erase_if(each.waiting, [&](const Waiting& waiting) {
      if (waiting.deadline > turn.moment.now) return note(waiting.deadline), false;
      if (REMUDA_MUTANT(32)) return true;
      reply(waiting.from, Delivered{turn.effects.deliveries.size(), 0}, false, turn);
      return true;
    });
  }
}

void QueueEngine::on(const CancelReceives& command, Turn&) {
  for (Upkeep& each : upkeep_)
    std::erase_if(each.waiting, [&](const Waiting& waiting) { return waiting.from.client == command.client; });
}

}  // namespace remuda::broker
