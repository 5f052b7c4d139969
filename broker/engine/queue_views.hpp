#pragma once
// What readers see of queues and messages: `remuda queue ls|info|peek` print these.

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "broker/engine/commands.hpp"
#include "broker/engine/log.hpp"
#include "broker/engine/message_states.hpp"

namespace remuda::broker {

/// Since the queue was declared; they survive restarts. Always (I12):
/// sent + moved_in = waiting + in flight + deleted + purged + dead_lettered + redriven + expired.
struct QueueCounters {
  std::uint64_t sent = 0;         ///< into this queue: sent, published or moved here; what it ever held
  std::uint64_t moved_in = 0;     ///< of these, dead-lettered or redriven from another queue
  std::uint64_t received = 0;     ///< deliveries, released ones included
  std::uint64_t redelivered = 0;  ///< of these, not the first of their message
  std::uint64_t deleted = 0;
  std::uint64_t purged = 0;
  std::uint64_t dead_lettered = 0;  ///< moved from here to the dead-letter queue
  std::uint64_t redriven = 0;       ///< moved from here by a redrive
  std::uint64_t expired = 0;        ///< older than the retention
  friend bool operator==(const QueueCounters&, const QueueCounters&) = default;
};

struct QueueInfo {
  QueueId id = 0;
  QueueAttributes attributes;
  std::uint64_t visible = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t delayed = 0;
  std::uint64_t bytes = 0;         ///< of all these, packed
  std::int64_t oldest_age_ms = 0;  ///< of the oldest message by sequence, in flight or not; 0 when empty
  std::uint64_t waiting_receives = 0;
  std::uint64_t groups = 0;        ///< of a FIFO queue: message groups that have messages
  std::uint64_t deduplicated = 0;  ///< of a FIFO queue: deduplication ids that it remembers now
  QueueCounters counters;
};

enum class MoveStatus : std::uint8_t { running, completed, cancelled };
[[nodiscard]] std::string_view name_of(MoveStatus status);
std::ostream& operator<<(std::ostream& out, MoveStatus status);

/// A move of messages out of a queue in the background: what was asked, and how far it is.
struct Move {
  MoveId id = 0;
  QueueId queue = 0;
  QueueId to = 0;                    ///< 0: each to where it came from
  std::string selection;             ///< the shell's
  std::uint32_t max_per_second = 0;  ///< 0: no limit
  Sequence end = 0;                  ///< messages from here on came later and stay
  std::int64_t started_ms = 0;       ///< steady inside the engine, Unix time in what moves() answers
  Sequence next = 0;                 ///< everything below has been looked at
  std::uint64_t moved = 0;
  MoveStatus status = MoveStatus::running;
};

/// One failed attempt to process a message.
struct AttemptInfo {
  std::string node;
  std::string host;
  std::int64_t time_ms = 0;  ///< Unix time
  std::string error;
};

/// Messages of a queue, or records of a stream, whose bodies stand in one stretch of the log.
struct PlacedMessages {
  std::string name;  ///< of the queue or stream
  bool is_stream = false;
  std::uint64_t count = 0;
  std::uint64_t first = 0;  ///< the lowest sequence, or offset in its partition
};

struct MessageInfo {
  Sequence sequence = 0;
  MessageState state = MessageState::visible;
  std::uint32_t receive_count = 0;
  std::int64_t sent_ms = 0;            ///< Unix time of the original send
  std::int64_t first_received_ms = 0;  ///< Unix time; 0: never
  Location place;
  std::uint32_t size = 0;
  std::uint32_t crc32c = 0;
  std::string holder_node;  ///< who has it in flight
  std::string holder_host;
  std::string origin_queue;  ///< of a dead letter; empty otherwise
  std::string reason;        ///< of a dead letter
  std::string group;         ///< in a FIFO queue
  std::uint64_t attempts_total = 0;
  std::vector<AttemptInfo> attempts;  ///< the first and the last nine
};

}  // namespace remuda::broker
