#pragma once
// Where the lines of all processes are kept: `<data>/logs/<node>.log`, or `<node>.<replica>.log` from the second replica on. JSON
// lines, private, rotated by size
// (`.1` is the older half). Writing belongs to the supervisor; reading and following works whether it runs or not.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "cli/supervisor/log_record.hpp"
#include "cli/supervisor/spawner.hpp"
#include "common/result.hpp"

namespace remuda::supervisor {

class LogWriter {
 public:
  static constexpr std::uint64_t rotate_size_bytes = std::uint64_t{16} << 20;

  /// The folder is created with mode 0700. `rotate_at`: a file this large becomes `.1`.
  explicit LogWriter(std::string folder, std::uint64_t rotate_at = rotate_size_bytes);
  /// Appends. A disk that is full loses lines, never a node: the number of lost lines is in lost().
  void write(const LogRecord& record);
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  struct File {
    FileDescriptor fd;
    std::uint64_t size = 0;
  };
  std::string folder_;
  std::uint64_t rotate_at_;
  std::map<std::string, File> files_;
  std::uint64_t lost_ = 0;
};

/// Which lines are wanted.
struct LogFilter {
  std::vector<std::string> nodes;    ///< `accounting` or `accounting/1`; empty: all
  LogLevel level = LogLevel::debug;  ///< this one and worse
  std::optional<WallTime> since;
  std::optional<std::regex> pattern;  ///< found in the text
  [[nodiscard]] bool matches(const LogRecord& record) const;
};

class LogReader {
 public:
  explicit LogReader(std::string folder) : folder_{std::move(folder)} {}

  /// All kept lines that match, in the order of their times.
  std::vector<LogRecord> read(const LogFilter& filter);
  /// What was added since the last read() or read_new().
  std::vector<LogRecord> read_new(const LogFilter& filter);
  /// A descriptor that becomes readable when something was added (inotify); -1 where the machine has none to give.
  int watch();
  /// Empties the descriptor of watch().
  void drain_watch();

 private:
  struct Position {
    std::uint64_t inode = 0;
    std::uint64_t offset = 0;
  };
  std::string folder_;
  std::map<std::string, Position> positions_;
  FileDescriptor watch_;

  void read_file(const std::string& path, std::uint64_t offset, const LogFilter& filter, std::vector<LogRecord>& records,
                 std::uint64_t& end);
};

}  // namespace remuda::supervisor
