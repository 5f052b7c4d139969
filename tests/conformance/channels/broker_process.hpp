#pragma once
// A real queue node for the life of an object. Nobody waits for its start: its clients connect when it is there.

#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>

#include "tests/conformance/channels/child_process.hpp"
#include "tests/conformance/channels/pump.hpp"

namespace remuda::test {

class BrokerProcess {
 public:
  /// `definitions` is a launch file's [queues.*] and [topics.*].
  explicit BrokerProcess(const std::string& definitions, bool started = true) : endpoint_{fresh_endpoint()} {
    std::string folder = (std::filesystem::temp_directory_path() / "remuda-channels-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error{"no folder for the broker"};
    folder_ = folder;
    std::ofstream{folder_ / "definitions.toml"} << definitions;
    if (started) start();
  }
  BrokerProcess(const BrokerProcess&) = delete;
  BrokerProcess& operator=(const BrokerProcess&) = delete;
  ~BrokerProcess() {
    process_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

  void start() {
    process_.emplace(std::vector<std::string>{REMUDA_BROKER, "--name", "channels", "--listen", endpoint_, "--data",
                                              (folder_ / "data").string(), "--definitions", (folder_ / "definitions.toml").string(),
                                              "--log-level", "error"});
  }
  void kill_now() { process_.reset(); }

 private:
  std::string endpoint_;
  std::filesystem::path folder_;
  std::optional<ChildProcess> process_;
};

}  // namespace remuda::test
