// remuda down, stop, start, restart: what the supervisor does with its processes.

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/running.hpp"
#include "cli/table.hpp"
#include "cli/verbs/verbs.hpp"

namespace remuda::cli {

namespace {

using nlohmann::ordered_json;

struct Options {
  std::vector<std::string> nodes;
  std::optional<std::string> topology;
  std::chrono::milliseconds timeout{std::chrono::seconds{60}};
  bool now = false;
  bool yes = false;
  bool dry_run = false;
};

std::string label(const ordered_json& process) {
  return fmt::format("{}/{}", process.value("node", ""), process.value("replica", 0));
}

/// Says what each process came to.
void show(const Terminal& terminal, const std::vector<ordered_json>& processes) {
  Table table{{{"NODE", false, true}, {"STATE"}, {"PID", true}, {"WHY", false, true}}};
  for (const ordered_json& p : processes) {
    const bool running = p.contains("pid") && p["pid"].is_number();
    const std::string state = p.value("state", "");
    table.add({{label(p)},
               {state, state == "failed" ? Colour::red : Colour::none},
               {running ? std::to_string(p["pid"].get<int>()) : "-"},
               {p.value("why", "")}});
  }
  terminal.out << table.render(terminal.width, terminal.colours);
}

ExitCode control(Terminal& terminal, const Options& options, const std::string& verb) {
  const Result<supervisor::TopologyEntry> entry = find_running(options.topology);
  if (!entry) return none_running(terminal, entry.error());
  if (options.dry_run) {
    const Result<SupervisorAnswer> answer = ask(*entry, "ps", options.nodes, options.timeout);
    if (!answer) return terminal.problem(answer.error(), "remuda ps");
    for (const ordered_json& process : answer->processes) terminal.out << fmt::format("would {} {}\n", verb, label(process));
    return ExitCode::done;
  }
  const Result<SupervisorAnswer> answer = ask(*entry, verb, options.nodes, options.timeout, options.now);
  if (!answer) {
    const bool wrong_name = answer.error().code == "no_such_node";
    return terminal.problem(answer.error(), wrong_name ? "remuda ps" : fmt::format("remuda ps --topology {}", entry->name));
  }
  if (verb == "down") {
    terminal.out << fmt::format("{}: down, {} {} stopped; its data is kept in {}\n", terminal.paint(Colour::bold, entry->name),
                                answer->processes.size(), answer->processes.size() == 1 ? "process" : "processes",
                                entry->data_folder);
    return ExitCode::done;
  }
  show(terminal, answer->processes);
  if (answer->ok) return ExitCode::done;
  return terminal.problem(ExitCode::failed, fmt::format("not everything could be {}", verb == "stop" ? "stopped" : "started"),
                          "remuda logs NODE says why");
}

Command verb_on_nodes(const std::string& name, const std::string& summary, const std::string& details) {
  auto options = std::make_shared<Options>();
  Command command{.name = name, .summary = summary, .details = details};
  command.options = {{"NODE",
                      "Only these; all when none is named (accounting, or accounting/1 for one replica)",
                      &options->nodes,
                      false,
                      {},
                      ValueKind::node},
                     topology_option(options->topology),
                     {"--timeout", "Give up waiting after this long (default 60s)", &options->timeout},
                     dry_run_option(options->dry_run)};
  command.run = [options, name](Terminal& terminal) { return control(terminal, *options, name); };
  return command;
}

}  // namespace

Command stop_verb() {
  return verb_on_nodes("stop", "Stop nodes or brokers in order; they stay known and can be started again",
                       "Each finishes what it has begun. Nothing that is in a queue is lost.");
}
Command start_verb() {
  return verb_on_nodes("start", "Start nodes or brokers that are stopped, failed or waiting for their next try",
                       "Returns when they are ready.");
}
Command restart_verb() {
  return verb_on_nodes("restart", "Stop nodes or brokers in order, then start them again", "Returns when they are ready.");
}

Command down_verb() {
  auto options = std::make_shared<Options>();
  Command command{.name = "down", .summary = "Stop a topology: everything finishes what it has begun, and ends"};
  command.details = "Queues and stores are kept; `remuda up` goes on where this stopped. It destroys nothing, so it does not ask.";
  command.options = {topology_option(options->topology),
                     {"--now", "Do not wait for what is being processed; queues give it out again later", &options->now},
                     {"--timeout", "Give up waiting after this long (default 60s)", &options->timeout},
                     {"-y,--yes", "Accepted for scripts; there is nothing to ask", &options->yes},
                     dry_run_option(options->dry_run)};
  command.run = [options](Terminal& terminal) { return control(terminal, *options, "down"); };
  return command;
}

}  // namespace remuda::cli
