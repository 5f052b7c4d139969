#include "broker/engine/broker_state.hpp"

#include <sstream>

#include "common/mutant.hpp"

namespace remuda::broker {

std::optional<QueueId> BrokerState::find_queue(std::string_view name) const {
  const auto found = queue_names_.find(name);
  return found == queue_names_.end() ? std::nullopt : std::optional{found->second};
}

void BrokerState::recovered(Instant now, std::int64_t now_ms) {
  recovering_ = false;
  if (head_.time_ms != 0) restart_deduplication(head_.time_ms, now_ms);
  for_each_queue([&](Queue& queue) {
    queue.recovered(now);
    queue.show_due(now_ms);
  });
}

/// What was over before the broker ended is over. How long it was away is not known for certain, so everything else counts from its
/// restart on, in full; the first record after it says when that was, lest a later restart take the guess for real time.
void BrokerState::restart_deduplication(std::int64_t last_ms, std::int64_t restarted_ms) {
  for_each_queue([&](Queue& queue) {
    if (queue.is_fifo()) queue.deduplication().restart(last_ms, restarted_ms);
  });
  for (auto& [name, topic] : topics_) topic.deduplication.restart(last_ms, restarted_ms);
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
  if (history.origin_sequence != 0) out << " blocks=" << history.origin_sequence << '/' << history.origin_attempt;
  for (const Attempt& attempt : history.attempts)
    out << " [" << attempt.node << '@' << attempt.host << ' ' << attempt.time_ms << ' ' << attempt.error << ']';
}

void dump_queue(std::ostream& out, const Queue& queue) {
  const QueueAttributes& a = queue.attributes;
  const QueueCounters& c = queue.counters;
  out << "queue " << queue.id() << ' ' << a.name << " visibility=" << a.visibility_timeout.count()
      << " retention=" << a.retention.count() << " delay=" << a.delay.count() << " dlq=" << queue.dead_letter_queue << '/'
      << a.dead_letter_queue << '/' << a.max_receives << " size=" << a.max_message_size_bytes << " holds=" << a.max_messages << '/'
      << a.max_bytes << " relaxed=" << a.relaxed
      << (a.fifo ? " fifo=" + a.fifo->group_by + '/' + a.fifo->deduplicate_by +
                       (a.fifo->on_dead_letter == OnDeadLetter::block ? "/block" : "")
                 : std::string{})
      << " tags=" << a.tags.size() << "\n  next=" << queue.next_sequence << " visible=" << queue.visible()
      << " in_flight=" << queue.in_flight() << " delayed=" << queue.delayed() << " bytes=" << queue.bytes() << " sent=" << c.sent
      << " moved_in=" << c.moved_in << " received=" << c.received << " redelivered=" << c.redelivered << " deleted=" << c.deleted
      << " purged=" << c.purged << " dead_lettered=" << c.dead_lettered << " redriven=" << c.redriven << " expired=" << c.expired
      << '\n';
  queue.table().for_each(0, UINT64_MAX, [&](Sequence sequence, const Slot& slot) {
    if (!is_live(slot.state())) return true;  // what is gone may be forgotten at different times
    if (queue.is_fifo()) out << "  [" << queue.group_of(sequence) << "]";
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
  std::string& out = record.operation(Operation::checkpoint_begins);
  put_varint(out, sessions_.next_id());
  put_varint(out, next_queue_id());
  put_varint(out, next_move_id_);
  for_each_queue([&](const Queue& queue) { write_queue(record, queue); });
  if (REMUDA_MUTANT(39)) return std::string{record.operations()};
  for (const auto& [name, topic] : topics_) put_topic_declared(record, name, topic.definition, topic.next_sequence);
  write_streams(record);
  for (const auto& [id, move] : moves_) put_move_started(record, move);
  for (const auto& [id, session] : sessions_.all()) write_session(record, id, session);
  for (const auto& [source, progress] : progress_) put_progress_kept(record, source, progress.version, progress.value);
  return std::string{record.operations()};
}

std::string BrokerState::dump() const {
  std::ostringstream out;
  for_each_queue([&](const Queue& queue) { dump_queue(out, queue); });
  dump_streams(out);
  for (const auto& [name, topic] : topics_)
    out << "topic " << name << ' ' << topic.definition << ' ' << topic.next_sequence << '\n';
  for (const auto& [id, move] : moves_)
    out << "move " << id << ' ' << move.queue << " to " << move.to << " at " << move.next << " of " << move.end << " moved "
        << move.moved << ' ' << move.status << '\n';
  for (const auto& [id, session] : sessions_.all()) {
    out << "session " << id << ' ' << session.node << '@' << session.host << " settled=" << session.settled
        << " holding=" << session.holding;
    for (const AppliedRequest& applied : session.applied)
      out << ' ' << applied.request << ':' << applied.count << '@' << applied.first;
    out << '\n';
  }
  for (const auto& [source, progress] : progress_)
    out << "progress " << source << ' ' << progress.version << ' ' << progress.value << '\n';
  // What is deduplicated by may be forgotten at different times, and counts as live until then.
  bool deduplicates = false;
  std::uint64_t other_bytes = 0;
  const auto leave_out = [&](const DeduplicationWindow& window) {
    deduplicates = true;
    other_bytes += window.size() * DeduplicationWindow::entry_size_bytes;
  };
  for_each_queue([&](const Queue& queue) {
    if (queue.is_fifo()) leave_out(*queue.deduplication());
  });
  for (const auto& [name, topic] : topics_) leave_out(topic.deduplication);
  out << "next session " << sessions_.next_id() << " live bytes " << ledger_.live_bytes() - other_bytes;
  if (!deduplicates) out << " oldest needed segment " << ledger_.oldest_needed_segment();
  out << '\n';
  return out.str();
}

}  // namespace remuda::broker
