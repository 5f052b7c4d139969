#pragma once
// From a received message to what a client of SQS sees. Pure. Also for messages that no client of SQS has sent: a msgpack body is shown
// as the JSON that it stands for, other bytes as base64.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/message.hpp"
#include "common/wire.hpp"
#include "nodes/sqs_gateway/answer.hpp"

namespace remuda::sqs {

/// Which attributes a receive asks for.
struct Selection {
  std::vector<std::string> system;      ///< names, or "All"
  std::vector<std::string> attributes;  ///< names, "All", ".*", or "prefix.*"

  [[nodiscard]] bool wants_system(std::string_view name) const;
  [[nodiscard]] bool wants_attribute(std::string_view name) const;
};
/// Errors: `invalid_attribute_name` for a system attribute that SQS does not have.
Answered<Selection> read_selection(const nlohmann::json& given);

/// What the handle of a receive is to clients, and back. Nothing for what was never one.
[[nodiscard]] std::string handle_text(std::string_view handle);
[[nodiscard]] std::optional<std::string> handle_of(std::string_view text);
/// The message's sequence in its queue, which the handle names.
[[nodiscard]] std::uint64_t sequence_of(std::string_view handle);
/// Twenty digits, so that texts compare as numbers do.
[[nodiscard]] std::string sequence_text(std::uint64_t sequence);

[[nodiscard]] std::string body_text(const Message& message);

/// `origin_queue`: of a dead letter, if it was asked for. Errors: what is no message becomes `internal_failure`.
Answered<Output> show_message(const wire::Received& received, const Selection& selection, bool fifo, std::string_view origin_queue);

/// {"DataType": ..., "StringValue" or "BinaryValue": ...}
[[nodiscard]] Output show_attribute(const Attribute& attribute);

}  // namespace remuda::sqs
