// remuda config: the launch file with includes, arguments, environment and defaults put in.

#include <memory>

#include "cli/launch.hpp"
#include "cli/verbs/verbs.hpp"
#include "common/topology/config_view.hpp"

namespace remuda::cli {

Command config_verb() {
  struct Options {
    LaunchOptions launch;
    std::string format = "toml";
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  Command command{.name = "config", .summary = "Print the launch file with everything resolved"};
  command.details = "The output is a launch file again. `--format plan` prints what would run: processes, arguments, endpoints.";
  command.options = launch_options(options->launch);
  command.options.push_back({"--format", "toml, json, or plan (JSON)", &options->format, false, {"toml", "json", "plan"}});
  command.options.push_back({"--json", "The same as --format json", &options->json});
  command.run = [options](Terminal& terminal) {
    const Result<Launch> launch = resolve_launch(options->launch);
    if (!launch) return terminal.problem(launch.error(), "remuda config --help");
    if (!show_diagnostics(launch->topology.diagnostics, terminal)) return ExitCode::wrong_usage;
    const auto& [file, plan, diagnostics] = launch->topology;
    if (options->format == "plan") {
      terminal.out << topology::plan_as_json(plan) << '\n';
    } else if (options->json || options->format == "json") {
      terminal.out << topology::config_as_json(file, plan) << '\n';
    } else {
      terminal.out << topology::config_as_toml(file, plan);
    }
    return ExitCode::done;
  };
  return command;
}

}  // namespace remuda::cli
