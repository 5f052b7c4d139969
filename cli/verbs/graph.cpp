// remuda graph: the picture of a launch file.

#include <fmt/format.h>

#include <fstream>
#include <memory>

#include "cli/launch.hpp"
#include "cli/verbs/verbs.hpp"
#include "common/topology/graph.hpp"

namespace remuda::cli {

Command graph_verb() {
  struct Options {
    LaunchOptions launch;
    std::optional<std::string> format;
    std::string output;
  };
  auto options = std::make_shared<Options>();
  Command command{.name = "graph", .summary = "Draw nodes, channels and the messages' ways between them"};
  command.details = "SVG and text need no other tool:  remuda graph FILE -o rides.svg";
  command.options = launch_options(options->launch);
  command.options.push_back({"-f,--format",
                             "text, dot or svg; by default what the name of the output says, else text",
                             &options->format,
                             false,
                             {"text", "dot", "svg"}});
  command.options.push_back({"-o,--output", "Write to this file", &options->output, false, {}, ValueKind::file});
  command.run = [options](Terminal& terminal) {
    const Result<Launch> launch = resolve_launch(options->launch);
    if (!launch) return terminal.problem(launch.error(), "remuda graph --help");
    if (!show_diagnostics(launch->topology.diagnostics, terminal)) return ExitCode::wrong_usage;
    const topology::Graph graph = topology::graph_of(launch->topology.plan);
    const std::string& output = options->output;
    const std::string format = options->format.value_or(output.ends_with(".svg")   ? "svg"
                                                        : output.ends_with(".dot") ? "dot"
                                                                                   : "text");
    const std::string picture = format == "svg"   ? topology::graph_as_svg(graph)
                                : format == "dot" ? topology::graph_as_dot(graph)
                                                  : topology::graph_as_text(graph);
    if (output.empty()) {
      terminal.out << picture;
      return ExitCode::done;
    }
    std::ofstream file{output, std::ios::binary | std::ios::trunc};
    file << picture;
    if (!file.flush())
      return terminal.problem(ExitCode::failed, fmt::format("cannot write {}", output), "choose another file with -o");
    return ExitCode::done;
  };
  return command;
}

}  // namespace remuda::cli
