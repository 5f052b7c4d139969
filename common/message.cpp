#include "common/message.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <cstring>

#include <msgpack.hpp>

#include "common/msgpack_reader.hpp"

namespace remuda {

namespace {

constexpr std::size_t id_size_max = 128;
constexpr std::size_t headers_size_max = 16 * 1024;
constexpr std::uint32_t attributes_max = 64;

/// Lets msgpack-c's packer append to a string.
struct StringSink {
  std::string& out;
  void write(const char* data, std::size_t size) { out.append(data, size); }
};
using Packer = msgpack::packer<StringSink>;

void pack_text(Packer& packer, std::string_view text) {
  packer.pack_str(static_cast<std::uint32_t>(text.size()));
  packer.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
}

void pack_binary(Packer& packer, std::string_view bytes) {
  packer.pack_bin(static_cast<std::uint32_t>(bytes.size()));
  packer.pack_bin_body(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
}

/// The headers by index: the text headers, in the order in which they are packed, then the others.
struct TextHeader {
  std::string_view name;
  std::string Message::*member;
};
constexpr std::array text_headers{
    TextHeader{"id", &Message::id},
    TextHeader{"source", &Message::source},
    TextHeader{"type", &Message::type},
    TextHeader{"subject", &Message::subject},
    TextHeader{"datacontenttype", &Message::datacontenttype},
    TextHeader{"traceparent", &Message::traceparent},
    TextHeader{"correlation_id", &Message::correlation_id},
    TextHeader{"reply_to", &Message::reply_to},
    TextHeader{"group_id", &Message::group_id},
    TextHeader{"dedup_id", &Message::dedup_id},
};
constexpr std::size_t time_ms_header = text_headers.size();
constexpr std::size_t sequence_header = time_ms_header + 1;
constexpr std::size_t attributes_header = time_ms_header + 2;
constexpr std::size_t unknown_header = time_ms_header + 3;

constexpr std::size_t header_index(std::string_view name) {
  for (std::size_t h = 0; h < text_headers.size(); ++h) {
    if (text_headers[h].name == name) return h;
  }
  if (name == "time_ms") return time_ms_header;
  if (name == "sequence") return sequence_header;
  if (name == "attributes") return attributes_header;
  return unknown_header;
}
constexpr std::size_t id_header = header_index("id");
constexpr std::size_t group_id_header = header_index("group_id");
constexpr std::size_t dedup_id_header = header_index("dedup_id");

constexpr std::size_t attribute_type_size_max = 256;

Failure<Error> malformed(std::string text) {
  return fail("malformed_message", std::move(text));
}

/// Reads the map of attributes. A name given twice is refused: two readers might see different values.
template <class Visitor>
Result<void> walk_attributes(MsgpackReader& in, Visitor& visitor) {
  const std::uint32_t count = in.map();
  if (!in.ok() || count > attributes_max) return malformed("header 'attributes' must be a map of at most 64 entries");
  std::array<std::string_view, attributes_max> names;
  for (std::uint32_t a = 0; a < count; ++a) {
    names[a] = in.string();
    const bool is_pair = in.array() == 2;
    const std::string_view type = in.string();
    const auto value = in.next();
    const bool is_bytes = value.kind == MsgpackReader::Kind::string || value.kind == MsgpackReader::Kind::binary;
    if (!in.ok() || !is_pair || attribute_kind(type).empty() || !is_bytes) {
      return malformed("attribute '" + std::string{names[a]} +
                       "' must be [type, value], type String, Number, Binary or String.Array, perhaps with a label: Number.int");
    }
    if (std::find(names.begin(), names.begin() + a, names[a]) != names.begin() + a) {
      return malformed("attribute '" + std::string{names[a]} + "' is given twice");
    }
    visitor.attribute(names[a], type, value.bytes);
  }
  return {};
}

/// Walks a packed message once; `Visitor` is told each header. Checks every limit, so that view and unpack accept the same bytes.
template <class Visitor>
Result<void> walk(std::string_view packed, Visitor&& visitor) {
  MsgpackReader in{packed};
  if (in.array() != 2 || !in.ok()) return malformed("a message is the array [headers, body]");
  const std::size_t headers_begin = in.position();
  const std::uint32_t count = in.map();
  if (!in.ok()) return malformed("message headers must be a map");
  std::size_t attributes_size = 0;
  std::uint32_t seen = 0;  // one bit per known header: a repeated key would let two readers see different values
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t header_begin = in.position();
    const std::string_view name = in.string();
    if (!in.ok()) return malformed("a header name must be text");
    const std::size_t header = header_index(name);
    if (header == unknown_header) {
      in.skip();  // a header of a newer sender
      if (!in.ok()) return malformed("header '" + std::string{name} + "' is no msgpack value");
      continue;
    }
    if ((seen >> header & 1U) != 0) return malformed("header '" + std::string{name} + "' is given twice");
    seen |= 1U << header;
    if (header < text_headers.size()) {
      const std::string_view text = in.string();
      if (!in.ok()) return malformed("header '" + std::string{name} + "' must be text");
      if (header == id_header && (text.empty() || text.size() > id_size_max))
        return malformed("header 'id' must have 1 to 128 bytes");
      visitor.text(header, text);
    } else if (header == time_ms_header) {
      visitor.time(in.signed_integer());
    } else if (header == sequence_header) {
      visitor.sequence(in.unsigned_integer());
    } else {
      const std::size_t begin = in.position();
      if (auto walked = walk_attributes(in, visitor); !walked) return walked;
      attributes_size = in.position() - header_begin;
      visitor.attributes(packed.substr(begin, in.position() - begin));
    }
    if (!in.ok()) return malformed("header '" + std::string{name} + "' has the wrong type");
  }
  if (in.position() - headers_begin - attributes_size > headers_size_max)
    return malformed("message headers are larger than 16 KiB");
  const std::string_view body = in.binary();
  if (!in.ok() || !in.at_end()) return malformed("a message body must be one binary value, and the last");
  if ((seen >> id_header & 1U) == 0) return malformed("header 'id' is missing");
  visitor.body(body);
  return {};
}

struct Unpacker {
  Message& message;
  void text(std::size_t header, std::string_view value) { message.*text_headers[header].member = value; }
  void time(std::int64_t time_ms) { message.time_ms = time_ms; }
  void sequence(std::uint64_t sequence) { message.sequence = sequence; }
  void attribute(std::string_view name, std::string_view type, std::string_view value) {
    message.attributes[std::string{name}] = {std::string{type}, std::string{value}};
  }
  void attributes(std::string_view) {}
  void body(std::string_view body) { message.body = body; }
};

struct Viewer {
  MessageView& view;
  void text(std::size_t header, std::string_view value) {
    if (header == id_header) view.id = value;
    if (header == group_id_header) view.group_id = value;
    if (header == dedup_id_header) view.dedup_id = value;
  }
  void time(std::int64_t) {}
  void sequence(std::uint64_t) {}
  void attribute(std::string_view, std::string_view, std::string_view) {}
  void attributes(std::string_view bytes) { view.attributes = bytes; }
  void body(std::string_view body) { view.body = body; }
};

void random_bytes(void* out, std::size_t size) {
  // Up to 256 bytes getrandom neither fails nor is interrupted once the pool is ready.
  const auto got = getrandom(out, size, 0);
  assert(got == static_cast<ssize_t>(size));
  static_cast<void>(got);
}

std::string uuid_text(std::uint64_t high, std::uint64_t low) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (int nibble = 0; nibble < 32; ++nibble) {
    if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20) text += '-';
    const std::uint64_t half = nibble < 16 ? high : low;
    text += digits[half >> (60 - 4 * (nibble % 16)) & 0xfU];
  }
  return text;
}

}  // namespace

std::string_view attribute_kind(std::string_view type) {
  if (type.size() > attribute_type_size_max) return {};
  if (type == "String.Array") return type;
  const auto kind = type.substr(0, type.find('.'));
  return (kind == "String" || kind == "Number" || kind == "Binary") && type.size() != kind.size() + 1 ? kind : std::string_view{};
}

void pack(const Message& message, std::string& out) {
  StringSink sink{out};
  Packer packer{sink};
  std::uint32_t count = 0;
  for (const auto& header : text_headers) count += (message.*header.member).empty() ? 0U : 1U;
  count += message.time_ms != 0 ? 1U : 0U;
  count += message.sequence != 0 ? 1U : 0U;
  count += message.attributes.empty() ? 0U : 1U;
  packer.pack_array(2);
  packer.pack_map(count);
  for (const auto& header : text_headers) {
    if ((message.*header.member).empty()) continue;
    pack_text(packer, header.name);
    pack_text(packer, message.*header.member);
  }
  if (message.time_ms != 0) {
    pack_text(packer, "time_ms");
    packer.pack(message.time_ms);
  }
  if (message.sequence != 0) {
    pack_text(packer, "sequence");
    packer.pack(message.sequence);
  }
  if (!message.attributes.empty()) {
    pack_text(packer, "attributes");
    packer.pack_map(static_cast<std::uint32_t>(message.attributes.size()));
    for (const auto& [name, attribute] : message.attributes) {
      pack_text(packer, name);
      packer.pack_array(2);
      pack_text(packer, attribute.type);
      if (attribute_kind(attribute.type) == "Binary") {
        pack_binary(packer, attribute.value);
      } else {
        pack_text(packer, attribute.value);
      }
    }
  }
  pack_binary(packer, message.body);
}

std::string pack(const Message& message) {
  constexpr std::size_t usual_headers_size = 160;
  std::string out;
  out.reserve(message.body.size() + usual_headers_size);
  pack(message, out);
  return out;
}

Result<void> unpack_message(std::string_view packed, Message& message) {
  for (const auto& header : text_headers) (message.*header.member).clear();
  message.time_ms = 0;
  message.sequence = 0;
  message.attributes.clear();
  return walk(packed, Unpacker{message});  // there is always a body
}

Result<Message> unpack_message(std::string_view packed) {
  Message message;
  if (const auto unpacked = unpack_message(packed, message); !unpacked) return Failure{unpacked.error()};
  return message;
}

Result<MessageView> view_message(std::string_view packed) {
  MessageView view;
  view.packed = packed;
  if (const auto walked = walk(packed, Viewer{view}); !walked) return Failure{walked.error()};
  return view;
}

std::string new_message_id() {
  const auto now_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::array<std::uint64_t, 2> random{};
  random_bytes(random.data(), sizeof random);
  const std::uint64_t high = static_cast<std::uint64_t>(now_ms) << 16U | 0x7000U | (random[0] & 0x0fffU);
  const std::uint64_t low = (random[1] & 0x3fffffffffffffffULL) | 0x8000000000000000ULL;
  return uuid_text(high, low);
}

std::string derived_message_id(std::string_view input_id, std::string_view port, std::uint32_t ordinal) {
  // Two independent 64-bit FNV-1a hashes: collisions matter only among the outputs of one system, never against an attacker.
  std::uint64_t high = 0xcbf29ce484222325ULL;
  std::uint64_t low = 0x84222325cbf29ce4ULL;
  const auto mix = [&](std::string_view text) {
    for (const char c : text) {
      high = (high ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
      low = (low ^ static_cast<std::uint8_t>(c)) * 0x10000000233ULL;
    }
    high = (high ^ 0xffU) * 0x100000001b3ULL;
    low = (low ^ 0xffU) * 0x10000000233ULL;
  };
  mix(input_id);
  mix(port);
  mix(std::to_string(ordinal));
  return uuid_text((high & ~0xf000ULL) | 0x8000U, (low & 0x3fffffffffffffffULL) | 0x8000000000000000ULL);
}

std::ostream& operator<<(std::ostream& out, const Message& message) {
  out << "Message{" << message.id;
  if (!message.type.empty()) out << ' ' << message.type;
  return out << ", " << message.body.size() << " B}";
}

}  // namespace remuda
