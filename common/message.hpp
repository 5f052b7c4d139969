#pragma once
// Message: what travels through every channel. A value: copy it, compare it, print it; no I/O.
//
// Headers use the names of CloudEvents and of Enterprise Integration Patterns. The body is opaque bytes, by default one
// msgpack map. The packed form is the msgpack array [headers, body] described in PROTOCOL.md; a broker stores and forwards
// those bytes unchanged, so what was sent is what is received, byte for byte.

#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "common/clock.hpp"
#include "common/result.hpp"

namespace remuda {

/// A named property next to the body, as SNS and SQS have them; what filters with scope `attributes` look at.
struct Attribute {
  std::string type;   ///< "String", "Number", "Binary" or "String.Array"; a label may follow a dot: "Number.int"
  std::string value;  ///< Number: decimal text; String.Array: a JSON array
  friend bool operator==(const Attribute&, const Attribute&) = default;
};

struct Message {
  // CloudEvents
  std::string id;            ///< unique per source; required; receivers deduplicate by it. At most 128 bytes
  std::string source;        ///< who sent it, e.g. `completed-rides`
  std::string type;          ///< the intent: `ride.completed` (event), `ride.submit` (command), `ride` (document)
  std::int64_t time_ms = 0;  ///< when it was created, Unix milliseconds; 0 = not said
  std::string subject;
  std::string datacontenttype;  ///< empty = application/msgpack
  std::string traceparent;      ///< W3C trace context
  // Enterprise Integration Patterns and queues
  std::string correlation_id;
  std::string reply_to;  ///< Return Address: the channel that wants the answer
  std::string group_id;  ///< message group of a FIFO queue
  std::string dedup_id;
  std::map<std::string, Attribute> attributes;  ///< at most 64
  std::uint64_t sequence = 0;                   ///< per publisher and port on direct channels: receivers count gaps; 0 = none

  std::string body;

  friend bool operator==(const Message&, const Message&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Message& message);
};

/// Appends the packed form to `out`. Empty headers are left out.
void pack(const Message& message, std::string& out);
[[nodiscard]] std::string pack(const Message& message);

/// Errors: `malformed_message` (definite), naming the header that is wrong. Unknown headers are skipped, so that a newer
/// sender is understood.
Result<Message> unpack_message(std::string_view packed);
/// The same into a message that is used again and again: it keeps its memory. After an error its contents are of no use.
Result<void> unpack_message(std::string_view packed, Message& message);

/// What a broker needs of a packed message, without a copy: views into `packed`, valid as long as it is.
struct MessageView {
  std::string_view packed;
  std::string_view id;
  std::string_view group_id;
  std::string_view dedup_id;
  std::string_view attributes;  ///< msgpack map name -> [type, value]; empty when the message has none
  std::string_view body;
  friend bool operator==(const MessageView&, const MessageView&) = default;
};
/// Checks the whole packed form (limits, types, required `id`) and points into it.
/// Errors: as unpack_message; it accepts exactly the same bytes.
Result<MessageView> view_message(std::string_view packed);

/// What a type means apart from its label: "Number" for "Number.int". Empty for what is no type.
[[nodiscard]] std::string_view attribute_kind(std::string_view type);

/// A new random (version 7, time-ordered) UUID in text form: the default `id`.
[[nodiscard]] std::string new_message_id();
/// The id of the `ordinal`-th output of the handler that processed `input_id`: the same after every redelivery,
/// so the receiver recognises a repetition.
[[nodiscard]] std::string derived_message_id(std::string_view input_id, std::string_view port, std::uint32_t ordinal);

}  // namespace remuda
