// remuda up: starts a topology and keeps it running.

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/detach.hpp"
#include "cli/launch.hpp"
#include "cli/progress_printer.hpp"
#include "cli/supervisor/supervisor.hpp"
#include "cli/table.hpp"
#include "cli/verbs/verbs.hpp"

namespace remuda::cli {

namespace {

using supervisor::FileDescriptor;
using topology::ProcessPlan;

struct Options {
  LaunchOptions launch;
  bool detached = false;
  bool wait = false;
  std::optional<std::chrono::milliseconds> timeout;
  bool dry_run = false;
  std::optional<int> report_fd;  ///< set by ourselves: this is the detached run
};

/// The words of the same command for the detached run.
std::vector<std::string> foreground_arguments(const LaunchOptions& launch) {
  std::vector<std::string> words{"up", launch.file};
  for (const std::string& setting : launch.settings) words.insert(words.end(), {"--set", setting});
  if (launch.host) words.insert(words.end(), {"--host", *launch.host});
  if (launch.local) words.emplace_back("--local");
  if (launch.inventory) words.insert(words.end(), {"--inventory", *launch.inventory});
  if (launch.name) words.insert(words.end(), {"--name", *launch.name});
  if (launch.data) words.insert(words.end(), {"--data", *launch.data});
  return words;
}

Result<std::vector<std::string>> find_executables(const topology::Plan& plan, const Executables& executables) {
  std::vector<std::string> paths;
  for (const ProcessPlan& process : plan.processes) {
    Result<std::string> path = executables.find(process.exec);
    if (!path) return Failure<Error>{path.error()};
    paths.push_back(std::move(*path));
  }
  return paths;
}

/// A word as a shell would have to be given it: for reading and for pasting.
std::string quoted(const std::string& word) {
  const bool plain = !word.empty() && word.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                          "-_=./:,@+%") == std::string::npos;
  if (plain) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return text + "'";
}

void show_dry_run(const Terminal& terminal, const Launch& launch, const std::vector<std::string>& paths) {
  const topology::Plan& plan = launch.topology.plan;
  terminal.out << fmt::format("{}  {} processes, data in {}, plan {}\n", terminal.paint(Colour::bold, plan.name),
                              plan.processes.size(), launch.data_folder, plan.hash);
  for (const topology::BrokerPlan& broker : plan.brokers) {
    for (const std::string& endpoint : broker.endpoints)
      terminal.out << fmt::format("broker {} listens on {}\n", broker.name, endpoint);
  }
  for (std::size_t i = 0; i < plan.processes.size(); ++i) {
    const ProcessPlan& process = plan.processes[i];
    terminal.out << fmt::format("\n{}  wave {}{}\n",
                                terminal.paint(Colour::cyan, fmt::format("{}/{}", process.node, process.replica)),
                                process.start_rank, process.host.empty() ? "" : ", host " + process.host);
    for (const auto& [name, value] : process.environment) terminal.out << fmt::format("  {}={}\n", name, quoted(value));
    terminal.out << "  " << quoted(paths[i]);
    for (const std::string& word : process.arguments) {
      terminal.out << (word.starts_with("--") ? " \\\n      " : " ") << quoted(word);
    }
    terminal.out << '\n';
  }
}

std::size_t longest_name(const topology::Plan& plan) {
  std::size_t width = std::string_view{"remuda"}.size();
  for (const ProcessPlan& process : plan.processes) width = std::max(width, process.node.size() + (process.replica > 0 ? 2 : 0));
  return std::min<std::size_t>(width, 24);
}

ExitCode up(Terminal& terminal, const Options& options) {
  // Compose users know it: waiting for readiness in the foreground would never return, so it means detached.
  const bool detach = (options.detached || options.wait) && !options.report_fd;
  if (detach && !options.dry_run) {
    return run_detached({foreground_arguments(options.launch), "--report-fd", options.wait, options.timeout}, terminal);
  }
  Result<Launch> launch = resolve_launch(options.launch);
  if (!launch) return terminal.problem(launch.error(), "remuda up --help");
  topology::Plan& plan = launch->topology.plan;
  if (!show_diagnostics(launch->topology.diagnostics, terminal)) {
    return terminal.problem(ExitCode::wrong_usage, "nothing was started",
                            fmt::format("correct the file, then: remuda check {}", options.launch.file));
  }
  supervisor::TopologyEntry entry = supervisor::entry_of(plan, options.launch.local ? "" : options.launch.host.value_or(""));
  entry.launch_file = launch->launch_file;
  entry.data_folder = launch->data_folder;
  if (const Result<void> kept = keep_own_processes(plan, options.launch); !kept)
    return terminal.problem(kept.error(), "remuda up --help");
  Result<std::vector<std::string>> paths = find_executables(plan, launch->executables);
  if (!paths)
    return terminal.problem(ExitCode::wrong_usage, paths.error().message, fmt::format("remuda check {}", options.launch.file));
  if (options.dry_run) {
    show_dry_run(terminal, *launch, *paths);
    return ExitCode::done;
  }

  const Result<supervisor::Registry> registry = supervisor::Registry::of_this_user();
  if (!registry) return terminal.problem(registry.error(), "set XDG_RUNTIME_DIR to a private folder");
  // Held, through the spawner's fork, until the last of our processes is gone: a second supervisor can never run
  // beside a dying one.
  Result<FileDescriptor> name_lock = registry->take(plan.name);
  if (!name_lock) {
    return terminal.problem(
        ExitCode::failed, name_lock.error().message,
        fmt::format("remuda apply {0} changes its queues; remuda down --topology {1}; or start beside it: --name OTHER",
                    options.launch.file, plan.name));
  }
  std::unique_ptr<supervisor::Audience> audience;
  if (options.report_fd) {
    fcntl(*options.report_fd, F_SETFD, FD_CLOEXEC);
    leave_terminal();
    audience = std::make_unique<ProgressReporter>(FileDescriptor{*options.report_fd});
  } else {
    audience = std::make_unique<ProgressPrinter>(terminal, plan.name, longest_name(plan), false);
  }
  Result<std::unique_ptr<supervisor::Spawner>> spawner = supervisor::Spawner::start();
  if (!spawner) return terminal.problem(spawner.error(), "look at the limits of this machine (ulimit -a)");
  supervisor::SupervisorOptions supervised{std::move(plan),   std::move(*paths),     std::move(entry),
                                           *registry,         std::move(*name_lock), supervisor::allowed_environment(),
                                           !options.report_fd};
  return supervisor::supervise(std::move(supervised), std::move(*spawner), *audience);
}

}  // namespace

Command up_verb() {
  auto options = std::make_shared<Options>();
  Command command{.name = "up", .summary = "Start a topology and keep it running"};
  command.details =
      "In the foreground its logs are shown; Ctrl-C stops it in order, a second Ctrl-C ends it at once.\n"
      "Data and logs are kept in .remuda/NAME/ beside where it is started. Other verbs find it from any folder.";
  command.options = launch_options(options->launch);
  command.options.push_back({"-d,--detach", "Return once it is started; it goes on in the background", &options->detached});
  command.options.push_back({"--wait", "Return once everything is ready (implies -d)", &options->wait});
  command.options.push_back({"--timeout", "Give up waiting after this long (exit code 5)", &options->timeout});
  command.options.push_back({"--name", "Run it under another name", &options->launch.name});
  command.options.push_back({"--data", "Keep data and logs here", &options->launch.data, false, {}, ValueKind::folder});
  command.options.push_back({"--dry-run", "Show command lines, environment and endpoints; start nothing", &options->dry_run});
  Option report{"--report-fd", "", &options->report_fd};
  report.hidden = true;
  command.options.push_back(report);
  command.run = [options](Terminal& terminal) { return up(terminal, *options); };
  return command;
}

}  // namespace remuda::cli
