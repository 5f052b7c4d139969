// Replies that tell of streams.

#include <algorithm>

#include "common/wire_reply_parts.hpp"

namespace remuda::wire {

namespace {

void write(MsgpackWriter& out, const StreamInfo& info) {
  out.map(14).text("stream").text(info.stream).text("partition_by").text(info.partition_by);
  out.text("retention_ms").number(info.retention_ms).text("max_bytes").number(info.max_bytes);
  out.text("dead_letter_queue").text(info.dead_letter_queue).text("max_receives").number(info.max_receives);
  out.text("from_topic").text(info.from_topic).text("filter_policy").text(info.filter_policy);
  out.text("scope").text(scope_name(info.filter_on_attributes));
  out.text("bytes").number(info.bytes).text("oldest_ms").signed_number(info.oldest_ms);
  out.text("waiting_takes").number(info.waiting_takes);
  out.text("partitions").array(info.partitions.size());
  for (const auto& [first, next] : info.partitions) out.array(2).number(first).number(next);
  out.text("groups").array(info.groups.size());
  for (const auto& group : info.groups) {
    out.array(2).text(group.group).array(group.shares.size());
    for (const auto& share : group.shares) out.array(3).number(share.next).number(share.in_flight).number(share.attempts);
  }
}

StreamGroup read_group(MsgpackReader& in) {
  StreamGroup group;
  if (in.array() != 2) in.reject();
  group.group = in.string();
  const std::uint32_t count = in.array();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    if (in.array() != 3) in.reject();
    StreamShare share;
    share.next = in.unsigned_integer();
    share.in_flight = in.unsigned_integer();
    share.attempts = static_cast<std::uint32_t>(in.unsigned_integer());
    group.shares.push_back(share);
  }
  return group;
}

StreamInfo read_stream_info(MsgpackReader& in) {
  StreamInfo info;
  read_map(in, [&](std::string_view key) {
    if (key == "stream") return info.stream = in.string(), true;
    if (key == "partition_by") return info.partition_by = in.string(), true;
    if (key == "retention_ms") return info.retention_ms = in.unsigned_integer(), true;
    if (key == "max_bytes") return info.max_bytes = in.unsigned_integer(), true;
    if (key == "dead_letter_queue") return info.dead_letter_queue = in.string(), true;
    if (key == "max_receives") return info.max_receives = static_cast<std::uint32_t>(in.unsigned_integer()), true;
    if (key == "from_topic") return info.from_topic = in.string(), true;
    if (key == "filter_policy") return info.filter_policy = in.string(), true;
    if (key == "scope") return info.filter_on_attributes = in.string() == "attributes", true;
    if (key == "bytes") return info.bytes = in.unsigned_integer(), true;
    if (key == "oldest_ms") return info.oldest_ms = in.signed_integer(), true;
    if (key == "waiting_takes") return info.waiting_takes = in.unsigned_integer(), true;
    if (key != "partitions" && key != "groups") return false;
    const std::uint32_t count = in.array();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
      if (key == "groups") {
        info.groups.push_back(read_group(in));
        continue;
      }
      if (in.array() != 2) in.reject();
      const std::uint64_t first = in.unsigned_integer();
      info.partitions.emplace_back(first, in.unsigned_integer());
    }
    return true;
  });
  return info;
}

}  // namespace

std::uint64_t StreamInfo::records() const {
  std::uint64_t sum = 0;
  for (const auto& [first, next] : partitions) sum += next - first;
  return sum;
}

std::uint64_t StreamInfo::appended() const {
  std::uint64_t sum = 0;
  for (const auto& [first, next] : partitions) sum += next;
  return sum;
}

std::uint64_t StreamInfo::behind(const StreamGroup& group) const {
  std::uint64_t sum = 0;
  for (std::size_t p = 0; p < partitions.size() && p < group.shares.size(); ++p)
    sum += partitions[p].second - std::max(group.shares[p].next, partitions[p].first);
  return sum;
}

void encode_ok(std::uint64_t request, const StreamInfo& info, std::string& out) {
  MsgpackWriter writer{out};
  write(begin_ok(writer, request), info);
}

void encode_ok(std::uint64_t request, std::span<const StreamInfo> streams, std::string& out) {
  MsgpackWriter writer{out};
  begin_ok(writer, request).array(streams.size());
  for (const auto& info : streams) write(writer, info);
}

void begin_stream_batch(std::uint64_t request, const StreamBatchHead& head, std::size_t count, std::string& out) {
  MsgpackWriter writer{out};
  begin_ok(writer, request).map(7).text("lease").binary(head.lease).text("partition").number(head.partition);
  writer.text("next").number(head.next).text("behind").number(head.behind).text("behind_ms").number(head.behind_ms);
  writer.text("attempts").number(head.attempts).text("records").array(count);
}

void append_stream_record(std::uint64_t offset, std::int64_t time_ms, std::string_view packed, std::string& out) {
  MsgpackWriter writer{out};
  writer.array(3).number(offset).signed_number(time_ms).binary(packed);
}

Result<StreamBatch> decode_stream_batch(std::string_view result) {
  MsgpackReader in{result};
  StreamBatch batch;
  read_map(in, [&](std::string_view key) {
    if (key == "lease") return batch.lease = in.binary(), true;
    if (key == "partition") return batch.partition = static_cast<std::uint32_t>(in.unsigned_integer()), true;
    if (key == "next") return batch.next = in.unsigned_integer(), true;
    if (key == "behind") return batch.behind = in.unsigned_integer(), true;
    if (key == "behind_ms") return batch.behind_ms = in.unsigned_integer(), true;
    if (key == "attempts") return batch.attempts = static_cast<std::uint32_t>(in.unsigned_integer()), true;
    if (key != "records") return false;
    const std::uint32_t count = in.array();
    batch.records.reserve(count);
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
      if (in.array() != 3) in.reject();
      StreamRecord record;
      record.offset = in.unsigned_integer();
      record.time_ms = in.signed_integer();
      record.message = in.binary();
      batch.records.push_back(record);
    }
    return true;
  });
  if (!in.ok() || !in.at_end()) return malformed("records of a stream were expected");
  return batch;
}

Result<StreamInfo> decode_stream_info(std::string_view result) {
  MsgpackReader in{result};
  StreamInfo info = read_stream_info(in);
  if (!in.ok() || !in.at_end()) return malformed("a stream was expected");
  return info;
}

Result<std::vector<StreamInfo>> decode_stream_list(std::string_view result) {
  return decode_list(result, "streams were expected", read_stream_info);
}

}  // namespace remuda::wire
