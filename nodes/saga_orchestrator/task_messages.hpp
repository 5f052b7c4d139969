#pragma once
// Between what a saga wants and the messages that say it. Pure.
//
// A task `"Resource": "task:NAME"` is a message of type NAME to the output port NAME; its body is the task's input as JSON. Attributes:
// `idempotency-key` (the same for every attempt: whoever has carried it out answers as before and does nothing), `attempt`, `saga`.
// `reply_to` says where the answer goes, `correlation_id` what it has to carry: KEY#ATTEMPT. The answer's body is the output as JSON; an
// answer of type `task.failed` has `{"Error": ..., "Cause": ...}`, one of type `task.heartbeat` says that the work goes on.
//
// A task that waits for a token has the token as its correlation id: whoever has the token answers under it, whenever that is.
//
// `"Resource": "publish:NAME"` sends and is done once the channel has confirmed. Its input is the body, or, as with SNS,
// `{"Message": ..., "Subject": ..., "MessageAttributes": {"name": "text"}}`.

#include "common/message.hpp"
#include "common/saga/execution.hpp"

namespace remuda::saga {

inline constexpr std::string_view task_failed_type = "task.failed";
inline constexpr std::string_view task_heartbeat_type = "task.heartbeat";
inline constexpr std::string_view ended_type = "saga.ended";

struct Resource {
  enum class Kind : std::uint8_t { task, publish };
  Kind kind = Kind::task;
  std::string port;
  /// Errors: a sentence.
  static Result<Resource, std::string> parse(std::string_view text);
};

/// The saga that a task's key belongs to; empty when it is none.
std::string saga_of_key(std::string_view key);

Message task_message(const RequestTask& request, const Resource& resource, const std::string& reply_to);
Message ended_message(const Ended& ended, const std::string& id, const std::string& definition);
/// What an answer says. Errors: `malformed_reply` (definite): it belongs to no task, or its body is no JSON.
Result<Event> event_of_reply(const Message& reply);

/// A body, JSON text or msgpack. Errors: `malformed_body` (definite).
Result<Json> json_of_body(const Message& message);

}  // namespace remuda::saga
