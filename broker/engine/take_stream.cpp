// Reading a stream by position, and consumer groups: leases of batches, checkpoints, seeking, and records that fail.

#include <algorithm>

#include "broker/engine/queue_engine.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

namespace {
constexpr std::uint64_t batch_max = 10'000;  // Source: Kinesis, GetRecords
constexpr std::size_t groups_max = 1'000;
constexpr std::size_t name_max_bytes = 128;

Error invalid(std::string_view what) {
  return Error{"invalid_argument", std::string{what}, true};
}
Error beyond_the_end(const Stream& stream, std::uint32_t partition) {
  return Error{"invalid_position",
               "partition " + std::to_string(partition) + " of stream " + stream.attributes.name + " ends at offset " +
                   std::to_string(stream.partitions[partition].next()),
               true};
}
Error stale_lease() {
  return Error{"stale_lease",
               "the lease is not held any more: it was taken over after its time, sought away, or the broker was restarted; "
               "nothing was changed",
               true};
}
}  // namespace

// --- reading

StreamBatch QueueEngine::batch_of(const Stream& stream, std::uint32_t partition, Offset from, std::uint64_t max,
                                  std::uint64_t max_bytes, Moment moment, Effects& effects) const {
  const StreamPartition& its = stream.partitions[partition];
  const std::int64_t wall_offset_ms = time_.offset_at(moment);
  StreamBatch batch;
  batch.first = effects.stream_records.size();
  batch.next = from;
  std::uint64_t bytes = 0;
  for (const Offset end = std::min(its.next(), from + std::min(max, batch_max)); batch.next < end; ++batch.next) {
    const StreamEntry& entry = its.at(batch.next);
    bytes += entry.size;
    if (batch.count > 0 && bytes > max_bytes) break;
    effects.stream_records.push_back({batch.next, entry.time_ms + wall_offset_ms, entry.place, entry.size, entry.crc32c});
    ++batch.count;
    batch.after_sync |= effects.sync_needed && entry.place >= unsynced_from_;
  }
  batch.behind = its.next() - batch.next;
  if (batch.behind > 0)
    batch.behind_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(0, time_.at(moment.now) - its.at(batch.next).time_ms));
  return batch;
}

Result<StreamBatch> QueueEngine::read_stream(StreamId id, std::uint32_t partition, const StreamPosition& from, std::uint32_t max,
                                             std::uint64_t max_bytes, Moment moment, Effects& effects) const {
  const Stream* stream = state_.stream(id);
  if (stream == nullptr) return Failure{*no_such_stream()};
  if (partition >= stream->partitions.size()) return Failure{invalid("the stream has no such partition")};
  const auto offset = stream->resolve(partition, from, time_.offset_at(moment));
  if (!offset) return Failure{beyond_the_end(*stream, partition)};
  return batch_of(*stream, partition, *offset, max, max_bytes, moment, effects);
}

// --- taking

void QueueEngine::on(const TakeStream& command, Turn& turn) {
  if (!is_known(command.from, turn)) return;
  const auto refuse = [&](Error error) { reply(command.from, std::move(error), false, turn); };
  Stream* stream = state_.stream(command.stream);
  if (stream == nullptr) return refuse(*no_such_stream());
  if (command.max == 0 || command.group.empty() || command.group.size() > name_max_bytes)
    return refuse(invalid("a take names a group (1 to 128 bytes) and asks for at least one record"));
  if (command.visibility_timeout < Milliseconds{0} || command.visibility_timeout > visibility_timeout_max)
    return refuse(Error{"invalid_visibility_timeout", "a visibility timeout is 0 s to 12 h", true});
  if (Refusal refusal = open_group(*stream, command, turn)) return refuse(std::move(*refusal));
  const auto waiting = waiting_takes_.find(command.stream);
  const bool others_wait =
      waiting != waiting_takes_.end() && std::any_of(waiting->second.takes.begin(), waiting->second.takes.end(),
                                                     [&](const WaitingTake& each) { return each.group == command.group; });
  if (!others_wait && take(*stream, command, turn)) return;
  if (command.wait > Milliseconds{0}) return wait_for_stream(command, turn);
  // The answer tells of a group that is there now, and its position may count from this very turn.
  reply(command.from, StreamBatch{}, turn.effects.sync_needed, turn);
}

/// Answers with the next batch of the first partition, in turn, that has one for this group.
bool QueueEngine::take(Stream& stream, const TakeStream& command, Turn& turn) {
  StreamGroup& group = *stream.find_group(command.group);
  const auto count = static_cast<std::uint32_t>(stream.partitions.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t partition = (group.turn + i) % count;
    if (!take(stream, group, partition, command, turn)) continue;
    group.turn = (partition + 1) % count;
    return true;
  }
  return false;
}

/// The group is there when this returns nothing.
QueueEngine::Refusal QueueEngine::open_group(Stream& stream, const TakeStream& command, Turn& turn) {
  if (stream.find_group(command.group) != nullptr) return std::nullopt;
  if (stream.groups.size() >= groups_max) return Error{"over_limit", "a stream has at most 1,000 consumer groups", true};
  begin(Requester{}, turn);
  std::string& out = record_.operation(Operation::stream_group_created);
  put_varint(out, stream.id());
  put_text(out, command.group);
  for (const StreamPartition& partition : stream.partitions)
    put_varint(out, command.start_latest ? partition.next() : partition.first());
  sync_ = true;
  if (Refusal refusal = no_room_for_record()) return refusal;
  commit(turn);
  return std::nullopt;
}

/// Leases the next batch of the partition and answers with it, if there is one that nobody holds.
bool QueueEngine::take(Stream& stream, StreamGroup& group, std::uint32_t partition, const TakeStream& command, Turn& turn) {
  StreamShare& share = group.shares[partition];
  if (share.lease != 0 && share.deadline > turn.moment.now && !REMUDA_MUTANT(113)) return false;
  if (share.lease != 0) end_lost_lease(stream, group, partition, turn);
  if (share.paused_until > turn.moment.now) return false;
  const StreamPartition& its = stream.partitions[partition];
  if (share.next < its.first()) {
    share.attempts = 0;
    share.batch_max = UINT32_MAX;
  }
  const Offset from = std::max(share.next, its.first());
  if (from == its.next()) return false;
  StreamBatch batch =
      batch_of(stream, partition, from, std::min(command.max, share.batch_max), command.max_bytes, turn.moment, turn.effects);
  share.lease = ++last_lease_;
  share.next = from;
  share.end = batch.next;
  share.visibility_timeout = command.visibility_timeout;
  share.deadline = turn.moment.now + command.visibility_timeout;
  batch.lease = {stream.id(), static_cast<std::uint32_t>(&group - stream.groups.data()), partition, share.lease};
  batch.attempts = share.attempts;
  const bool after_sync = batch.after_sync || turn.effects.sync_needed;
  reply(command.from, batch, after_sync, turn);
  return true;
}

/// Its holder let the time pass. Which record is to blame nobody knows, unless it had only one: so the next batch is half as large.
void QueueEngine::end_lost_lease(const Stream& stream, const StreamGroup& group, std::uint32_t partition, Turn& turn) {
  StreamShare& share = const_cast<StreamGroup&>(group).shares[partition];
  const StreamLease place{stream.id(), static_cast<std::uint32_t>(&group - stream.groups.data()), partition, share.lease};
  const Offset held = share.end - share.next;
  share.lease = 0;
  if (stream.attributes.max_receives == 0) return;
  share.batch_max = static_cast<std::uint32_t>(std::max<Offset>(1, held / 2));
  if (held > 1 || ++share.attempts < stream.attributes.max_receives) return;
  begin(Requester{}, turn);
  write_diverted(stream, place, share.next, share.attempts,
                 "its lease ended " + std::to_string(share.attempts) + " times without a checkpoint");
  if (no_room_for_record()) return;
  commit(turn);
  share.batch_max = UINT32_MAX;
}

void QueueEngine::write_diverted(const Stream& stream, const StreamLease& place, Offset offset, std::uint32_t attempts,
                                 std::string_view reason) {
  std::string& out = record_.operation(Operation::stream_diverted);
  put_varint(out, stream.id());
  put_varint(out, place.partition);
  put_varint(out, offset);
  put_varint(out, stream.dead_letter_queue);
  put_varint(out, attempts);
  put_text(out, reason.substr(0, text_size_max_bytes));
  put_stream_checkpointed(record_, place, offset + 1);
  sync_ = true;
  note_moved_in(*state_.queue(stream.dead_letter_queue));
}

// --- confirming

QueueEngine::Refusal QueueEngine::decide(const CheckpointStream& step, Turn&) {
  const StreamLease& lease = step.lease;
  const Stream* stream = state_.stream(lease.stream);
  if (stream == nullptr || lease.number == 0 || lease.group >= stream->groups.size() ||
      lease.partition >= stream->partitions.size())
    return stale_lease();
  const StreamShare& share = stream->groups[lease.group].shares[lease.partition];
  if (share.lease != lease.number && !REMUDA_MUTANT(114)) return stale_lease();
  const bool twice =
      std::any_of(lease_changes_.begin(), lease_changes_.end(), [&](const auto& each) { return each.lease == lease; });
  if (twice) return invalid("one checkpoint of a lease is enough for a request");
  const bool fails = step.end == CheckpointStream::End::failed || step.end == CheckpointStream::End::reject;
  if (step.next < share.next || step.next > share.end || (fails && step.next == share.end))
    return invalid("a checkpoint names a record of the batch, or its end");
  if (step.delay < Milliseconds{0} || step.delay > visibility_timeout_max) return invalid("a retry is put off by 0 s to 12 h");
  lease_changes_.push_back(step);
  const std::uint32_t attempts = (step.next == share.next ? share.attempts : 0) + 1;
  const std::uint32_t limit = stream->attributes.max_receives;
  const bool diverts =
      stream->dead_letter_queue != 0 &&
      ((step.end == CheckpointStream::End::failed && limit != 0 && attempts >= limit) || step.end == CheckpointStream::End::reject);
  if (diverts) {
    write_diverted(*stream, lease, step.next, attempts, step.reason);
    lease_changes_.back().end = CheckpointStream::End::release;
  } else if (step.next > share.next) {
    put_stream_checkpointed(record_, lease, step.next);
    sync_ = true;
  }
  return std::nullopt;
}

/// The record is written: what it means for the leases that it names.
void QueueEngine::settle_leases(Turn& turn) {
  for (const CheckpointStream& change : lease_changes_) {
    StreamShare& share = state_.stream(change.lease.stream)->groups[change.lease.group].shares[change.lease.partition];
    const bool fails = change.end == CheckpointStream::End::failed || change.end == CheckpointStream::End::reject;
    if (share.next == share.end || change.end != CheckpointStream::End::none) {
      share.lease = 0;
      wake_takes(change.lease.stream, turn.moment.now);
    }
    share.deadline = turn.moment.now + share.visibility_timeout;
    if (!fails) {
      share.batch_max = UINT32_MAX;
      continue;
    }
    ++share.attempts;
    share.paused_until = turn.moment.now + change.delay;
  }
  lease_changes_.clear();
}

QueueEngine::Refusal QueueEngine::decide(const SeekStream& command, Turn& turn) {
  Stream* stream = state_.stream(command.stream);
  if (stream == nullptr) return no_such_stream();
  StreamGroup* group = stream->find_group(command.group);
  if (group == nullptr)
    return Error{"no_such_group", "stream " + stream->attributes.name + " has no such consumer group: its first take makes it",
                 true};
  if (command.partition && *command.partition >= stream->partitions.size()) return invalid("the stream has no such partition");
  const auto count = static_cast<std::uint32_t>(stream->partitions.size());
  for (std::uint32_t p = command.partition.value_or(0); p < (command.partition ? *command.partition + 1 : count); ++p) {
    const auto next = stream->resolve(p, command.position, turn.wall_offset_ms);
    if (!next) return beyond_the_end(*stream, p);
    put_stream_checkpointed(record_, {stream->id(), static_cast<std::uint32_t>(group - stream->groups.data()), p, 0}, *next);
  }
  // Whoever holds a batch there holds it no more, whether or not the record can be written: at worst the batch is handed out again.
  for (std::uint32_t p = command.partition.value_or(0); p < (command.partition ? *command.partition + 1 : count); ++p) {
    group->shares[p].lease = 0;
    group->shares[p].paused_until = {};
    group->shares[p].batch_max = UINT32_MAX;
  }
  wake_takes(command.stream, turn.moment.now);
  sync_ = true;
  return std::nullopt;
}

}  // namespace remuda::broker
