// How each operation of a record changes the state: the messages; queues, topics and sessions are in evolve_small_state.cpp. The
// grammar is in RECORDS.md, the rules in message_states.hpp.

#include <algorithm>
#include <type_traits>

#include "broker/engine/broker_state.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

Result<AppliedRequest> BrokerState::evolve(std::string_view operations, Location payload, Instant now) {
  ByteReader in{operations};
  if (const std::uint8_t version = in.byte(); version < record_version_oldest || version > record_version)
    return fail("corrupt_record", "a record of the queue journal has a version that this broker does not know");
  const std::int64_t time_before_ms = head_.time_ms;
  head_.time_ms = static_cast<std::int64_t>(in.varint());
  head_.wall_offset_ms = in.signed_varint();
  head_.session = in.varint32();
  head_.request = head_.session == 0 ? 0 : in.varint();
  head_.settled = head_.session == 0 ? 0 : in.varint();
  now_ = now;
  payload_ = payload;
  payload_size_ = 0;
  bodies_.clear();
  outcome_ = AppliedRequest{head_.request, 0, 0};
  ledger_.reached(payload.segment);
  while (in.ok() && !in.at_end()) {
    const auto kind = static_cast<Operation>(in.byte());
    if (kind == Operation::restarted) {
      restart_deduplication(time_before_ms, static_cast<std::int64_t>(in.varint()));
    } else {
      evolve_operation(kind, in);
    }
  }
  if (!in.ok()) return fail("corrupt_record", "a record of the queue journal is not one that this broker can have written");
  if (head_.request != 0) {
    if (Session* session = sessions_.find(head_.session)) session->remember(outcome_, head_.settled);
  }
  return outcome_;
}

void BrokerState::evolve_operation(Operation kind, ByteReader& in) {
  switch (kind) {
    case Operation::payloads:
      return payloads(in);
    case Operation::stored:
      return stored(in);
    case Operation::received:
      return received(in);
    case Operation::deleted:
      return removed(in, MessageState::deleted, &QueueCounters::deleted);
    case Operation::visibility_changed:
      return visibility_changed(in);
    case Operation::timed_out:
      return timed_out(in);
    case Operation::released:
      return released(in);
    case Operation::attempt_failed:
      return attempt_failed(in);
    case Operation::returned:
      return returned(in);
    case Operation::dead_lettered:
      return dead_lettered(in);
    case Operation::redriven:
      return redriven(in);
    case Operation::purged:
      return removed(in, MessageState::purged, &QueueCounters::purged);
    case Operation::purged_all:
      return purged_all(in);
    case Operation::expired:
      return removed(in, MessageState::expired, &QueueCounters::expired);
    case Operation::relocated:
      return relocated(in);
    case Operation::queue_declared:
      return queue_declared(in);
    case Operation::topic_declared:
      return topic_declared(in);
    case Operation::session_opened:
      return session_opened(in);
    case Operation::session_forgotten:
      return sessions_.forget(in.varint32());
    case Operation::checkpoint_begins:
      return checkpoint_begins(in);
    case Operation::queue_totals:
      return queue_totals(in);
    case Operation::session_requests:
      return session_requests(in);
    case Operation::stored_in_group:
      return stored_in_group(in);
    case Operation::published:
      return published(in);
    case Operation::deduplication_kept:
      return deduplication_kept(in);
    case Operation::receive_named:
      return receive_named(in);
    case Operation::receive_repeated:
      return receive_repeated(in);
    case Operation::queue_deleted:
      return queue_deleted(in);
    case Operation::move_started:
      return move_started(in);
    case Operation::move_continued:
      return move_continued(in);
    case Operation::progress_kept:
      return progress_kept(in);
    case Operation::restarted:
      break;  // only evolve() knows the time before
    default:
      if (evolve_stream_operation(kind, in)) return;
  }
  in.fail();
}

// --- reading

Queue* BrokerState::read_queue(ByteReader& in) {
  Queue* found = queue(in.varint32());
  if (found == nullptr) in.fail();
  return found;
}

template <class Visit>
std::uint64_t BrokerState::for_each_message(ByteReader& in, Queue& queue, Visit&& visit) {
  std::uint64_t named = 0;
  Sequence end = 0;
  for (std::uint64_t length = in.varint(); length != 0; length = in.varint()) {
    const Sequence first = end + in.varint();
    if (first < end || first > queue.next_sequence || length > queue.next_sequence - first) {
      in.fail();
      return named;
    }
    end = first + length;
    queue.table().for_each(first, length, [&](Sequence sequence, Slot& slot) {
      if constexpr (std::is_invocable_v<Visit, Sequence, Slot&, std::uint64_t>) {
        visit(sequence, slot, named + (sequence - first));  // its ordinal among those that are named
      } else {
        visit(sequence, slot);
      }
      return true;
    });
    named += length;
  }
  return named;
}

// --- messages come in

void BrokerState::payloads(ByteReader& in) {
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const std::uint32_t size = in.varint32();
    const std::uint32_t crc32c = in.u32();
    if (payload_size_ + size > UINT32_MAX - payload_.offset) return in.fail();
    bodies_.push_back({Location{payload_.segment, payload_.offset + static_cast<std::uint32_t>(payload_size_)}, size, crc32c});
    payload_size_ += size;
  }
}

void BrokerState::stored(ByteReader& in) {
  Queue* queue = read_queue(in);
  const std::uint64_t delay_ms = in.varint();
  const std::uint64_t first_body = in.varint();
  const std::uint64_t count = in.varint();
  if (!in.ok() || first_body > bodies_.size() || count > bodies_.size() - first_body) return in.fail();
  if (outcome_.first == 0) outcome_.first = queue->next_sequence;
  outcome_.count += count;
  queue->counters.sent += count;
  Queue::Stored message;
  message.sent_ms = head_.time_ms;
  message.delayed_until_ms = delay_ms == 0 ? 0 : head_.time_ms + static_cast<std::int64_t>(delay_ms);
  for (std::uint64_t i = first_body; i < first_body + count; ++i) {
    message.place = bodies_[i].place;
    message.size = bodies_[i].size;
    message.crc32c = bodies_[i].crc32c;
    queue->store(queue->next_sequence++, message);
  }
}

void BrokerState::stored_in_group(ByteReader& in) {
  Queue* queue = read_queue(in);
  const std::uint64_t delay_ms = in.varint();
  const std::uint64_t body = in.varint();
  const std::string_view group = in.text();
  const DeduplicationKey key = read_array<std::tuple_size_v<DeduplicationKey>>(in);
  if (!in.ok() || !queue->is_fifo() || body >= bodies_.size()) return in.fail();
  const Sequence sequence = queue->next_sequence++;
  if (outcome_.first == 0) outcome_.first = sequence;
  ++outcome_.count;
  ++queue->counters.sent;
  Queue::Stored message{bodies_[body].place, bodies_[body].size, bodies_[body].crc32c, head_.time_ms, 0, group};
  if (delay_ms != 0) message.delayed_until_ms = head_.time_ms + static_cast<std::int64_t>(delay_ms);
  queue->store(sequence, message);
  queue->deduplication().forget_old(head_.time_ms);
  queue->deduplication().remember(key, sequence, head_.time_ms, payload_.segment);
}

void BrokerState::published(ByteReader& in) {
  const auto topic = topics_.find(in.text());
  const DeduplicationKey key = read_array<std::tuple_size_v<DeduplicationKey>>(in);
  if (!in.ok() || topic == topics_.end()) return in.fail();
  DeduplicationWindow& window = topic->second.deduplication;
  window.forget_old(head_.time_ms);
  window.remember(key, topic->second.next_sequence++, head_.time_ms, payload_.segment);
}

// --- attempts

void BrokerState::received(ByteReader& in) {
  Queue* queue = read_queue(in);
  const SessionId holder = in.varint32();
  const std::uint32_t timeout_ms = in.varint32();
  const std::uint64_t redelivered = in.varint();
  if (!in.ok()) return;
  queue->counters.redelivered += redelivered;
  queue->counters.received += for_each_message(in, *queue, [&](Sequence sequence, Slot& slot) {
    if (is_waiting(slot.state())) queue->receive(sequence, slot, holder, timeout_ms, head_.time_ms, now_);
  });
}

void BrokerState::visibility_changed(ByteReader& in) {
  Queue* queue = read_queue(in);
  const std::uint32_t timeout_ms = in.varint32();
  if (!in.ok()) return;
  for_each_message(in, *queue, [&](Sequence sequence, Slot& slot) {
    if (slot.state() != MessageState::in_flight) return;
    queue->hide(slot, sequence, timeout_ms, now_);
    queue->need_detail(slot).visibility_changed = true;
  });
}

void BrokerState::receive_named(ByteReader& in) {
  Queue* queue = read_queue(in);
  const std::string_view attempt_id = in.text();
  if (!in.ok()) return;
  std::vector<ReceiptHandle> handles;
  const std::uint64_t named = for_each_message(in, *queue, [&](Sequence sequence, Slot& slot) {
    handles.push_back({queue->id(), slot.attempt(), sequence});
  });
  if (handles.size() < named) handles.clear();  // a part of what it got is not what it got
  queue->remember_attempt(attempt_id, head_.time_ms, std::move(handles));
}

void BrokerState::receive_repeated(ByteReader& in) {
  Queue* queue = read_queue(in);
  const std::uint32_t timeout_ms = in.varint32();
  if (!in.ok()) return;
  for_each_message(in, *queue, [&](Sequence sequence, Slot& slot) {
    if (slot.state() == MessageState::in_flight) queue->hide(slot, sequence, timeout_ms, now_);
  });
}

void BrokerState::record_attempt(Queue& queue, Slot& slot, std::string_view error) {
  const SessionId holder = queue.need_detail(slot).holder;
  Attempt attempt;
  if (const Session* session = sessions_.find(holder)) {
    attempt.node = session->node;
    attempt.host = session->host;
  }
  attempt.time_ms = head_.time_ms;
  attempt.error = error;
  queue.need_history(slot).add(std::move(attempt));
  queue.need_detail(slot).attempt_recorded = true;
}

void BrokerState::timed_out(ByteReader& in) {
  Queue* queue = read_queue(in);
  const auto cause = static_cast<AttemptEnd>(in.byte());
  if (!in.ok()) return;
  for_each_message(in, *queue, [&](Sequence sequence, Slot& slot) {
    if (slot.state() != MessageState::in_flight) return;
    if (!queue->need_detail(slot).attempt_recorded)
      record_attempt(*queue, slot,
                     cause == AttemptEnd::timed_out ? "visibility timeout expired" : "made visible again by its consumer");
    queue->give_back(sequence, slot, 0);
  });
}

void BrokerState::released(ByteReader& in) {
  Queue* queue = read_queue(in);
  if (!in.ok()) return;
  for_each_message(in, *queue, [&](Sequence sequence, Slot& slot) {
    if (slot.state() != MessageState::in_flight) return;
    slot.set_receive_count(slot.receive_count() - 1);
    if (REMUDA_MUTANT(15)) slot.set_receive_count(slot.receive_count() + 1);
    queue->give_back(sequence, slot, 0);
  });
}

void BrokerState::attempt_failed(ByteReader& in) {
  Queue* queue = read_queue(in);
  const Sequence sequence = in.varint();
  const std::string_view error = in.text();
  if (!in.ok()) return;
  if (Slot* slot = queue->find(sequence); slot != nullptr && slot->state() == MessageState::in_flight)
    record_attempt(*queue, *slot, error);
}

void BrokerState::returned(ByteReader& in) {
  Queue* queue = read_queue(in);
  const Sequence sequence = in.varint();
  const std::uint64_t delay_ms = in.varint();
  if (!in.ok()) return;
  if (Slot* slot = queue->find(sequence); slot != nullptr && slot->state() == MessageState::in_flight)
    queue->give_back(sequence, *slot, delay_ms == 0 ? 0 : head_.time_ms + static_cast<std::int64_t>(delay_ms));
}

// --- messages go

void BrokerState::end(Queue& queue, Sequence sequence, Slot& slot, MessageState final_state) {
  if (const auto history = queue.take_history(slot)) let_go_origin(*history, queue.group_of(sequence));
  queue.remove(sequence, slot, final_state);
}

void BrokerState::removed(ByteReader& in, MessageState final_state, std::uint64_t QueueCounters::*counter) {
  Queue* queue = read_queue(in);
  if (!in.ok()) return;
  const std::uint64_t count = for_each_message(in, *queue, [&](Sequence sequence, Slot& slot) {
    if (is_live(slot.state())) end(*queue, sequence, slot, final_state);
  });
  queue->counters.*counter += count;
  outcome_.count += count;
}

void BrokerState::purged_all(ByteReader& in) {
  Queue* queue = read_queue(in);
  const std::uint64_t count = in.varint();
  if (!in.ok()) return;
  queue->table().for_each(0, queue->next_sequence, [&](Sequence sequence, Slot& slot) {
    if (REMUDA_MUTANT(16) && slot.state() == MessageState::in_flight) return true;
    if (is_live(slot.state())) end(*queue, sequence, slot, MessageState::purged);
    return true;
  });
  queue->counters.purged += count;
  outcome_.count += count;
}

/// The age starts again where waiting in `from` must not count: out of a dead-letter queue, and into one of FIFO kind.
void BrokerState::move(Queue& from, Sequence sequence, Slot& slot, Queue& to, Sequence target,
                       std::unique_ptr<MessageHistory> history, const Slot& kept) {
  const MessageDetail* detail = from.detail_of(slot);
  const std::int64_t first_received_ms = detail == nullptr || kept.receive_count() == 0 ? 0 : detail->first_received_ms;
  Queue::Stored message;
  message.place = slot.place;
  message.size = slot.size;
  message.crc32c = slot.crc32c;
  message.sent_ms = kept.sent_ms();
  if (REMUDA_MUTANT(18)) message.sent_ms = head_.time_ms;
  message.group = from.group_of(sequence);
  to.store(target, message);  // refers to the body before `from` lets go of it
  Slot& moved = *to.find(target);
  moved.set_receive_count(kept.receive_count());
  if (REMUDA_MUTANT(17)) moved.set_receive_count(slot.receive_count());
  moved.set_attempt(kept.attempt());
  if (history != nullptr || first_received_ms != 0) {
    MessageDetail& moved_detail = to.need_detail(moved);
    moved_detail.history = std::move(history);
    moved_detail.first_received_ms = first_received_ms;
  }
  from.remove(sequence, slot, MessageState::moved);
}

void BrokerState::dead_lettered(ByteReader& in) {
  Queue* from = read_queue(in);
  const Sequence sequence = in.varint();
  Queue* to = read_queue(in);
  const std::string_view reason = in.text();
  if (!in.ok() || from == to || from->is_fifo() != to->is_fifo()) return in.fail();
  ++from->counters.dead_lettered;
  ++to->counters.sent;
  ++to->counters.moved_in;
  const Sequence target = to->next_sequence++;
  Slot* slot = from->find(sequence);
  if (slot == nullptr || !is_live(slot->state())) return;
  std::unique_ptr<MessageHistory> history = from->take_history(*slot);
  if (!history) history = std::make_unique<MessageHistory>();
  let_go_origin(*history, from->group_of(sequence));
  history->origin_queue = from->attributes.name;
  history->reason = reason;
  history->receives_elsewhere = slot->receive_count();
  if (REMUDA_MUTANT(23)) history->origin_queue = to->attributes.name;
  if (from->is_fifo() && from->attributes.fifo->on_dead_letter == OnDeadLetter::block) {
    history->origin_sequence = sequence;
    history->origin_attempt = slot->attempt();
    from->groups().hold(from->group_of(sequence));
  }
  Slot kept;
  kept.set_receive_count(slot->receive_count());
  kept.set_sent_ms(to->is_fifo() ? head_.time_ms : slot->sent_ms());
  move(*from, sequence, *slot, *to, target, std::move(history), kept);
}

/// A message that blocked its group where it came from goes on, or is gone: it blocks nothing any more.
void BrokerState::let_go_origin(MessageHistory& history, std::string_view group) {
  if (history.origin_sequence == 0) return;
  history.origin_sequence = 0;
  history.origin_attempt = 0;
  const auto origin = find_queue(history.origin_queue);
  if (origin && queue(*origin)->is_fifo()) queue(*origin)->let_go_group(group);
}

void BrokerState::redriven(ByteReader& in) {
  Queue* from = read_queue(in);
  Queue* to = read_queue(in);
  if (!in.ok() || from == to || from->is_fifo() != to->is_fifo()) return in.fail();
  const Sequence first_target = to->next_sequence;
  const std::uint64_t count = for_each_message(in, *from, [&](Sequence sequence, Slot& slot, std::uint64_t ordinal) {
    if (!is_live(slot.state())) return;
    std::unique_ptr<MessageHistory> history = from->take_history(slot);
    Sequence target = first_target + ordinal;
    to->next_sequence = target + 1;
    Slot kept;
    kept.set_sent_ms(head_.time_ms);
    if (history) {
      // One that blocked its group takes its old place again, and no handle of then fits it.
      if (history->origin_sequence != 0 && history->origin_queue == to->attributes.name &&
          to->find_live(history->origin_sequence) == nullptr) {
        target = history->origin_sequence;
        kept.set_attempt(history->origin_attempt);
      }
      let_go_origin(*history, from->group_of(sequence));
      history->origin_queue.clear();
      history->reason.clear();
      history->receives_elsewhere = 0;
    }
    move(*from, sequence, slot, *to, target, std::move(history), kept);
  });
  to->next_sequence = first_target + count;
  from->counters.redriven += count;
  to->counters.sent += count;
  to->counters.moved_in += count;
  outcome_.count += count;
}

// --- copies within the log

void BrokerState::relocated(ByteReader& in) {
  Queue* queue = read_queue(in);
  const Sequence sequence = in.varint();
  const std::uint64_t body = in.varint();
  if (!in.ok() || body >= bodies_.size() || sequence >= queue->next_sequence) return in.fail();
  const Location place = bodies_[body].place;

  // The whole message follows, for a log that starts after the records which made it what it is.
  Queue::Stored message{place, bodies_[body].size, bodies_[body].crc32c, 0, 0, {}};
  message.sent_ms = static_cast<std::int64_t>(in.varint());
  const std::uint32_t receive_count = in.varint32();
  const std::uint32_t attempt = in.varint32();
  const std::uint8_t flags = in.byte();
  MessageDetail detail;
  MessageHistory history;
  if (flags & relocated_detail) {
    detail.first_received_ms = static_cast<std::int64_t>(in.varint());
    detail.delayed_until_ms = static_cast<std::int64_t>(in.varint());
    detail.visibility_timeout_ms = in.varint32();
    detail.holder = in.varint32();
    detail.attempt_recorded = in.byte() != 0;
  }
  if (flags & relocated_history) {
    history.origin_queue = read_text(in);
    history.reason = read_text(in);
    history.receives_elsewhere = in.varint32();
    history.origin_sequence = in.varint();
    history.origin_attempt = in.varint32();
    history.attempts_total = in.varint();
    const std::uint8_t attempts = in.byte();
    for (std::uint8_t i = 0; i < attempts && in.ok(); ++i) {
      Attempt& each = history.attempts.emplace_back();
      each.node = read_text(in);
      each.host = read_text(in);
      each.time_ms = static_cast<std::int64_t>(in.varint());
      each.error = read_text(in);
    }
  }
  if (flags & relocated_group) message.group = in.text();
  if (!in.ok() || queue->is_fifo() != !message.group.empty()) return in.fail();

  Slot* slot = queue->find(sequence);
  if (slot != nullptr && is_live(slot->state())) return queue->relocate(*slot, sequence, place);
  message.delayed_until_ms = (flags & relocated_delayed) != 0 ? detail.delayed_until_ms : 0;
  if (REMUDA_MUTANT(21)) message.delayed_until_ms = 0;
  queue->store(sequence, message);
  slot = queue->find(sequence);
  if (flags & relocated_in_flight) {
    queue->receive(sequence, *slot, detail.holder, detail.visibility_timeout_ms, detail.first_received_ms, now_);
  }
  slot->set_receive_count(receive_count);
  slot->set_attempt(attempt);
  if (REMUDA_MUTANT(20)) slot->set_attempt(1);
  if (flags & relocated_in_flight) queue->hide(*slot, sequence, detail.visibility_timeout_ms, now_);
  if (flags & relocated_detail) {
    MessageDetail& kept = queue->need_detail(*slot);
    kept.first_received_ms = detail.first_received_ms;
    kept.attempt_recorded = detail.attempt_recorded;
    kept.holder = detail.holder;
  }
  if (flags & relocated_history) {
    if (history.origin_sequence != 0) hold_origin(history, message.group);
    queue->need_history(*slot) = std::move(history);
  }
}

/// A dead letter that blocks its group came back into a log that has forgotten how it got here.
void BrokerState::hold_origin(const MessageHistory& history, std::string_view group) {
  const auto origin = find_queue(history.origin_queue);
  if (origin && queue(*origin)->is_fifo()) queue(*origin)->groups().hold(group);
}

}  // namespace remuda::broker
