#pragma once
// ZMTP 3, ZeroMQ's wire protocol, for the two socket types that the queue node needs: what a DEALER and a ROUTER say to each other.
// Pure: bytes in, frames out; no socket. Security mechanism NULL for loopback and ipc, CURVE (curve.hpp) where keys are used; a
// connection has the one that this end chose, or none at all.
//
// Why not libzmq here: its sockets hand every frame to another thread and back. Between a client and the queue node that makes four
// extra wake-ups, which cost as much as the disk. The peer may be libzmq: the bytes are the same.
//
// Source: https://rfc.zeromq.org/spec/23/ (ZMTP 3.0) and /spec/37/ (3.1: PING and PONG).

#include <cstdint>
#include <string>
#include <string_view>

namespace remuda::zmtp {

class Curve;

inline constexpr std::size_t greeting_size = 64;
inline constexpr std::size_t frame_header_size_max = 9;

/// Greeting and READY: everything a side says before its first frame. `socket_type` is "DEALER" or "ROUTER".
void append_opening(std::string_view socket_type, std::string& out);
/// The same over CURVE, as far as it can be said unasked.
void append_opening(std::string_view socket_type, Curve& curve, std::string& out);
void append_command_frame(std::string_view name, std::string_view data, std::string& out);
/// Greeting and ERROR: all that a side says to whom it does not serve. At most 200 bytes of the reason are told.
void append_refusal(std::string_view reason, std::string& out);
void append_frame_header(std::uint64_t body_size, std::string& out);
void append_pong(std::string_view context, std::string& out);
/// The body of a PONG, for those who seal it.
std::string pong_body(std::string_view context);
inline constexpr std::uint8_t sealed_command = 2;  ///< flag inside a sealed frame

/// Cuts what one peer sends into events.
class Decoder {
 public:
  enum class Event {
    incomplete,  ///< the rest of something has yet to come
    opened,      ///< greeting and READY were right: frames may follow
    frame,       ///< content: a message of one frame
    multipart,   ///< a message of several frames has passed; its content is dropped
    ping,        ///< content: the context to answer with
    refused,     ///< the peer does not speak what we do: end the connection; problem() says why
  };

  /// Frames above `max_frame_size` are refused. `wanted_type` is the peer's socket type.
  /// `curve`, which must outlive the decoder, is null for NULL.
  Decoder(std::string_view wanted_type, std::uint64_t max_frame_size, Curve* curve = nullptr)
      : wanted_type_{wanted_type}, max_frame_size_{max_frame_size}, curve_{curve} {}

  /// Takes one event off the front of `bytes`; nothing when it is `incomplete`. `content` is valid until the next call, and no longer
  /// than `bytes`.
  Event next(std::string_view& bytes, std::string_view& content);
  /// What the peer must be told after next(): the handshake's answers.
  std::string take_answer();
  /// After `incomplete`: how many bytes the next event begins with at least, as far as is known.
  [[nodiscard]] std::uint64_t wanted() const { return wanted_; }
  [[nodiscard]] bool is_open() const { return state_ == State::open; }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  enum class State { greeting, ready, open, refused };

  Event incomplete(std::uint64_t wanted);
  Event refuse(std::string problem);
  Event take_greeting(std::string_view& bytes);
  Event on_command(std::string_view body, std::string_view& content);
  Event on_handshake(std::string_view name, std::string_view data);
  Event on_ready(std::string_view metadata);
  /// One frame's body and flags, opened if it is sealed. False: refused.
  bool unseal(std::string_view& body, std::uint8_t& flags);

  std::string wanted_type_;
  std::uint64_t max_frame_size_;
  Curve* curve_;
  std::string answer_;
  State state_ = State::greeting;
  bool in_multipart_ = false;
  std::uint64_t wanted_ = greeting_size;
  std::string problem_;
};

std::ostream& operator<<(std::ostream& out, Decoder::Event event);

}  // namespace remuda::zmtp
