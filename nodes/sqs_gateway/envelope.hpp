#pragma once
// What a subscribed queue gets of a published message: the message as it is (raw), or the notification around it. Pure.
// Source: SNS Developer Guide, "HTTP/HTTPS notification JSON format" and "Amazon SNS raw message delivery".

#include <string>

#include "common/message.hpp"
#include "nodes/sqs_gateway/subscription.hpp"

namespace remuda::sqs {

/// `to_fifo`: the endpoint is a FIFO queue, and keeps group and deduplication id; a standard queue gets neither.
/// Errors: `invalid_parameter_value`: raw, with more than the ten attributes that a queue takes.
Answered<Message> delivery_of(const Message& published, const Subscription& subscription, bool to_fifo, std::string_view base_url);

/// `{"Type": "Notification", "MessageId": ..., "TopicArn": ..., "Message": ..., "Timestamp": ..., "MessageAttributes": {...}}`. It is
/// not signed: the fields of the signature are there and empty.
[[nodiscard]] std::string notification(const Message& published, const Subscription& subscription, std::string_view base_url);

/// "2026-01-01T00:00:00.000Z"
[[nodiscard]] std::string timestamp(std::int64_t unix_ms);

}  // namespace remuda::sqs
