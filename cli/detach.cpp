#include "cli/detach.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "cli/executables.hpp"
#include "cli/progress_printer.hpp"

extern char** environ;

namespace remuda::cli {

using supervisor::FileDescriptor;
using supervisor::Progress;
using Clock = std::chrono::steady_clock;

namespace {

// Only set by the handler, only read below: Ctrl-C while we wait leaves the detached topology alone.
volatile std::sig_atomic_t interrupted = 0;
void note_interrupt(int) {
  interrupted = 1;
}

pid_t spawn_session(const DetachOptions& options, int report) {
  std::vector<std::string> words{own_path()};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  words.push_back(options.report_option);
  words.push_back(std::to_string(report));
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, report, report);  // onto itself: stays open across exec
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  errno = error;
  return error == 0 ? pid : -1;
}

/// Reads the report line by line until a decision falls.
class Watcher {
 public:
  Watcher(const DetachOptions& options, const Terminal& terminal) : options_{options}, terminal_{terminal} {
    if (options.timeout) deadline_ = Clock::now() + *options.timeout;
  }

  ExitCode watch(int report, pid_t pid) {
    std::string held;
    while (true) {
      if (interrupted != 0) {
        return terminal_.problem(ExitCode::interrupted, "not waiting any longer; the topology goes on starting",
                                 "remuda ps, remuda down");
      }
      int timeout_ms = -1;
      if (deadline_) {
        timeout_ms = static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(*deadline_ - Clock::now()).count());
        if (timeout_ms <= 0) return timed_out();
      }
      pollfd item{report, POLLIN, 0};
      const int ready = poll(&item, 1, timeout_ms);
      if (ready < 0) continue;  // interrupted: asked above
      if (ready == 0) return timed_out();
      std::array<char, 16384> buffer{};
      const ssize_t size = read(report, buffer.data(), buffer.size());
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) return ended(pid);
      held.append(buffer.data(), static_cast<std::size_t>(size));
      for (std::size_t newline = held.find('\n'); newline != std::string::npos; newline = held.find('\n')) {
        const ReportedLine line = read_reported_line(held.substr(0, newline));
        held.erase(0, newline + 1);
        if (line.record) printer().on_line(*line.record);
        if (!line.progress) continue;
        if (const std::optional<ExitCode> decision = consider(*line.progress)) return *decision;
      }
    }
  }

 private:
  const DetachOptions& options_;
  const Terminal& terminal_;
  std::optional<Clock::time_point> deadline_;
  std::optional<ProgressPrinter> printer_;

  ProgressPrinter& printer() {
    if (!printer_) printer_.emplace(terminal_, "remuda", 18, true);
    return *printer_;
  }

  std::optional<ExitCode> consider(const Progress& progress) {
    if (progress.kind == Progress::Kind::started) printer_.emplace(terminal_, progress.text, 18, true);
    printer().on_progress(progress);
    switch (progress.kind) {
      case Progress::Kind::started:
        if (options_.wait) return std::nullopt;
        terminal_.err << "  next: remuda ps, remuda logs -f, remuda down\n";
        return ExitCode::done;
      case Progress::Kind::all_ready:
        terminal_.err << "  next: remuda ps, remuda logs -f, remuda down\n";
        return ExitCode::done;
      case Progress::Kind::failed:
        return terminal_.problem(ExitCode::failed,
                                 fmt::format("'{}' does not get ready; the rest was left running", progress.process),
                                 fmt::format("remuda logs {0}, then remuda start {0} or remuda down", progress.process));
      default:
        return std::nullopt;
    }
  }

  [[nodiscard]] ExitCode timed_out() const {
    return terminal_.problem(ExitCode::timed_out, "not everything is ready in time; it goes on starting",
                             "remuda ps, remuda logs, remuda down");
  }

  /// It ended before anything was decided, and said why on the terminal that it still shared with us.
  [[nodiscard]] ExitCode ended(pid_t pid) const {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) return static_cast<ExitCode>(WEXITSTATUS(status));
    if (WIFEXITED(status)) return ExitCode::failed;
    return terminal_.problem(ExitCode::failed, fmt::format("the supervisor was ended by signal {}", WTERMSIG(status)),
                             "remuda up again");
  }
};

}  // namespace

ExitCode run_detached(const DetachOptions& options, const Terminal& terminal) {
  terminal.out.flush();
  terminal.err.flush();
  std::array<int, 2> fds{};
  if (pipe2(fds.data(), O_CLOEXEC) != 0) return terminal.problem(ExitCode::failed, "cannot create a pipe", "close some programs");
  const FileDescriptor reader{fds[0]};
  FileDescriptor writer{fds[1]};
  const pid_t pid = spawn_session(options, writer.get());
  if (pid < 0)
    return terminal.problem(ExitCode::failed, fmt::format("cannot start the supervisor: {}", std::strerror(errno)),
                            "remuda up without -d");
  writer.reset();
  struct sigaction action {};
  action.sa_handler = note_interrupt;
  sigaction(SIGINT, &action, nullptr);
  return Watcher{options, terminal}.watch(reader.get(), pid);
}

void leave_terminal() {
  const FileDescriptor null{open("/dev/null", O_RDWR | O_CLOEXEC)};
  if (!null.is_open()) return;
  dup2(null.get(), STDOUT_FILENO);
  dup2(null.get(), STDERR_FILENO);
}

}  // namespace remuda::cli
