// remuda logs: what the processes of a topology wrote, merged by time.

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <filesystem>
#include <memory>

#include "cli/running.hpp"
#include "cli/supervisor/log_store.hpp"
#include "cli/verbs/verbs.hpp"
#include "common/units.hpp"

namespace remuda::cli {

namespace {

namespace fs = std::filesystem;
using supervisor::LogFilter;
using supervisor::LogRecord;

struct Options {
  std::vector<std::string> nodes;
  bool follow = false;
  std::optional<std::chrono::milliseconds> since;
  std::optional<std::string> level;
  std::optional<std::string> grep;
  std::optional<int> tail;
  std::optional<std::string> topology;
  std::optional<std::string> data;
  bool json = false;
};

/// Of a running topology, of `--data`, or of the only one that was ever started here.
Result<std::string> find_data_folder(const Options& options) {
  if (options.data) return *options.data;
  const Result<supervisor::TopologyEntry> entry = find_running(options.topology);
  if (entry) return entry->data_folder;
  std::vector<std::string> here;
  std::error_code error;
  for (const auto& folder : fs::directory_iterator{".remuda", error}) {
    const bool wanted = !options.topology || folder.path().filename() == *options.topology;
    if (wanted && fs::is_directory(folder.path() / "logs", error)) here.push_back(folder.path().string());
  }
  if (here.size() == 1) return here.front();
  return Failure<Error>{entry.error()};
}

ExitCode logs(Terminal& terminal, const Options& options) {
  LogFilter filter;
  filter.nodes = options.nodes;
  if (options.level) filter.level = *supervisor::log_level_of(*options.level);
  if (options.since) filter.since = SystemClock{}.wall_now() - *options.since;
  if (options.grep) {
    try {
      filter.pattern.emplace(*options.grep);
    } catch (const std::regex_error&) {
      return terminal.problem(ExitCode::wrong_usage, fmt::format("'{}' is not a regular expression", *options.grep),
                              "escape special signs with \\");
    }
  }
  const Result<std::string> folder = find_data_folder(options);
  if (!folder) return terminal.problem(folder.error(), "remuda logs --data .remuda/NAME reads those of a topology that is down");
  if (std::error_code error; !fs::is_directory(*folder + "/logs", error)) {
    return terminal.problem(ExitCode::failed, fmt::format("there are no logs in {}", *folder), "remuda up FILE writes some");
  }

  supervisor::LogReader reader{*folder + "/logs"};
  const int watch = options.follow ? reader.watch() : -1;  // before the first read, so that nothing falls between the two
  std::size_t name_width = 6;
  const auto print = [&](const std::vector<LogRecord>& records, std::size_t from) {
    for (const LogRecord& record : records)
      name_width = std::max(name_width, supervisor::process_name(record.node, record.replica, 1).size());
    name_width = std::min<std::size_t>(name_width, 24);
    for (std::size_t i = from; i < records.size(); ++i) {
      terminal.out << (options.json ? supervisor::to_json_line(records[i])
                                    : supervisor::render(records[i], name_width, terminal.colours))
                   << '\n';
    }
    terminal.out.flush();
  };
  const std::vector<LogRecord> kept = reader.read(filter);
  const std::size_t wanted = options.tail ? static_cast<std::size_t>(std::max(0, *options.tail)) : kept.size();
  print(kept, kept.size() - std::min(kept.size(), wanted));
  if (!options.follow) return ExitCode::done;
  if (watch < 0) return terminal.problem(ExitCode::failed, "this machine cannot watch files", "remuda logs without -f");
  while (terminal.out) {
    pollfd item{watch, POLLIN, 0};
    if (poll(&item, 1, -1) < 0) continue;
    reader.drain_watch();
    print(reader.read_new(filter), 0);
  }
  return ExitCode::done;  // whoever read our output has gone
}

}  // namespace

Command logs_verb() {
  auto options = std::make_shared<Options>();
  Command command{.name = "logs", .summary = "Show what the processes wrote, merged by time"};
  command.details =
      "Also works after `down`, in the folder where the topology was started. The supervisor's own lines are those of 'remuda'.";
  command.options = {
      {"NODE", "Only these (accounting, or accounting/1 for one replica)", &options->nodes, false, {}, ValueKind::node},
      {"-f,--follow", "Go on with what is written from now on", &options->follow},
      {"--since", "Not older than this: 10m", &options->since},
      {"--level",
       "This level and worse: debug, info, warning, error",
       &options->level,
       false,
       {"debug", "info", "warning", "error"}},
      {"--grep", "Only lines in which this regular expression is found", &options->grep},
      {"-n,--tail", "Only the last N", &options->tail},
      topology_option(options->topology),
      {"--data", "Read the logs of this data folder", &options->data, false, {}, ValueKind::folder},
      json_option(options->json)};
  command.run = [options](Terminal& terminal) { return logs(terminal, *options); };
  return command;
}

}  // namespace remuda::cli
