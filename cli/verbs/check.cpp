// remuda check: is this launch file right?

#include <fmt/format.h>

#include <memory>

#include "cli/launch.hpp"
#include "cli/verbs/verbs.hpp"

namespace remuda::cli {

namespace {

struct Options {
  std::vector<std::string> files;
  LaunchOptions launch;
  bool json = false;
};

ExitCode check(Terminal& terminal, const Options& options) {
  bool all_ok = true;
  for (const std::string& file : options.files) {
    LaunchOptions launch_options = options.launch;
    launch_options.file = file;
    const Result<Launch> launch = resolve_launch(launch_options);
    if (!launch) return terminal.problem(launch.error(), "remuda check --help");
    const topology::Diagnostics& diagnostics = launch->topology.diagnostics;
    all_ok = all_ok && diagnostics.ok();
    if (options.json) {
      terminal.out << topology::render_json(diagnostics);
      continue;
    }
    show_diagnostics(diagnostics, terminal);
    if (!diagnostics.ok()) continue;
    const topology::Plan& plan = launch->topology.plan;
    const std::string streams = plan.streams.empty() ? "" : fmt::format(", {} streams", plan.streams.size());
    terminal.out << fmt::format("{}: {} ({} processes, {} queues, {} topics{})\n", file, terminal.paint(Colour::green, "right"),
                                plan.processes.size(), plan.queues.size(), plan.topics.size(), streams);
  }
  return all_ok ? ExitCode::done : ExitCode::wrong_usage;
}

}  // namespace

Command check_verb() {
  auto options = std::make_shared<Options>();
  Command command{.name = "check", .summary = "Say everything that is wrong with a launch file, without starting anything"};
  command.details =
      "Syntax, references, types, filters, endpoints, and every executable's own description of its ports and\n"
      "parameters. All errors in one pass, as file:line:column. Exit code 2 when there is one; warnings alone are 0.";
  command.options = launch_options(options->launch);
  command.options[0].target = &options->files;
  command.options.push_back(json_option(options->json));
  command.run = [options](Terminal& terminal) { return check(terminal, *options); };
  return command;
}

}  // namespace remuda::cli
