#pragma once
// A process that the test started; killed and reaped when the object ends.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

extern char** environ;

namespace remuda::test {

class ChildProcess {
 public:
  /// `environment` holds NAME=VALUE texts beside the test's own.
  explicit ChildProcess(std::vector<std::string> arguments, std::vector<std::string> environment = {}, int standard_output = -1) {
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    std::vector<char*> envp;
    for (char** one = environ; *one != nullptr; ++one) envp.push_back(*one);
    for (auto& one : environment) envp.push_back(one.data());
    envp.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (standard_output >= 0) posix_spawn_file_actions_adddup2(&actions, standard_output, STDOUT_FILENO);
    const int failed = posix_spawn(&pid_, argv.front(), &actions, nullptr, argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) throw std::runtime_error{"cannot start " + arguments.front()};
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() { kill_now(); }

  void signal(int number) const { kill(pid_, number); }

  /// The exit code (128 + n after signal n), or nothing when it still runs after `deadline`.
  std::optional<int> wait(std::chrono::milliseconds deadline) {
    const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    pollfd item{fd, POLLIN, 0};
    const bool ended = ::poll(&item, 1, static_cast<int>(deadline.count())) == 1;
    close(fd);
    if (!ended) return std::nullopt;
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  void kill_now() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
};

}  // namespace remuda::test
