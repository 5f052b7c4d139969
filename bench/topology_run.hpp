#pragma once
// A topology under measurement, started and stopped by the `remuda` command as a user would.

#include <filesystem>
#include <string>
#include <vector>

#include "bench/process.hpp"

namespace remuda::bench {

struct RunningProcess {
  std::string node;
  bool is_broker = false;
  pid_t pid = 0;
};

class TopologyRun {
 public:
  enum class Wait { until_ready, none };

  /// `remuda up LAUNCH_FILE -d --wait` under a name of its own, with its data in a temporary folder. Throws std::runtime_error with
  /// the command's output when it fails.
  TopologyRun(std::string name, const std::filesystem::path& launch_file, const std::vector<std::string>& settings,
              const std::string& data_parent, Wait wait = Wait::until_ready);
  TopologyRun(const TopologyRun&) = delete;
  TopologyRun& operator=(const TopologyRun&) = delete;
  ~TopologyRun();

  [[nodiscard]] double up_seconds() const { return up_seconds_; }
  double down();                                                ///< `remuda down`; the seconds it took
  [[nodiscard]] std::vector<RunningProcess> processes() const;  ///< those that run at present, from `remuda ps --json`
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  std::string name_;
  TemporaryFolder folder_;
  double up_seconds_ = 0;
  bool running_ = false;

  void down_quietly();
};

}  // namespace remuda::bench
