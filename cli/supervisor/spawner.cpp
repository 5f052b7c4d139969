#include "cli/supervisor/spawner.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "cli/supervisor/spawner_helper.hpp"

namespace remuda::supervisor {

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = other.release();
  }
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) close(fd_);
}

int FileDescriptor::release() {
  const int fd = fd_;
  fd_ = -1;
  return fd;
}

namespace {

Failure<Error> system_failure(const std::string& what) {
  return fail("failed", what + ": " + std::strerror(errno));
}

}  // namespace

Spawner::Spawner(FileDescriptor socket, FileDescriptor life_line, int pid)
    : socket_{std::move(socket)}, life_line_{std::move(life_line)}, pid_{pid} {}

Result<std::unique_ptr<Spawner>> Spawner::start() {
  std::array<int, 2> sockets{};
  std::array<int, 2> life{};
  // Packets keep their boundaries, arrive in order, and carry the output pipes along (SCM_RIGHTS).
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) != 0)
    return system_failure("cannot create a socket pair");
  FileDescriptor ours{sockets[0]};
  FileDescriptor theirs{sockets[1]};
  if (pipe2(life.data(), O_CLOEXEC) != 0) return system_failure("cannot create the life line");
  FileDescriptor life_reader{life[0]};
  FileDescriptor life_writer{life[1]};
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return system_failure("cannot become the reaper of orphans");

  const int pid = fork();
  if (pid < 0) return system_failure("cannot fork");
  if (pid == 0) {
    ours.reset();
    life_writer.reset();
    _exit(run_spawner_helper(theirs.get(), life_reader.get()));
  }
  // Requests never block the supervisor for long: the helper only forks and execs. Events are taken without waiting.
  return std::unique_ptr<Spawner>{new Spawner{std::move(ours), std::move(life_writer), pid}};
}

Spawner::~Spawner() {
  socket_.reset();
  life_line_.reset();
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
}

Result<void> Spawner::send(std::string_view packet, const std::vector<int>& descriptors) {
  // While 200 nodes are started the helper may be answering as we ask: neither end may wait for the other.
  while (!send_packet(socket_.get(), packet, descriptors, false)) {
    if (errno != EAGAIN && errno != EWOULDBLOCK) return system_failure("the process starter is gone");
    pollfd item{socket_.get(), POLLIN | POLLOUT, 0};
    if (poll(&item, 1, -1) < 0 && errno != EINTR) return system_failure("cannot wait for the process starter");
    if ((item.revents & (POLLIN | POLLHUP)) == 0) continue;
    if (std::optional<SpawnEvent> event = take_event()) waiting_.push_back(std::move(*event));
  }
  return {};
}

Result<void> Spawner::spawn(const SpawnRequest& request, FileDescriptor standard_output, FileDescriptor standard_error) {
  return send(encode_spawn(request), {standard_output.get(), standard_error.get()});
}

void Spawner::signal(std::uint32_t process, int number, bool whole_group) {
  // A helper that is gone has killed its children; next_event() tells.
  [[maybe_unused]] const Result<void> sent = send(encode_signal(process, number, whole_group), {});
}

std::optional<SpawnEvent> Spawner::take_event() {
  std::array<char, 4096> buffer{};
  const ssize_t size = recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return std::nullopt;
  if (size <= 0) return SpawnerGone{};
  return decode_event({buffer.data(), static_cast<std::size_t>(size)});
}

std::optional<SpawnEvent> Spawner::next_event() {
  if (waiting_.empty()) return take_event();
  SpawnEvent event = std::move(waiting_.front());
  waiting_.pop_front();
  return event;
}

}  // namespace remuda::supervisor
