#pragma once
// What people see while a topology starts and runs: the supervisor's events and its processes' lines. The same sentences appear in
// the foreground and, carried over a pipe as JSON lines, on the terminal of `up -d`.

#include <optional>
#include <string>

#include "cli/supervisor/supervisor.hpp"
#include "cli/terminal.hpp"

namespace remuda::cli {

/// Prints to a terminal: progress to `err`, processes' lines to `out`.
class ProgressPrinter final : public supervisor::Audience {
 public:
  /// `name_width`: of the longest process name, so that columns line up. `detached`: the sentence about Ctrl-C is left out.
  ProgressPrinter(const Terminal& terminal, std::string topology, std::size_t name_width, bool detached);
  void on_progress(const supervisor::Progress& progress) override;
  void on_line(const supervisor::LogRecord& record) override;

 private:
  const Terminal& terminal_;
  std::string topology_;
  std::size_t name_width_;
  bool detached_;
};

/// Writes every event as one JSON line to a descriptor; when nobody reads it any more, nowhere.
class ProgressReporter final : public supervisor::Audience {
 public:
  explicit ProgressReporter(supervisor::FileDescriptor out) : out_{std::move(out)} {}
  void on_progress(const supervisor::Progress& progress) override;
  void on_line(const supervisor::LogRecord& record) override;

 private:
  supervisor::FileDescriptor out_;
  void write(const std::string& line);
};

/// What a ProgressReporter wrote: an event, or a line of the supervisor itself.
struct ReportedLine {
  std::optional<supervisor::Progress> progress;
  std::optional<supervisor::LogRecord> record;
};
/// Empty when the text is not of that form.
ReportedLine read_reported_line(const std::string& line);

}  // namespace remuda::cli
