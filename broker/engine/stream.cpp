#include "broker/engine/stream.hpp"

#include <algorithm>

#include "common/mutant.hpp"

namespace remuda::broker {

Offset StreamPartition::since(std::int64_t time_ms) const {
  Offset low = first_;
  Offset high = next_;
  while (low < high) {
    const Offset middle = low + (high - low) / 2;
    if (at(middle).time_ms < time_ms) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

void StreamPartition::find_in_segment(std::uint32_t segment, std::size_t max, std::vector<Offset>& out) {
  for (std::size_t c = 0; c < chunks_.size() && max > 0; ++c) {
    Chunk& chunk = chunks_[c];
    if (chunk.oldest_segment > segment) continue;
    const Offset begin = (base_ + c) * entries_per_chunk;
    std::uint32_t oldest = UINT32_MAX;
    for (Offset offset = std::max(begin, first_); offset < begin + chunk.entries.size() && max > 0; ++offset) {
      const std::uint32_t at_segment = chunk.entries[offset - begin].place.segment;
      if (at_segment != 0) oldest = std::min(oldest, at_segment);
      if (at_segment != segment) continue;
      out.push_back(offset);
      --max;
    }
    if (max > 0) chunk.oldest_segment = oldest;
  }
}

void StreamPartition::put(const StreamEntry& entry) {
  const std::uint64_t number = next_ / entries_per_chunk;
  if (chunks_.empty()) base_ = number;
  while (chunks_.size() <= number - base_) chunks_.emplace_back();
  Chunk& chunk = chunks_.back();
  chunk.entries.resize(next_ % entries_per_chunk);
  chunk.entries.push_back(entry);
  if (entry.place.segment != 0) chunk.oldest_segment = std::min(chunk.oldest_segment, entry.place.segment);
  ++next_;
}

void StreamPartition::append(const StreamEntry& entry) {
  put(entry);
  bytes_ += entry.size;
  ledger_->refer(entry.place, entry.size);
}

void StreamPartition::trim(Offset first) {
  first = std::min(first, next_);
  for (; first_ < first; ++first_) {
    const StreamEntry& entry = at(first_);
    bytes_ -= entry.size;
    if (entry.place.segment != 0 && !REMUDA_MUTANT(111)) ledger_->release(entry.place, entry.size);
  }
  while (!chunks_.empty() && (base_ + 1) * entries_per_chunk <= first_) {
    chunks_.pop_front();
    ++base_;
  }
}

void StreamPartition::relocate(Offset offset, const StreamEntry& entry) {
  Chunk& chunk = chunks_[offset / entries_per_chunk - base_];
  StreamEntry& known = chunk.entries[offset % entries_per_chunk];
  ledger_->refer(entry.place, entry.size);
  if (known.place.segment != 0) ledger_->release(known.place, known.size);
  bytes_ += entry.size;
  bytes_ -= known.size;
  known = entry;
  chunk.oldest_segment = std::min(chunk.oldest_segment, entry.place.segment);
}

void StreamPartition::extend(Offset first, Offset next) {
  if (first >= next_) {
    trim(next_);
    chunks_.clear();
    first_ = next_ = first;
  } else {
    trim(first);
  }
  while (next_ < next) put(StreamEntry{});
}

Stream::~Stream() {
  for (StreamPartition& partition : partitions) partition.trim(partition.next());
}

std::uint64_t Stream::bytes() const {
  std::uint64_t sum = 0;
  for (const StreamPartition& partition : partitions) sum += partition.bytes();
  return sum;
}

StreamGroup* Stream::find_group(std::string_view name) {
  const auto found = std::find_if(groups.begin(), groups.end(), [&](const StreamGroup& group) { return group.name == name; });
  return found == groups.end() ? nullptr : &*found;
}

std::optional<std::uint32_t> Stream::oldest_partition() const {
  std::optional<std::uint32_t> oldest;
  for (std::uint32_t p = 0; p < partitions.size(); ++p) {
    if (partitions[p].empty()) continue;
    const StreamEntry& entry = partitions[p].at(partitions[p].first());
    if (!oldest || entry.time_ms < partitions[*oldest].at(partitions[*oldest].first()).time_ms) oldest = p;
  }
  return oldest;
}

std::optional<Offset> Stream::resolve(std::uint32_t partition, const StreamPosition& position, std::int64_t wall_offset_ms) const {
  const StreamPartition& its = partitions[partition];
  switch (position.kind) {
    case StreamPosition::Kind::oldest:
      return its.first();
    case StreamPosition::Kind::latest:
      return its.next();
    case StreamPosition::Kind::time:
      return its.since(position.unix_ms - wall_offset_ms);
    case StreamPosition::Kind::offset:
      break;
  }
  if (position.offset > its.next()) return std::nullopt;
  return std::max(position.offset, its.first());
}

}  // namespace remuda::broker
