// remuda queue create, set, delete: queues that come, change and go while everything runs.

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/channel_verbs.hpp"
#include "cli/queue_settings.hpp"
#include "cli/running_definitions.hpp"
#include "cli/verbs/queue/commands.hpp"
#include "common/declarations.hpp"

namespace remuda::cli {

namespace {

using topology::QueuePlan;

/// Changes what the launch file has defined of the queue where the broker will look at its next start. Nothing to do for a queue
/// that somebody made by hand, or for a broker that runs by itself.
Result<bool> keep_across_restarts(ChannelAccess& channel, const std::string& queue, const std::optional<QueuePlan>& plan) {
  if (!channel.access.topology()) return false;
  supervisor::TopologyEntry entry = *channel.access.topology();
  Result<topology::Definitions> definitions = read_running_definitions(entry, channel.broker.name);
  if (!definitions) return Failure<Error>{definitions.error()};
  const auto known = std::find_if(definitions->queues.begin(), definitions->queues.end(),
                                  [&](const QueuePlan& defined) { return defined.name == queue; });
  if (known == definitions->queues.end()) return false;
  if (plan) {
    *known = *plan;
  } else {
    definitions->queues.erase(known);
  }
  const auto queues = channel.client->list_queues();
  if (!queues) return Failure<Error>{queues.error()};
  const auto topics = channel.client->list_topics();
  if (!topics) return Failure<Error>{topics.error()};
  const Result<void> written =
      write_running_definitions(entry, channel.broker.name, std::move(*definitions), LiveChannels{*queues, *topics});
  if (!written) return Failure<Error>{written.error()};
  return true;
}

void say_that_the_launch_file_differs(const Terminal& terminal, const ChannelAccess& channel) {
  terminal.err << fmt::format("{} says otherwise: write it there, too, or the next 'remuda apply' or 'up' takes it back\n",
                              channel.access.topology()->launch_file);
}

ExitCode declare(const Terminal& terminal, ChannelAccess& channel, const QueuePlan& before, const QueuePlan& after, bool dry_run,
                 bool is_new) {
  const std::vector<Difference> changed = differences(before, after);
  const std::string what = is_new ? "create" : "change";
  if (!is_new && changed.empty()) {
    terminal.out << after.name << ": nothing to change\n";
    return ExitCode::done;
  }
  if (!dry_run) {
    const auto declared = channel.client->declare_queue(declaration_of(after));
    if (!declared) return refused(terminal, declared.error());
  }
  terminal.out << fmt::format("{}{} {}\n", dry_run ? "would " : "", dry_run ? what : what + "d", after.name);
  for (const Difference& difference : changed) terminal.out << "  " << as_text(difference) << '\n';
  if (dry_run) return ExitCode::done;
  const Result<bool> kept = keep_across_restarts(channel, after.name, after);
  if (!kept) return refused(terminal, kept.error());
  if (*kept) say_that_the_launch_file_differs(terminal, channel);
  return ExitCode::done;
}

// ---- create, set

struct ChangeOptions {
  BrokerOptions broker;
  std::string queue;
  QueueSettings settings;
  bool fifo = false;
  std::optional<std::string> on;
  bool dry_run = false;
};

ExitCode create(const Terminal& terminal, const ChangeOptions& options) {
  Result<ChannelAccess> channel = open_broker_for(options.broker, options.on, options.settings.from);
  if (!channel) return refused(terminal, channel.error());
  if (channel->client->queue_info(options.queue)) {
    return terminal.problem(ExitCode::failed, fmt::format("there is a queue '{}' already", options.queue),
                            fmt::format("remuda queue set {} changes it", options.queue));
  }
  QueuePlan plan;
  plan.name = options.queue;
  const QueuePlan standard = plan;
  if (options.fifo) plan.fifo.emplace();
  if (const Result<void> applied = apply_settings(options.settings, plan); !applied)
    return terminal.problem(ExitCode::wrong_usage, applied.error().message, "remuda queue create --help");
  return declare(terminal, *channel, standard, plan, options.dry_run, true);
}

ExitCode set(const Terminal& terminal, const ChangeOptions& options) {
  Result<ChannelAccess> channel = open_channel(options.broker, options.queue, "queue");
  if (!channel) return refused(terminal, channel.error());
  const Result<wire::QueueInfo> info = channel->client->queue_info(options.queue);
  if (!info) return refused(terminal, info.error());
  const QueuePlan before = plan_of(*info);
  QueuePlan after = before;
  if (const Result<void> applied = apply_settings(options.settings, after); !applied)
    return terminal.problem(ExitCode::wrong_usage, applied.error().message, "remuda queue set --help");
  return declare(terminal, *channel, before, after, options.dry_run, false);
}

// ---- delete

struct DeleteOptions {
  BrokerOptions broker;
  std::string queue;
  bool force = false;
  ConfirmOptions confirm;
};

ExitCode remove(const Terminal& terminal, const DeleteOptions& options) {
  Result<ChannelAccess> channel = open_channel(options.broker, options.queue, "queue");
  if (!channel) return refused(terminal, channel.error());
  const Result<wire::QueueInfo> info = channel->client->queue_info(options.queue);
  if (!info) return refused(terminal, info.error());
  const std::uint64_t held = info->visible + info->in_flight + info->delayed;
  const std::string plan = fmt::format("delete {}{}", options.queue, held == 0 ? "" : " and lose " + messages(held));
  if (options.confirm.dry_run) {
    terminal.out << fmt::format("would {}{}\n", plan, held > 0 && !options.force ? ", which needs --force" : "");
    return ExitCode::done;
  }
  if (held > 0 && !options.force) {
    return terminal.problem(ExitCode::failed, fmt::format("{} holds {}; nothing was deleted", options.queue, messages(held)),
                            fmt::format("remuda queue move {} OTHER keeps them; --force loses them", options.queue));
  }
  if (!terminal.confirm(plan, options.confirm.yes)) return terminal.can_ask ? ExitCode::interrupted : ExitCode::wrong_usage;
  const auto deleted = channel->client->delete_queue({options.queue, options.force});
  if (!deleted) return refused(terminal, deleted.error());
  terminal.out << fmt::format("deleted {}\n", options.queue);
  const Result<bool> kept = keep_across_restarts(*channel, options.queue, std::nullopt);
  if (!kept) return refused(terminal, kept.error());
  if (*kept) say_that_the_launch_file_differs(terminal, *channel);
  return ExitCode::done;
}

}  // namespace

Command queue_create() {
  auto options = std::make_shared<ChangeOptions>();
  Option queue = queue_argument(options->queue);
  queue.value = ValueKind::text;  // a name that is not there yet
  return {
      .name = "create",
      .summary = "Make a queue; it stays until it is deleted, also across restarts",
      .details = "What a topology needs belongs into its launch file ('remuda apply'); this is for what comes and goes.",
      .options = with_broker(
          options->broker,
          joined({queue, {"--fifo", "A FIFO queue: order inside each message group, no repeats within 5 minutes", &options->fifo}},
                 joined(queue_settings_options(options->settings),
                        {{"--on", "Which of the topology's brokers, when there are several", &options->on},
                         dry_run_option(options->dry_run)}))),
      .run = [options](Terminal& terminal) { return create(terminal, *options); }};
}

Command queue_set() {
  auto options = std::make_shared<ChangeOptions>();
  return {.name = "set",
          .summary = "Change the settings or the filter of a queue while everything runs; its messages stay",
          .options = with_broker(options->broker,
                                 joined({queue_argument(options->queue)},
                                        joined(queue_settings_options(options->settings), {dry_run_option(options->dry_run)}))),
          .run = [options](Terminal& terminal) { return set(terminal, *options); }};
}

Command queue_delete() {
  auto options = std::make_shared<DeleteOptions>();
  return {.name = "delete",
          .summary = "Delete a queue",
          .options = with_broker(options->broker,
                                 joined({queue_argument(options->queue),
                                         {"--force", "Also when it holds messages, which are then lost", &options->force}},
                                        confirm_options(options->confirm))),
          .run = [options](Terminal& terminal) { return remove(terminal, *options); }};
}

}  // namespace remuda::cli
