#include "common/zmtp/stream_socket.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "common/socket.hpp"
#include "common/zmtp/protocol.hpp"

namespace remuda::zmtp {

namespace {

constexpr std::string_view tcp = "tcp://";
constexpr std::string_view ipc = "ipc://";
constexpr int backlog = 4'096;  // thousands may reconnect at once

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// The form of the endpoint was checked.
Address ipc_address(std::string_view name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path, sizeof address.sun_path - 1);
  std::size_t size = offsetof(sockaddr_un, sun_path) + name.size();
  if (name.front() == '@') {
    address.sun_path[0] = '\0';  // an abstract name
  } else {
    ++size;
  }
  Address result;
  std::memcpy(&result.storage, &address, sizeof address);
  result.size = static_cast<socklen_t>(size);
  return result;
}

Result<Address> tcp_address(std::string_view host_and_port) {
  const std::size_t colon = host_and_port.rfind(':');
  std::string host{host_and_port.substr(0, colon)};
  std::string port{host_and_port.substr(colon + 1)};
  if (host == "lo") host = "127.0.0.1";
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (port == "*") port = "0";
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return fail("unreachable", "'" + host + "': " + gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner{found, freeaddrinfo};
  Address result;
  std::memcpy(&result.storage, found->ai_addr, found->ai_addrlen);
  result.size = found->ai_addrlen;
  return result;
}

Result<Address> address_of(std::string_view endpoint) {
  if (endpoint.starts_with(ipc)) return ipc_address(endpoint.substr(ipc.size()));
  return tcp_address(endpoint.substr(tcp.size()));
}

void set(int socket, int level, int option, int value) {
  // An option that the kernel does not take changes speed or how soon a dead peer is noticed, never what is right.
  static_cast<void>(setsockopt(socket, level, option, &value, sizeof value));
}

/// Small frames leave at once; peers that vanished without a word are noticed.
void tune_tcp(int socket) {
  set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(socket, IPPROTO_TCP, TCP_KEEPIDLE, 10);
  set(socket, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

/// Abstract names have no file rights, so the kernel's word on the peer's user is the check.
bool is_of_this_user(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

/// A path may be left over from a process that was killed, or in use: only the former may be taken over.
bool is_served(const Address& address) {
  const Descriptor probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  return probe.is_open() && (::connect(probe.get(), address.get(), address.size) == 0 || errno == EAGAIN);
}

Failure<Error> cannot_listen(const std::string& endpoint, const std::string& why) {
  return fail("cannot_listen", "cannot listen on " + endpoint + ": " + why);
}

constexpr const char* in_use = "another process listens there; stop it or choose another endpoint";

std::uint16_t bound_port(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port
                                             : reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

}  // namespace

Result<Listener> listen_at(const std::string& endpoint, bool shows_keys) {
  if (auto allowed = check_listen_endpoint(endpoint); !allowed && !(shows_keys && allowed.error().code == "open_endpoint"))
    return Failure{allowed.error()};
  const auto address = address_of(endpoint);
  if (!address) return cannot_listen(endpoint, address.error().message);
  Listener listener;
  listener.endpoint = endpoint;
  listener.is_ipc = endpoint.starts_with(ipc);
  listener.socket = Descriptor{::socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!listener.socket.is_open()) return cannot_listen(endpoint, std::strerror(errno));
  const int socket = listener.socket.get();
  if (!listener.is_ipc) set(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  if (listener.is_ipc && endpoint[ipc.size()] == '/') {
    if (is_served(*address)) return cannot_listen(endpoint, in_use);
    listener.path = endpoint.substr(ipc.size());
    ::unlink(listener.path.c_str());
  }
  if (::bind(socket, address->get(), address->size) != 0 || ::listen(socket, backlog) != 0) {
    return cannot_listen(endpoint, errno == EADDRINUSE ? in_use : std::strerror(errno));
  }
  if (!listener.is_ipc) listener.endpoint = endpoint.substr(0, endpoint.rfind(':') + 1) + std::to_string(bound_port(socket));
  return listener;
}

Descriptor accept_from(const Listener& listener, bool& full) {
  full = false;
  while (true) {
    Descriptor socket{::accept4(listener.socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!socket.is_open()) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      full = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
      return socket;
    }
    if (listener.is_ipc && !is_of_this_user(socket.get())) continue;
    if (!listener.is_ipc) tune_tcp(socket.get());
    return socket;
  }
}

std::string address_of_peer(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  char text[NI_MAXHOST] = "";
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "unknown";
  const int error = getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
  return error == 0 ? text : "unknown";
}

void refuse_peer(int socket, std::string_view reason) {
  std::string out;
  append_refusal(reason, out);
  static_cast<void>(::send(socket, out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  ::shutdown(socket, SHUT_WR);  // what was said arrives before the end
}

Result<Descriptor> begin_connect(const std::string& endpoint) {
  if (auto form = check_endpoint(endpoint); !form) return Failure{form.error()};
  const auto address = address_of(endpoint);
  if (!address) return Failure{address.error()};
  Descriptor socket{::socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket.is_open()) return fail("unreachable", std::strerror(errno));
  if (!endpoint.starts_with(ipc)) tune_tcp(socket.get());
  if (::connect(socket.get(), address->get(), address->size) != 0 && errno != EINPROGRESS) {
    return fail("unreachable", std::strerror(errno));
  }
  return socket;
}

}  // namespace remuda::zmtp
