#pragma once
// One line that a process of the topology wrote: how it is kept (JSON lines, one file per process) and how people see it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/terminal.hpp"
#include "common/clock.hpp"
#include "common/log.hpp"

namespace remuda::supervisor {

/// "info", "warn", "warning", "err", ... Nothing for another word.
std::optional<LogLevel> log_level_of(std::string_view word);

struct LogRecord {
  WallTime time;  ///< when the supervisor received the line: one clock for all processes
  std::string node;
  int replica = 0;
  LogLevel level = LogLevel::info;
  std::string text;
  std::vector<std::pair<std::string, std::string>> fields;  ///< what else the process said, as text
};

/// Interprets what a process wrote: a JSON line of our own log, or any text at all. Text on stderr is a warning,
/// on stdout information.
LogRecord interpret_line(std::string_view line, bool from_stderr, std::string node, int replica, WallTime received);

/// The kept form, without the newline, and back. Nothing when a line is not of this form (a file cut by a crash).
std::string to_json_line(const LogRecord& record);
std::optional<LogRecord> from_json_line(std::string_view line);

/// `14:07:16.123 accounting/1    | W text key=value`; the name is padded to `name_width`. Control characters never reach the
/// terminal.
std::string render(const LogRecord& record, std::size_t name_width, bool colours);
/// `accounting`, or `accounting/1` when there are several.
std::string process_name(std::string_view node, int replica, int replicas);

/// Cuts the bytes of a pipe into lines. A line longer than the limit is cut there: a process that writes no newline
/// fills no memory.
class LineSplitter {
 public:
  static constexpr std::size_t line_size_max = std::size_t{64} << 10;
  /// The complete lines in what was held back plus `bytes`.
  std::vector<std::string> add(std::string_view bytes);
  /// What is left when the pipe ends; empty: nothing.
  std::string rest() { return std::exchange(held_, {}); }

 private:
  std::string held_;
};

}  // namespace remuda::supervisor
