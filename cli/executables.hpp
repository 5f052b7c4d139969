#pragma once
// Which program an `exec` of a launch file means, and what it says of itself. A program is an absolute path, a path relative to
// the launch file, or a name in one of the binary folders: those of REMUDA_PATH, then the folder of the `remuda` command itself.
// $PATH is not searched, and a program that others may change is refused (RELIABILITY 6.4).

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/result.hpp"

namespace remuda::cli {

class Executables {
 public:
  /// `launch_folder`: where relative paths start.
  Executables(std::vector<std::string> folders, std::string launch_folder);
  /// With the folders that this process's environment and place say.
  static Executables of_this_process(std::string launch_folder);

  /// The absolute path. Errors: `no_such_executable`, `unsafe_executable`, both with what to do.
  [[nodiscard]] Result<std::string> find(const std::string& exec) const;
  /// Names of all programs in the folders.
  [[nodiscard]] std::vector<std::string> known() const;
  /// Asks all of them at once, so that the slowest decides how long it takes; describe() then answers from memory.
  void prefetch(const std::vector<std::string>& execs);
  /// What `EXEC --describe` prints; nothing when it cannot be found, fails or takes longer than 5 s.
  [[nodiscard]] std::optional<std::string> describe(const std::string& exec);

 private:
  std::vector<std::string> folders_;
  std::string launch_folder_;
  std::map<std::string, std::optional<std::string>> descriptions_;
};

/// The absolute path of the running program.
std::string own_path();

}  // namespace remuda::cli
