// What time alone does: visibility timeouts end, delays end, messages expire, waiting receives end empty.

#include <algorithm>

#include "broker/engine/queue_engine.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

namespace {
constexpr std::size_t messages_per_record = 10'000;        // bounds one record, and the time until other work gets its turn
constexpr std::chrono::milliseconds full_disk_pause{500};  // until what a full disk did not let happen is tried again
constexpr std::chrono::seconds expiry_check_interval{1};   // a message may live that much longer than the retention
}  // namespace

void QueueEngine::tick(Moment moment, Effects& effects) {
  Turn turn{moment, time_.at(moment.now), time_.follow_wall(moment), effects};
  const bool due = next_ && *next_ <= moment.now;
  if (due) {
    next_.reset();
    state_.show_due(turn.time_ms);
    for (QueueId id = 1; id < state_.next_queue_id(); ++id) {
      Queue& queue = *state_.queue(id);
      end_timed_out(queue, turn);
      expire_old(queue, turn);
    }
    forget_idle_sessions(turn);
  }
  serve_waiting(turn);
  if (!due) return;
  answer_expired_waits(turn);
  for (QueueId id = 1; id < state_.next_queue_id(); ++id) {
    Queue& queue = *state_.queue(id);
    if (const auto timeout = queue.next_timeout()) {
      const bool postponed = *timeout <= turn.moment.now && messages_that_fit(1) == 0;
      note(postponed ? turn.moment.now + full_disk_pause : *timeout);
    }
    if (const auto due_ms = queue.next_due_ms()) note(time_.instant_of(*due_ms));
  }
}

void QueueEngine::end_timed_out(Queue& queue, Turn& turn) {
  for (auto timeout = queue.next_timeout(); timeout && *timeout <= turn.moment.now; timeout = queue.next_timeout()) {
    if (REMUDA_MUTANT(9) && *timeout == turn.moment.now) return;
    const std::size_t count = messages_that_fit(messages_per_record);
    if (count == 0) return note(turn.moment.now + full_disk_pause);
    sequences_.clear();
    queue.take_timed_out(turn.moment.now, count, sequences_);
    begin(Requester{}, turn);
    write_end_of_attempts(queue, sequences_, AttemptEnd::timed_out);
    commit(turn);
  }
}

void QueueEngine::expire_old(Queue& queue, Turn& turn) {
  Instant& next_check = upkeep(queue.id()).next_expiry_check;
  if (next_check > turn.moment.now) return note(next_check);
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
  note(next_check);
}

}  // namespace remuda::broker
