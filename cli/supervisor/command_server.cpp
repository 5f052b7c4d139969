#include "cli/supervisor/command_server.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace remuda::supervisor {

namespace {

std::optional<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

bool send_all(int fd, std::string_view bytes, int timeout_ms) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) return false;
    pollfd item{fd, POLLOUT, 0};
    if (poll(&item, 1, timeout_ms) <= 0) return false;
  }
  return true;
}

}  // namespace

Result<CommandServer> CommandServer::listen(const std::string& path) {
  const std::optional<sockaddr_un> address = address_of(path);
  if (!address)
    return fail("failed", fmt::format("{} is too long for a socket (107 bytes); set XDG_RUNTIME_DIR to a shorter folder", path));
  FileDescriptor listener{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  unlink(path.c_str());
  const mode_t before = umask(0177);  // the socket must never exist with wider rights, not even for a moment
  const bool bound = listener.is_open() && bind(listener.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0;
  const int error = errno;
  umask(before);
  if (!bound || ::listen(listener.get(), static_cast<int>(connections_max)) != 0) {
    return fail("failed", fmt::format("cannot listen on {}: {}", path, std::strerror(error)));
  }
  return CommandServer{std::move(listener)};
}

void CommandServer::append_poll_items(std::vector<zmq_pollitem_t>& items) const {
  items.push_back({nullptr, listener_.get(), ZMQ_POLLIN, 0});
  for (const auto& [id, connection] : connections_) items.push_back({nullptr, connection.fd.get(), ZMQ_POLLIN, 0});
}

std::vector<CommandRequest> CommandServer::on_readable() {
  while (connections_.size() < connections_max) {
    FileDescriptor fd{accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!fd.is_open()) break;
    connections_.emplace(next_connection_++, Connection{std::move(fd), {}, false});
  }
  std::vector<CommandRequest> requests;
  for (auto it = connections_.begin(); it != connections_.end();) {
    auto& [id, connection] = *it;
    std::array<char, 4096> buffer{};
    ssize_t size = 0;
    while ((size = recv(connection.fd.get(), buffer.data(), buffer.size(), 0)) > 0 &&
           connection.received.size() <= request_size_max) {
      connection.received.append(buffer.data(), static_cast<std::size_t>(size));
    }
    const bool gone = size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR);
    const std::size_t end = connection.received.find('\n');
    if (!connection.asked && end != std::string::npos) {
      connection.asked = true;
      requests.push_back({id, connection.received.substr(0, end)});
    }
    // A caller that was interrupted takes its question away, not its effect.
    it = gone || connection.received.size() > request_size_max ? connections_.erase(it) : std::next(it);
  }
  return requests;
}

void CommandServer::answer(std::uint64_t connection, const std::string& json) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return;
  send_all(found->second.fd.get(), json + "\n", 100);
  connections_.erase(found);
}

Result<std::string> ask_supervisor(const std::string& socket_path, const std::string& json, int timeout_ms) {
  const std::optional<sockaddr_un> address = address_of(socket_path);
  const FileDescriptor fd{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!address || !fd.is_open() || connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0 ||
      !send_all(fd.get(), json + "\n", timeout_ms)) {
    return fail("not_running", "its supervisor does not answer");
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds{timeout_ms};
  std::string answer;
  while (answer.empty() || answer.back() != '\n') {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd item{fd.get(), POLLIN, 0};
    const int ready = left > 0 ? poll(&item, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return fail_unknown("timed_out", fmt::format("no answer within {} s", timeout_ms / 1000));
    std::array<char, 16384> buffer{};
    const ssize_t size = recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return fail("not_running", "its supervisor ended before it answered");
    answer.append(buffer.data(), static_cast<std::size_t>(size));
  }
  answer.pop_back();
  return answer;
}

}  // namespace remuda::supervisor
