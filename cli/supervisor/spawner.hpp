#pragma once
// The only thing that starts processes: a small helper process, forked before the supervisor has a thread or a ZeroMQ context,
// because forking with either is unsound (RELIABILITY Z20). It has one thread, which lives as long as it does: PR_SET_PDEATHSIG
// fires when the spawning *thread* ends.
//
// Four independent ties make sure that nothing outlives the supervisor, even after kill -9 of it or of the helper:
//   the helper sees the socket to its supervisor close and kills every process group it started;
//   every child holds PR_SET_PDEATHSIG(SIGKILL) on the helper (with a getppid re-check);
//   every child inherits the reading end of the life line, a pipe whose writer is the supervisor (REMUDA_LIFE_FD);
//   the supervisor is PR_SET_CHILD_SUBREAPER, so children of a dead helper are its own to reap.
//
// Children get an argument vector, never a shell; their own process group; an environment from an allow list; and no descriptor
// but stdin (/dev/null), the two output pipes and the life line. D11 asks for posix_spawn; that has no attribute for
// PR_SET_PDEATHSIG, so the helper does what posix_spawn does (fork, exec, failure told through a close-on-exec pipe) with that
// one call between.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/supervisor/process.hpp"
#include "common/result.hpp"

namespace remuda::supervisor {

/// A descriptor that is closed with its owner.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_{fd} {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_{other.release()} {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  int release();
  void reset() { *this = FileDescriptor{}; }

 private:
  int fd_ = -1;
};

struct SpawnRequest {
  std::uint32_t process = 0;             ///< the caller's number for it; comes back in every event
  std::string path;                      ///< absolute
  std::vector<std::string> arguments;    ///< without argv[0]
  std::vector<std::string> environment;  ///< complete: `NAME=value`
  topology::ResourceLimits limits = {};  ///< in force before the first instruction of the program
};

struct Spawned {
  std::uint32_t process = 0;
  int pid = 0;
};
struct SpawnFailed {
  std::uint32_t process = 0;
  std::string why;
};
struct Exited {
  std::uint32_t process = 0;
  Ending ending;
};
/// The helper is gone, and with it everything it started.
struct SpawnerGone {};
using SpawnEvent = std::variant<Spawned, SpawnFailed, Exited, SpawnerGone>;

class Spawner {
 public:
  /// Forks the helper. Call it first: before any thread and any ZeroMQ context. Errors: `failed` with the system's reason.
  static Result<std::unique_ptr<Spawner>> start();
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;
  /// Ends the helper and everything it started, and waits until the helper is gone.
  ~Spawner();

  /// Asks for a process whose stdout and stderr are these descriptors. The answer arrives as an event.
  Result<void> spawn(const SpawnRequest& request, FileDescriptor standard_output, FileDescriptor standard_error);
  /// Signals a process (`whole_group`: its process group). Nothing happens when it has ended: the helper knows which pids are
  /// still its own.
  void signal(std::uint32_t process, int number, bool whole_group);

  /// Readable when an event waits, unless next_event() has one already.
  [[nodiscard]] int fd() const { return socket_.get(); }
  /// The next event, or nothing when none waits.
  std::optional<SpawnEvent> next_event();

 private:
  Spawner(FileDescriptor socket, FileDescriptor life_line, int pid);
  FileDescriptor socket_;
  FileDescriptor life_line_;  // the writing end: closing it tells every child
  int pid_;
  std::deque<SpawnEvent> waiting_;  // taken off the socket while a request had to wait

  std::optional<SpawnEvent> take_event();
  Result<void> send(std::string_view packet, const std::vector<int>& descriptors);
};

}  // namespace remuda::supervisor
