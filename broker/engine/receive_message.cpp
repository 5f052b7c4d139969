#include <algorithm>

#include "broker/engine/queue_engine.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

namespace {
constexpr std::uint32_t batch_max = 10'000;  // bounds one reply
constexpr std::size_t attempt_id_size_max_bytes = 128;
}  // namespace

void QueueEngine::on(const ReceiveMessage& command, Turn& turn) {
  if (!is_known(command.from, turn)) return;
  Queue* queue = state_.queue(command.queue);
  if (queue == nullptr) return reply(command.from, *no_such_queue(), false, turn);
  const Milliseconds timeout = command.visibility_timeout.value_or(queue->attributes.visibility_timeout);
  if (timeout < Milliseconds{0} || timeout > visibility_timeout_max)
    return reply(command.from, Error{"invalid_visibility_timeout", "a visibility timeout is 0 s to 12 h", true}, false, turn);
  if (command.max == 0)
    return reply(command.from, Error{"invalid_argument", "a receive asks for at least one message", true}, false, turn);
  if (command.attempt_id.size() > attempt_id_size_max_bytes)
    return reply(command.from, Error{"invalid_argument", "a receive attempt id has at most 128 bytes", true}, false, turn);

  Waiting receive{command.from,
                  std::min(command.max, batch_max),
                  static_cast<std::uint32_t>(timeout.count()),
                  turn.moment.now + std::max(command.wait, Milliseconds{0}),
                  std::string{command.attempt_id},
                  command.exclusive};
  if (!receive.attempt_id.empty() && deliver_again(*queue, receive, turn)) return;
  if (receive.exclusive) take_over(*queue, turn);
  std::deque<Waiting>& waiting = upkeep(queue->id()).waiting;
  if (waiting.empty() && deliver(*queue, receive, turn)) return;  // those who wait already come first
  // A receive that waits anyway waits for room as well: on the disk and among those in flight.
  if (command.wait <= Milliseconds{0}) return reply_empty_handed(*queue, command.from, turn);
  note(queue->id(), receive.deadline);
  waits_of_[receive.from.client].push_back(queue->id());
  waiting.push_back(std::move(receive));
  if (REMUDA_MUTANT(30)) std::rotate(waiting.begin(), waiting.end() - 1, waiting.end());
}

/// Answers a receive that got nothing and does not wait.
void QueueEngine::reply_empty_handed(Queue& queue, const Requester& to, Turn& turn) {
  if (queue.in_flight() >= in_flight_max)
    return reply(to, Error{"over_limit", "120,000 messages of this queue are in flight: delete some first", true}, false, turn);
  if (queue.has_deliverable() && messages_that_fit(1) == 0) return reply(to, *storage_full(), false, turn);
  reply(to, Delivered{turn.effects.deliveries.size(), 0}, false, turn);
}

/// Whatever is in flight comes back, uncounted, so that the next receive gets the oldest messages. As much as fits into one record.
void QueueEngine::take_over(Queue& queue, Turn& turn) {
  const std::size_t count = messages_that_fit(queue.in_flight());
  if (count == 0) return;
  sequences_.clear();
  // A queue with one consumer has it in flight at its beginning: the search ends there.
  queue.table().for_each(0, UINT64_MAX, [&](Sequence sequence, const Slot& slot) {
    if (slot.state() == MessageState::in_flight) sequences_.push_back(sequence);
    return sequences_.size() < count;
  });
  begin(Requester{}, turn);
  record_.on_messages(Operation::released, queue.id(), sequences_);
  commit(turn);
}

/// Answers `receive` if something may be delivered.
bool QueueEngine::deliver(Queue& queue, const Waiting& receive, Turn& turn) {
  if (receive.exclusive) take_over(queue, turn);
  while (queue.has_deliverable()) {
    sequences_.clear();
    used_up_.clear();
    const std::uint64_t room = REMUDA_MUTANT(43) ? queue.visible() : in_flight_max - queue.in_flight();
    const std::size_t count = messages_that_fit(std::min<std::uint64_t>({receive.max, queue.visible(), room}));
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
      if (!receive.attempt_id.empty()) {
        put_varint(record_.operation(Operation::receive_named), queue.id());
        put_text(out, receive.attempt_id);
        put_runs(out, sequences_);
      }
    }
    commit(turn);
    if (sequences_.empty()) continue;
    note(queue.id(), turn.moment.now + Milliseconds{receive.visibility_timeout_ms});
    append_deliveries(queue, receive.from, turn);
    return true;
  }
  return false;
}

/// Answers a receive that repeats an earlier one with what that one got.
bool QueueEngine::deliver_again(Queue& queue, const Waiting& receive, Turn& turn) {
  queue.forget_old_attempts(turn.time_ms);
  const std::span<const ReceiptHandle> handles = queue.untouched_attempt(receive.attempt_id);
  if (handles.empty() || messages_that_fit(handles.size()) < handles.size()) return false;
  sequences_.clear();
  for (const ReceiptHandle& handle : handles) sequences_.push_back(handle.sequence);
  begin(Requester{}, turn);
  std::string& out = record_.operation(Operation::receive_repeated);
  put_varint(out, queue.id());
  put_varint(out, receive.visibility_timeout_ms);
  put_runs(out, sequences_);
  commit(turn);
  note(queue.id(), turn.moment.now + Milliseconds{receive.visibility_timeout_ms});
  append_deliveries(queue, receive.from, turn);
  return true;
}

/// Hands out what `sequences_` name, which is in flight now.
void QueueEngine::append_deliveries(const Queue& queue, const Requester& to, Turn& turn) {
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
  reply(to, delivered, after_sync, turn);
}

/// Waiting receives of a queue are served in turn. A dead letter of one round may be what another queue's receive waits for.
void QueueEngine::serve_waiting(Turn& turn) {
  WokenQueues& woken = state_.woken();
  while (!woken.empty()) {
    looked_at_.clear();
    looked_at_.swap(woken);
    std::sort(looked_at_.begin(), looked_at_.end());
    for (const QueueId id : looked_at_) {
      Queue* queue = state_.queue(id);
      if (queue == nullptr) continue;
      queue->sleep();
      serve(*queue, turn);
    }
  }
}

void QueueEngine::serve(Queue& queue, Turn& turn) {
  std::deque<Waiting>& waiting = upkeep(queue.id()).waiting;
  while (!waiting.empty() && queue.has_deliverable()) {
    if (!deliver(queue, waiting.front(), turn)) {
      // Too many in flight: it is woken when one is settled. Else the disk is full.
      if (queue.in_flight() < in_flight_max && queue.has_deliverable()) note(queue.id(), turn.moment.now + full_disk_pause);
      return;
    }
    forget_wait(waiting.front(), queue.id());
    waiting.pop_front();
  }
}

void QueueEngine::answer_expired_waits(QueueId queue, Turn& turn) {
  std::erase_if(upkeep(queue).waiting, [&](const Waiting& waiting) {
    if (waiting.deadline > turn.moment.now) return note(queue, waiting.deadline), false;
    forget_wait(waiting, queue);
    if (REMUDA_MUTANT(32)) return true;
    reply(waiting.from, Delivered{turn.effects.deliveries.size(), 0}, false, turn);
    return true;
  });
}

void QueueEngine::forget_wait(const Waiting& waiting, QueueId queue) {
  const auto client = waits_of_.find(waiting.from.client);
  if (client == waits_of_.end()) return;
  const auto one = std::find(client->second.begin(), client->second.end(), queue);
  if (one != client->second.end()) client->second.erase(one);
  if (client->second.empty()) waits_of_.erase(client);
}

void QueueEngine::cancel_waits(ClientId client) {
  for (auto& [stream, waiting] : waiting_takes_)
    std::erase_if(waiting.takes, [&](const WaitingTake& take) { return take.command.from.client == client; });
  const auto found = waits_of_.find(client);
  if (found == waits_of_.end()) return;
  for (const QueueId queue : found->second)
    std::erase_if(upkeep(queue).waiting, [&](const Waiting& waiting) { return waiting.from.client == client; });
  waits_of_.erase(found);
}

void QueueEngine::on(const CancelReceives& command, Turn&) {
  cancel_waits(command.client);
}

}  // namespace remuda::broker
