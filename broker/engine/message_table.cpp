#include "broker/engine/message_table.hpp"

#include <algorithm>
#include <cassert>

namespace remuda::broker {

MessageTable::Chunk* MessageTable::find_chunk(std::uint64_t number) const {
  Recent& recent = recent_[number % 2];
  if (recent.number == number) return recent.chunk;
  const auto found = chunks_.find(number);
  if (found == chunks_.end()) return nullptr;
  recent = {number, found->second.get()};
  return recent.chunk;
}

Slot* MessageTable::find(Sequence sequence) {
  Chunk* chunk = find_chunk(sequence / slots_per_chunk);
  if (chunk == nullptr) return nullptr;
  Slot& slot = chunk->slots[sequence % slots_per_chunk];
  return slot.state() == MessageState::absent ? nullptr : &slot;
}

const Slot* MessageTable::find(Sequence sequence) const {
  return const_cast<MessageTable*>(this)->find(sequence);
}

Sequence MessageTable::after(Sequence sequence) const {
  if ((sequence + 1) % slots_per_chunk != 0 && find_chunk(sequence / slots_per_chunk) != nullptr) return sequence + 1;
  const auto next = chunks_.upper_bound(sequence / slots_per_chunk);
  return next == chunks_.end() ? UINT64_MAX : next->first * slots_per_chunk;
}

Slot& MessageTable::insert(Sequence sequence, std::uint32_t segment, std::int64_t sent_ms) {
  const std::uint64_t number = sequence / slots_per_chunk;
  Chunk* chunk = find_chunk(number);
  if (chunk == nullptr) {
    auto fresh = spare_ ? std::move(spare_) : std::make_unique<Chunk>();
    const auto placed = chunks_.emplace(number, std::move(fresh)).first;
    chunk = placed->second.get();
    if (has_links_ && !chunk->links) chunk->links = std::make_unique<std::array<GroupLink, slots_per_chunk>>();
    recent_[number % 2] = {number, chunk};
    // The chunk before was the newest one until now; if its last message died then, nobody has retired it.
    if (placed != chunks_.begin() && std::prev(placed)->second->live == 0) retire(std::prev(placed)->first);
  }
  ++chunk->live;
  chunk->oldest_segment = std::min(chunk->oldest_segment, segment);
  chunk->oldest_sent_ms = std::min(chunk->oldest_sent_ms, sent_ms);
  return chunk->slots[sequence % slots_per_chunk];
}

void MessageTable::died(Sequence sequence, Sequence newest) {
  const std::uint64_t number = sequence / slots_per_chunk;
  Chunk* chunk = find_chunk(number);
  assert(chunk != nullptr && chunk->live > 0);
  if (--chunk->live > 0) return;
  chunk->oldest_segment = UINT32_MAX;
  chunk->oldest_sent_ms = INT64_MAX;
  if (number < newest / slots_per_chunk) retire(number);
}

void MessageTable::retire(std::uint64_t number) {
  retired_.push_back(number);
  if (walks_ == 0) forget_retired();
}

void MessageTable::forget_retired() {
  while (retired_.size() > retired_chunks_max) {
    const std::uint64_t oldest = retired_.front();
    retired_.pop_front();
    const auto found = chunks_.find(oldest);
    if (found == chunks_.end() || found->second->live > 0) continue;  // a message was relocated into it meanwhile
    if (recent_[oldest % 2].number == oldest) recent_[oldest % 2] = {};
    spare_ = std::move(found->second);
    auto links = std::move(spare_->links);  // written anew with each message
    *spare_ = Chunk{};
    spare_->links = std::move(links);
    chunks_.erase(found);
  }
}

}  // namespace remuda::broker
