// remuda bench: runs a workload and prints its figures.

#include <fmt/format.h>

#include <memory>

#include "bench/workload.hpp"
#include "cli/verbs/verbs.hpp"
#include "common/suggestion.hpp"

namespace remuda::cli {

namespace {

struct Options {
  std::vector<std::string> workloads;
  bench::Options bench;
  int size = 256;
  std::optional<int> producers;
  std::optional<int> consumers;
  std::chrono::milliseconds duration{4'000};
  int messages = 0;
  int backlog = 0;
  int in_flight = 0;
  int groups = 0;
  bool json = false;
};

ExitCode list_workloads(const Terminal& terminal) {
  for (const bench::Workload& workload : bench::workloads())
    terminal.out << fmt::format("{:<7} {}\n", workload.name, workload.summary);
  return ExitCode::done;
}

ExitCode run(Terminal& terminal, Options& options) {
  if (options.workloads.empty()) return list_workloads(terminal);
  options.bench.size = static_cast<std::size_t>(std::max(1, options.size));
  options.bench.producers = options.producers;
  options.bench.consumers = options.consumers;
  options.bench.seconds = std::chrono::duration<double>(options.duration).count();
  options.bench.messages = static_cast<std::uint64_t>(std::max(0, options.messages));
  options.bench.queues = std::max(1, options.bench.queues);
  options.bench.backlog = static_cast<std::uint64_t>(std::max(0, options.backlog));
  options.bench.in_flight = static_cast<std::uint64_t>(std::max(0, options.in_flight));
  options.bench.groups = static_cast<std::uint64_t>(std::max(0, options.groups));
  for (const std::string& name : options.workloads) {
    std::vector<std::string_view> known;
    const bench::Workload* chosen = nullptr;
    for (const bench::Workload& workload : bench::workloads()) {
      known.push_back(workload.name);
      if (workload.name == name) chosen = &workload;
    }
    if (chosen == nullptr) {
      const std::string_view meant = closest_name(name, known);
      return terminal.problem(
          ExitCode::wrong_usage,
          fmt::format("no workload '{}'{}", name, meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant)),
          "remuda bench lists them");
    }
    if (terminal.redraws) terminal.err << fmt::format("{}: {} ...", chosen->name, chosen->summary) << std::flush;
    const Result<bench::Report> report = chosen->run(options.bench);
    if (terminal.redraws) terminal.err << "\r\x1b[K" << std::flush;
    if (!report) return terminal.problem(report.error(), "remuda-broker must stand beside remuda, and the machine must have room");
    terminal.out << (options.json ? bench::to_json(*report) + "\n" : bench::to_text(*report)) << std::flush;
  }
  return ExitCode::done;
}

}  // namespace

Command bench_verb() {
  auto options = std::make_shared<Options>();
  Command command{.name = "bench", .summary = "Run a workload and print its figures"};
  command.details = "Without a workload they are listed. Each starts processes of its own; what runs already is not touched.";
  command.options = {{"WORKLOAD", "W1, W1c, W2, ...", &options->workloads},
                     {"--size", "Body bytes (256)", &options->size},
                     {"--producers", "Instead of the workload's own number", &options->producers},
                     {"--consumers", "Instead of the workload's own number", &options->consumers},
                     {"--window", "Messages that a producer keeps unconfirmed (256)", &options->bench.window},
                     {"--batch", "Messages in one request (64)", &options->bench.batch},
                     {"--duration", "About this long (4s)", &options->duration},
                     {"--messages", "This many, instead of --duration", &options->messages},
                     {"--queues", "W1: batch after batch goes to the next of so many queues (1)", &options->bench.queues},
                     {"--backlog", "W1: so many messages wait in the queue all the time (0); saga: so many sagas wait (100000)",
                      &options->backlog},
                     {"--in-flight", "saga: so many are started and not over (10000)", &options->in_flight},
                     {"--groups", "W1, W1c: a FIFO queue with so many message groups (0: a standard queue)", &options->groups},
                     {"--relaxed", "Confirm before the sync", &options->bench.relaxed},
                     {"--transport", "tcp or ipc", &options->bench.transport, false, {"tcp", "ipc"}},
                     {"--data", "Where the temporary stores go", &options->bench.data_folder, false, {}, ValueKind::folder},
                     json_option(options->json)};
  command.run = [options](Terminal& terminal) { return run(terminal, *options); };
  return command;
}

}  // namespace remuda::cli
