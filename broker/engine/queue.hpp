#pragma once
// One queue: its messages and the indexes over them. Every change goes through the transitions below, which keep the counts, the
// segment ledger and the sessions in step; only BrokerState::evolve calls them.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/engine/deduplication.hpp"
#include "broker/engine/message_groups.hpp"
#include "broker/engine/message_table.hpp"
#include "broker/engine/queue_views.hpp"
#include "broker/engine/segment_ledger.hpp"
#include "broker/engine/sessions.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

inline constexpr std::uint64_t in_flight_max = 120'000;  ///< Source: SQS Developer Guide, quotas
inline constexpr Milliseconds visibility_timeout_max{std::chrono::hours{12}};
inline constexpr Milliseconds delay_max{std::chrono::minutes{15}};
inline constexpr std::size_t group_size_max_bytes = 128;  ///< of the name of a message group
inline constexpr std::size_t text_size_max_bytes = 1024;  ///< of an error or a reason that is kept

struct Attempt {
  std::string node;
  std::string host;
  std::int64_t time_ms = 0;  ///< steady
  std::string error;
};

/// What only failed or dead-lettered messages have.
struct MessageHistory {
  static constexpr std::size_t attempts_max = 10;
  std::vector<Attempt> attempts;  ///< the first and the last nine
  std::uint64_t attempts_total = 0;
  std::string origin_queue;  ///< of a dead letter
  std::string reason;
  std::uint32_t receives_elsewhere = 0;  ///< part of the receive count that happened before this queue had it
  // Of a dead letter that blocks its message group: where it takes its old place again. 0: it blocks nothing.
  Sequence origin_sequence = 0;
  std::uint32_t origin_attempt = 0;

  void add(Attempt attempt);
};

/// What only messages have that were received or moved. Kept beside the slots, reused.
struct MessageDetail {
  Instant received_at{};
  Instant deadline{};                  ///< of the visibility timeout, or meaningless
  std::int64_t first_received_ms = 0;  ///< steady; 0: never
  std::int64_t delayed_until_ms = 0;   ///< steady
  std::uint32_t visibility_timeout_ms = 0;
  SessionId holder = 0;
  bool attempt_recorded = false;    ///< of the present attempt
  bool visibility_changed = false;  ///< in the present attempt, by its holder
  std::unique_ptr<MessageHistory> history;
};

/// A receive that named itself, so that it can be repeated after a lost answer.
struct ReceiveAttempt {
  std::int64_t time_ms = 0;  ///< steady
  std::vector<ReceiptHandle> handles;
};

/// Queues that may have something to deliver which they had not before: the engine looks at those that someone waits for.
using WokenQueues = std::vector<QueueId>;

class Queue {
 public:
  /// What all queues of a broker share; outlives them.
  struct Shared {
    Sessions& sessions;
    SegmentLedger& ledger;
    WokenQueues& woken;
    HashKey hash_key;
  };
  static constexpr std::int64_t receive_attempt_kept_ms = 5 * 60 * 1000;

  Queue(QueueId id, const Shared& shared) : shared_{shared}, id_{id} {}

  [[nodiscard]] QueueId id() const { return id_; }
  QueueAttributes attributes;
  /// Called once, before the first message, if the queue is a FIFO queue.
  void become_fifo(bool recovering);
  QueueId dead_letter_queue = 0;  ///< 0: none
  QueueCounters counters;
  Sequence next_sequence = 1;

  // Looking
  [[nodiscard]] std::uint64_t visible() const { return visible_; }
  [[nodiscard]] std::uint64_t in_flight() const { return in_flight_; }
  [[nodiscard]] std::uint64_t delayed() const { return delayed_; }
  [[nodiscard]] std::uint64_t messages() const { return visible_ + in_flight_ + delayed_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] const Slot* find(Sequence sequence) const { return table_.find(sequence); }
  [[nodiscard]] const MessageDetail* detail_of(const Slot& slot) const {
    return slot.detail == 0 ? nullptr : &details_[slot.detail - 1];
  }
  /// Receives of this message that count against the queue's max_receives.
  [[nodiscard]] std::uint32_t receives_here(const Slot& slot) const;
  /// True when the message may not be received again but has to go to the dead-letter queue.
  [[nodiscard]] bool used_up(const Slot& slot) const {
    if (REMUDA_MUTANT(14)) return dead_letter_queue != 0 && receives_here(slot) > attributes.max_receives;
    return dead_letter_queue != 0 && attributes.max_receives != 0 && receives_here(slot) >= attributes.max_receives;
  }
  [[nodiscard]] const MessageTable& table() const { return table_; }
  [[nodiscard]] bool is_fifo() const { return groups_ != nullptr; }
  /// Whether a receive would get something, if the limit of messages in flight allows.
  [[nodiscard]] bool has_deliverable() { return groups_ ? groups_->any_open() : visible_ > 0; }
  /// The message group of a live message; empty in a standard queue.
  [[nodiscard]] std::string_view group_of(Sequence sequence) const {
    return groups_ ? groups_->group_of(sequence) : std::string_view{};
  }
  /// Of a FIFO queue: whether a dead letter blocks its group.
  void set_group_blocking(bool blocking) {
    groups_->set_blocking(blocking);
    wake();
  }
  [[nodiscard]] MessageGroups& groups() { return *groups_; }
  [[nodiscard]] DeduplicationWindow& deduplication() { return *deduplication_; }
  [[nodiscard]] const MessageGroups* groups() const { return groups_.get(); }
  [[nodiscard]] const DeduplicationWindow* deduplication() const { return deduplication_.get(); }
  /// The handles of a receive with this attempt id, if all of them are as that receive left them; else empty.
  [[nodiscard]] std::span<const ReceiptHandle> untouched_attempt(std::string_view attempt_id) const;
  void remember_attempt(std::string_view attempt_id, std::int64_t time_ms, std::vector<ReceiptHandle> handles);
  void forget_old_attempts(std::int64_t now_ms);

  // Indexes: these find messages and tidy up; they change no message.
  /// Appends, sorted, up to `max` messages that may be delivered: oldest first, in a FIFO queue by the rules of MessageGroups. Each
  /// has to leave the visible state before the next call.
  void take_visible(std::size_t max, std::vector<Sequence>& out);
  /// Appends, sorted, messages whose visibility timeout has ended; at most `max`. Each has to leave flight before the next call.
  void take_timed_out(Instant now, std::size_t max, std::vector<Sequence>& out);
  /// Appends, sorted, the waiting messages sent at or before `sent_ms`; at most `max`.
  void find_sent_before(std::int64_t sent_ms, std::size_t max, std::vector<Sequence>& out);
  /// Appends live messages whose body is in this segment; at most `max`.
  void find_in_segment(std::uint32_t segment, std::size_t max, std::vector<Sequence>& out);
  /// Delayed messages whose time has come are visible. (Needs no record: the time is the message's own.)
  void show_due(std::int64_t steady_ms);
  [[nodiscard]] std::optional<Instant> next_timeout();
  [[nodiscard]] std::optional<std::int64_t> next_due_ms() const;
  [[nodiscard]] std::optional<std::int64_t> oldest_sent_ms() const;

  // Transitions
  struct Stored {
    Location place;
    std::uint32_t size = 0;
    std::uint32_t crc32c = 0;
    std::int64_t sent_ms = 0;
    std::int64_t delayed_until_ms = 0;  ///< 0: visible at once
    std::string_view group;             ///< of a FIFO queue
  };
  void store(Sequence sequence, const Stored& message);
  void receive(Sequence sequence, Slot& slot, SessionId holder, std::uint32_t visibility_timeout_ms, std::int64_t time_ms,
               Instant now);
  void hide(Slot& slot, Sequence sequence, std::uint32_t timeout_ms, Instant now);
  /// Back from flight; visible at once when `delayed_until_ms` is 0.
  void give_back(Sequence sequence, Slot& slot, std::int64_t delayed_until_ms);
  /// Ends the life of the message in this queue. The body's reference is released.
  void remove(Sequence sequence, Slot& slot, MessageState final_state);
  void relocate(Slot& slot, Sequence sequence, Location place);
  [[nodiscard]] Slot* find(Sequence sequence) { return table_.find(sequence); }
  [[nodiscard]] Slot* find_live(Sequence sequence) {
    Slot* slot = find(sequence);
    return slot != nullptr && is_live(slot->state()) ? slot : nullptr;
  }
  /// A dead letter that blocked this group, of a FIFO queue, is gone from the dead-letter queue.
  void let_go_group(std::string_view group) {
    groups_->let_go(group);
    wake();
  }
  [[nodiscard]] MessageTable& table() { return table_; }
  MessageDetail& need_detail(Slot& slot);
  MessageHistory& need_history(Slot& slot);
  /// The history leaves with a message that moves to another queue.
  [[nodiscard]] std::unique_ptr<MessageHistory> take_history(Slot& slot);

  /// After recovery: every message in flight has its full visibility timeout again, and every message its place in the order
  /// of its group.
  void recovered(Instant now);
  /// The engine has looked at it since it was woken.
  void sleep() { is_woken_ = false; }

 private:
  struct Timeout {
    Instant deadline;
    Sequence sequence;
    std::uint32_t attempt;
  };
  struct Due {
    std::int64_t time_ms;
    Sequence sequence;
  };
  [[nodiscard]] bool is_current(const Timeout& timeout) const;
  void schedule(const Timeout& timeout);
  void delay(Sequence sequence, Slot& slot, std::int64_t until_ms);
  void show(Sequence sequence, Slot& slot);
  void leave_state(const Slot& slot);
  void drop_detail(Slot& slot);
  void wake();
  void restart_timeouts(Instant now);

  Shared shared_;
  QueueId id_;
  bool is_woken_ = false;
  MessageTable table_;
  std::uint64_t visible_ = 0;
  std::uint64_t in_flight_ = 0;
  std::uint64_t delayed_ = 0;
  std::uint64_t bytes_ = 0;             // of all live messages
  std::vector<MessageDetail> details_;  // by Slot::detail - 1
  std::vector<std::uint32_t> free_details_;

  // Visible messages are those from next_fresh_ on that are in state visible, and those named in returned_. Entries of the heaps
  // may have been overtaken by events: whoever takes one looks at the message first.
  Sequence next_fresh_ = 1;
  std::vector<Sequence> returned_;  // min-heap
  std::vector<Timeout> timeouts_;   // min-heap by deadline
  std::vector<Due> due_;            // min-heap by time

  // Of a FIFO queue only; the two above are then not used.
  std::unique_ptr<MessageGroups> groups_;
  std::unique_ptr<DeduplicationWindow> deduplication_;

  std::map<std::string, ReceiveAttempt, std::less<>> attempts_;
};

}  // namespace remuda::broker
