#pragma once
// The naive reference of the queue engine, written from the rules (RELIABILITY §5.1, SEMANTICS §3, message_states.hpp) and not from
// the engine: flat lists and full scans. It knows nothing of records, so where it and the engine agree, records say what they
// should. A world has a fixed set of queue names; a queue that is deleted and declared anew is the same ModelQueue with another id.

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "broker/engine/effects.hpp"
#include "broker/engine/message_states.hpp"
#include "broker/engine/queue_views.hpp"

namespace remuda::broker::test {

/// Of the text that a message with this body has.
std::uint64_t text_size(std::uint32_t body);

using Name = std::uint8_t;  ///< index of a queue's name, from 0
inline constexpr Name no_name = 255;
using Key = std::uint32_t;  ///< a deduplication id
inline constexpr std::int64_t deduplication_window_ms = 5 * 60 * 1000;

/// Why a dead letter is one.
enum class Because : std::uint8_t { nothing, used_up, rejected };

struct ModelMessage {
  Sequence sequence = 0;
  std::uint32_t body = 0;  ///< its text is a function of this number
  MessageState state = MessageState::visible;
  std::uint8_t group = 0;  ///< 0: a standard queue's
  bool attempt_recorded = false;
  bool visibility_changed = false;
  Name origin = no_name;
  Because reason = Because::nothing;
  Sequence origin_sequence = 0;  ///< of a dead letter that blocks its group
  std::uint32_t origin_attempt = 0;
  std::uint32_t receive_count = 0;
  std::uint32_t receives_elsewhere = 0;
  std::uint32_t attempt = 0;
  std::uint32_t attempts = 0;  ///< failed ones, recorded
  std::uint32_t visibility_ms = 0;
  std::int64_t sent_ms = 0;            ///< steady
  std::int64_t visible_at_ms = 0;      ///< steady, while delayed
  std::int64_t first_received_ms = 0;  ///< steady; 0: never
  Instant received_at{};
  Instant deadline{};
  Instant overdue_since{};  ///< since when it waits although its retention is over
};

struct ModelAttributes {
  bool is_fifo = false;
  bool blocks_group = false;  ///< a dead letter of a group holds that group
  bool relaxed = false;
  Name dead_letters = no_name;
  std::uint32_t max_receives = 0;
  std::uint32_t max_size = 1'048'576;
  std::uint64_t max_messages = 0;  ///< 0: no limit
  std::uint64_t max_bytes = 0;
  Milliseconds visibility{10'000};
  Milliseconds retention{std::chrono::hours{96}};
  Milliseconds delay{0};
};

struct ModelQueue {
  QueueId id = 0;  ///< 0: there is no such queue now
  ModelAttributes attributes;
  std::vector<ModelMessage> messages;  ///< by sequence
  Sequence next = 1;
  QueueCounters counters;
  struct Accepted {
    Key key;
    Sequence sequence;
    std::int64_t time_ms;  ///< from when the window counts: acceptance, or the last restart
  };
  std::vector<Accepted> accepted;
  /// A receive that named itself, as long as it may be repeated.
  struct Attempt {
    std::uint32_t id;
    std::int64_t time_ms;
    std::vector<ReceiptHandle> handles;
    bool may_be_forgotten = false;  ///< since a restart
  };
  std::vector<Attempt> attempts;
  std::optional<Move> move;

  [[nodiscard]] std::uint64_t count(MessageState state) const {
    std::uint64_t count = 0;
    for (const ModelMessage& message : messages) count += message.state == state;
    return count;
  }
  /// How a request that brings in so much, and takes out so much, is refused; empty when it is not.
  [[nodiscard]] std::string_view refusal(std::uint64_t messages_in, std::uint64_t bytes_in, std::uint64_t messages_out = 0,
                                         std::uint64_t bytes_out = 0) const;
  [[nodiscard]] ModelMessage* find(Sequence sequence) {
    const auto at = std::lower_bound(messages.begin(), messages.end(), sequence,
                                     [](const ModelMessage& message, Sequence value) { return message.sequence < value; });
    return at != messages.end() && at->sequence == sequence ? &*at : nullptr;
  }
};

struct ModelWait {
  std::uint64_t request = 0;
  Name queue = 0;
  std::uint32_t max = 0;
  std::uint32_t attempt_id = 0;
  Milliseconds visibility{};
  Instant deadline{};
  bool exclusive = false;
};

/// A message that ended, for the question whether this handle deleted it.
struct Gone {
  ReceiptHandle handle;
  bool deleted = false;
};

struct AppliedRequest {
  std::uint64_t request = 0;
  std::uint64_t count = 0;
  Sequence first = 0;
};

class QueueModel {
 public:
  static constexpr std::size_t names = 14;
  static constexpr std::size_t applied_kept = 64;

  std::array<ModelQueue, names> queues;
  std::vector<ModelWait> waiting;
  std::array<AppliedRequest, applied_kept> applied{};       ///< by request number modulo its size
  std::size_t gone = 0;                                     ///< how much of the world's list of ended messages is so
  std::array<std::vector<ModelQueue::Accepted>, 2> topics;  ///< what FIFO topics accepted
  std::array<bool, 2> topic_exists{};
  Instant last_request_at{};           ///< of the session
  std::uint64_t progress_version = 0;  ///< of the one source
  std::uint32_t progress_value = 0;

  [[nodiscard]] ModelQueue* of(QueueId id) {
    for (ModelQueue& queue : queues) {
      if (queue.id == id && id != 0) return &queue;
    }
    return nullptr;
  }
  [[nodiscard]] Name name_of(const ModelQueue& queue) const { return static_cast<Name>(&queue - queues.data()); }
  /// Those that exist, as the engine goes through them.
  [[nodiscard]] std::span<const Name> by_id();

  // --- messages come in
  Sequence send(ModelQueue& queue, std::uint32_t body, Milliseconds delay, std::uint8_t group, std::int64_t steady_ms);
  /// The message that was accepted under this key before, while that counts.
  [[nodiscard]] static const ModelQueue::Accepted* accepted(const std::vector<ModelQueue::Accepted>& window, Key key,
                                                            std::int64_t steady_ms);
  static void remember(std::vector<ModelQueue::Accepted>& window, Key key, Sequence sequence, std::int64_t steady_ms);

  // --- attempts
  void receive(ModelMessage& message, Milliseconds visibility, Instant now, std::int64_t steady_ms);
  [[nodiscard]] ModelMessage* held(const ReceiptHandle& handle);
  [[nodiscard]] ModelMessage* in_flight(const ReceiptHandle& handle);
  /// Deleting a message whose timeout has ended is what was meant, while nobody else has it: in a standard queue.
  [[nodiscard]] ModelMessage* deletable(const ReceiptHandle& handle);
  [[nodiscard]] static bool used_up(const ModelQueue& queue, const ModelMessage& message);
  static void record_attempt(ModelMessage& message);

  // --- groups
  /// A group from which nothing may be delivered: it has a message in flight, or a dead letter holds it.
  [[nodiscard]] bool is_closed(const ModelQueue& queue, std::uint8_t group) const;
  [[nodiscard]] std::uint64_t deliverable(const ModelQueue& queue) const;
  /// The attempt of this id, if it may be repeated now.
  [[nodiscard]] const ModelQueue::Attempt* repeatable(ModelQueue& queue, std::uint32_t attempt_id, std::int64_t steady_ms);

  // --- messages go
  ModelMessage take(ModelQueue& queue, Sequence sequence);
  Sequence dead_letter(ModelQueue& queue, Sequence sequence, Because why, std::int64_t steady_ms);
  void redrive(ModelQueue& from, Sequence sequence, ModelQueue& to, Sequence target, std::int64_t steady_ms);

  void restart(Instant now, std::int64_t steady_ms, std::int64_t last_record_ms);

 private:
  std::array<Name, names> by_id_{};
};

}  // namespace remuda::broker::test
