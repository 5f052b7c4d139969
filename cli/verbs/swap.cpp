// remuda swap: another program takes the place of a running node, and nothing that is on its way is lost.

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/apply/node_changes.hpp"
#include "cli/executables.hpp"
#include "cli/program_check.hpp"
#include "cli/running.hpp"
#include "cli/supervisor/command_server.hpp"
#include "cli/supervisor/topology_folder.hpp"
#include "cli/verbs/verbs.hpp"
#include "common/topology/check.hpp"

namespace remuda::cli {

namespace {

using nlohmann::ordered_json;

constexpr std::chrono::seconds patience{5};  // of a question to the supervisor that it answers at once

struct Options {
  std::string node;
  std::optional<std::string> exec;
  std::optional<std::string> topology;
  std::chrono::milliseconds timeout{10'000};
  bool dry_run = false;
  bool json = false;
};

/// What the supervisor knows of the plan: it keeps it beside its data.
struct PlanFile {
  std::vector<topology::ProcessPlan> processes;
  std::vector<topology::Link> links;
};

PlanFile read_plan(const supervisor::TopologyEntry& entry) {
  std::ifstream in{supervisor::TopologyFolder{entry.data_folder}.plan()};
  std::ostringstream text;
  text << in.rdbuf();
  return {processes_from_json(text.str()), links_from_json(text.str())};
}

/// Whether the program runs at all and fits the ports that are wired. Errors: `does_not_fit` and those of Executables::find.
Result<void> check(Executables& executables, const std::string& program, const topology::ProcessPlan& process,
                   const PlanFile& plan) {
  const Result<std::string> found = executables.find(program);
  if (!found) return Failure<Error>{found.error()};
  const std::optional<std::string> text = executables.describe(program);
  if (!text) return fail("does_not_fit", fmt::format("{} --describe fails, or takes longer than 5 s", program));
  const Result<NodeDescription> description = topology::parse_description(*text);
  if (!description) return fail("does_not_fit", fmt::format("{}: {}", program, description.error().message));
  if (const Result<void> fits = check_program(*description, process, plan.links); !fits)
    return fail("does_not_fit", fmt::format("{} does not fit: {}", program, fits.error().message));
  return {};
}

void show(const Terminal& terminal, const ordered_json& swap) {
  const std::string process = swap.value("process", "");
  const std::string why = swap.value("why", "");
  const auto took = swap.value("took_ms", std::int64_t{0});
  if (swap.value("outcome", "") == "swapped") {
    terminal.out << fmt::format("{}  swapped in {} ms, runs {}\n", process, took, swap.value("program", ""));
    if (!why.empty()) terminal.err << fmt::format("{}: {}\n", process, why);
  } else {
    terminal.err << fmt::format("{}  not swapped: {}\n", process, why);
  }
}

ExitCode conclude(const Terminal& terminal, const supervisor::TopologyEntry& entry, const ordered_json& swaps, std::size_t count) {
  std::size_t swapped = 0;
  std::string outcome;
  for (const ordered_json& swap : swaps) {
    outcome = swap.value("outcome", "");
    swapped += outcome == "swapped" ? 1 : 0;
  }
  if (swapped == count) return ExitCode::done;
  const std::string what = outcome == "failed" ? "neither the new program nor the old one gets ready"
                           : swapped > 0
                               ? fmt::format("{} of {} replicas run the new program, the others the old one", swapped, count)
                               : "the old program serves on";
  return terminal.problem(
      swapped > 0 ? ExitCode::partly_done : ExitCode::failed, what,
      fmt::format("remuda logs {} --topology {}", swaps.empty() ? "" : swaps.back().value("process", ""), entry.name));
}

ExitCode swap(Terminal& terminal, const Options& options) {
  const Result<supervisor::TopologyEntry> entry = find_running(options.topology);
  if (!entry) return none_running(terminal, entry.error());
  const Result<SupervisorAnswer> known = ask(*entry, "ps", {options.node}, patience);
  if (!known) return terminal.problem(known.error(), "remuda ps");
  const PlanFile plan = read_plan(*entry);
  Executables executables = Executables::of_this_process(std::filesystem::current_path().string());
  std::string program;
  if (options.exec) {
    const Result<std::string> found = executables.find(*options.exec);
    if (!found) return terminal.problem(ExitCode::failed, found.error().message, "nothing was changed; remuda swap --help");
    program = *found;
  }
  std::chrono::milliseconds longest = patience;
  for (const ordered_json& row : known->processes) {
    for (const topology::ProcessPlan& process : plan.processes) {
      if (process.node != row.value("node", "") || process.replica != row.value("replica", 0)) continue;
      longest += 3 * process.stop_grace + 2 * options.timeout + std::chrono::seconds{10};
      if (process.kind == topology::ProcessPlan::Kind::broker) continue;  // refused by the supervisor
      const std::string its = program.empty() ? row.value("wanted_program", "") : program;
      if (const Result<void> fits = check(executables, its, process, plan); !fits)
        return terminal.problem(ExitCode::failed, fits.error().message, "nothing was changed; correct the program and swap again");
    }
  }
  if (options.dry_run) {
    for (const ordered_json& row : known->processes) {
      terminal.out << fmt::format("would swap {}/{} for {}\n", row.value("node", ""), row.value("replica", 0),
                                  program.empty() ? row.value("wanted_program", "") : program);
    }
    return ExitCode::done;
  }
  const Result<supervisor::Registry> registry = supervisor::Registry::of_this_user();
  if (!registry) return terminal.problem(registry.error(), "remuda ps");
  const ordered_json question{
      {"do", "swap"}, {"nodes", {options.node}}, {"program", program}, {"ready_ms", options.timeout.count()}};
  const Result<std::string> answer =
      supervisor::ask_supervisor(registry->socket_path(entry->name), question.dump(), static_cast<int>(longest.count()));
  if (!answer) return terminal.problem(answer.error(), fmt::format("remuda ps --topology {}", entry->name));
  const ordered_json json = ordered_json::parse(*answer, nullptr, false);
  if (!json.is_object() || !json.contains("swaps")) {
    const std::string why =
        json.is_object() ? json.value("message", "the supervisor refused") : "the supervisor's answer cannot be read";
    return terminal.problem(ExitCode::failed, why, fmt::format("remuda ps --topology {}", entry->name));
  }
  for (const ordered_json& one : json["swaps"]) {
    if (options.json) {
      terminal.out << one.dump() << '\n';
    } else {
      show(terminal, one);
    }
  }
  return conclude(terminal, *entry, json["swaps"], known->processes.size());
}

}  // namespace

Command swap_verb() {
  auto options = std::make_shared<Options>();
  Command command{.name = "swap", .summary = "Put another program, or the same one built anew, in the place of a running node"};
  command.details =
      "The new program is asked first whether it fits. Then those who send to the node directly hold back, the old one\n"
      "settles what it has begun and gives the rest back to its queues, and the new one takes its place; replicas one\n"
      "after the other. Nothing is lost, no request fails. If the new one does not get ready, the old one runs again and\n"
      "the exit code says so (1; 3 when other replicas are swapped). Ctrl-C ends the waiting, not the swap.\n"
      "The swapped program stays, also when the node is restarted; 'remuda up' begins with the launch file's again.\n"
      "  remuda swap accounting                              after a rebuild in place\n"
      "  remuda swap accounting --exec build/accounting      another file";
  command.options = {
      {"NODE", "The node (accounting, or accounting/1 for one replica)", &options->node, true, {}, ValueKind::node},
      {"--exec", "The new program; else the present one as it is on disk now", &options->exec, false, {}, ValueKind::file},
      topology_option(options->topology),
      {"--timeout", "How long the new one may take to get ready (default 10s)", &options->timeout},
      dry_run_option(options->dry_run),
      json_option(options->json)};
  command.run = [options](Terminal& terminal) { return swap(terminal, *options); };
  return command;
}

}  // namespace remuda::cli
