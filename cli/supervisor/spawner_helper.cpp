#include "cli/supervisor/spawner_helper.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <msgpack.hpp>

#include "common/msgpack_reader.hpp"

namespace remuda::supervisor {

namespace {

constexpr std::size_t packet_size_max = std::size_t{1} << 20;

class BufferStream {
 public:
  explicit BufferStream(std::string& out) : out_{&out} {}
  void write(const char* data, std::size_t size) { out_->append(data, size); }

 private:
  std::string* out_;
};

template <class... Fields>
std::string pack_array(const Fields&... fields) {
  std::string packet;
  BufferStream stream{packet};
  msgpack::packer<BufferStream> packer{stream};
  packer.pack_array(sizeof...(fields));
  (packer.pack(fields), ...);
  return packet;
}

struct ReceivedPacket {
  std::string bytes;
  std::vector<FileDescriptor> descriptors;
};

/// Nothing: the other end is gone.
std::optional<ReceivedPacket> receive_packet(int socket) {
  ReceivedPacket packet;
  packet.bytes.resize(packet_size_max);
  iovec part{packet.bytes.data(), packet.bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t size = -1;
  do {
    size = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size <= 0) return std::nullopt;
  packet.bytes.resize(static_cast<std::size_t>(size));
  for (cmsghdr* part_header = CMSG_FIRSTHDR(&header); part_header != nullptr; part_header = CMSG_NXTHDR(&header, part_header)) {
    if (part_header->cmsg_level != SOL_SOCKET || part_header->cmsg_type != SCM_RIGHTS) continue;
    std::array<int, 2> fds{};
    const std::size_t count = std::min<std::size_t>(2, (part_header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(fds.data(), CMSG_DATA(part_header), count * sizeof(int));
    for (std::size_t i = 0; i < count; ++i) packet.descriptors.emplace_back(fds.at(i));
  }
  return packet;
}

/// A string vector in the form that execve wants; points into `texts`.
std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

/// Why a child could not become its program; goes through a pipe, so it owns nothing.
struct Obstacle {
  enum class Step { program, memory_max, nofile, nice };
  Step step = Step::program;
  int error = 0;
};

/// In the child. The limits that a process of ours already has may be tighter: then the kernel says no.
std::optional<Obstacle> limit_this_process(const topology::ResourceLimits& limits) {
  using Step = Obstacle::Step;
  const auto refuses = [](auto resource, std::uint64_t most) {
    const rlimit limit{most, most};
    return setrlimit(resource, &limit) != 0;
  };
  if (limits.nofile && refuses(RLIMIT_NOFILE, static_cast<std::uint64_t>(*limits.nofile))) return Obstacle{Step::nofile, errno};
  if (limits.nice && setpriority(PRIO_PROCESS, 0, *limits.nice) != 0) return Obstacle{Step::nice, errno};
  if (limits.memory_max_bytes && refuses(RLIMIT_DATA, *limits.memory_max_bytes)) return Obstacle{Step::memory_max, errno};
  return std::nullopt;
}

/// A sentence that ends with what to do.
std::string sentence(const SpawnRequest& request, const Obstacle& obstacle) {
  const std::string reason = std::strerror(obstacle.error);
  switch (obstacle.step) {
    case Obstacle::Step::program:
      break;
    case Obstacle::Step::memory_max:
      return fmt::format("cannot start {}: its memory_max is refused ({}); lower it, or raise `ulimit -Hd` where remuda is started",
                         request.path, reason);
    case Obstacle::Step::nofile:
      return fmt::format("cannot start {}: nofile = {} is refused ({}); lower it, or raise `ulimit -Hn` where remuda is started",
                         request.path, request.limits.nofile.value_or(0), reason);
    case Obstacle::Step::nice:
      return fmt::format("cannot start {}: nice = {} is refused ({}); only root may go below what remuda itself runs with",
                         request.path, request.limits.nice.value_or(0), reason);
  }
  return fmt::format("cannot start {}: {}", request.path, reason);
}

topology::ResourceLimits read_limits(MsgpackReader& in) {
  topology::ResourceLimits limits;
  in.array();
  // Packed as text, empty when absent: the reader has no word for a number that may be missing.
  const auto number = [&]() -> std::optional<std::int64_t> {
    const std::string_view text = in.string();
    std::int64_t value = 0;
    if (text.empty() || std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc{}) return std::nullopt;
    return value;
  };
  if (const auto memory = number()) limits.memory_max_bytes = static_cast<std::uint64_t>(*memory);
  if (const auto nofile = number()) limits.nofile = static_cast<int>(*nofile);
  if (const auto nice = number()) limits.nice = static_cast<int>(*nice);
  return limits;
}

struct Child {
  std::uint32_t process;
  pid_t pid;
};

class Helper {
 public:
  Helper(int socket, int life_line) : socket_{socket}, life_line_{life_line} {}

  int run() {
    if (prctl(PR_SET_NAME, "remuda-spawner") != 0) return 1;
    // The terminal's Ctrl-C is the supervisor's to answer; the helper only ends with its socket.
    setpgid(0, 0);
    sigset_t blocked;
    sigemptyset(&blocked);
    for (const int number : {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGPIPE}) sigaddset(&blocked, number);
    if (sigprocmask(SIG_SETMASK, &blocked, nullptr) != 0) return 1;
    sigset_t child_signals;
    sigemptyset(&child_signals);
    sigaddset(&child_signals, SIGCHLD);
    const FileDescriptor signals{signalfd(-1, &child_signals, SFD_CLOEXEC | SFD_NONBLOCK)};
    null_ = FileDescriptor{open("/dev/null", O_RDONLY | O_CLOEXEC)};
    if (!signals.is_open() || !null_.is_open()) return 1;

    while (true) {
      std::array<pollfd, 2> items{pollfd{socket_, POLLIN, 0}, pollfd{signals.get(), POLLIN, 0}};
      if (poll(items.data(), items.size(), -1) < 0 && errno != EINTR) return 1;
      if ((items[1].revents & POLLIN) != 0) {
        signalfd_siginfo ignored{};
        while (read(signals.get(), &ignored, sizeof ignored) > 0) {}
        reap();
      }
      if (items[0].revents == 0) continue;
      const auto packet = receive_packet(socket_);
      if (!packet) break;
      obey(*packet);
    }
    for (const Child& child : children_) ::kill(-child.pid, SIGKILL);
    for (const Child& child : children_) waitpid(child.pid, nullptr, 0);
    return 0;
  }

 private:
  void obey(const ReceivedPacket& packet) {
    MsgpackReader in{packet.bytes};
    in.array();
    if (in.string() == "signal") {
      const auto process = static_cast<std::uint32_t>(in.unsigned_integer());
      const auto number = static_cast<int>(in.unsigned_integer());
      const bool whole_group = in.boolean();
      const auto child = std::find_if(children_.begin(), children_.end(), [&](const Child& c) { return c.process == process; });
      if (in.ok() && child != children_.end()) ::kill(whole_group ? -child->pid : child->pid, number);
      return;
    }
    SpawnRequest request;
    request.process = static_cast<std::uint32_t>(in.unsigned_integer());
    request.path = in.string();
    for (std::uint32_t left = in.array(); left > 0 && in.ok(); --left) request.arguments.emplace_back(in.string());
    for (std::uint32_t left = in.array(); left > 0 && in.ok(); --left) request.environment.emplace_back(in.string());
    request.limits = read_limits(in);
    if (!in.ok() || packet.descriptors.size() != 2) {
      send_packet(socket_, pack_array("failed", request.process, "the spawn request is malformed"), {});
      return;
    }
    spawn(request, packet.descriptors[0].get(), packet.descriptors[1].get());
  }

  void spawn(SpawnRequest request, int standard_output, int standard_error) {
    std::array<int, 2> failure{};
    if (pipe2(failure.data(), O_CLOEXEC) != 0) return report_failure(request, Obstacle{Obstacle::Step::program, errno});
    const FileDescriptor failure_reader{failure[0]};
    FileDescriptor failure_writer{failure[1]};
    // Everything that allocates happens before the fork.
    std::vector<std::string> words{request.path};
    words.insert(words.end(), request.arguments.begin(), request.arguments.end());
    request.environment.push_back(fmt::format("REMUDA_LIFE_FD={}", life_line_));
    std::vector<char*> argv = pointers(words);
    std::vector<char*> environment = pointers(request.environment);
    const pid_t helper = getpid();

    const pid_t pid = fork();
    if (pid < 0) return report_failure(request, Obstacle{Obstacle::Step::program, errno});
    if (pid == 0) {
      const Obstacle obstacle = become(request, argv.data(), environment.data(), standard_output, standard_error, helper);
      [[maybe_unused]] const ssize_t told = write(failure_writer.get(), &obstacle, sizeof obstacle);
      _exit(127);
    }
    setpgid(pid, pid);  // also here, so that the group exists before anyone signals it
    failure_writer.reset();
    Obstacle obstacle;
    ssize_t size = -1;
    do {
      size = read(failure_reader.get(), &obstacle, sizeof obstacle);  // end of file: exec succeeded
    } while (size < 0 && errno == EINTR);
    if (size > 0) {
      waitpid(pid, nullptr, 0);
      return report_failure(request, obstacle);
    }
    children_.push_back({request.process, pid});
    send_packet(socket_, pack_array("spawned", request.process, static_cast<std::int64_t>(pid)), {});
  }

  /// In the child: returns only when something failed.
  Obstacle become(const SpawnRequest& request, char** argv, char** environment, int standard_output, int standard_error,
                  pid_t helper) const {
    prepare_descriptors_and_signals(standard_output, standard_error, helper);
    if (errno != 0) return {Obstacle::Step::program, errno};
    if (const auto refused = limit_this_process(request.limits)) return *refused;
    execve(request.path.c_str(), argv, environment);
    return {Obstacle::Step::program, errno};
  }

  /// errno is 0 when all went well.
  void prepare_descriptors_and_signals(int standard_output, int standard_error, pid_t helper) const {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return;
    if (getppid() != helper) _exit(127);  // the helper died before the line above: no signal will come
    if (setpgid(0, 0) != 0) return;
    if (dup2(null_.get(), STDIN_FILENO) < 0 || dup2(standard_output, STDOUT_FILENO) < 0 || dup2(standard_error, STDERR_FILENO) < 0)
      return;
    // Whoever started us may have left descriptors open: none of them is a node's business.
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    if (fcntl(life_line_, F_SETFD, 0) != 0) return;
    sigset_t none;
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, nullptr) != 0) return;
    errno = 0;
  }

  void report_failure(const SpawnRequest& request, const Obstacle& obstacle) const {
    send_packet(socket_, pack_array("failed", request.process, sentence(request, obstacle)), {});
  }

  void reap() {
    while (true) {
      // First looked at, then its group ended, then reaped: until it is reaped nobody else can have its number.
      siginfo_t info{};
      if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
      const pid_t pid = info.si_pid;
      const auto child = std::find_if(children_.begin(), children_.end(), [&](const Child& c) { return c.pid == pid; });
      if (child != children_.end()) ::kill(-pid, SIGKILL);  // whatever it left behind
      int status = 0;
      waitpid(pid, &status, 0);
      if (child == children_.end()) continue;
      const Ending ending = Ending::from_wait_status(status);
      send_packet(socket_, pack_array("exited", child->process, ending.exit_code, ending.signal), {});
      children_.erase(child);
    }
  }

  int socket_;
  int life_line_;
  FileDescriptor null_;
  std::vector<Child> children_;
};

}  // namespace

int run_spawner_helper(int socket, int life_line) {
  return Helper{socket, life_line}.run();
}

std::string encode_spawn(const SpawnRequest& request) {
  const auto text = [](const auto& limit) { return limit ? std::to_string(*limit) : std::string{}; };
  const std::vector<std::string> limits{text(request.limits.memory_max_bytes), text(request.limits.nofile),
                                        text(request.limits.nice)};
  return pack_array("spawn", request.process, request.path, request.arguments, request.environment, limits);
}

std::string encode_signal(std::uint32_t process, int number, bool whole_group) {
  return pack_array("signal", process, number, whole_group);
}

SpawnEvent decode_event(std::string_view packet) {
  MsgpackReader in{packet};
  in.array();
  const std::string_view kind = in.string();
  const auto process = static_cast<std::uint32_t>(in.unsigned_integer());
  SpawnEvent event = SpawnerGone{};
  if (kind == "spawned") {
    event = Spawned{process, static_cast<int>(in.unsigned_integer())};
  } else if (kind == "failed") {
    event = SpawnFailed{process, std::string{in.string()}};
  } else if (kind == "exited") {
    const int exit_code = static_cast<int>(in.unsigned_integer());
    event = Exited{process, Ending{exit_code, static_cast<int>(in.unsigned_integer())}};
  }
  return in.ok() ? event : SpawnEvent{SpawnerGone{}};
}

bool send_packet(int socket, std::string_view packet, const std::vector<int>& descriptors, bool wait) {
  iovec part{const_cast<char*>(packet.data()), packet.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!descriptors.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size() * sizeof(int));
  }
  ssize_t sent = -1;
  do {
    sent = sendmsg(socket, &header, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(packet.size());
}

}  // namespace remuda::supervisor
