#pragma once
// The index of one queue: a slot of 32 bytes per message, found by sequence. Slots lie in chunks of 1,024; a chunk whose messages
// are all gone is kept for a while, so that late handles are answered exactly, and then freed.

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>

#include "broker/engine/commands.hpp"
#include "broker/engine/log.hpp"
#include "broker/engine/message_states.hpp"

namespace remuda::broker {

/// One message: where its body is and what has happened to it.
class Slot {
 public:
  Location place;
  std::uint32_t size = 0;
  std::uint32_t crc32c = 0;

  [[nodiscard]] std::int64_t sent_ms() const { return static_cast<std::int64_t>(sent_ms_); }
  void set_sent_ms(std::int64_t ms) { sent_ms_ = static_cast<std::uint64_t>(ms) & 0xFFFF'FFFF'FFFFU; }
  /// Stays at 65,535 when a queue without a limit delivers more often.
  [[nodiscard]] std::uint32_t receive_count() const { return receive_count_; }
  void set_receive_count(std::uint32_t count) { receive_count_ = (count < 0xFFFFU ? count : 0xFFFFU) & 0xFFFFU; }
  [[nodiscard]] std::uint32_t attempt() const { return attempt_; }
  void set_attempt(std::uint32_t attempt) { attempt_ = attempt & 0x1FFF'FFFFU; }
  [[nodiscard]] MessageState state() const { return static_cast<MessageState>(state_); }
  void set_state(MessageState state) { state_ = static_cast<std::uint32_t>(state) & 0x7U; }

  std::uint32_t detail = 0;  ///< in MessageDetails, 0: none

 private:
  std::uint32_t attempt_ : 29 = 0;
  std::uint32_t state_ : 3 = 0;
  std::uint64_t sent_ms_ : 48 = 0;
  std::uint64_t receive_count_ : 16 = 0;
};
static_assert(sizeof(Slot) == 32, "the memory goal is 48 bytes per waiting message");

/// What a message of a FIFO queue has besides: its group, and its neighbours in the group's order (0: none).
struct GroupLink {
  Sequence previous = 0;
  Sequence next = 0;
  std::uint32_t group = 0;
  bool in_order = false;
};

class MessageTable {
 public:
  static constexpr Sequence slots_per_chunk = 1024;
  /// Chunks without live messages that are still remembered.
  static constexpr std::size_t retired_chunks_max = 4;

  struct Chunk {
    std::array<Slot, slots_per_chunk> slots;
    std::unique_ptr<std::array<GroupLink, slots_per_chunk>> links;  ///< of a FIFO queue
    std::uint32_t live = 0;
    std::uint32_t oldest_segment = UINT32_MAX;  ///< lower bound over its live slots
    std::int64_t oldest_sent_ms = INT64_MAX;    ///< lower bound over its live slots
  };

  /// The slot of a message, or nothing if none was ever there or it is forgotten. Valid until the next insert or died.
  [[nodiscard]] Slot* find(Sequence sequence);
  [[nodiscard]] const Slot* find(Sequence sequence) const;
  /// A slot for a message that becomes live; the caller fills it. Keeps the chunk's bounds by `segment` and `sent_ms`.
  Slot& insert(Sequence sequence, std::uint32_t segment, std::int64_t sent_ms);
  /// The group link of a message whose slot stands. Valid like the slot.
  [[nodiscard]] GroupLink& link(Sequence sequence) {
    return (*find_chunk(sequence / slots_per_chunk)->links)[sequence % slots_per_chunk];
  }
  /// From now on every message has a group link. Called before the first message.
  void add_group_links() { has_links_ = true; }
  /// The message is not live any more. `newest` is the highest sequence in use: its chunk always stays.
  void died(Sequence sequence, Sequence newest);

  /// The next sequence that may be remembered: skips chunks that are not there.
  [[nodiscard]] Sequence after(Sequence sequence) const;

  /// Calls `visit(sequence, slot)` for each remembered message of [first, first + count), in order, while it returns true.
  /// A visit may end the life of its message.
  template <class Visit>
  void for_each(Sequence first, std::uint64_t count, Visit&& visit) {
    const Sequence end = count > UINT64_MAX - first ? UINT64_MAX : first + count;
    const Walk walk{*this};
    for (auto at = chunks_.lower_bound(first / slots_per_chunk); at != chunks_.end() && at->first * slots_per_chunk < end; ++at) {
      const Sequence base = at->first * slots_per_chunk;
      Chunk& chunk = *at->second;
      const Sequence from = first > base ? first - base : 0;
      const Sequence to = end - base < slots_per_chunk ? end - base : slots_per_chunk;
      for (Sequence i = from; i < to; ++i) {
        if (chunk.slots[i].state() != MessageState::absent && !visit(base + i, chunk.slots[i])) return;
      }
    }
  }
  template <class Visit>
  void for_each(Sequence first, std::uint64_t count, Visit&& visit) const {
    const_cast<MessageTable*>(this)->for_each(first, count,
                                              [&](Sequence sequence, const Slot& slot) { return visit(sequence, slot); });
  }

  /// Chunk number -> chunk, ordered.
  [[nodiscard]] std::map<std::uint64_t, std::unique_ptr<Chunk>>& chunks() { return chunks_; }
  [[nodiscard]] const std::map<std::uint64_t, std::unique_ptr<Chunk>>& chunks() const { return chunks_; }

 private:
  [[nodiscard]] Chunk* find_chunk(std::uint64_t number) const;
  void retire(std::uint64_t number);
  void forget_retired();

  /// While messages are walked over, no chunk is freed.
  struct Walk {
    explicit Walk(MessageTable& walked) : table{walked} { ++table.walks_; }
    ~Walk() {
      if (--table.walks_ == 0) table.forget_retired();
    }
    Walk(const Walk&) = delete;
    Walk& operator=(const Walk&) = delete;
    MessageTable& table;
  };

  std::map<std::uint64_t, std::unique_ptr<Chunk>> chunks_;
  std::deque<std::uint64_t> retired_;
  bool has_links_ = false;
  int walks_ = 0;
  std::unique_ptr<Chunk> spare_;  // the last freed chunk: a queue in steady flow allocates nothing
  // Messages are used in runs: the chunks found last answer nearly every look-up.
  struct Recent {
    std::uint64_t number = UINT64_MAX;
    Chunk* chunk = nullptr;
  };
  mutable std::array<Recent, 2> recent_;
};

}  // namespace remuda::broker
