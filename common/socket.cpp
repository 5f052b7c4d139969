#include "common/socket.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <ostream>
#include <random>
#include <stdexcept>
#include <tuple>
#include <utility>

#include <zmq.hpp>

namespace remuda {

namespace {

constexpr std::size_t ipc_name_size_max = 107;  // sockaddr_un, less the final zero
constexpr int handshake_limit_ms = 5'000;       // silent connections cost memory; the default is 30 s (libzmq #1019)
constexpr int backlog = 4'096;                  // the default of 100 drops SYNs when thousands reconnect at once
constexpr int reconnect_ms = 100;
constexpr int reconnect_max_ms = 2'000;

Failure<Error> invalid_endpoint(std::string_view endpoint, std::string_view why) {
  return fail("invalid_endpoint",
              "'" + std::string{endpoint} + "': " + std::string{why} + "; use tcp://HOST:PORT, ipc:///PATH or ipc://@NAME");
}

bool is_number(std::string_view text, unsigned long max) {
  if (text.empty() || text.size() > 5) return false;
  unsigned long value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<unsigned long>(c - '0');
  }
  return value <= max;
}

Result<void> check(std::string_view endpoint, bool listening) {
  constexpr std::string_view tcp = "tcp://";
  constexpr std::string_view ipc = "ipc://";
  if (endpoint.starts_with(ipc)) {
    const auto name = endpoint.substr(ipc.size());
    if (name.empty() || name == "@") return invalid_endpoint(endpoint, "the name is missing");
    if (name.size() > ipc_name_size_max) {
      return invalid_endpoint(endpoint, "an ipc name has at most 107 bytes, this one " + std::to_string(name.size()));
    }
    if (name.front() != '@' && name.front() != '/')
      return invalid_endpoint(endpoint, "an ipc path must be absolute or begin with '@'");
    if (name.find('\0') != std::string_view::npos) return invalid_endpoint(endpoint, "a name cannot hold a zero byte");
    return {};
  }
  if (!endpoint.starts_with(tcp)) return invalid_endpoint(endpoint, "only tcp and ipc are spoken");
  const auto address = endpoint.substr(tcp.size());
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return invalid_endpoint(endpoint, "host and port are expected");
  const auto host = address.substr(0, colon);
  const auto port = address.substr(colon + 1);
  if (!(listening && port == "*") && !is_number(port, 65'535)) return invalid_endpoint(endpoint, "the port must be 0 to 65535");
  if (host.find_first_of(" \t\r\n;/") != std::string_view::npos || host.find('\0') != std::string_view::npos) {
    return invalid_endpoint(endpoint, "the host has a character that no host name has");
  }
  return {};
}

/// libzmq takes an ipc path over silently when another process listens on it (#1176): ask first.
bool is_served(std::string_view ipc_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ipc_path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return false;
  const bool answered = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN;
  ::close(probe);
  return answered;
}

bool is_loopback(std::string_view endpoint) {
  if (endpoint.starts_with("ipc://")) return true;
  const auto address = endpoint.substr(std::string_view{"tcp://"}.size());
  const auto host = address.substr(0, address.rfind(':'));
  return host == "localhost" || host == "[::1]" || host == "lo" || host.starts_with("127.");
}

zmq::socket_type native_kind(SocketKind kind) {
  switch (kind) {
    case SocketKind::router:
      return zmq::socket_type::router;
    case SocketKind::dealer:
      return zmq::socket_type::dealer;
    case SocketKind::push:
      return zmq::socket_type::push;
    case SocketKind::pull:
      return zmq::socket_type::pull;
    case SocketKind::pub:
      return zmq::socket_type::pub;
    case SocketKind::xpub:
    case SocketKind::xpub_verboser:
      return zmq::socket_type::xpub;
    case SocketKind::sub:
      return zmq::socket_type::sub;
    case SocketKind::pair:
      return zmq::socket_type::pair;
  }
  throw std::logic_error{"unknown socket kind"};
}

/// Reconnecting clients must not come in step: each waits a little differently.
int jittered_reconnect_ms() {
  static thread_local std::minstd_rand random{std::random_device{}()};
  return reconnect_ms + static_cast<int>(random() % (reconnect_ms / 2));
}

}  // namespace

Context::Context(int max_sockets) {
  int major = 0;
  int minor = 0;
  int patch = 0;
  zmq::version(&major, &minor, &patch);
  if (std::tie(major, minor, patch) < std::make_tuple(4, 3, 4)) {
    throw std::runtime_error{"libzmq 4.3.4 or newer is needed (older ones crash on hostile bytes); this is " +
                             std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch) +
                             ". Install libzmq5"};
  }
  context_ = std::make_unique<zmq::context_t>();
  context_->set(zmq::ctxopt::max_sockets, max_sockets);
}
Context::~Context() = default;

Result<void> check_endpoint(std::string_view endpoint) {
  return check(endpoint, false);
}

Result<void> check_listen_endpoint(std::string_view endpoint) {
  if (auto form = check(endpoint, true); !form) return form;
  if (!is_loopback(endpoint)) {
    return fail("open_endpoint", "'" + std::string{endpoint} +
                                     "' would be open to other machines without authentication; make keys with `remuda keys init "
                                     "--keys FOLDER` and start the queue node with REMUDA_KEYS=FOLDER, or listen on "
                                     "tcp://127.0.0.1:PORT or ipc://@NAME");
  }
  return {};
}

std::ostream& operator<<(std::ostream& out, SendStatus status) {
  switch (status) {
    case SendStatus::sent:
      return out << "sent";
    case SendStatus::would_block:
      return out << "would_block";
    case SendStatus::unreachable:
      return out << "unreachable";
  }
  return out;
}

Frame::Frame() : message_{std::make_unique<zmq::message_t>()} {}
Frame::Frame(Frame&&) noexcept = default;
Frame& Frame::operator=(Frame&&) noexcept = default;
Frame::~Frame() = default;
std::string_view Frame::bytes() const {
  return {static_cast<const char*>(message_->data()), message_->size()};
}
bool Frame::more() const {
  return message_->more();
}

Socket::Socket(Context& context, SocketKind kind, const SocketOptions& options)
    : socket_{std::make_unique<zmq::socket_t>(context.native(), native_kind(kind))}, owner_{std::this_thread::get_id()} {
  socket_->set(zmq::sockopt::linger, 0);  // delivery is by confirmation; the default -1 lets a process hang at its end (#2586)
  socket_->set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(std::min(options.max_frame_size, frame_size_max)));
  socket_->set(zmq::sockopt::rcvhwm, options.receive_high_water_mark);
  socket_->set(zmq::sockopt::sndhwm, options.send_high_water_mark);
  socket_->set(zmq::sockopt::backlog, backlog);
  socket_->set(zmq::sockopt::handshake_ivl, handshake_limit_ms);
  socket_->set(zmq::sockopt::reconnect_ivl, jittered_reconnect_ms());
  socket_->set(zmq::sockopt::reconnect_ivl_max, reconnect_max_ms);
  socket_->set(zmq::sockopt::tcp_keepalive, 1);
  socket_->set(zmq::sockopt::tcp_keepalive_idle, 10);
  socket_->set(zmq::sockopt::tcp_keepalive_intvl, 5);
  socket_->set(zmq::sockopt::tcp_keepalive_cnt, 3);
  if (kind == SocketKind::router) {
    socket_->set(zmq::sockopt::router_mandatory, true);  // else frames to a peer that is gone vanish with success (#2037)
  }
  if (kind == SocketKind::dealer || kind == SocketKind::push) {
    // Frames go to living connections only; after a break the new connection begins empty (zmq_setsockopt(3), "lost").
    socket_->set(zmq::sockopt::immediate, true);
  }
  if (kind == SocketKind::xpub_verboser) {
    const int on = 1;
    zmq_setsockopt(socket_->handle(), ZMQ_XPUB_VERBOSER, &on, sizeof on);
  }
}
Socket::Socket(Socket&&) noexcept = default;
Socket& Socket::operator=(Socket&&) noexcept = default;
Socket::~Socket() = default;

void Socket::assert_owner() const {
  assert(owner_ == std::this_thread::get_id() && "a ZeroMQ socket belongs to one thread");
}

Result<std::string> Socket::listen(const std::string& endpoint) {
  assert_owner();
  if (auto allowed = check_listen_endpoint(endpoint); !allowed) return Failure{allowed.error()};
  if (endpoint.starts_with("ipc://")) {
    // Abstract names have no file rights: the kernel's word on the peer's user is the check. A path is protected by its
    // folder as well.
    const auto uid = static_cast<std::int32_t>(geteuid());
    zmq_setsockopt(socket_->handle(), ZMQ_IPC_FILTER_UID, &uid, sizeof uid);
    const auto path = std::string_view{endpoint}.substr(std::string_view{"ipc://"}.size());
    if (path.front() == '/' && is_served(path)) {
      return fail("cannot_listen",
                  "cannot listen on " + endpoint + ": another process listens there; stop it or choose another endpoint");
    }
  }
  try {
    socket_->bind(endpoint);
    return socket_->get(zmq::sockopt::last_endpoint);
  } catch (const zmq::error_t& error) {
    const bool taken = error.num() == EADDRINUSE;
    return fail("cannot_listen", "cannot listen on " + endpoint + ": " + error.what() +
                                     (taken ? "; another process listens there: stop it or choose another endpoint" : ""));
  }
}

Result<void> Socket::connect(const std::string& endpoint) {
  assert_owner();
  if (auto form = check_endpoint(endpoint); !form) return form;
  try {
    socket_->connect(endpoint);
    return {};
  } catch (const zmq::error_t& error) {
    return fail("invalid_endpoint", "cannot connect to " + endpoint + ": " + error.what());
  }
}

void Socket::disconnect(const std::string& endpoint) {
  assert_owner();
  try {
    socket_->disconnect(endpoint);
  } catch (const zmq::error_t& error) {
    if (error.num() != ENOENT) throw;
  }
}

void Socket::subscribe(std::string_view prefix) {
  assert_owner();
  socket_->set(zmq::sockopt::subscribe, zmq::buffer(prefix.data(), prefix.size()));
}

void Socket::linger(std::chrono::milliseconds time) {
  assert_owner();
  socket_->set(zmq::sockopt::linger, static_cast<int>(time.count()));
}

namespace {

/// The one place where an interrupted or refused send is looked at.
SendStatus send_part(void* socket, std::string_view bytes, int flags) {
  while (zmq_send(socket, bytes.data(), bytes.size(), flags | ZMQ_DONTWAIT) < 0) {
    switch (zmq_errno()) {
      case EINTR:
        continue;
      case EAGAIN:
        return SendStatus::would_block;
      case EHOSTUNREACH:
        return SendStatus::unreachable;
      default:
        throw zmq::error_t{};  // a socket used wrongly: our own mistake
    }
  }
  return SendStatus::sent;
}

bool receive_part(void* socket, zmq::message_t& message) {
  while (zmq_msg_recv(message.handle(), socket, ZMQ_DONTWAIT) < 0) {
    switch (zmq_errno()) {
      case EINTR:
        continue;
      case EAGAIN:
        return false;
      default:
        throw zmq::error_t{};
    }
  }
  return true;
}

}  // namespace

SendStatus Socket::send(std::string_view frame) {
  assert_owner();
  return send_part(socket_->handle(), frame, 0);
}

bool Socket::can_send() const {
  assert_owner();
  return (socket_->get(zmq::sockopt::events) & ZMQ_POLLOUT) != 0;
}

SendStatus Socket::send_to(std::string_view routing_id, std::string_view frame) {
  assert_owner();
  const SendStatus addressed = send_part(socket_->handle(), routing_id, ZMQ_SNDMORE);
  if (addressed != SendStatus::sent) return addressed;
  return send_part(socket_->handle(), frame, 0);
}

bool Socket::receive(Frame& frame) {
  assert_owner();
  return receive_part(socket_->handle(), frame.native());
}

Arrival Socket::receive_from(Frame& routing_id, Frame& frame) {
  assert_owner();
  if (!receive_part(socket_->handle(), routing_id.native())) return Arrival::nothing;
  // Parts of a message arrive together: once the first is here, the others are.
  if (!routing_id.more() || !receive_part(socket_->handle(), frame.native())) return Arrival::multipart;
  if (!frame.more()) return Arrival::frame;
  Frame rest;
  do {
    if (!receive_part(socket_->handle(), rest.native())) break;
  } while (rest.more());
  return Arrival::multipart;
}

zmq_pollitem_t Socket::poll_item(short events) const {
  return {socket_->handle(), 0, events, 0};
}

ConnectionMonitor::ConnectionMonitor(Context& context, Socket& socket) : watched_{socket} {
  // Never an address of ours: libzmq gives an inproc name back late, and memory is reused at once.
  static std::atomic<std::uint64_t> monitors{0};
  const std::string endpoint = "inproc://remuda-monitor-" + std::to_string(++monitors);
  if (zmq_socket_monitor(socket.native().handle(), endpoint.c_str(), ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) != 0) {
    throw std::runtime_error{std::string{"cannot watch a connection: "} + zmq_strerror(zmq_errno())};
  }
  events_.emplace(context, SocketKind::pair);
  events_->native().connect(endpoint);
}

ConnectionMonitor::~ConnectionMonitor() {
  zmq_socket_monitor(watched_.native().handle(), nullptr, 0);
}

std::optional<ConnectionMonitor::Event> ConnectionMonitor::next() {
  Frame event;
  if (!events_->receive(event)) return std::nullopt;
  Frame address;  // its second frame
  events_->receive(address);
  std::uint16_t number = 0;
  if (event.bytes().size() >= sizeof number) event.bytes().copy(reinterpret_cast<char*>(&number), sizeof number);
  return number == ZMQ_EVENT_HANDSHAKE_SUCCEEDED ? Event::connected : Event::disconnected;
}

zmq_pollitem_t ConnectionMonitor::poll_item() const {
  return events_->poll_item();
}

int poll(std::span<zmq_pollitem_t> items, long timeout_ms) {
  const int ready = zmq_poll(items.data(), static_cast<int>(items.size()), timeout_ms);
  if (ready < 0 && zmq_errno() != EINTR) throw zmq::error_t{};
  if (ready >= 0) return ready;
  for (auto& item : items) item.revents = 0;
  return 0;
}

}  // namespace remuda
