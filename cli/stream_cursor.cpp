#include "cli/stream_cursor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace remuda::cli {

Result<StreamCursor> StreamCursor::open(BlockingBrokerClient& client, std::string stream, std::optional<std::uint32_t> partition,
                                        const wire::StreamPosition& from) {
  const auto info = client.stream_info(stream);
  if (!info) return Failure<Error>{info.error()};
  if (partition && *partition >= info->partitions.size())
    return fail("wrong_usage", fmt::format("stream '{}' has {} partitions, from 0", stream, info->partitions.size()));
  StreamCursor cursor{client, std::move(stream)};
  for (std::uint32_t p = 0; p < info->partitions.size(); ++p) {
    if (partition && p != *partition) continue;
    Part part{p, 0, {}};
    if (const auto begun = cursor.read(part, from); !begun) return Failure<Error>{begun.error()};
    cursor.parts_.push_back(std::move(part));
  }
  return cursor;
}

Result<void> StreamCursor::read(Part& part, const wire::StreamPosition& from) {
  auto batch = client_->read_stream({stream_, part.partition, page, from});
  if (!batch) return Failure<Error>{batch.error()};
  part.next = batch->next;
  for (auto& record : batch->records)
    part.records.push_back({part.partition, record.offset, record.time_ms, std::move(record.message)});
  return {};
}

Result<std::optional<ReadRecord>> StreamCursor::next() {
  Part* oldest = nullptr;
  for (Part& part : parts_) {
    if (part.records.empty()) {
      if (const auto more = read(part, {"oldest", part.next, {}}); !more) return Failure<Error>{more.error()};
    }
    if (part.records.empty()) continue;
    if (oldest == nullptr || part.records.front().time_ms < oldest->records.front().time_ms) oldest = &part;
  }
  if (oldest == nullptr) return std::optional<ReadRecord>{};
  ReadRecord record = std::move(oldest->records.front());
  oldest->records.pop_front();
  return std::optional{std::move(record)};
}

}  // namespace remuda::cli
