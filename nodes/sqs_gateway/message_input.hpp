#pragma once
// From what a client sends to a message, by the rules of SQS. Pure.
// Source: SQS API Reference, SendMessage; SQS Developer Guide, "Amazon SQS message metadata" and "Message quotas".

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/message.hpp"
#include "nodes/sqs_gateway/input.hpp"

namespace remuda::sqs {

inline constexpr std::int64_t message_size_max = 1'048'576;

/// AWSTraceHeader travels as an attribute of this name, which no client can give.
inline constexpr std::string_view trace_attribute = "aws:AWSTraceHeader";

/// What SQS allows in a body: the characters of XML, as UTF-8.
[[nodiscard]] bool is_allowed_text(std::string_view text);

/// Message attributes, checked: names, types, values; at most ten for SQS.
Answered<std::map<std::string, Attribute>> read_attributes(const nlohmann::json& given);

/// What a message counts against MaximumMessageSize: body, and names, types and values of its attributes.
[[nodiscard]] std::int64_t size_of(const Message& message);

/// What a send depends on in its queue.
struct SendRules {
  bool fifo = false;
  std::int64_t size_max = message_size_max;
};
struct SentEntry {
  Message message;                        ///< under a new id
  std::optional<std::uint64_t> delay_ms;  ///< absent: the queue's own
  std::string md5_of_body;
  std::string md5_of_attributes;         ///< empty: it has none
  std::string md5_of_system_attributes;  ///< likewise
};
/// The message of a SendMessage, or of one entry of its batch. Errors: `missing_parameter`, `invalid_message_contents`,
/// `invalid_parameter_value`.
Answered<SentEntry> read_message(const nlohmann::json& given, const SendRules& rules);

}  // namespace remuda::sqs
