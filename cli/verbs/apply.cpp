// remuda apply: makes the queues, topics and streams of a running topology what a changed launch file says, without restarting anything.

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/apply/channel_changes.hpp"
#include "cli/apply/node_changes.hpp"
#include "cli/channel_verbs.hpp"
#include "cli/launch.hpp"
#include "cli/running.hpp"
#include "cli/running_definitions.hpp"
#include "cli/supervisor/topology_folder.hpp"
#include "cli/verbs/verbs.hpp"
#include "common/declarations.hpp"

namespace remuda::cli {

namespace {

using nlohmann::ordered_json;

struct Options {
  LaunchOptions launch;
  std::optional<std::string> topology;
  bool force = false;
  bool json = false;
  ConfirmOptions confirm;
};

/// One broker: what it holds, what it shall hold, and the way from one to the other.
struct BrokerChanges {
  BrokerEndpoint broker;
  std::unique_ptr<BlockingBrokerClient> client;
  topology::Definitions wanted;
  LiveChannels live;
  std::vector<ChannelChange> changes;
};

topology::Definitions definitions_of(const topology::Plan& plan, const std::string& broker) {
  topology::Definitions definitions;
  std::copy_if(plan.queues.begin(), plan.queues.end(), std::back_inserter(definitions.queues),
               [&](const topology::QueuePlan& queue) { return queue.broker == broker; });
  std::copy_if(plan.topics.begin(), plan.topics.end(), std::back_inserter(definitions.topics),
               [&](const topology::TopicPlan& topic) { return topic.broker == broker; });
  std::copy_if(plan.streams.begin(), plan.streams.end(), std::back_inserter(definitions.streams),
               [&](const topology::StreamPlan& stream) { return stream.broker == broker; });
  return definitions;
}

Result<LiveChannels> channels_of(BlockingBrokerClient& client) {
  auto queues = client.list_queues();
  if (!queues) return Failure<Error>{queues.error()};
  auto topics = client.list_topics();
  if (!topics) return Failure<Error>{topics.error()};
  auto streams = client.list_streams();
  if (!streams) return Failure<Error>{streams.error()};
  return LiveChannels{std::move(*queues), std::move(*topics), std::move(*streams)};
}

Result<std::vector<BrokerChanges>> changes_of(BrokerAccess& access, const topology::Plan& plan) {
  std::vector<BrokerChanges> all;
  for (const BrokerEndpoint& broker : access.brokers()) {
    BrokerChanges one{broker, access.connect(broker, std::chrono::seconds{60}), definitions_of(plan, broker.name), {}, {}};
    Result<topology::Definitions> before = read_running_definitions(*access.topology(), broker.name);
    if (!before) return Failure<Error>{before.error()};
    Result<LiveChannels> live = channels_of(*one.client);
    if (!live) return Failure<Error>{live.error()};
    one.live = std::move(*live);
    one.changes = channel_changes(*before, one.wanted, one.live, to_unix_ms(SystemClock{}.wall_now()));
    all.push_back(std::move(one));
  }
  return all;
}

// ---- showing

char sign_of(Change change) {
  return change == Change::create ? '+' : change == Change::remove ? '-' : change == Change::replace ? '!' : '~';
}

void show(const Terminal& terminal, const ChannelChange& change) {
  const Colour colour = change.destroys() ? Colour::red : change.change == Change::create ? Colour::green : Colour::yellow;
  terminal.out << fmt::format("  {} {} {}{}\n", terminal.paint(colour, std::string(1, sign_of(change.change))),
                              fmt::streamed(change.kind), terminal.paint(Colour::bold, change.name),
                              change.change == Change::replace ? " is deleted and made anew" : "");
  for (const Difference& difference : change.differences) terminal.out << "      " << as_text(difference) << '\n';
  if (!change.loses.empty()) terminal.out << "      " << terminal.paint(Colour::red, "loses " + change.loses) << '\n';
}

ordered_json as_json(const ChannelChange& change, const std::string& topology, const std::string& broker) {
  ordered_json differences = ordered_json::array();
  for (const Difference& difference : change.differences)
    differences.push_back({{"key", difference.key}, {"before", difference.before}, {"after", difference.after}});
  return {{"topology", topology},
          {"broker", broker},
          {"change", fmt::format("{}", fmt::streamed(change.change))},
          {"kind", fmt::format("{}", fmt::streamed(change.kind))},
          {"name", change.name},
          {"differences", differences},
          {"loses", change.loses}};
}

std::vector<NodeChange> node_changes_of(const supervisor::TopologyEntry& entry, const topology::Plan& plan) {
  std::ifstream in{supervisor::TopologyFolder{entry.data_folder}.plan()};
  std::ostringstream text;
  text << in.rdbuf();
  const std::vector<topology::ProcessPlan> before = processes_from_json(text.str());
  return before.empty() ? std::vector<NodeChange>{} : node_changes(before, plan.processes);
}

void show_nodes(const Terminal& terminal, const std::vector<NodeChange>& changes, const std::string& file) {
  if (changes.empty()) return;
  std::string names;
  for (const NodeChange& change : changes)
    names += fmt::format("{}{} {}", names.empty() ? "" : ", ", fmt::streamed(change.what), change.node);
  terminal.err << fmt::format("processes are left as they are ({}); to change them: remuda down && remuda up {}\n", names, file);
}

// ---- carrying out

template <class T>
Result<void> without_value(const Result<T>& result) {
  if (!result) return Failure<Error>{result.error()};
  return {};
}

Result<void> declare(BrokerChanges& broker, const ChannelChange& change) {
  for (const topology::QueuePlan& queue : broker.wanted.queues) {
    if (queue.name == change.name) return without_value(broker.client->declare_queue(declaration_of(queue)));
  }
  for (const topology::StreamPlan& stream : broker.wanted.streams) {
    if (stream.name == change.name) return without_value(broker.client->declare_stream(declaration_of(stream)));
  }
  for (const topology::TopicPlan& topic : broker.wanted.topics) {
    if (topic.name == change.name) return without_value(broker.client->declare_topic(declaration_of(topic)));
  }
  return {};
}

Result<void> remove(BrokerChanges& broker, const ChannelChange& change, bool force) {
  if (change.kind == ChangedKind::queue) return without_value(broker.client->delete_queue({change.name, force}));
  if (change.kind == ChangedKind::stream) return without_value(broker.client->delete_stream({change.name, force}));
  return without_value(broker.client->delete_topic(change.name));
}

/// What is replaced goes first, queues before their dead-letter queues, then everything in the order of the plan.
Result<void> carry_out(BrokerChanges& broker, bool force) {
  for (auto change = broker.changes.rbegin(); change != broker.changes.rend(); ++change) {
    if (change->change != Change::replace) continue;
    if (const auto deleted = remove(broker, *change, force); !deleted) return deleted;
  }
  for (const ChannelChange& change : broker.changes) {
    const Result<void> done = change.change == Change::remove ? remove(broker, change, force) : declare(broker, change);
    if (!done) return fail(done.error().code, fmt::format("{}: {}", change.name, done.error().message));
  }
  return {};
}

ExitCode apply(const Terminal& terminal, Options& options) {
  Result<supervisor::TopologyEntry> entry = find_running(options.topology);
  if (!entry) return none_running(terminal, entry.error());
  options.launch.name = entry->name;
  options.launch.data = entry->data_folder;
  Result<Launch> launch = resolve_launch(options.launch);
  if (!launch) return terminal.problem(launch.error(), "remuda apply --help");
  topology::Plan& plan = launch->topology.plan;
  if (!show_diagnostics(launch->topology.diagnostics, terminal))
    return terminal.problem(ExitCode::wrong_usage, "nothing was changed",
                            fmt::format("correct the file, then: remuda check {}", options.launch.file));
  if (const Result<void> kept = keep_own_processes(plan, options.launch); !kept)
    return terminal.problem(kept.error(), "remuda apply --help");

  BrokerOptions brokers;
  brokers.topology = entry->name;
  Result<BrokerAccess> access = BrokerAccess::open(brokers);
  if (!access) return refused(terminal, access.error());
  Result<std::vector<BrokerChanges>> changes = changes_of(*access, plan);
  if (!changes) return refused(terminal, changes.error());
  std::size_t count = 0;
  std::size_t destroying = 0;
  std::string loses;
  for (const BrokerChanges& broker : *changes) {
    if (!options.json && !broker.changes.empty()) terminal.out << fmt::format("{}, broker {}:\n", entry->name, broker.broker.name);
    for (const ChannelChange& change : broker.changes) {
      ++count;
      if (change.destroys()) ++destroying;
      if (!change.loses.empty()) loses += (loses.empty() ? "" : ", ") + change.name;
      if (options.json) {
        terminal.out << dump(as_json(change, entry->name, broker.broker.name)) << '\n';
      } else {
        show(terminal, change);
      }
    }
  }
  terminal.out.flush();
  const std::vector<NodeChange> nodes = node_changes_of(*entry, plan);
  if (count == 0) {
    if (!options.json) terminal.out << entry->name << ": queues, topics and streams are as the file says\n";
    show_nodes(terminal, nodes, options.launch.file);
    return ExitCode::done;
  }
  if (options.confirm.dry_run) {
    show_nodes(terminal, nodes, options.launch.file);
    return ExitCode::done;
  }
  if (!loses.empty() && !options.force) {
    return terminal.problem(ExitCode::failed, fmt::format("messages would be lost ({}); nothing was changed", loses),
                            "remuda queue move QUEUE OTHER keeps them; --force loses them");
  }
  if (destroying > 0 && !terminal.confirm(fmt::format("apply these {} changes, {} of which destroy something", count, destroying),
                                          options.confirm.yes)) {
    return terminal.can_ask ? ExitCode::interrupted : ExitCode::wrong_usage;
  }
  for (BrokerChanges& broker : *changes) {
    if (broker.changes.empty()) continue;
    if (const Result<void> done = carry_out(broker, options.force); !done) {
      refused(terminal, done.error());
      return terminal.problem(ExitCode::partly_done, "the changes before it are made", "apply again once that is mended");
    }
    const Result<void> kept = write_running_definitions(*entry, broker.broker.name, broker.wanted, broker.live);
    if (!kept) return refused(terminal, kept.error());
  }
  if (!options.json) terminal.out << fmt::format("{} change{} made\n", count, count == 1 ? "" : "s");
  show_nodes(terminal, nodes, options.launch.file);
  return ExitCode::done;
}

}  // namespace

Command apply_verb() {
  auto options = std::make_shared<Options>();
  Command command{.name = "apply",
                  .summary = "Make the queues, topics and streams of a running topology what the launch file says now"};
  command.details =
      "Shows what it will create, change and remove, then does it; nothing is restarted. What would lose messages is refused\n"
      "without --force, what destroys something asks first. Queues made by hand ('remuda queue create') are left alone.";
  command.options = launch_options(options->launch);
  command.options.push_back(topology_option(options->topology));
  command.options.push_back({"--force", "Also what loses messages", &options->force});
  command.options.push_back(json_option(options->json));
  command.options = joined(std::move(command.options), confirm_options(options->confirm));
  command.run = [options](Terminal& terminal) { return apply(terminal, *options); };
  return command;
}

}  // namespace remuda::cli
