#pragma once
// A real broker process with a temporary folder and an endpoint of its own, for tests of clients. Killed with the fixture.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

extern char** environ;

namespace remuda::test {

class BrokerFixture {
 public:
  BrokerFixture() {
    std::string name = (std::filesystem::temp_directory_path() / "remuda-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error{"no temporary folder"};
    folder_ = name;
    start_broker();
  }
  BrokerFixture(const BrokerFixture&) = delete;
  BrokerFixture& operator=(const BrokerFixture&) = delete;
  ~BrokerFixture() {
    if (pid_ > 0) kill_broker();
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] std::string endpoint() const { return "ipc://" + folder_ + "/broker"; }

  /// Returns once the broker has said that it is ready.
  void start_broker() {
    int pipe_ends[2];
    if (pipe2(pipe_ends, O_CLOEXEC) != 0) throw std::runtime_error{"no pipe"};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDERR_FILENO);
    const std::string data = folder_ + "/data";
    const std::string listen = endpoint();
    std::vector<const char*> arguments{REMUDA_BROKER, "--name",     "test",         "--listen", listen.c_str(),
                                       "--data",      data.c_str(), "--log-format", "json",     nullptr};
    const int failed = posix_spawn(&pid_, REMUDA_BROKER, &actions, nullptr, const_cast<char**>(arguments.data()), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_ends[1]);
    log_ = pipe_ends[0];
    if (failed != 0) throw std::runtime_error{"cannot start " REMUDA_BROKER};
    await_ready();
  }

  /// kill -9.
  void kill_broker() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
    close(log_);
  }

  /// As if it were behind a cable that was cut: its connections stay, and nothing comes.
  void freeze_broker() { kill(pid_, SIGSTOP); }
  void thaw_broker() { kill(pid_, SIGCONT); }

  /// SIGTERM; returns the exit code.
  int stop_broker() {
    kill(pid_, SIGTERM);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    close(log_);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  void await_ready() {
    std::string text;
    char buffer[4096];
    pollfd readable{log_, POLLIN, 0};
    while (text.find("\"event\":\"ready\"") == std::string::npos) {
      if (::poll(&readable, 1, 20'000) <= 0) throw std::runtime_error{"the broker is not ready: " + text};
      const auto got = read(log_, buffer, sizeof buffer);
      if (got <= 0) throw std::runtime_error{"the broker ended: " + text};
      text.append(buffer, static_cast<std::size_t>(got));
    }
  }

  std::string folder_;
  pid_t pid_ = -1;
  int log_ = -1;
};

}  // namespace remuda::test
