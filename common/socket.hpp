#pragma once
// ZeroMQ sockets with the settings that libzmq 4.3.4 needs to be safe, in one place. A thin layer: it adds no threads, no queues
// and no meaning. What ZeroMQ does not promise (delivery, order across connections) is not promised here either.
//
// Every socket: LINGER 0 unless asked for a moment, a frame size limit, no ZMTP heartbeats (a stalled reader would abort the process, libzmq #3596),
// reconnect with back-off and jitter, TCP keep-alive, a 5 s handshake limit, never a blocking send. One Context per process; one
// owner thread per socket (asserted). ipc endpoints accept connections of this user only.
//
// Source: zmq_setsockopt(3); the issues named beside each setting in socket.cpp.

#include <zmq.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "common/result.hpp"

namespace zmq {
class context_t;
class message_t;
class socket_t;
}  // namespace zmq

namespace remuda {

inline constexpr std::uint64_t frame_size_default = 4ULL * 1024 * 1024;  ///< messages of 1 MiB, in batches
inline constexpr std::uint64_t frame_size_max = 64ULL * 1024 * 1024;

/// The process's ZeroMQ context. Create exactly one, after the last fork, and let it outlive every socket.
/// Throws std::runtime_error when the library is older than 4.3.4 (known remote crashes).
class Context {
 public:
  explicit Context(int max_sockets = 16'384);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context();
  [[nodiscard]] zmq::context_t& native() { return *context_; }

 private:
  std::unique_ptr<zmq::context_t> context_;
};

/// Says whether `endpoint` has a form that can be connected to: `tcp://HOST:PORT`, `ipc:///path`, `ipc://@abstract-name`.
/// Errors: `invalid_endpoint` (definite), with what is allowed.
Result<void> check_endpoint(std::string_view endpoint);
/// The same for listening: also refuses every tcp address that is not loopback, because there is no authentication on this
/// socket yet (`open_endpoint`, with the remedy).
Result<void> check_listen_endpoint(std::string_view endpoint);

enum class SocketKind { router, dealer, push, pull, pub, xpub, xpub_verboser, sub, pair };

struct SocketOptions {
  std::uint64_t max_frame_size = frame_size_default;  ///< larger frames end the connection; at most frame_size_max
  int receive_high_water_mark = 1'000;                ///< frames per peer; 0: no limit
  int send_high_water_mark = 1'000;
};

/// What became of a send. Nothing of it means that the peer has the frame.
enum class SendStatus {
  sent,         ///< handed to libzmq
  would_block,  ///< high-water mark reached, or nobody is connected: keep it and wait for POLLOUT
  unreachable,  ///< ROUTER only: no such peer any more
};
std::ostream& operator<<(std::ostream& out, SendStatus status);

/// What a ROUTER found waiting.
enum class Arrival { nothing, frame, multipart };

/// One received frame; reuse it, its bytes are valid until the next receive into it.
class Frame {
 public:
  Frame();
  Frame(Frame&&) noexcept;
  Frame& operator=(Frame&&) noexcept;
  ~Frame();
  [[nodiscard]] std::string_view bytes() const;
  [[nodiscard]] bool more() const;  ///< another frame of the same multipart message follows
  [[nodiscard]] zmq::message_t& native() { return *message_; }

 private:
  std::unique_ptr<zmq::message_t> message_;
};

class Socket {
 public:
  Socket(Context& context, SocketKind kind, const SocketOptions& options = {});
  Socket(Socket&&) noexcept;
  Socket& operator=(Socket&&) noexcept;
  ~Socket();

  /// Listens; returns the endpoint as bound (`tcp://127.0.0.1:*` gets a port). Errors: as check_listen_endpoint, `cannot_listen`.
  Result<std::string> listen(const std::string& endpoint);
  /// Connects now or later: a peer that is not there yet is no error. Errors: as check_endpoint.
  Result<void> connect(const std::string& endpoint);
  /// Ends a connection; what came by it and was not received is lost. Nothing happens when there is none.
  void disconnect(const std::string& endpoint);
  void subscribe(std::string_view prefix);  ///< SUB
  /// How long what was handed to libzmq and is not written yet holds up the end of the context, once this socket is closed. Only for
  /// sockets whose frames nobody sends again.
  void linger(std::chrono::milliseconds time);

  [[nodiscard]] SendStatus send(std::string_view frame);
  /// Whether a send would be taken now.
  [[nodiscard]] bool can_send() const;
  /// ROUTER: to the peer that `routing_id` names.
  [[nodiscard]] SendStatus send_to(std::string_view routing_id, std::string_view frame);
  /// False when nothing is waiting.
  bool receive(Frame& frame);
  /// ROUTER: the next message, with who sent it. One of several frames is discarded: only its routing id is left.
  Arrival receive_from(Frame& routing_id, Frame& frame);

  [[nodiscard]] zmq_pollitem_t poll_item(short events = ZMQ_POLLIN) const;
  [[nodiscard]] zmq::socket_t& native() { return *socket_; }

 private:
  void assert_owner() const;

  std::unique_ptr<zmq::socket_t> socket_;
  std::thread::id owner_;
};

/// Tells when a connecting socket's connection came up or broke.
class ConnectionMonitor {
 public:
  enum class Event { connected, disconnected };
  ConnectionMonitor(Context& context, Socket& socket);
  ConnectionMonitor(const ConnectionMonitor&) = delete;
  ConnectionMonitor& operator=(const ConnectionMonitor&) = delete;
  ~ConnectionMonitor();
  /// The next event in order of time; nothing when none is waiting.
  std::optional<Event> next();
  [[nodiscard]] zmq_pollitem_t poll_item() const;

 private:
  Socket& watched_;
  std::optional<Socket> events_;
};

/// Waits until an item is ready or `timeout_ms` has passed (-1: for ever). An interrupted wait returns 0.
int poll(std::span<zmq_pollitem_t> items, long timeout_ms);

}  // namespace remuda
