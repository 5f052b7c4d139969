// How the operations on streams change the state. The grammar is in RECORDS.md.

#include <ostream>
#include <utility>

#include "broker/engine/broker_state.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

namespace {
constexpr std::size_t streams_max = 1'000'000;  // more in a record than this is damage, not data
constexpr std::uint32_t partitions_max = 1'024;
}  // namespace

std::optional<StreamId> BrokerState::find_stream(std::string_view name) const {
  for (const auto& stream : streams_) {
    if (stream && stream->attributes.name == name) return stream->id();
  }
  return std::nullopt;
}

/// False when `kind` is no operation on streams.
bool BrokerState::evolve_stream_operation(Operation kind, ByteReader& in) {
  if (kind < Operation::stream_declared || kind > Operation::stream_ids) return false;
  if (kind == Operation::stream_declared) return stream_declared(in), true;
  if (kind == Operation::stream_ids) {
    const std::uint32_t next = in.varint32();
    if (!in.ok() || next == 0 || next > streams_max) return in.fail(), true;
    if (streams_.size() + 1 < next) streams_.resize(next - 1);
    return true;
  }
  Stream* stream = this->stream(in.varint32());
  if (stream == nullptr) return in.fail(), true;
  switch (kind) {
    case Operation::stream_deleted:
      streams_[stream->id() - 1].reset();
      break;
    case Operation::stream_appended:
      stream_appended(in, *stream);
      break;
    case Operation::stream_group_created:
      stream_group_created(in, *stream);
      break;
    case Operation::stream_checkpointed:
      stream_checkpointed(in, *stream);
      break;
    case Operation::stream_diverted:
      stream_diverted(in, *stream);
      break;
    case Operation::stream_relocated:
      stream_relocated(in, *stream);
      break;
    default: {  // stream_trimmed, stream_partition
      const std::uint32_t partition = in.varint32();
      const Offset first = in.varint();
      const Offset next = kind == Operation::stream_partition ? in.varint() : 0;
      if (!in.ok() || partition >= stream->partitions.size()) return in.fail(), true;
      StreamPartition& its = stream->partitions[partition];
      if (kind == Operation::stream_trimmed) {
        if (first > its.next()) return in.fail(), true;
        its.trim(first);
      } else {
        if (first > next || next < its.next()) return in.fail(), true;
        its.extend(first, next);
      }
    }
  }
  return true;
}

void BrokerState::stream_declared(ByteReader& in) {
  const StreamId id = in.varint32();
  StreamAttributes attributes;
  attributes.name = read_text(in);
  attributes.partitions = in.varint32();
  attributes.partition_by = read_text(in);
  attributes.retention = Milliseconds{static_cast<std::int64_t>(in.varint())};
  attributes.max_bytes = in.varint();
  attributes.max_message_size_bytes = in.varint32();
  const QueueId dead_letter_queue = in.varint32();
  attributes.dead_letter_queue = read_text(in);
  attributes.max_receives = in.varint32();
  if (!in.ok() || id == 0 || id > streams_.size() + 1 || attributes.partitions == 0 || attributes.partitions > partitions_max)
    return in.fail();
  if (streams_.size() < id) streams_.resize(id);
  if (!streams_[id - 1]) {
    streams_[id - 1] = std::make_unique<Stream>(id, ledger_);
    streams_[id - 1]->make_partitions(attributes.partitions);
  }
  Stream& stream = *streams_[id - 1];
  if (stream.partitions.size() != attributes.partitions) return in.fail();
  stream.attributes = std::move(attributes);
  stream.dead_letter_queue = dead_letter_queue;
}

void BrokerState::stream_appended(ByteReader& in, Stream& stream) {
  const std::uint32_t partition = in.varint32();
  const std::uint64_t first_body = in.varint();
  const std::uint64_t count = in.varint();
  if (!in.ok() || partition >= stream.partitions.size() || first_body > bodies_.size() || count > bodies_.size() - first_body)
    return in.fail();
  StreamPartition& its = stream.partitions[partition];
  if (outcome_.count == 0) outcome_.first = its.next();
  outcome_.count += count;
  for (std::uint64_t i = first_body; i < first_body + count; ++i)
    its.append({bodies_[i].place, bodies_[i].size, bodies_[i].crc32c, head_.time_ms});
}

void BrokerState::stream_group_created(ByteReader& in, Stream& stream) {
  StreamGroup group;
  group.name = read_text(in);
  group.shares.resize(stream.partitions.size());
  for (StreamShare& share : group.shares) share.next = in.varint();
  if (!in.ok()) return;
  if (StreamGroup* known = stream.find_group(group.name)) {
    *known = std::move(group);  // a checkpoint of the log says it again
  } else {
    stream.groups.push_back(std::move(group));
  }
}

void BrokerState::stream_checkpointed(ByteReader& in, Stream& stream) {
  const std::uint32_t group = in.varint32();
  const std::uint32_t partition = in.varint32();
  const Offset next = in.varint();
  if (!in.ok() || group >= stream.groups.size() || partition >= stream.partitions.size()) return in.fail();
  if (next > stream.partitions[partition].next()) return in.fail();
  StreamShare& share = stream.groups[group].shares[partition];
  share.next = next;
  share.attempts = 0;
}

/// The record stays where it is; the dead letter refers to the same body.
void BrokerState::stream_diverted(ByteReader& in, Stream& stream) {
  const std::uint32_t partition = in.varint32();
  const Offset offset = in.varint();
  Queue* to = read_queue(in);
  const std::uint32_t attempts = in.varint32();
  const std::string_view reason = in.text();
  if (!in.ok() || to->is_fifo() || partition >= stream.partitions.size()) return in.fail();
  const StreamPartition& its = stream.partitions[partition];
  if (offset >= its.next()) return in.fail();
  ++to->counters.sent;
  ++to->counters.moved_in;
  const Sequence sequence = to->next_sequence++;
  if (offset < its.first() || its.at(offset).place.segment == 0) return;  // a later record brings it
  const StreamEntry& entry = its.at(offset);
  to->store(sequence, Queue::Stored{entry.place, entry.size, entry.crc32c, head_.time_ms, 0, {}});
  Slot& slot = *to->find(sequence);
  MessageHistory& history = to->need_history(slot);
  history.origin_queue = stream.attributes.name;
  history.reason = reason;
  history.receives_elsewhere = attempts;
  slot.set_receive_count(attempts);
}

void BrokerState::stream_relocated(ByteReader& in, Stream& stream) {
  const std::uint32_t partition = in.varint32();
  const Offset offset = in.varint();
  const std::uint64_t body = in.varint();
  const auto time_ms = static_cast<std::int64_t>(in.varint());
  if (!in.ok() || partition >= stream.partitions.size() || body >= bodies_.size()) return in.fail();
  StreamPartition& its = stream.partitions[partition];
  if (offset >= its.next()) return in.fail();
  if (offset >= its.first()) its.relocate(offset, {bodies_[body].place, bodies_[body].size, bodies_[body].crc32c, time_ms});
}

void BrokerState::write_streams(RecordWriter& record) const {
  if (streams_.empty()) return;
  put_varint(record.operation(Operation::stream_ids), next_stream_id());
  for_each_stream([&](const Stream& stream) {
    put_stream_declared(record, stream.id(), stream.attributes, stream.dead_letter_queue);
    for (std::uint32_t p = 0; p < stream.partitions.size(); ++p) {
      std::string& out = record.operation(Operation::stream_partition);
      put_varint(out, stream.id());
      put_varint(out, p);
      put_varint(out, stream.partitions[p].first());
      put_varint(out, stream.partitions[p].next());
    }
    if (REMUDA_MUTANT(112)) return;
    for (const StreamGroup& group : stream.groups) {
      std::string& out = record.operation(Operation::stream_group_created);
      put_varint(out, stream.id());
      put_text(out, group.name);
      for (const StreamShare& share : group.shares) put_varint(out, share.next);
    }
  });
}

void BrokerState::dump_streams(std::ostream& out) const {
  for_each_stream([&](const Stream& stream) {
    out << "stream " << stream.id() << ' ' << stream.attributes.name << " retention=" << stream.attributes.retention.count()
        << " holds=" << stream.attributes.max_bytes << " dlq=" << stream.dead_letter_queue << '/' << stream.attributes.max_receives
        << '\n';
    for (const StreamPartition& partition : stream.partitions) {
      out << "  [" << partition.first() << ',' << partition.next() << ") bytes=" << partition.bytes();
      for (Offset offset = partition.first(); offset < partition.next(); ++offset) {
        const StreamEntry& entry = partition.at(offset);
        out << ' ' << entry.place.segment << ':' << entry.place.offset << '+' << entry.size << '@' << entry.time_ms;
      }
      out << '\n';
    }
    for (const StreamGroup& group : stream.groups) {
      out << "  group " << group.name;
      for (const StreamShare& share : group.shares) out << ' ' << share.next;
      out << '\n';
    }
  });
}

}  // namespace remuda::broker
