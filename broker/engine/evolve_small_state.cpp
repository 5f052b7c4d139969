// How the operations on queues, topics, moves and sessions change the state. The grammar is in RECORDS.md.

#include <algorithm>

#include "broker/engine/broker_state.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

namespace {
constexpr std::size_t queues_max = 1'000'000;  // more in a record than this is damage, not data
constexpr std::size_t moves_kept = 10;         // of each queue
}  // namespace

// --- queues and topics

Queue& BrokerState::create_queue(QueueId id) {
  if (queues_.size() < id) queues_.resize(id);
  if (!queues_[id - 1]) queues_[id - 1] = std::make_unique<Queue>(id, Queue::Shared{sessions_, ledger_, woken_, hash_key_});
  return *queues_[id - 1];
}

void BrokerState::queue_declared(ByteReader& in) {
  const QueueId id = in.varint32();
  QueueAttributes attributes;
  attributes.name = read_text(in);
  attributes.visibility_timeout = Milliseconds{in.varint32()};
  attributes.retention = Milliseconds{in.varint32()};
  attributes.delay = Milliseconds{in.varint32()};
  const QueueId dead_letter_queue = in.varint32();
  attributes.dead_letter_queue = read_text(in);
  attributes.max_receives = in.varint32();
  attributes.max_message_size_bytes = in.varint32();
  attributes.max_messages = in.varint();
  attributes.max_bytes = in.varint();
  const std::uint8_t flags = in.byte();
  attributes.relaxed = (flags & declared_relaxed) != 0;
  if (flags & declared_fifo) {
    FifoAttributes& fifo = attributes.fifo.emplace();
    fifo.group_by = read_text(in);
    fifo.deduplicate_by = read_text(in);
    fifo.deduplication_scope = static_cast<DeduplicationScope>(in.byte());
    fifo.on_dead_letter = static_cast<OnDeadLetter>(in.byte());
  }
  const std::uint64_t tags = in.varint();
  for (std::uint64_t i = 0; i < tags && in.ok(); ++i) {
    std::string name = read_text(in);
    attributes.tags[std::move(name)] = read_text(in);
  }
  const bool is_new = queue(id) == nullptr;
  if (!in.ok() || id == 0 || id > queues_.size() + 1 || dead_letter_queue > queues_max) return in.fail();
  if (!is_new && queue(id)->is_fifo() != attributes.fifo.has_value()) return in.fail();
  Queue& queue = create_queue(id);
  if (is_new && attributes.fifo) queue.become_fifo(recovering_);
  if (attributes.fifo) queue.set_group_blocking(attributes.fifo->on_dead_letter == OnDeadLetter::block);
  queue_names_[attributes.name] = id;
  queue.attributes = std::move(attributes);
  queue.dead_letter_queue = dead_letter_queue;
}

void BrokerState::queue_deleted(ByteReader& in) {
  Queue* queue = read_queue(in);
  if (!in.ok()) return;
  std::uint64_t count = 0;
  queue->table().for_each(0, queue->next_sequence, [&](Sequence sequence, Slot& slot) {
    if (!is_live(slot.state())) return true;
    end(*queue, sequence, slot, MessageState::purged);
    ++count;
    return true;
  });
  outcome_.count += count;
  const auto name = queue_names_.find(queue->attributes.name);
  if (name != queue_names_.end() && name->second == queue->id()) queue_names_.erase(name);
  std::erase(woken_, queue->id());
  std::erase_if(moves_, [&](const auto& each) { return each.second.queue == queue->id() || each.second.to == queue->id(); });
  queues_[queue->id() - 1].reset();
}

void BrokerState::topic_declared(ByteReader& in) {
  const std::string_view name = in.text();
  const std::string_view definition = in.text();
  const Sequence next = in.varint();
  if (!in.ok()) return;
  auto topic = topics_.find(name);
  if (definition.empty()) {
    if (topic != topics_.end()) topics_.erase(topic);
    return;
  }
  if (topic == topics_.end()) topic = topics_.try_emplace(std::string{name}, ledger_, hash_key_).first;
  topic->second.definition = definition;
  topic->second.next_sequence = std::max(topic->second.next_sequence, next);
}

void BrokerState::deduplication_kept(ByteReader& in) {
  const QueueId id = in.varint32();  // 0: a topic's
  const std::string_view topic_name = id == 0 ? in.text() : std::string_view{};
  const auto time_ms = static_cast<std::int64_t>(in.varint());
  const std::uint64_t count = in.varint();
  std::vector<DeduplicationWindow::Entry> entries;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    auto& entry = entries.emplace_back();
    entry.key = read_array<std::tuple_size_v<DeduplicationKey>>(in);
    entry.sequence = in.varint();
  }
  const auto topic = topics_.find(topic_name);
  Queue* queue = this->queue(id);
  if (!in.ok() || (id == 0 ? topic == topics_.end() : queue == nullptr || !queue->is_fifo())) return in.fail();
  DeduplicationWindow& window = id == 0 ? topic->second.deduplication : queue->deduplication();
  window.moved_forward(entries, time_ms, payload_.segment);
}

// --- moves

void BrokerState::move_started(ByteReader& in) {
  Move move;
  move.id = in.varint32();
  move.queue = in.varint32();
  move.to = in.varint32();
  move.selection = read_text(in);
  move.max_per_second = in.varint32();
  move.end = in.varint();
  move.started_ms = static_cast<std::int64_t>(in.varint());
  move.next = in.varint();
  move.moved = in.varint();
  move.status = static_cast<MoveStatus>(in.byte());
  if (!in.ok() || queue(move.queue) == nullptr || move.status > MoveStatus::cancelled) return in.fail();
  next_move_id_ = std::max(next_move_id_, move.id + 1);
  outcome_.first = move.id;
  // The last few of each queue are kept for people.
  std::size_t kept = 0;
  for (auto each = moves_.end(); each != moves_.begin();) {
    --each;
    if (each->second.queue == move.queue && ++kept >= moves_kept) each = moves_.erase(each);
  }
  moves_[move.id] = std::move(move);
}

void BrokerState::move_continued(ByteReader& in) {
  const auto found = moves_.find(in.varint32());
  const auto status = static_cast<MoveStatus>(in.byte());
  const Sequence next = in.varint();
  if (!in.ok() || status > MoveStatus::cancelled) return in.fail();
  if (found == moves_.end()) return;
  found->second.moved += outcome_.count;  // what this record has redriven
  found->second.next = next;
  found->second.status = status;
}

// --- counters, sessions, progress

void BrokerState::progress_kept(ByteReader& in) {
  const std::string_view source = in.text();
  const std::uint64_t version = in.varint();
  const std::string_view value = in.text();
  if (!in.ok() || version == 0) return in.fail();
  auto progress = progress_.find(source);
  if (progress == progress_.end()) progress = progress_.try_emplace(std::string{source}).first;
  progress->second.version = version;
  progress->second.value = value;
}

void BrokerState::checkpoint_begins(ByteReader& in) {
  sessions_.reserve_ids_below(in.varint32());
  const QueueId next_queue = in.varint32();
  const MoveId next_move = in.varint32();
  if (!in.ok() || next_queue == 0 || next_queue > queues_max) return in.fail();
  if (queues_.size() + 1 < next_queue) queues_.resize(next_queue - 1);
  next_move_id_ = std::max(next_move_id_, next_move);
}

void BrokerState::queue_totals(ByteReader& in) {
  Queue* queue = read_queue(in);
  const Sequence next = in.varint();
  QueueCounters totals;
  for (std::uint64_t* each : {&totals.sent, &totals.moved_in, &totals.received, &totals.redelivered, &totals.deleted,
                              &totals.purged, &totals.dead_lettered, &totals.redriven, &totals.expired})
    *each = in.varint();
  if (!in.ok() || next < queue->next_sequence) return in.fail();
  queue->next_sequence = next;
  if (REMUDA_MUTANT(19)) queue->next_sequence = std::max<Sequence>(1, next - 1);
  queue->counters = totals;
}

void BrokerState::session_opened(ByteReader& in) {
  const SessionId id = in.varint32();
  const SessionKey key = read_array<std::tuple_size_v<SessionKey>>(in);
  const std::string_view node = in.text();
  const std::string_view host = in.text();
  if (!in.ok() || id == 0 || id == UINT32_MAX) return in.fail();
  sessions_.open(id, key, node, host);
}

void BrokerState::session_requests(ByteReader& in) {
  Session* session = sessions_.find(in.varint32());
  if (session == nullptr) return in.fail();
  session->settled = in.varint();
  session->applied.clear();
  if (REMUDA_MUTANT(22)) return static_cast<void>(in.bytes(in.left()));
  const std::uint64_t count = in.varint();
  std::uint64_t request = 0;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    request += in.varint();
    const std::uint64_t done = in.varint();
    session->applied.push_back({request, done, in.varint()});
  }
}

}  // namespace remuda::broker
