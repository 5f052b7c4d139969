// remuda ps: what runs, what is stuck and why.

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/running.hpp"
#include "cli/supervisor/log_record.hpp"
#include "cli/table.hpp"
#include "cli/verbs/verbs.hpp"

namespace remuda::cli {

namespace {

using nlohmann::ordered_json;
constexpr std::chrono::seconds patience{5};

struct Options {
  std::vector<std::string> nodes;
  std::optional<std::string> topology;
  bool json = false;
};

Colour colour_of_state(const std::string& state, bool unresponsive) {
  if (unresponsive || state == "failed") return Colour::red;
  if (state == "ready") return Colour::green;
  if (state == "starting" || state == "backoff" || state == "draining") return Colour::yellow;
  return Colour::dim;
}

std::string table_of(const std::vector<ordered_json>& processes, const Terminal& terminal) {
  const bool any_swapped =
      std::any_of(processes.begin(), processes.end(), [](const ordered_json& p) { return p.value("swapped", false); });
  std::vector<Column> columns{{"NODE", false, true}, {"STATE"},      {"PID", true},    {"UP", true},
                              {"RESTARTS", true},    {"DONE", true}, {"FAILED", true}, {"LAST EXIT"}};
  if (any_swapped) columns.push_back({"SWAPPED FOR", false, true});
  columns.push_back({"WHY", false, true});
  Table table{columns};
  for (const ordered_json& p : processes) {
    const std::string node = p.value("node", "");
    const int replica = p.value("replica", 0);
    int replicas = 0;
    for (const ordered_json& other : processes) replicas += other.value("node", "") == node ? 1 : 0;
    const std::string state = p.value("state", "");
    const bool running = p.contains("pid") && p["pid"].is_number();
    const std::string last_exit = p.contains("last_exit") && p["last_exit"].is_string() ? p["last_exit"].get<std::string>() : "";
    const bool is_broker = p.value("kind", "") == "broker";
    std::vector<Cell> row{{supervisor::process_name(node, replica, replicas), is_broker ? Colour::bold : Colour::none},
                          {state, colour_of_state(state, p.value("unresponsive", false))},
                          {running ? std::to_string(p["pid"].get<int>()) : "-"},
                          {running ? brief_duration(p.value("uptime_s", 0.0)) : "-"},
                          {std::to_string(p.value("restarts", 0))},
                          {is_broker ? "" : std::to_string(p.value("processed", std::uint64_t{0}))},
                          {is_broker ? "" : std::to_string(p.value("failed", std::uint64_t{0}))},
                          {last_exit}};
    if (any_swapped) row.push_back({p.value("swapped", false) ? p.value("exec", "") : ""});
    row.push_back({p.value("why", "")});
    table.add(std::move(row));
  }
  return table.render(terminal.width, terminal.colours);
}

ExitCode ps(Terminal& terminal, const Options& options) {
  std::vector<supervisor::TopologyEntry> entries = all_running();
  if (options.topology) {
    const Result<supervisor::TopologyEntry> entry = find_running(options.topology);
    if (!entry) return none_running(terminal, entry.error());
    entries = {*entry};
  }
  if (entries.empty()) {
    terminal.err << "no topology runs\n  next: remuda up FILE\n";
    return ExitCode::done;
  }
  int unanswered = 0;
  for (const supervisor::TopologyEntry& entry : entries) {
    const Result<SupervisorAnswer> answer = ask(entry, "ps", options.nodes, patience);
    if (!answer) {
      ++unanswered;
      terminal.problem(exit_code_of(answer.error()), entry.name + ": " + answer.error().message,
                       fmt::format("remuda ps --topology {}; if it stays so: kill {}", entry.name, entry.pid));
      continue;
    }
    if (options.json) {
      for (const ordered_json& process : answer->processes) terminal.out << process.dump() << '\n';
      continue;
    }
    if (entries.size() > 1)
      terminal.out << (&entry == &entries.front() ? "" : "\n") << terminal.paint(Colour::bold, entry.name) << '\n';
    terminal.out << table_of(answer->processes, terminal);
  }
  if (unanswered == 0) return ExitCode::done;
  return unanswered == static_cast<int>(entries.size()) ? ExitCode::not_reachable : ExitCode::partly_done;
}

}  // namespace

Command ps_verb() {
  auto options = std::make_shared<Options>();
  Command command{.name = "ps", .summary = "Show what runs, what is stuck and why"};
  command.options = {
      {"NODE", "Only these (accounting, or accounting/1 for one replica)", &options->nodes, false, {}, ValueKind::node},
      topology_option(options->topology),
      json_option(options->json)};
  command.run = [options](Terminal& terminal) { return ps(terminal, *options); };
  return command;
}

}  // namespace remuda::cli
