// remuda queue purge, redrive: what an operator does with the messages of a queue.

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/channel_verbs.hpp"
#include "cli/move_progress.hpp"
#include "cli/verbs/queue/commands.hpp"

namespace remuda::cli {

namespace {

struct PurgeOptions {
  BrokerOptions broker;
  std::string queue;
  SelectionOptions selection;
  ConfirmOptions confirm;
};

ExitCode purge(Terminal& terminal, const PurgeOptions& options) {
  Result<ChannelAccess> queue = open_channel(options.broker, options.queue, "queue", std::chrono::seconds{60});
  if (!queue) return refused(terminal, queue.error());
  wire::Purge request;
  request.queue = options.queue;
  request.selection = options.selection.selection();
  return destroy(terminal, options.confirm, "delete {} from " + options.queue + " for ever", "deleted {} from " + options.queue,
                 [&](bool dry_run) {
                   request.dry_run = dry_run;
                   return queue->client->purge(request);
                 });
}

struct RedriveOptions {
  BrokerOptions broker;
  std::string queue;
  SelectionOptions selection;
  std::optional<std::string> to;
  int max = 0;
  int rate = 0;
  ConfirmOptions confirm;
};

/// In the background of the broker, so many a second, shown until it ends.
ExitCode redrive_slowly(const Terminal& terminal, const RedriveOptions& options, wire::Redrive request,
                        BlockingBrokerClient& client) {
  if (options.max > 0) return terminal.problem(ExitCode::wrong_usage, "--rate moves all there is", "leave --max out, or --filter");
  request.dry_run = true;
  const Result<std::uint64_t> found = client.redrive(request);
  if (!found) return refused(terminal, found.error());
  const std::string plan = fmt::format("move {} from {} to {}, {} a second", messages(*found), options.queue,
                                       options.to.value_or("the queues they came from"), options.rate);
  if (options.confirm.dry_run || *found == 0) {
    terminal.out << "would " << plan << '\n';
    return ExitCode::done;
  }
  if (!terminal.confirm(plan, options.confirm.yes)) return terminal.can_ask ? ExitCode::interrupted : ExitCode::wrong_usage;
  wire::StartMove start;
  start.queue = request.queue;
  start.to = request.to;
  start.selection = request.selection;
  start.max_per_second = static_cast<std::uint32_t>(options.rate);
  return run_move(terminal, client, start, *found, false);
}

ExitCode redrive(Terminal& terminal, const RedriveOptions& options) {
  Result<ChannelAccess> queue = open_channel(options.broker, options.queue, "queue", std::chrono::seconds{60});
  if (!queue) return refused(terminal, queue.error());
  wire::Redrive request;
  request.queue = options.queue;
  if (options.to) request.to = *options.to;
  request.max = static_cast<std::uint64_t>(std::max(0, options.max));
  request.selection = options.selection.selection();
  if (options.rate > 0) return redrive_slowly(terminal, options, request, *queue->client);
  const std::string target = options.to ? *options.to : "the queues they came from";
  return destroy(terminal, options.confirm, "move {} from " + options.queue + " to " + target,
                 "moved {} from " + options.queue + " to " + target, [&](bool dry_run) {
                   request.dry_run = dry_run;
                   return queue->client->redrive(request);
                 });
}

}  // namespace

Command queue_purge() {
  auto options = std::make_shared<PurgeOptions>();
  return {
      .name = "purge",
      .summary = "Delete messages for ever",
      .options = with_broker(options->broker, joined({queue_argument(options->queue)}, joined(selection_options(options->selection),
                                                                                              confirm_options(options->confirm)))),
      .run = [options](Terminal& terminal) { return purge(terminal, *options); }};
}

Command queue_redrive() {
  auto options = std::make_shared<RedriveOptions>();
  return {.name = "redrive",
          .summary = "Move dead letters back to where they came from",
          .options = with_broker(options->broker,
                                 joined({queue_argument(options->queue),
                                         {"--to", "To this queue instead", &options->to, false, {}, ValueKind::queue},
                                         {"--max", "At most this many (all)", &options->max},
                                         {"--rate", "So many a second, in the background of the broker", &options->rate}},
                                        joined(selection_options(options->selection), confirm_options(options->confirm)))),
          .run = [options](Terminal& terminal) { return redrive(terminal, *options); }};
}

}  // namespace remuda::cli
