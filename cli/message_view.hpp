#pragma once
// Messages as people and scripts see them on the command line: JSON in, JSON out.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common/message.hpp"

namespace remuda::cli {

/// The body as JSON: a msgpack value becomes the JSON it stands for, JSON text itself, other text a string, other bytes
/// `{"base64": "..."}`. Hostile bodies are harmless: msgpack is checked first, depth and size included.
nlohmann::ordered_json body_as_json(std::string_view body);

/// `{id, body, attributes, group_id, ...}`: the headers that are there, and the body as above.
nlohmann::ordered_json message_as_json(const Message& message);

/// A receipt handle as people and scripts carry it from `receive` to `delete-message`: hexadecimal.
std::string handle_as_text(std::string_view handle);
/// Errors: `invalid_handle`.
Result<std::string> handle_from_text(std::string_view text);

/// What a sender may say about a message on the command line.
struct MessageOptions {
  std::string body;  ///< JSON; with `raw` any text
  bool raw = false;
  std::vector<std::string> attributes;  ///< `name=text`, `name:Number=12`
  std::string id;                       ///< empty: a new one
  std::string type;
  std::string group_id;
  std::string dedup_id;
};
/// The message with its body packed as msgpack (`raw`: as it is, text/plain). Errors: `invalid_body`, `invalid_attribute`.
Result<Message> message_from(const MessageOptions& options, const Clock& clock);

}  // namespace remuda::cli
