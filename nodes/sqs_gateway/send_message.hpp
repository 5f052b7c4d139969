#pragma once
// The action SendMessage: parameters to a message, and what its sender is told. Pure.
// Source: SQS API Reference, SendMessage; SQS Developer Guide, "Calculating the MD5 message digest for message attributes".

#include <string>
#include <string_view>

#include "common/message.hpp"
#include "nodes/sqs_gateway/query_request.hpp"

namespace remuda::sqs {

/// The message that the parameters describe, under a new id. MessageBody, MessageAttribute.N.*, MessageGroupId and
/// MessageDeduplicationId are understood; DelaySeconds other than 0 is refused, as a node's output has no delay. Errors: 400
/// `MissingParameter`, `InvalidMessageContents`, `InvalidParameterValue`, `AWS.SimpleQueueService.UnsupportedOperation`.
Result<Message, SqsError> message_of(const QueryRequest& request);

/// `<SendMessageResponse>` with MessageId, MD5OfMessageBody, MD5OfMessageAttributes where there are any, and the request's id.
[[nodiscard]] std::string send_message_response(const Message& message, std::string_view request_id);

/// 32 hexadecimal digits.
[[nodiscard]] std::string md5_of(std::string_view bytes);
[[nodiscard]] std::string md5_of_attributes(const std::map<std::string, Attribute>& attributes);

}  // namespace remuda::sqs
