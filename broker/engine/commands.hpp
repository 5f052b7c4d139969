#pragma once
// What can be asked of the queue engine: one struct per operation, under its SQS name. Views and spans point into the
// caller's memory and need to live only as long as the call of QueueEngine::apply.

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "broker/engine/receipt_handle.hpp"
#include "common/clock.hpp"

namespace remuda::broker {

using ClientId = std::uint64_t;   ///< one connection, named by the shell
using SessionId = std::uint32_t;  ///< one client process across its connections, named by the engine; 0 = the broker itself
using SessionKey = std::array<char, 16>;
using Milliseconds = std::chrono::milliseconds;

/// The present on both clocks. Visibility and waiting follow `now`; `unix_ms` is what people read.
struct Moment {
  Instant now{};
  std::int64_t unix_ms = 0;
};
[[nodiscard]] inline Moment moment_of(const Clock& clock) {
  return Moment{clock.now(), to_unix_ms(clock.wall_now())};
}

/// Who asks. A changing request that repeats an applied `request` of its session is answered again and not applied again.
struct Requester {
  ClientId client = 0;
  SessionId session = 0;      ///< from OpenSession; 0: the broker itself asks, nothing is remembered
  std::uint64_t request = 0;  ///< increasing per session, from 1
  std::uint64_t settled = 0;  ///< requests below it are finished at the client and may be forgotten
};

/// A packed message as it travels, with the CRC32C that the shell computed over it and checks again before delivery.
struct Body {
  std::string_view bytes;
  std::uint32_t crc32c = 0;
};

/// Settings of a queue. Source of ranges and defaults: SQS Developer Guide, as in SEMANTICS §3.
struct QueueAttributes {
  std::string name;
  Milliseconds visibility_timeout{std::chrono::seconds{30}};  ///< 0 s … 12 h
  Milliseconds retention{std::chrono::hours{96}};             ///< 1 s … 14 days
  Milliseconds delay{0};                                      ///< 0 s … 15 min
  std::string dead_letter_queue;                              ///< empty: none
  std::uint32_t max_receives = 0;                             ///< 1 … 1000; 0: no limit
  std::uint32_t max_message_size_bytes = 1'048'576;           ///< of the packed message
  bool relaxed = false;                                       ///< confirm without waiting for the disk
  friend bool operator==(const QueueAttributes&, const QueueAttributes&) = default;
};

/// Stores the messages in this order, all or none.
/// Errors: no_such_queue, message_too_large, invalid_argument (nothing to send, delay out of range), storage_full.
struct SendMessage {
  Requester from;
  QueueId queue = 0;
  std::span<const Body> messages;
  std::optional<Milliseconds> delay;  ///< 0 s … 15 min; the queue's own when absent
};

/// One published message and the queues that want it (the shell has evaluated their filters); may be none.
struct Publication {
  Body message;
  std::span<const QueueId> targets;
};
/// Stores every message once and a reference to it in each target, all or none. Errors: as SendMessage.
struct PublishMessage {
  Requester from;
  std::span<const Publication> messages;
};

/// Makes up to `max` visible messages in flight, oldest first, and delivers them; with none visible it waits up to `wait`.
/// Waiting receives of a queue are served in the order in which they came.
/// Errors: no_such_queue, invalid_visibility_timeout, invalid_argument (max 0), over_limit (120,000 in flight).
struct ReceiveMessage {
  Requester from;
  QueueId queue = 0;
  std::uint32_t max = 1;
  Milliseconds wait{0};
  std::optional<Milliseconds> visibility_timeout;  ///< 0 s … 12 h; the queue's own when absent
};

/// Deletes what the handles hold; one outcome per handle. The same handle again is `done` as well.
struct DeleteMessage {
  Requester from;
  QueueId queue = 0;
  std::span<const ReceiptHandle> handles;
};

/// Hides the messages until now + `timeout`; 0 returns them at once, which ends the attempt like an expired timeout.
/// Per handle: stale_handle, or invalid_visibility_timeout when the whole attempt would last more than 12 h.
struct ChangeMessageVisibility {
  Requester from;
  QueueId queue = 0;
  std::span<const ReceiptHandle> handles;
  Milliseconds timeout{0};
};

/// Records a failed attempt. The message comes back after `delay` (0 s … 12 h), or when its visibility timeout ends if absent;
/// if it has used up its receives it goes to the dead-letter queue now.
struct RetryLater {
  Requester from;
  QueueId queue = 0;
  ReceiptHandle handle;
  std::string_view error;  ///< kept up to 1,024 bytes
  std::optional<Milliseconds> delay;
};

/// Moves the message to the dead-letter queue at once. Without one nothing may get lost: it then is RetryLater with that reason.
struct RejectMessage {
  Requester from;
  QueueId queue = 0;
  ReceiptHandle handle;
  std::string_view reason;  ///< kept up to 1,024 bytes
};

/// Gives back messages whose processing never started: visible at once, and the receive does not count.
struct ReleaseMessage {
  Requester from;
  QueueId queue = 0;
  std::span<const ReceiptHandle> handles;
};

using TransactionStep =
    std::variant<SendMessage, PublishMessage, DeleteMessage, ChangeMessageVisibility, RetryLater, RejectMessage, ReleaseMessage>;
/// All steps or none, in one record; `from` of the steps is not looked at. A handle that is stale, already settled, or
/// used twice refuses the whole. Errors: those of the steps, naming the step.
struct Transact {
  Requester from;
  std::span<const TransactionStep> steps;
};

/// Deletes every message of the queue, in flight or not; or only those of `sequences` that still exist.
struct PurgeQueue {
  Requester from;
  QueueId queue = 0;
  std::optional<std::span<const Sequence>> sequences;
};

/// Moves waiting messages out of a (dead-letter) queue, oldest first: to `to`, or each to the queue it came from; those that
/// came from nowhere stay. Id, body and sent time are kept, attempts too; the receive count starts again.
/// Errors: no_such_queue, invalid_argument (`to` is the queue itself).
struct RedriveMessages {
  Requester from;
  QueueId queue = 0;
  std::optional<QueueId> to;
  std::optional<std::span<const Sequence>> sequences;  ///< only these
  std::uint64_t max = UINT64_MAX;
};

/// Creates the queue or gives it these attributes; its messages stay. A dead-letter queue that does not exist is created.
/// Errors: invalid_attribute, saying which.
struct DeclareQueue {
  Requester from;
  QueueAttributes attributes;
};

/// Keeps the definition of a topic, opaque to the engine, so that a topic declared over the wire survives a restart. Empty: forget
/// it.
struct DeclareTopic {
  Requester from;
  std::string_view name;
  std::string_view definition;
};

/// Opens a session, or finds it again by its key: the first thing that a client says.
struct OpenSession {
  ClientId client = 0;
  std::uint64_t request = 0;
  SessionKey key{};
  std::string_view node;
  std::string_view host;
};

/// The connection has gone: its waiting receives are dropped. Messages in flight stay so until their timeout.
struct CancelReceives {
  ClientId client = 0;
};

using Command =
    std::variant<SendMessage, PublishMessage, ReceiveMessage, DeleteMessage, ChangeMessageVisibility, RetryLater, RejectMessage,
                 ReleaseMessage, Transact, PurgeQueue, RedriveMessages, DeclareQueue, DeclareTopic, OpenSession, CancelReceives>;

}  // namespace remuda::broker
