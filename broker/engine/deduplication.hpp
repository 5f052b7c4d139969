#pragma once
// Which deduplication keys a FIFO queue or topic has accepted within the last five minutes, whether or not the messages are still
// there. An entry counts as live in the segment of the record that made it, so that it survives restarts as messages do; compact()
// copies it forward as it does stragglers.
// Source: SQS Developer Guide, "Message deduplication ID"; RELIABILITY §5.1, dedup: never shorter than five minutes of real time.

#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "broker/engine/commands.hpp"
#include "broker/engine/hash_index.hpp"
#include "broker/engine/segment_ledger.hpp"

namespace remuda::broker {

class DeduplicationWindow {
 public:
  static constexpr std::int64_t length_ms = 5 * 60 * 1000;
  /// What one entry takes in a record that copies it forward.
  static constexpr std::uint32_t entry_size_bytes = 24;

  struct Entry {
    DeduplicationKey key{};
    Sequence sequence = 0;
  };

  DeduplicationWindow(SegmentLedger& ledger, HashKey hash_key) : ledger_{ledger}, hash_key_{hash_key} {}
  DeduplicationWindow(const DeduplicationWindow&) = delete;
  DeduplicationWindow& operator=(const DeduplicationWindow&) = delete;
  ~DeduplicationWindow() { forget_accepted_until(INT64_MAX); }

  /// The message that was accepted under this key; whoever asks has forgotten what is too old.
  [[nodiscard]] std::optional<Sequence> find(const DeduplicationKey& key) const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }

  /// Accepted at `time_ms` (steady), written in `segment`.
  void remember(const DeduplicationKey& key, Sequence sequence, std::int64_t time_ms, std::uint32_t segment);
  /// Forgets what is older than the window at `now_ms`.
  void forget_old(std::int64_t now_ms) { forget_accepted_until(now_ms - length_ms); }
  /// What was over at `last_ms` is forgotten; everything else counts from `now_ms` on, in full.
  void restart(std::int64_t last_ms, std::int64_t now_ms);

  /// Entries of one age that are written in `segment`, at most run_max: those that moved_forward() then means. None: empty.
  struct Aged {
    std::int64_t time_ms = 0;
    std::vector<Entry> entries;
  };
  static constexpr std::uint32_t run_max = 1024;
  [[nodiscard]] Aged find_in_segment(std::uint32_t segment) const;
  /// Those entries are written in `segment` now. What is not known (the record that made it was truncated away) is remembered.
  void moved_forward(std::span<const Entry> entries, std::int64_t time_ms, std::uint32_t segment);

 private:
  /// Neighbours that were accepted at the same time in the same segment.
  struct Run {
    std::int64_t time_ms = 0;
    std::uint32_t segment = 0;
    std::uint32_t count = 0;
  };
  void forget_accepted_until(std::int64_t time_ms);
  [[nodiscard]] std::uint64_t hash(const DeduplicationKey& key) const { return hash_of({key.data(), key.size()}, hash_key_); }
  [[nodiscard]] const Entry& entry(std::uint32_t number) const { return entries_[number - base_]; }
  [[nodiscard]] std::optional<std::uint32_t> number_of(const DeduplicationKey& key) const;
  void append(const DeduplicationKey& key, Sequence sequence, std::int64_t time_ms, std::uint32_t segment);

  SegmentLedger& ledger_;
  HashKey hash_key_;
  std::deque<Entry> entries_;  // by age
  std::deque<Run> runs_;       // what they have in common
  std::uint32_t base_ = 0;     // number of the first entry; numbers go on modulo 2^32
  HashIndex index_;
};

}  // namespace remuda::broker
