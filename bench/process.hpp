#pragma once
// A program under measurement: started with an argument vector, watched through /proc, gone when this object is.

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace remuda::bench {

/// A folder that is removed with everything in it.
class TemporaryFolder {
 public:
  /// Below `parent`, or below the system's temporary folder when that is empty.
  explicit TemporaryFolder(const std::string& parent = {});
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class Process {
 public:
  /// Starts `program` (found beside this executable) with its output going to `log`. It is told to end with us by REMUDA_LIFE_FD.
  /// Throws std::runtime_error when it cannot be started.
  Process(const std::string& program, const std::vector<std::string>& arguments, const std::filesystem::path& log);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();  ///< kill -9 and wait

  void kill_now();  ///< kill -9 and wait
  /// SIGTERM and wait; returns the exit code, or minus the signal.
  int stop();
  /// Waits for the end by itself.
  int wait();
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] double cpu_seconds() const;  ///< user + system since its start, without children
  [[nodiscard]] double peak_rss_mib() const;
  [[nodiscard]] double rss_mib() const;

 private:
  pid_t pid_ = -1;
  int life_ = -1;
};

/// User + system seconds of a process so far; 0 when it is gone.
double cpu_seconds(pid_t pid);
/// The same, and that of its children that have ended.
double cpu_seconds_with_children(pid_t pid);
pid_t parent_of(pid_t pid);
/// Memory that only this process holds.
double private_mib(pid_t pid);

/// The folder that this executable is in.
std::filesystem::path program_folder();
/// A tcp port that was free a moment ago.
int free_port();

}  // namespace remuda::bench
