// remuda scale: a node of a running topology gets more or fewer replicas, and nothing that is on its way is lost.

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/broker_access.hpp"
#include "cli/channel_verbs.hpp"
#include "cli/running.hpp"
#include "cli/running_definitions.hpp"
#include "cli/supervisor/command_server.hpp"
#include "cli/supervisor/scaled_plan.hpp"
#include "cli/verbs/verbs.hpp"
#include "common/declarations.hpp"

namespace remuda::cli {

namespace {

using nlohmann::ordered_json;

constexpr std::chrono::seconds patience{5};  // of a question to the supervisor that it answers at once

struct Options {
  std::vector<std::string> nodes;
  std::optional<std::string> topology;
  std::chrono::milliseconds timeout{10'000};
  bool dry_run = false;
  bool json = false;
};

/// Errors: the supervisor's own, `not_running`, `timed_out`.
Result<ordered_json> ask_to_scale(const supervisor::TopologyEntry& entry, const Options& options, bool dry_run,
                                  std::chrono::milliseconds longest) {
  const Result<supervisor::Registry> registry = supervisor::Registry::of_this_user();
  if (!registry) return Failure<Error>{registry.error()};
  const ordered_json question{
      {"do", "scale"}, {"nodes", options.nodes}, {"ready_ms", options.timeout.count()}, {"dry_run", dry_run}};
  const Result<std::string> answer =
      supervisor::ask_supervisor(registry->socket_path(entry.name), question.dump(), static_cast<int>(longest.count()));
  if (!answer) return Failure<Error>{answer.error()};
  ordered_json json = ordered_json::parse(*answer, nullptr, false);
  if (json.is_object() && json.contains(dry_run ? "queues" : "scales")) return json;
  if (!json.is_object()) return fail("failed", "the supervisor's answer cannot be read; it may be of another version");
  return fail(json.value("code", "failed"), json.value("message", "the supervisor refused"));
}

/// A process that asks over queues has one for its answers. It stays when the replica leaves, and is empty then.
Result<void> declare_reply_queues(const supervisor::TopologyEntry& entry, const ordered_json& queues) {
  if (queues.empty()) return {};
  BrokerOptions brokers;
  brokers.topology = entry.name;
  Result<BrokerAccess> access = BrokerAccess::open(brokers);
  if (!access) return Failure<Error>{access.error()};
  for (const ordered_json& queue : queues) {
    const std::string name = queue.value("broker", "");
    const auto broker = std::find_if(access->brokers().begin(), access->brokers().end(),
                                     [&](const BrokerEndpoint& known) { return known.name == name; });
    if (broker == access->brokers().end()) return fail("failed", fmt::format("broker {} is none of this topology", name));
    const Result<topology::Definitions> definitions = read_running_definitions(entry, name);
    if (!definitions) return Failure<Error>{definitions.error()};
    const auto like = std::find_if(definitions->queues.begin(), definitions->queues.end(),
                                   [&](const topology::QueuePlan& known) { return known.name == queue.value("like", ""); });
    if (like == definitions->queues.end()) return fail("failed", fmt::format("broker {} has no {}", name, queue.value("like", "")));
    topology::QueuePlan plan = *like;
    plan.name = queue.value("queue", "");
    if (const auto declared = access->connect(*broker)->declare_queue(declaration_of(plan)); !declared)
      return Failure<Error>{declared.error()};
  }
  return {};
}

std::string replicas(int count) {
  return fmt::format("{} replica{}", count, count == 1 ? "" : "s");
}

void show(const Terminal& terminal, const ordered_json& scale) {
  const std::string node = scale.value("node", "");
  const std::string why = scale.value("why", "");
  const int before = scale.value("before", 0);
  const int now = scale.value("replicas", 0);
  if (scale.value("outcome", "") != "scaled") {
    terminal.err << fmt::format("{}  {}, not {}: {}\n", node, replicas(now), scale.value("wanted", 0), why);
    return;
  }
  if (before == now) {
    terminal.out << fmt::format("{}  has {}\n", node, replicas(now));
  } else {
    terminal.out << fmt::format("{}  from {} to {} in {} ms\n", node, before, replicas(now),
                                scale.value("took_ms", std::int64_t{0}));
  }
  if (!why.empty()) terminal.err << fmt::format("{}: {}\n", node, why);
  for (const ordered_json& remark : scale.value("remarks", ordered_json::array()))
    terminal.err << fmt::format("{}: {}\n", node, remark.get<std::string>());
}

ExitCode conclude(const Terminal& terminal, const supervisor::TopologyEntry& entry, const ordered_json& scales,
                  std::size_t wanted) {
  const auto scaled = static_cast<std::size_t>(std::count_if(
      scales.begin(), scales.end(), [](const ordered_json& scale) { return scale.value("outcome", "") == "scaled"; }));
  if (scaled == wanted) return ExitCode::done;
  const ordered_json& last = scales.back();
  const std::string node = last.value("node", "");
  const bool some_left = last.value("outcome", "") == "unfinished" && last.value("replicas", 0) < last.value("before", 0);
  const std::string what = fmt::format("{} goes on with {}", node, replicas(last.value(some_left ? "replicas" : "before", 0)));
  return terminal.problem(scaled > 0 || some_left ? ExitCode::partly_done : ExitCode::failed, what,
                          fmt::format("remuda logs {} --topology {}", node, entry.name));
}

ExitCode refuse(const Terminal& terminal, const Error& error) {
  if (error.code == "wrong_usage") return terminal.problem(ExitCode::wrong_usage, error.message, "remuda scale --help");
  return terminal.problem(error, error.code == "no_such_node" ? "remuda ps" : "nothing was changed; remuda ps");
}

ExitCode scale(Terminal& terminal, const Options& options) {
  const auto counts = supervisor::replica_counts(options.nodes);
  if (!counts) return refuse(terminal, counts.error());
  const Result<supervisor::TopologyEntry> entry = find_running(options.topology);
  if (!entry) return none_running(terminal, entry.error());
  const Result<ordered_json> possible = ask_to_scale(*entry, options, true, patience);
  if (!possible) return refuse(terminal, possible.error());
  if (options.dry_run) {
    for (const auto& [node, count] : *counts) terminal.out << fmt::format("would scale {} to {}\n", node, replicas(count));
    return ExitCode::done;
  }
  if (const Result<void> declared = declare_reply_queues(*entry, (*possible)["queues"]); !declared)
    return terminal.problem(declared.error(), "nothing was changed; remuda queue ls");
  // As long as it may take: the supervisor has a limit for each step, and says which one was passed.
  const std::chrono::milliseconds longest = std::chrono::hours{24};
  const Result<ordered_json> answer = ask_to_scale(*entry, options, false, longest);
  if (!answer) return refuse(terminal, answer.error());
  const ordered_json& scales = (*answer)["scales"];
  for (const ordered_json& one : scales) {
    if (options.json) {
      terminal.out << dump(one) << '\n';
    } else {
      show(terminal, one);
    }
  }
  return conclude(terminal, *entry, scales, counts->size());
}

}  // namespace

Command scale_verb() {
  auto options = std::make_shared<Options>();
  Command command{.name = "scale", .summary = "Give a running node more or fewer replicas"};
  command.details =
      "New replicas start at once and take part when they are ready; those who send to the node directly are told. Surplus\n"
      "ones, the highest numbers, leave one after the other: each takes nothing more, settles what it has begun, gives the\n"
      "rest back to its queues uncounted, and ends. Nothing is lost, no request fails, the others go on. If a new one does\n"
      "not get ready, all of them end again and the exit code says so (1; 3 when another node was scaled before, or some\n"
      "have left). Ctrl-C ends the waiting, not the scaling. 'remuda up' begins with the launch file's number again.\n"
      "  remuda scale accounting=3\n"
      "  remuda scale accounting=1 printer=4                 one node after the other";
  command.options = {
      {"NODE", "NODE=N: the node, and how many replicas it shall have (1 to 256)", &options->nodes, true, {}, ValueKind::node},
      topology_option(options->topology),
      {"--timeout", "How long new replicas may take to get ready (default 10s)", &options->timeout},
      dry_run_option(options->dry_run),
      json_option(options->json)};
  command.run = [options](Terminal& terminal) { return scale(terminal, *options); };
  return command;
}

}  // namespace remuda::cli
