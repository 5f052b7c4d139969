#pragma once
// A real queue node for the life of an object. Nobody waits for its start: its clients connect when it is there.

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/conformance/channels/pump.hpp"

extern char** environ;

namespace remuda::test {

class BrokerProcess {
 public:
  /// `definitions` is a launch file's [queues.*] and [topics.*].
  explicit BrokerProcess(const std::string& definitions) : endpoint_{fresh_endpoint()} {
    std::string folder = (std::filesystem::temp_directory_path() / "remuda-channels-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error{"no folder for the broker"};
    folder_ = folder;
    std::ofstream{folder_ / "definitions.toml"} << definitions;
    start();
  }
  BrokerProcess(const BrokerProcess&) = delete;
  BrokerProcess& operator=(const BrokerProcess&) = delete;
  ~BrokerProcess() {
    kill_now();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }

  void start() {
    std::vector<std::string> arguments{REMUDA_BROKER, "--name", "channels", "--listen", endpoint_, "--data", (folder_ / "data").string(),
                                       "--definitions", (folder_ / "definitions.toml").string(), "--log-level", "error"};
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    if (posix_spawn(&pid_, argv.front(), nullptr, nullptr, argv.data(), environ) != 0) throw std::runtime_error{"the broker cannot be started"};
  }
  /// kill -9, and wait until it is gone.
  void kill_now() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  std::string endpoint_;
  std::filesystem::path folder_;
  pid_t pid_ = -1;
};

}  // namespace remuda::test
