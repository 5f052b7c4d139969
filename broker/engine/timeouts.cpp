// What time alone does: visibility timeouts end, delays end, messages expire, waiting receives end empty.

#include <algorithm>

#include "broker/engine/queue_engine.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

namespace {
constexpr std::size_t messages_per_record = 10'000;      // bounds one record, and the time until other work gets its turn
constexpr std::chrono::seconds deduplication_sweep{10};  // how late forgotten ids give their memory back
constexpr std::chrono::minutes session_idle_max{10};
constexpr std::chrono::minutes sweep_interval{1};
constexpr std::chrono::seconds expiry_check_interval{1};  // a message may live that much longer than the retention
constexpr auto later_planned = [](const auto& a, const auto& b) { return a.when != b.when ? a.when > b.when : a.queue > b.queue; };
}  // namespace

void QueueEngine::tick(Moment moment, Effects& effects) {
  Turn turn{moment, time_.at(moment.now), time_.follow_wall(moment), effects};
  take_due(moment.now);
  for (const QueueId id : due_) state_.queue(id)->show_due(turn.time_ms);
  for (const QueueId id : due_) {
    end_timed_out(*state_.queue(id), turn);
    expire_old(*state_.queue(id), turn);
  }
  if (next_sweep_ <= moment.now) sweep(turn);
  if (next_stream_check_ <= moment.now) trim_streams(turn);
  serve_waiting(turn);
  if (next_take_look_ <= moment.now) serve_takes(turn);
  for (const QueueId id : due_) {
    answer_expired_waits(id, turn);
    plan(*state_.queue(id), turn);
  }
}

void QueueEngine::note(QueueId queue, Instant deadline) {
  if (REMUDA_MUTANT(27)) deadline += std::chrono::milliseconds{5};
  Upkeep& its = upkeep(queue);
  if (deadline >= its.planned) return;
  its.planned = deadline;
  agenda_.push_back({deadline, queue});
  std::push_heap(agenda_.begin(), agenda_.end(), later_planned);
}

/// The queues whose time has come, by id.
void QueueEngine::take_due(Instant now) {
  due_.clear();
  while (!agenda_.empty() && agenda_.front().when <= now) {
    const Planned next = agenda_.front();
    std::pop_heap(agenda_.begin(), agenda_.end(), later_planned);
    agenda_.pop_back();
    Upkeep& its = upkeep(next.queue);
    if (its.planned != next.when) continue;
    its.planned = Instant::max();
    if (state_.queue(next.queue) != nullptr) due_.push_back(next.queue);
  }
  std::sort(due_.begin(), due_.end());
}

/// When to look at this queue again.
void QueueEngine::plan(Queue& queue, Turn& turn) {
  if (const auto timeout = queue.next_timeout()) {
    const bool postponed = *timeout <= turn.moment.now && messages_that_fit(1) == 0;
    note(queue.id(), postponed ? turn.moment.now + full_disk_pause : *timeout);
  }
  if (const auto due_ms = queue.next_due_ms()) note(queue.id(), time_.instant_of(*due_ms));
  if (!queue.is_fifo()) return;
  queue.forget_old_attempts(turn.time_ms);
  queue.deduplication().forget_old(turn.time_ms);
  if (!queue.deduplication().empty()) note(queue.id(), turn.moment.now + deduplication_sweep);
}

/// Once a minute: what nobody asks for any more.
void QueueEngine::sweep(Turn& turn) {
  for (auto& [name, topic] : state_.topics()) topic.deduplication.forget_old(turn.time_ms);
  begin(Requester{}, turn);
  for (const auto& [id, session] : state_.sessions().all()) {
    if (REMUDA_MUTANT(44) && session.last_heard + session_idle_max <= turn.moment.now)
      put_varint(record_.operation(Operation::session_forgotten), id);
    // One that was not heard of for 10 minutes and holds nothing is forgotten; a client that still lives says hello again.
    if (session.holding == 0 && session.last_heard + session_idle_max <= turn.moment.now)
      put_varint(record_.operation(Operation::session_forgotten), id);
  }
  if (!record_.empty() && !no_room_for_record()) commit(turn);  // else at a later sweep
  next_sweep_ = state_.sessions().all().empty() && state_.topics().empty() ? Instant::max() : turn.moment.now + sweep_interval;
}

void QueueEngine::end_timed_out(Queue& queue, Turn& turn) {
  for (auto timeout = queue.next_timeout(); timeout && *timeout <= turn.moment.now; timeout = queue.next_timeout()) {
    if (REMUDA_MUTANT(9) && *timeout == turn.moment.now) return;
    const std::size_t count = messages_that_fit(messages_per_record);
    if (count == 0) return note(queue.id(), turn.moment.now + full_disk_pause);
    sequences_.clear();
    queue.take_timed_out(turn.moment.now, count, sequences_);
    begin(Requester{}, turn);
    write_end_of_attempts(queue, sequences_, AttemptEnd::timed_out);
    commit(turn);
  }
}

void QueueEngine::expire_old(Queue& queue, Turn& turn) {
  Instant& next_check = upkeep(queue.id()).next_expiry_check;
  if (next_check > turn.moment.now) return note(queue.id(), next_check);
  const std::int64_t retention_ms = queue.attributes.retention.count();
  if (REMUDA_MUTANT(38)) turn.time_ms = turn.moment.unix_ms;
  sequences_.clear();
  const std::size_t count_max = messages_that_fit(messages_per_record);
  if (count_max > 0) queue.find_sent_before(turn.time_ms - retention_ms, count_max, sequences_);
  if (!sequences_.empty()) {
    begin(Requester{}, turn);
    record_.on_messages(Operation::expired, queue.id(), sequences_);
    commit(turn);
  }
  const auto oldest_ms = queue.oldest_sent_ms();
  const Instant expires = oldest_ms ? time_.instant_of(*oldest_ms + retention_ms) : turn.moment.now + queue.attributes.retention;
  next_check = count_max > 0 && sequences_.size() == count_max ? turn.moment.now
                                                               : std::max(expires, turn.moment.now + expiry_check_interval);
  note(queue.id(), next_check);
}

}  // namespace remuda::broker
