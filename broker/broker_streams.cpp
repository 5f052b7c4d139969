// Streams over the wire: which partition a message belongs to, reads and takes with their bodies, checkpoints.

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <utility>

#include "broker/broker.hpp"
#include "common/crc32c.hpp"
#include "common/filter/selector.hpp"

namespace remuda::broker {

namespace {

constexpr std::size_t lease_size_bytes = 20;

/// The partition whose share of the range of 128-bit hashes holds the key's MD5. Source: Kinesis, partition keys (SEMANTICS §7).
std::uint32_t share_of(std::string_view key, std::uint32_t partitions) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  if (partitions == 1 || EVP_Digest(key.data(), key.size(), digest.data(), nullptr, EVP_md5(), nullptr) != 1) return 0;
  std::uint64_t high = 0;
  for (std::size_t i = 0; i < 4; ++i) high = high << 8U | digest[i];
  return static_cast<std::uint32_t>(high * partitions >> 32U);
}

void put(std::uint64_t value, std::size_t bytes, std::string& out) {
  for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xFFU));
}
std::uint64_t get(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes[i]);
  return value;
}
std::string bytes_of(const StreamLease& lease) {
  std::string out;
  if (lease.number == 0) return out;
  for (const std::uint32_t each : {lease.stream, lease.group, lease.partition}) put(each, 4, out);
  put(lease.number, 8, out);
  return out;
}
StreamLease lease_of(std::string_view bytes) {
  if (bytes.size() != lease_size_bytes) return {};  // what was never a lease holds nothing
  const auto number = [&](std::size_t at) { return static_cast<std::uint32_t>(get(bytes.substr(at, 4))); };
  return {number(0), number(4), number(8), get(bytes.substr(12))};
}

Result<StreamPosition> position_of(const wire::StreamPosition& position) {
  if (position.offset) return StreamPosition{StreamPosition::Kind::offset, *position.offset, 0};
  constexpr std::uint64_t far_ahead_ms = 1'000'000'000'000'000;  // nothing comes after it, and it can be reckoned with
  if (position.time_ms)
    return StreamPosition{StreamPosition::Kind::time, 0, static_cast<std::int64_t>(std::min(*position.time_ms, far_ahead_ms))};
  if (position.from == "oldest") return StreamPosition{};
  if (position.from == "latest") return StreamPosition{StreamPosition::Kind::latest, 0, 0};
  return fail("invalid_position", "a position is oldest, latest, an offset or a time");
}

}  // namespace

Result<StreamId> Broker::stream_named(std::string_view name) const {
  if (const auto stream = engine_.find_stream(name)) return *stream;
  return fail("no_such_stream", "this broker has no stream '" + std::string{name} + "'");
}

std::uint64_t Broker::batch_bytes_max() const {
  constexpr std::uint64_t around_the_records = 512 * 1024;  // 10,000 of them
  const std::uint64_t frame = settings_.max_frame_size;
  return std::min<std::uint64_t>(10U * 1024 * 1024, frame > 2 * around_the_records ? frame - around_the_records : frame / 2);
}

/// A message without a key is spread by its id.
std::uint32_t Broker::partition_of(const Stream& stream, const MessageView& message) {
  const StreamAttributes& attributes = stream.attributes;
  if (attributes.partitions == 1) return 0;
  const std::string& place = attributes.partition_by.empty() ? std::string{"group_id"} : attributes.partition_by;
  auto known = partitioning_.find(stream.id());
  if (known == partitioning_.end() || known->second.text() != place) {
    auto selector = Selector::compile(place);
    if (!selector) return 0;  // it was checked when the stream was declared
    known = partitioning_.insert_or_assign(stream.id(), *std::move(selector)).first;
  }
  const auto key = known->second.value(message);
  return share_of(key ? std::string_view{*key} : message.id, attributes.partitions);
}

Result<AppendStream> Broker::take_append(const wire::Append& append) {
  const auto id = stream_named(append.stream);
  if (!id) return Failure{id.error()};
  const Stream& stream = *engine_.stream(*id);
  const std::size_t first = bodies_.size();
  for (const auto message : append.messages) {
    const auto view = view_message(message);
    if (!view) return Failure{view.error()};
    bodies_.push_back({message, crc32c(message)});
    partitions_.push_back(partition_of(stream, *view));
  }
  AppendStream command;
  command.stream = *id;
  command.records = std::span<const Body>{bodies_}.subspan(first);
  command.partitions = std::span<const std::uint32_t>{partitions_}.subspan(partitions_.size() - append.messages.size());
  return command;
}

void Broker::on(Connection& connection, const wire::Append& append) {
  bodies_.clear();
  partitions_.clear();
  live_.clear();
  auto command = take_append(append);
  if (!command) return refuse_messages(connection, command.error());
  command->from = requester(connection);
  apply(*command, DoneForm::count);
}

Result<CheckpointStream> Broker::checkpoint_of(const wire::StreamCheckpoint& command) {
  CheckpointStream checkpoint{{}, lease_of(command.lease), command.next};
  checkpoint.reason = command.reason;
  checkpoint.delay = milliseconds(command.delay_ms);
  if (command.end == "release") {
    checkpoint.end = CheckpointStream::End::release;
  } else if (command.end == "failed") {
    checkpoint.end = CheckpointStream::End::failed;
  } else if (command.end == "reject") {
    checkpoint.end = CheckpointStream::End::reject;
  } else if (command.end != "none") {
    return fail("invalid_argument", "a checkpoint ends with none, release, failed or reject");
  }
  return checkpoint;
}

void Broker::on(Connection& connection, const wire::StreamCheckpoint& command) {
  auto checkpoint = checkpoint_of(command);
  if (!checkpoint) return refuse(connection, request_.request, checkpoint.error());
  checkpoint->from = requester(connection);
  apply(*checkpoint, DoneForm::nothing);
}

void Broker::on(Connection& connection, const wire::StreamRead& read) {
  const auto stream = stream_named(read.stream);
  if (!stream) return refuse(connection, request_.request, stream.error());
  const auto position = position_of(read.position);
  if (!position) return refuse(connection, request_.request, position.error());
  const auto batch = engine_.read_stream(*stream, read.partition, *position, read.max, batch_bytes_max(), moment_, effects_);
  if (!batch) return refuse(connection, request_.request, batch.error());
  effects_.replies.push_back({connection.id, request_.request, *batch, batch->after_sync});
  done_forms_.resize(effects_.replies.size(), DoneForm::nothing);
}

void Broker::on(Connection& connection, const wire::StreamTake& take) {
  const auto stream = stream_named(take.stream);
  if (!stream) return refuse(connection, request_.request, stream.error());
  if (take.start != "oldest" && take.start != "latest")
    return refuse(connection, request_.request, {"invalid_argument", "a group starts at oldest or latest", true});
  const std::size_t waiting = connection.waiting.size() + connection.waiting_takes.size();
  if (take.wait_ms > 0 && waiting >= settings_.waiting_receives_max) {
    const std::string has = "this connection has " + std::to_string(waiting) + " receives waiting already";
    return refuse(connection, request_.request, {"over_limit", has, true});
  }
  const std::size_t before = effects_.replies.size();
  apply(TakeStream{requester(connection), *stream, take.group, take.max, batch_bytes_max(),
                   milliseconds(take.visibility_timeout_ms), take.start == "latest", milliseconds(take.wait_ms)},
        DoneForm::nothing);
  if (effects_.replies.size() == before) connection.waiting_takes.push_back(request_.request);
}

void Broker::on(Connection& connection, const wire::StreamSeek& seek) {
  const auto stream = stream_named(seek.stream);
  if (!stream) return refuse(connection, request_.request, stream.error());
  const auto position = position_of(seek.position);
  if (!position) return refuse(connection, request_.request, position.error());
  SeekStream command{requester(connection), *stream, seek.group, {}, *position};
  if (seek.partition) command.partition = static_cast<std::uint32_t>(*seek.partition);
  apply(command, DoneForm::nothing);
}

wire::StreamInfo Broker::wire_info(const Stream& stream) const {
  wire::StreamInfo out;
  const StreamAttributes& attributes = stream.attributes;
  out.stream = attributes.name;
  out.partition_by = attributes.partition_by;
  out.retention_ms = static_cast<std::uint64_t>(attributes.retention.count());
  out.max_bytes = attributes.max_bytes;
  out.dead_letter_queue = attributes.dead_letter_queue;
  out.max_receives = attributes.max_receives;
  if (const Topics::Found found = topics_.chain_of(attributes.name); found.chain != nullptr) {
    out.from_topic = found.topic->name;
    out.filter_policy = found.chain->filter_policy;
    out.filter_on_attributes = found.chain->filter_on_attributes;
  }
  out.bytes = stream.bytes();
  out.oldest_ms = engine_.oldest_record_ms(stream.id(), moment_).value_or(0);
  out.waiting_takes = engine_.waiting_takes(stream.id());
  for (const StreamPartition& partition : stream.partitions) out.partitions.emplace_back(partition.first(), partition.next());
  for (const StreamGroup& group : stream.groups) {
    wire::StreamGroup& its = out.groups.emplace_back(wire::StreamGroup{group.name, {}});
    for (const StreamShare& share : group.shares) {
      const bool is_held = share.lease != 0 && share.deadline > moment_.now;
      its.shares.push_back({share.next, is_held ? share.end - share.next : 0, share.attempts});
    }
  }
  return out;
}

void Broker::on(Connection& connection, const wire::GetStreamInfo& command) {
  const auto stream = stream_named(command.stream);
  if (!stream) return refuse(connection, request_.request, stream.error());
  std::string frame;
  wire::encode_ok(request_.request, wire_info(*engine_.stream(*stream)), frame);
  answer(connection, std::move(frame));
}

void Broker::on(Connection& connection, const wire::ListStreams&) {
  std::vector<wire::StreamInfo> infos;
  for (const StreamId id : engine_.streams()) infos.push_back(wire_info(*engine_.stream(id)));
  std::string frame;
  wire::encode_ok(request_.request, std::span<const wire::StreamInfo>{infos}, frame);
  answer(connection, std::move(frame));
}

void Broker::encode_stream_batch(const Reply& reply, const StreamBatch& batch) {
  const std::string lease = bytes_of(batch.lease);
  wire::begin_stream_batch(reply.request, {lease, batch.lease.partition, batch.next, batch.behind, batch.behind_ms, batch.attempts},
                           batch.count, frame_);
  for (std::size_t i = batch.first; i < batch.first + batch.count; ++i) {
    const StreamRecord& record = effects_.stream_records[i];
    const std::string_view body = read_body(record.place, record.size, record.crc32c);
    if (damaged_) return;
    wire::append_stream_record(record.offset, record.time_ms, body, frame_);
  }
}

}  // namespace remuda::broker
