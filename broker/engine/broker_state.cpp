#include "broker/engine/broker_state.hpp"

#include <sstream>

#include "common/mutant.hpp"

namespace remuda::broker {

std::optional<QueueId> BrokerState::find_queue(std::string_view name) const {
  const auto found = queue_names_.find(name);
  return found == queue_names_.end() ? std::nullopt : std::optional{found->second};
}

void BrokerState::show_due(std::int64_t steady_ms) {
  for (const auto& queue : queues_) queue->show_due(steady_ms);
}

namespace {

void write_queue(RecordWriter& record, const Queue& queue) {
  put_queue_declared(record, queue.id(), queue.attributes, queue.dead_letter_queue);
  std::string& out = record.operation(Operation::queue_totals);
  put_varint(out, queue.id());
  put_varint(out, queue.next_sequence);
  const QueueCounters& totals = queue.counters;
  for (const std::uint64_t each : {totals.sent, totals.moved_in, totals.received, totals.redelivered, totals.deleted, totals.purged,
                                   totals.dead_lettered, totals.redriven, totals.expired})
    put_varint(out, each);
}

void write_session(RecordWriter& record, SessionId id, const Session& session) {
  put_session_opened(record, id, session.key, session.node, session.host);
  std::string& out = record.operation(Operation::session_requests);
  put_varint(out, id);
  put_varint(out, session.settled);
  put_varint(out, session.applied.size());
  std::uint64_t before = 0;
  for (const AppliedRequest& applied : session.applied) {
    put_varint(out, applied.request - before);
    put_varint(out, applied.count);
    put_varint(out, applied.first);
    before = applied.request;
  }
}

void dump_history(std::ostream& out, const MessageHistory& history) {
  out << " from=" << history.origin_queue << " because=" << history.reason << " elsewhere=" << history.receives_elsewhere
      << " attempts=" << history.attempts_total;
  for (const Attempt& attempt : history.attempts)
    out << " [" << attempt.node << '@' << attempt.host << ' ' << attempt.time_ms << ' ' << attempt.error << ']';
}

void dump_queue(std::ostream& out, const Queue& queue) {
  const QueueAttributes& a = queue.attributes;
  const QueueCounters& c = queue.counters;
  out << "queue " << queue.id() << ' ' << a.name << " visibility=" << a.visibility_timeout.count()
      << " retention=" << a.retention.count() << " delay=" << a.delay.count() << " dlq=" << queue.dead_letter_queue << '/'
      << a.dead_letter_queue << '/' << a.max_receives << " size=" << a.max_message_size_bytes << " relaxed=" << a.relaxed
      << "\n  next=" << queue.next_sequence << " visible=" << queue.visible() << " in_flight=" << queue.in_flight()
      << " delayed=" << queue.delayed() << " sent=" << c.sent << " moved_in=" << c.moved_in << " received=" << c.received
      << " redelivered=" << c.redelivered << " deleted=" << c.deleted << " purged=" << c.purged
      << " dead_lettered=" << c.dead_lettered << " redriven=" << c.redriven << " expired=" << c.expired << '\n';
  queue.table().for_each(0, UINT64_MAX, [&](Sequence sequence, const Slot& slot) {
    if (!is_live(slot.state())) return true;  // what is gone may be forgotten at different times
    out << "  " << sequence << ' ' << slot.state() << " at=" << slot.place.segment << ':' << slot.place.offset << '+' << slot.size
        << " crc=" << slot.crc32c << " sent=" << slot.sent_ms() << " receives=" << slot.receive_count()
        << " attempt=" << slot.attempt();
    if (const MessageDetail* detail = queue.detail_of(slot)) {
      out << " first=" << detail->first_received_ms;
      if (slot.state() == MessageState::in_flight)
        out << " holder=" << detail->holder << " timeout=" << detail->visibility_timeout_ms
            << " recorded=" << detail->attempt_recorded;
      if (slot.state() == MessageState::delayed) out << " until=" << detail->delayed_until_ms;
      if (detail->history) dump_history(out, *detail->history);
    }
    out << '\n';
    return true;
  });
}

}  // namespace

std::string BrokerState::checkpoint() const {
  RecordWriter record;
  record.begin(RecordHead{head_.time_ms, head_.wall_offset_ms, 0, 0, 0});
  put_varint(record.operation(Operation::checkpoint_begins), sessions_.next_id());
  for (const auto& queue : queues_) write_queue(record, *queue);
  if (REMUDA_MUTANT(39)) return std::string{record.operations()};
  for (const auto& [name, definition] : topics_) put_topic_declared(record, name, definition);
  for (const auto& [id, session] : sessions_.all()) write_session(record, id, session);
  return std::string{record.operations()};
}

std::string BrokerState::dump() const {
  std::ostringstream out;
  for (const auto& queue : queues_) dump_queue(out, *queue);
  for (const auto& [name, definition] : topics_) out << "topic " << name << ' ' << definition << '\n';
  for (const auto& [id, session] : sessions_.all()) {
    out << "session " << id << ' ' << session.node << '@' << session.host << " settled=" << session.settled
        << " holding=" << session.holding;
    for (const AppliedRequest& applied : session.applied)
      out << ' ' << applied.request << ':' << applied.count << '@' << applied.first;
    out << '\n';
  }
  out << "next session " << sessions_.next_id() << " live bytes " << ledger_.live_bytes() << " oldest needed segment "
      << ledger_.oldest_needed_segment() << '\n';
  return out.str();
}

}  // namespace remuda::broker
