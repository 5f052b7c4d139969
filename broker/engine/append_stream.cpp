// Streams come and go, records are appended to them and forgotten by age and size.

#include <algorithm>

#include "broker/engine/queue_engine.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

namespace {
constexpr Milliseconds retention_min{std::chrono::seconds{1}};
constexpr Milliseconds retention_max{std::chrono::hours{24 * 365}};
constexpr std::uint32_t partitions_max = 1'024;
constexpr std::uint32_t max_receives_max = 1'000;
constexpr std::size_t name_max_bytes = 128;
constexpr std::size_t selector_max_bytes = 256;
constexpr std::size_t streams_max = 10'000;
constexpr Offset records_per_turn = 100'000;           // that are forgotten: bounds the time until other work gets its turn
constexpr std::chrono::seconds age_check_interval{1};  // a record may live that much longer than the retention

std::optional<Error> check_attributes(const StreamAttributes& attributes) {
  const auto invalid = [&](std::string_view what) {
    return Error{"invalid_attribute", "stream " + attributes.name + ": " + std::string{what}, true};
  };
  if (attributes.name.empty() || attributes.name.size() > name_max_bytes) return invalid("a name has 1 to 128 bytes");
  if (attributes.partitions == 0 || attributes.partitions > partitions_max) return invalid("a stream has 1 to 1,024 partitions");
  if (attributes.partition_by.size() > selector_max_bytes) return invalid("partition_by has at most 256 bytes");
  if (attributes.retention < retention_min || attributes.retention > retention_max) return invalid("retention is 1 s to 365 days");
  if (attributes.max_receives > max_receives_max) return invalid("max_receives is 1 to 1000");
  if (attributes.max_receives != 0 && attributes.dead_letter_queue.empty())
    return invalid("max_receives needs a dead_letter_queue");
  if (attributes.dead_letter_queue.size() > name_max_bytes) return invalid("the name of a dead-letter queue has 1 to 128 bytes");
  return std::nullopt;
}
}  // namespace

QueueEngine::Refusal QueueEngine::no_such_stream() {
  return Error{"no_such_stream", "there is no such stream on this broker", true};
}

QueueEngine::Refusal QueueEngine::decide(const DeclareStream& command, Turn& turn) {
  const StreamAttributes& attributes = command.attributes;
  if (Refusal refusal = check_attributes(attributes)) return refusal;
  const auto invalid = [&](std::string_view what) {
    return Error{"invalid_attribute", "stream " + attributes.name + ": " + std::string{what}, true};
  };
  if (state_.find_queue(attributes.name) || attributes.dead_letter_queue == attributes.name)
    return invalid("this broker has a queue of that name");
  const std::optional<StreamId> existing = state_.find_stream(attributes.name);
  if (!existing && state_.next_stream_id() > streams_max) return Error{"over_limit", "a broker has at most 10,000 streams", true};
  if (existing && state_.stream(*existing)->attributes == attributes) return std::nullopt;
  if (existing && state_.stream(*existing)->partitions.size() != attributes.partitions)
    return invalid(
        "a stream keeps the number of partitions that it was made with: a key would change its place, and its order be lost");
  QueueId dead_letter_queue = 0;
  if (!attributes.dead_letter_queue.empty()) {
    if (state_.find_stream(attributes.dead_letter_queue)) return invalid("its dead-letter queue is a stream");
    if (const auto found = state_.find_queue(attributes.dead_letter_queue)) {
      dead_letter_queue = *found;
      if (state_.queue(*found)->is_fifo()) return invalid("the dead-letter queue of a stream is a standard queue");
    } else {
      dead_letter_queue = state_.next_queue_id();
      QueueAttributes created;
      created.name = attributes.dead_letter_queue;
      created.retention = std::chrono::hours{24 * 14};
      created.max_message_size_bytes = attributes.max_message_size_bytes;
      put_queue_declared(record_, dead_letter_queue, created, 0);
      note(dead_letter_queue, turn.moment.now);
    }
  }
  put_stream_declared(record_, existing.value_or(state_.next_stream_id()), attributes, dead_letter_queue);
  sync_ = true;
  look_at_streams(turn.moment.now);
  return std::nullopt;
}

QueueEngine::Refusal QueueEngine::decide(const DeleteStream& command, Turn& turn) {
  const Stream* stream = state_.stream(command.stream);
  if (stream == nullptr) return no_such_stream();
  if (stream->oldest_partition() && !command.force)
    return Error{"stream_not_empty", "stream " + stream->attributes.name + " holds records that would be lost: force the deletion",
                 true};
  put_varint(record_.operation(Operation::stream_deleted), stream->id());
  wake_takes(stream->id(), turn.moment.now);
  sync_ = true;
  return std::nullopt;
}

QueueEngine::Refusal QueueEngine::decide(const AppendStream& step, Turn& turn) {
  const Stream* stream = state_.stream(step.stream);
  if (stream == nullptr) return no_such_stream();
  if (step.records.empty() || step.partitions.size() != step.records.size())
    return Error{"invalid_argument", "an append needs at least one record, and a partition for each", true};
  const auto is_wrong = [&](std::uint32_t partition) { return partition >= stream->partitions.size(); };
  if (std::any_of(step.partitions.begin(), step.partitions.end(), is_wrong))
    return Error{"invalid_argument", "the stream has no such partition", true};
  std::uint64_t bytes = 0;
  for (const Body& record : step.records) {
    if (record.bytes.size() > stream->attributes.max_message_size_bytes) {
      return Error{"message_too_large",
                   "a packed record of " + std::to_string(record.bytes.size()) + " bytes; stream " + stream->attributes.name +
                       " takes at most " + std::to_string(stream->attributes.max_message_size_bytes),
                   true};
    }
    bytes += record.bytes.size();
  }
  // Bodies stand in the log by partition, so that each partition is one operation and its records are read side by side.
  for (std::uint32_t partition = 0; partition < stream->partitions.size(); ++partition) {
    offsets_.clear();
    for (std::size_t i = 0; i < step.records.size(); ++i) {
      if (step.partitions[i] == partition) offsets_.push_back(i);
    }
    if (offsets_.empty()) continue;
    const std::uint32_t first = record_.bodies(
        offsets_.size(), [&](std::size_t i) -> const Body& { return step.records[static_cast<std::size_t>(offsets_[i])]; });
    std::string& out = record_.operation(Operation::stream_appended);
    put_varint(out, stream->id());
    put_varint(out, partition);
    put_varint(out, first);
    put_varint(out, offsets_.size());
  }
  sync_ = true;
  note_appended(*stream, bytes, turn);
  return std::nullopt;
}

void QueueEngine::note_appended(const Stream& stream, std::uint64_t bytes, const Turn& turn) {
  wake_takes(stream.id(), turn.moment.now);
  const std::uint64_t limit = stream.attributes.max_bytes;
  look_at_streams(limit != 0 && stream.bytes() + bytes > limit ? turn.moment.now : turn.moment.now + stream.attributes.retention);
}

void QueueEngine::trim_streams(Turn& turn) {
  next_stream_check_ = Instant::max();
  state_.for_each_stream([&](const Stream& stream) {
    if (trim(stream, turn)) return look_at_streams(turn.moment.now);
    const auto partition = stream.oldest_partition();
    if (!partition) return;
    const StreamPartition& oldest = stream.partitions[*partition];
    const Instant too_old = time_.instant_of(oldest.at(oldest.first()).time_ms + stream.attributes.retention.count());
    look_at_streams(std::max(too_old, turn.moment.now + age_check_interval));
  });
}

/// Forgets what is too old or too much, oldest first. True when more has to go than one turn allows.
bool QueueEngine::trim(const Stream& stream, Turn& turn) {
  std::vector<Offset> firsts;
  for (const StreamPartition& partition : stream.partitions) firsts.push_back(partition.first());
  std::uint64_t bytes = stream.bytes();
  const std::int64_t kept_from_ms = turn.time_ms - stream.attributes.retention.count() + 1;
  const std::uint64_t limit = stream.attributes.max_bytes == 0 ? UINT64_MAX : stream.attributes.max_bytes;
  Offset forgotten = 0;
  while (forgotten < records_per_turn) {
    std::optional<std::size_t> oldest;
    for (std::size_t p = 0; p < firsts.size(); ++p) {
      if (firsts[p] == stream.partitions[p].next()) continue;
      if (!oldest || stream.partitions[p].at(firsts[p]).time_ms < stream.partitions[*oldest].at(firsts[*oldest]).time_ms)
        oldest = p;
    }
    if (!oldest) break;
    const StreamEntry& entry = stream.partitions[*oldest].at(firsts[*oldest]);
    if (entry.time_ms >= kept_from_ms && bytes <= limit) break;
    bytes -= entry.size;
    ++firsts[*oldest];
    ++forgotten;
  }
  if (forgotten == 0) return false;
  begin(Requester{}, turn);
  for (std::uint32_t p = 0; p < firsts.size(); ++p) {
    if (firsts[p] == stream.partitions[p].first()) continue;
    std::string& out = record_.operation(Operation::stream_trimmed);
    put_varint(out, stream.id());
    put_varint(out, p);
    put_varint(out, firsts[p]);
  }
  if (no_room_for_record()) return false;  // a full disk: at a later check
  commit(turn);
  return forgotten == records_per_turn;
}

}  // namespace remuda::broker
