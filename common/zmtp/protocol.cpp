#include "common/zmtp/protocol.hpp"

#include <algorithm>

#include <ostream>
#include <utility>

#include "common/zmtp/curve.hpp"

namespace remuda::zmtp {

namespace {

using namespace std::string_view_literals;

// Flags of a frame.
constexpr std::uint8_t more = 1;
constexpr std::uint8_t long_size = 2;
constexpr std::uint8_t command = 4;

constexpr std::string_view signature_begin = "\xFF"sv;  // eight bytes that only old versions read
constexpr char signature_end = '\x7F';
constexpr std::size_t version_at = 10;
constexpr std::size_t mechanism_at = 12;
constexpr std::size_t mechanism_size = 20;
constexpr std::size_t ping_ttl_size = 2;
constexpr std::size_t ping_context_size_max = 16;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) value = value << 8U | byte_at(bytes, i);
  return value;
}

void append_big_endian(std::uint64_t value, int size, std::string& out) {
  for (int i = size - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i) & 0xFFU));
}

void append_property(std::string_view name, std::string_view value, std::string& out) {
  out.push_back(static_cast<char>(name.size()));
  out += name;
  append_big_endian(value.size(), 4, out);
  out += value;
}

}  // namespace

// ---- what we say ----

namespace {
void append_greeting(std::string_view mechanism, bool as_server, std::string& out) {
  std::string greeting{signature_begin};
  append_big_endian(1, 8, greeting);
  greeting.push_back(signature_end);
  greeting.push_back(3);
  greeting.push_back(1);
  greeting += mechanism;
  greeting.resize(mechanism_at + mechanism_size, '\0');
  greeting.push_back(as_server ? '\1' : '\0');
  greeting.resize(greeting_size, '\0');
  out += greeting;
}

std::string metadata_of(std::string_view socket_type) {
  std::string metadata;
  append_property("Socket-Type", socket_type, metadata);
  append_property("Identity", {}, metadata);
  return metadata;
}
}  // namespace

void append_command_frame(std::string_view name, std::string_view data, std::string& out) {
  const std::uint64_t size = 1 + name.size() + data.size();
  if (size <= 0xFF) {
    out.push_back(static_cast<char>(command));
    out.push_back(static_cast<char>(size));
  } else {
    out.push_back(static_cast<char>(command | long_size));
    append_big_endian(size, 8, out);
  }
  out.push_back(static_cast<char>(name.size()));
  out += name;
  out += data;
}

void append_opening(std::string_view socket_type, std::string& out) {
  append_greeting("NULL", false, out);
  append_command_frame("READY", metadata_of(socket_type), out);
}

void append_opening(std::string_view socket_type, Curve& curve, std::string& out) {
  append_greeting("CURVE", curve.is_server(), out);
  curve.set_metadata(metadata_of(socket_type));
  if (!curve.is_server()) curve.append_hello(out);
}

void append_refusal(std::string_view reason, std::string& out) {
  constexpr std::size_t reason_max = 200;
  append_greeting("NULL", false, out);
  std::string data;
  data.push_back(static_cast<char>(std::min(reason.size(), reason_max)));
  data += reason.substr(0, reason_max);
  append_command_frame("ERROR", data, out);
}

void append_frame_header(std::uint64_t body_size, std::string& out) {
  if (body_size <= 0xFF) {
    out.push_back(0);
    out.push_back(static_cast<char>(body_size));
  } else {
    out.push_back(static_cast<char>(long_size));
    append_big_endian(body_size, 8, out);
  }
}

void append_pong(std::string_view context, std::string& out) {
  append_command_frame("PONG", context, out);
}

std::string pong_body(std::string_view context) {
  return std::string{"\4PONG"}.append(context);
}

// ---- what the peer says ----

Decoder::Event Decoder::incomplete(std::uint64_t wanted) {
  wanted_ = wanted;
  return Event::incomplete;
}

Decoder::Event Decoder::refuse(std::string problem) {
  state_ = State::refused;
  problem_ = std::move(problem);
  return Event::refused;
}

Decoder::Event Decoder::next(std::string_view& bytes, std::string_view& content) {
  if (state_ == State::refused) return Event::refused;
  if (state_ == State::greeting) {
    if (const Event event = take_greeting(bytes); event != Event::opened) return event;
  }
  while (true) {
    if (bytes.size() < 2) return incomplete(2);
    std::uint8_t flags = byte_at(bytes, 0);
    if ((flags & ~(more | long_size | command)) != 0) return refuse("a frame with unknown flags");
    if ((flags & command) != 0 && (flags & more) != 0) return refuse("a command of several frames");
    const std::size_t header_size = (flags & long_size) != 0 ? frame_header_size_max : 2;
    if (bytes.size() < header_size) return incomplete(header_size);
    const std::uint64_t size = big_endian(bytes.substr(1, header_size - 1));
    if (size > max_frame_size_ + (curve_ != nullptr ? Curve::overhead : 0))
      return refuse("a frame of " + std::to_string(size) + " bytes");
    if (bytes.size() < header_size + size) return incomplete(header_size + size);
    std::string_view body = bytes.substr(header_size, static_cast<std::size_t>(size));
    bytes.remove_prefix(header_size + body.size());
    if (curve_ != nullptr && state_ == State::open && !unseal(body, flags)) return Event::refused;
    if ((flags & command) != 0) {
      const Event event = on_command(body, content);
      if (event == Event::incomplete) continue;  // a command without a meaning for us
      return event;
    }
    if (state_ != State::open) return refuse("a frame before READY");
    const bool is_part = in_multipart_ || (flags & more) != 0;
    in_multipart_ = (flags & more) != 0;
    if (in_multipart_) continue;
    content = body;
    return is_part ? Event::multipart : Event::frame;
  }
}

bool Decoder::unseal(std::string_view& body, std::uint8_t& flags) {
  std::uint8_t inside = 0;
  const auto plain = flags == 0 || flags == long_size ? curve_->unseal(body, inside) : std::nullopt;
  if (!plain || (inside & ~(more | sealed_command)) != 0) {
    refuse("a frame that the peer did not seal, or not as the next one");
    return false;
  }
  body = *plain;
  flags = static_cast<std::uint8_t>((inside & more) | ((inside & sealed_command) != 0 ? command : 0));
  if (flags == (more | command)) refuse("a command of several frames");
  return state_ != State::refused;
}

std::string Decoder::take_answer() {
  return std::exchange(answer_, {});
}

/// `opened` here: the greeting is right, READY may follow.
Decoder::Event Decoder::take_greeting(std::string_view& bytes) {
  // Refused as soon as it is certain: whoever speaks something else may never send 64 bytes.
  if (!bytes.empty() && bytes[0] != signature_begin[0]) return refuse("no ZMTP");
  if (bytes.size() >= version_at && (bytes[version_at - 1] & 1) == 0) return refuse("no ZMTP");
  if (bytes.size() > version_at && byte_at(bytes, version_at) < 3) return refuse("a ZMTP version below 3");
  if (bytes.size() < greeting_size) return incomplete(greeting_size);
  std::string_view mechanism = bytes.substr(mechanism_at, mechanism_size);
  mechanism = mechanism.substr(0, mechanism.find('\0'));
  if (curve_ == nullptr && mechanism == "CURVE")
    return refuse("the peer wants keys ('CURVE'); set REMUDA_KEYS to this machine's folder of keys (`remuda keys --help`)");
  if (curve_ != nullptr && mechanism != "CURVE") {
    return refuse("the peer comes without keys ('" + std::string{mechanism} +
                  "') where they are wanted; set REMUDA_KEYS there to a folder that `remuda keys add-host` made");
  }
  if (curve_ == nullptr && mechanism != "NULL") return refuse("the security mechanism '" + std::string{mechanism} + "'");
  bytes.remove_prefix(greeting_size);
  state_ = State::ready;
  return Event::opened;
}

/// `incomplete` here: nothing to tell.
Decoder::Event Decoder::on_command(std::string_view body, std::string_view& content) {
  const std::size_t name_size = body.empty() ? 0 : byte_at(body, 0);
  if (name_size == 0 || body.size() < 1 + name_size) return refuse("a command without a name");
  const std::string_view name = body.substr(1, name_size);
  const std::string_view data = body.substr(1 + name_size);
  if (name == "ERROR") {
    const std::size_t size = data.empty() ? 0 : byte_at(data, 0);
    return refuse("the peer refuses the connection: " + std::string{data.substr(std::min<std::size_t>(1, data.size()), size)});
  }
  if (state_ == State::ready && curve_ != nullptr) return on_handshake(name, data);
  if (state_ == State::ready) return name == "READY" ? on_ready(data) : refuse("a command before READY");
  if (name == "PING") {
    if (data.size() < ping_ttl_size || data.size() > ping_ttl_size + ping_context_size_max) return refuse("a malformed PING");
    content = data.substr(ping_ttl_size);
    return Event::ping;
  }
  return Event::incomplete;
}

/// `incomplete` here: it goes on.
Decoder::Event Decoder::on_handshake(std::string_view name, std::string_view data) {
  switch (curve_->on_command(name, data, answer_)) {
    case Curve::Step::go_on:
      return Event::incomplete;
    case Curve::Step::opened:
      return on_ready(curve_->peer_metadata());
    case Curve::Step::refused:
      break;
  }
  return refuse(curve_->problem());
}

Decoder::Event Decoder::on_ready(std::string_view metadata) {
  std::string_view type;
  while (!metadata.empty()) {
    const std::size_t name_size = byte_at(metadata, 0);
    if (metadata.size() < 1 + name_size + 4) return refuse("malformed metadata");
    const std::string_view name = metadata.substr(1, name_size);
    const std::uint64_t value_size = big_endian(metadata.substr(1 + name_size, 4));
    metadata.remove_prefix(1 + name_size + 4);
    if (metadata.size() < value_size) return refuse("malformed metadata");
    if (name == "Socket-Type") type = metadata.substr(0, static_cast<std::size_t>(value_size));
    metadata.remove_prefix(static_cast<std::size_t>(value_size));
  }
  if (type != wanted_type_) return refuse("a socket of type '" + std::string{type} + "' where a " + wanted_type_ + " is expected");
  state_ = State::open;
  return Event::opened;
}

std::ostream& operator<<(std::ostream& out, Decoder::Event event) {
  switch (event) {
    case Decoder::Event::incomplete:
      return out << "incomplete";
    case Decoder::Event::opened:
      return out << "opened";
    case Decoder::Event::frame:
      return out << "frame";
    case Decoder::Event::multipart:
      return out << "multipart";
    case Decoder::Event::ping:
      return out << "ping";
    case Decoder::Event::refused:
      return out << "refused";
  }
  return out << "unknown";
}

}  // namespace remuda::zmtp
