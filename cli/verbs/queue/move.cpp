// remuda queue move, moves, cancel-move: messages that go from queue to queue in the background, at a rate that others can bear.

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/channel_verbs.hpp"
#include "cli/move_progress.hpp"
#include "cli/table.hpp"
#include "cli/verbs/queue/commands.hpp"

namespace remuda::cli {

namespace {

using nlohmann::ordered_json;

// ---- move

struct MoveOptions {
  BrokerOptions broker;
  std::string queue;
  std::string to;
  SelectionOptions selection;
  int rate = 0;
  bool detached = false;
  ConfirmOptions confirm;
};

ExitCode move(const Terminal& terminal, const MoveOptions& options) {
  Result<ChannelAccess> queue = open_channel(options.broker, options.queue, "queue", std::chrono::seconds{60});
  if (!queue) return refused(terminal, queue.error());
  wire::Redrive count;  // its dry run counts what a move would move
  count.queue = options.queue;
  count.to = options.to;
  count.selection = options.selection.selection();
  count.dry_run = true;
  const Result<std::uint64_t> found = queue->client->redrive(count);
  if (!found) return refused(terminal, found.error());
  const std::string plan = fmt::format("move {} from {} to {}", messages(*found), options.queue, options.to);
  if (options.confirm.dry_run || *found == 0) {
    terminal.out << "would " << plan << '\n';
    return ExitCode::done;
  }
  if (!terminal.confirm(plan, options.confirm.yes)) return terminal.can_ask ? ExitCode::interrupted : ExitCode::wrong_usage;
  wire::StartMove start;
  start.queue = options.queue;
  start.to = options.to;
  start.selection = options.selection.selection();
  start.max_per_second = static_cast<std::uint32_t>(std::max(0, options.rate));
  return run_move(terminal, *queue->client, start, *found, options.detached);
}

// ---- moves

struct ListOptions {
  BrokerOptions broker;
  bool json = false;
};

std::string target_of(const wire::MoveInfo& move) {
  return move.to.empty() ? "where they came from" : move.to;
}

ordered_json move_as_json(const wire::MoveInfo& move, const std::string& broker) {
  return {{"move", move.move},
          {"broker", broker},
          {"queue", move.queue},
          {"to", move.to},
          {"filter_policy", move.filter_policy},
          {"filter_scope", move.filter_on_attributes ? "attributes" : "body"},
          {"rate", move.max_per_second},
          {"status", move.status},
          {"started_ms", move.started_ms},
          {"moved", move.moved}};
}

ExitCode list(const Terminal& terminal, const ListOptions& options) {
  Result<BrokerAccess> access = BrokerAccess::open(options.broker);
  if (!access) return refused(terminal, access.error());
  Table table{
      {{"MOVE", true}, {"QUEUE", false, true}, {"TO", false, true}, {"STATUS"}, {"MOVED", true}, {"RATE", true}, {"AGE", true}}};
  const std::int64_t now_ms = to_unix_ms(SystemClock{}.wall_now());
  const ExitCode code =
      for_each_broker(terminal, *access, [&](const BrokerEndpoint& broker, BlockingBrokerClient& client) -> Result<void> {
        const auto moves = client.list_moves();
        if (!moves) return Failure<Error>{moves.error()};
        for (const wire::MoveInfo& move : *moves) {
          if (options.json) {
            terminal.out << dump(move_as_json(move, broker.name)) << '\n';
            continue;
          }
          table.add({{std::to_string(move.move)},
                     {move.queue},
                     {target_of(move)},
                     {move.status, move.status == "running" ? Colour::yellow : Colour::none},
                     {grouped(move.moved)},
                     {move.max_per_second == 0 ? "-" : grouped(move.max_per_second) + "/s"},
                     {brief_duration(static_cast<double>(now_ms - move.started_ms) / 1000.0)}});
        }
        return {};
      });
  if (!table.empty()) terminal.out << table.render(terminal.width, terminal.colours);
  if (table.empty() && !options.json && code == ExitCode::done) terminal.err << "no message is being moved\n";
  return code;
}

// ---- cancel-move

struct CancelOptions {
  BrokerOptions broker;
  std::string queue;
};

ExitCode cancel(const Terminal& terminal, const CancelOptions& options) {
  Result<ChannelAccess> queue = open_channel(options.broker, options.queue, "queue");
  if (!queue) return refused(terminal, queue.error());
  const auto moves = queue->client->list_moves();
  if (!moves) return refused(terminal, moves.error());
  const auto running = std::find_if(moves->begin(), moves->end(), [&](const wire::MoveInfo& move) {
    return move.queue == options.queue && move.status == "running";
  });
  if (running == moves->end())
    return terminal.problem(ExitCode::failed, fmt::format("nothing is being moved from {}", options.queue), "remuda queue moves");
  const auto cancelled = queue->client->cancel_move(running->move);
  if (!cancelled) return refused(terminal, cancelled.error());
  terminal.out << fmt::format("ended; {} moved from {} to {} stay there\n", messages(running->moved), options.queue,
                              target_of(*running));
  return ExitCode::done;
}

}  // namespace

Command queue_move() {
  auto options = std::make_shared<MoveOptions>();
  return {
      .name = "move",
      .summary = "Move what is waiting in a queue to another one; goes on when this command or the broker ends",
      .details = "Ids, bodies and attempts are kept; the receive count starts again.",
      .options = with_broker(
          options->broker, joined({queue_argument(options->queue),
                                   {"TO", "Where to", &options->to, true, {}, ValueKind::queue},
                                   {"--rate", "At most this many messages a second", &options->rate},
                                   {"-d,--detach", "Return at once; 'remuda queue moves' shows how far it is", &options->detached}},
                                  joined(selection_options(options->selection), confirm_options(options->confirm)))),
      .run = [options](Terminal& terminal) { return move(terminal, *options); }};
}

Command queue_moves() {
  auto options = std::make_shared<ListOptions>();
  return {.name = "moves",
          .summary = "Moves and slow redrives that run, and the last that ended",
          .options = with_broker(options->broker, {json_option(options->json)}),
          .run = [options](Terminal& terminal) { return list(terminal, *options); }};
}

Command queue_cancel_move() {
  auto options = std::make_shared<CancelOptions>();
  return {.name = "cancel-move",
          .summary = "End the move from a queue; what is moved stays moved",
          .options = with_broker(options->broker, {queue_argument(options->queue)}),
          .run = [options](Terminal& terminal) { return cancel(terminal, *options); }};
}

}  // namespace remuda::cli
