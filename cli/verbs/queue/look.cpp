// remuda queue ls, info, peek: looking into queues without changing anything.

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/channel_verbs.hpp"
#include "cli/table.hpp"
#include "cli/verbs/queue/commands.hpp"
#include "common/units.hpp"

namespace remuda::cli {

namespace {

using nlohmann::ordered_json;

// ---- ls, info

ordered_json info_as_json(const wire::QueueInfo& info, const std::string& broker) {
  ordered_json json{{"queue", info.queue},
                    {"broker", broker},
                    {"from", info.from_topic},
                    {"visible", info.visible},
                    {"in_flight", info.in_flight},
                    {"delayed", info.delayed},
                    {"oldest_age_s", static_cast<double>(info.oldest_age_ms) / 1000.0},
                    {"sent", info.sent},
                    {"received", info.received},
                    {"deleted", info.deleted},
                    {"dead_lettered", info.dead_lettered},
                    {"dead_letter_queue", info.dead_letter_queue},
                    {"redelivered", info.redelivered},
                    {"expired", info.expired},
                    {"waiting_receives", info.waiting_receives},
                    {"filter_policy", info.filter_policy},
                    {"filter_scope", info.filter_on_attributes ? "attributes" : "body"},
                    {"visibility_timeout_ms", info.visibility_timeout_ms},
                    {"retention_ms", info.retention_ms},
                    {"delay_ms", info.delay_ms},
                    {"max_receives", info.max_receives},
                    {"max_message_size_bytes", info.max_message_size_bytes},
                    {"max_messages", info.max_messages},
                    {"max_bytes", info.max_bytes},
                    {"bytes", info.bytes},
                    {"durability", info.relaxed ? "relaxed" : "synced"},
                    {"moved_in", info.moved_in},
                    {"purged", info.purged},
                    {"redriven", info.redriven},
                    {"damaged", info.damaged},
                    {"tags", info.tags},
                    {"fifo", info.fifo}};
  if (!info.fifo) return json;
  json["group_by"] = info.group_by;
  json["dedup_by"] = info.deduplicate_by;
  json["dedup_scope"] = info.deduplication_scope;
  json["on_dead"] = info.on_dead_letter;
  json["groups"] = info.groups;
  json["deduplicated"] = info.deduplicated;
  return json;
}

struct ListOptions {
  BrokerOptions broker;
  bool json = false;
};

std::vector<Cell> row_of(const wire::QueueInfo& info) {
  const bool waits = info.visible + info.in_flight + info.delayed > 0;
  return {{info.queue},
          {grouped(info.visible), info.visible > 0 ? Colour::yellow : Colour::none},
          {grouped(info.in_flight)},
          {grouped(info.delayed)},
          {waits ? brief_duration(static_cast<double>(info.oldest_age_ms) / 1000.0) : "-"},
          {grouped(info.sent)},
          {grouped(info.deleted)},
          {grouped(info.dead_lettered), info.dead_lettered > 0 ? Colour::red : Colour::none}};
}

ExitCode list(Terminal& terminal, const ListOptions& options) {
  Result<BrokerAccess> access = BrokerAccess::open(options.broker);
  if (!access) return refused(terminal, access.error());
  Table table{{{"QUEUE", false, true},
               {"VISIBLE", true},
               {"IN FLIGHT", true},
               {"DELAYED", true},
               {"OLDEST", true},
               {"SENT", true},
               {"DELETED", true},
               {"DEAD", true}}};
  const ExitCode code =
      for_each_broker(terminal, *access, [&](const BrokerEndpoint& broker, BlockingBrokerClient& client) -> Result<void> {
        const auto queues = client.list_queues();
        if (!queues) return Failure<Error>{queues.error()};
        for (const wire::QueueInfo& info : *queues) {
          if (options.json) {
            terminal.out << dump(info_as_json(info, broker.name)) << '\n';
          } else {
            table.add(row_of(info));
          }
        }
        return {};
      });
  if (!table.empty()) terminal.out << table.render(terminal.width, terminal.colours);
  return code;
}

struct InfoOptions {
  BrokerOptions broker;
  std::string queue;
  bool json = false;
};

ExitCode show_info(Terminal& terminal, const InfoOptions& options) {
  Result<ChannelAccess> queue = open_channel(options.broker, options.queue, "queue");
  if (!queue) return refused(terminal, queue.error());
  const Result<wire::QueueInfo> info = queue->client->queue_info(options.queue);
  if (!info) return refused(terminal, info.error());
  const ordered_json json = info_as_json(*info, queue->broker.name);
  if (options.json) {
    terminal.out << dump(json) << '\n';
    return ExitCode::done;
  }
  for (const auto& [name, value] : json.items()) {
    std::string text = value.is_string() ? value.get<std::string>() : value.empty() ? "" : value.dump();
    if (name.ends_with("_ms")) text = format_duration(std::chrono::milliseconds{value.get<std::int64_t>()});
    if (name.ends_with("_bytes")) text = format_size(value.get<std::uint64_t>());
    const std::string title = name.ends_with("_ms") ? name.substr(0, name.size() - 3) : name;
    terminal.out << fmt::format("{}  {}\n", terminal.paint(Colour::dim, fmt::format("{:<22}", title)),
                                text.empty() ? "-" : one_line(text));
  }
  return ExitCode::done;
}

// ---- peek

struct PeekOptions {
  BrokerOptions broker;
  std::string queue;
  int max = 10;
  SelectionOptions selection;
  bool json = false;
};

ordered_json peeked_as_json(const wire::Peeked& peeked, const Message& message) {
  ordered_json json = message_as_json(message);
  json["receive_count"] = peeked.receive_count;
  json["origin_queue"] = peeked.origin_queue;
  json["reason"] = peeked.reason;
  json["attempts"] = ordered_json::array();
  for (const wire::Attempt& attempt : peeked.attempts) {
    json["attempts"].push_back(
        {{"node", attempt.node}, {"host", attempt.host}, {"time", attempt.time_ms}, {"error", attempt.error}});
  }
  json["state"] = peeked.state;
  json["sent_ms"] = peeked.sent_ms;
  json["sequence"] = peeked.sequence;
  return json;
}

void show_peeked(const Terminal& terminal, const wire::Peeked& peeked, const Message& message, std::int64_t now_ms) {
  const std::size_t width = static_cast<std::size_t>(terminal.width);
  terminal.out << fmt::format("{}  {}, {}, received {}x\n", terminal.paint(Colour::bold, one_line(message.id)), peeked.state,
                              brief_duration(static_cast<double>(now_ms - peeked.sent_ms) / 1000.0) + " old", peeked.receive_count);
  terminal.out << "  " << shorten(dump(body_as_json(message.body)), width - 2) << '\n';
  for (const auto& [name, attribute] : message.attributes) {
    terminal.out << fmt::format("  {} ({}) = {}\n", one_line(name), attribute.type, one_line(attribute.value));
  }
  if (!peeked.origin_queue.empty() || !peeked.reason.empty()) {
    terminal.out << fmt::format("  from {}: {}\n", peeked.origin_queue, terminal.paint(Colour::red, one_line(peeked.reason)));
  }
  for (const wire::Attempt& attempt : peeked.attempts) {
    const std::string where = attempt.host.empty() ? attempt.node : attempt.node + "@" + attempt.host;
    const std::string age = brief_duration(static_cast<double>(now_ms - attempt.time_ms) / 1000.0);
    terminal.out << fmt::format("  failed {} ago at {}: {}\n", age, where, shorten(one_line(attempt.error), width - 6));
  }
}

ExitCode peek(Terminal& terminal, const PeekOptions& options) {
  Result<ChannelAccess> queue = open_channel(options.broker, options.queue, "queue");
  if (!queue) return refused(terminal, queue.error());
  wire::Peek request;
  request.queue = options.queue;
  request.max = static_cast<std::uint32_t>(std::max(1, options.max));
  request.selection = options.selection.selection();
  const auto found = queue->client->peek(request);
  if (!found) return refused(terminal, found.error());
  const std::int64_t now_ms = to_unix_ms(SystemClock{}.wall_now());
  for (const wire::Peeked& peeked : *found) {
    const Result<Message> message = unpack_message(peeked.message);
    if (!message) return refused(terminal, message.error());
    if (options.json) {
      terminal.out << dump(peeked_as_json(peeked, *message)) << '\n';
    } else {
      show_peeked(terminal, peeked, *message, now_ms);
    }
  }
  if (found->empty())
    terminal.err << fmt::format("{}: nothing {}\n", options.queue, options.selection.filter ? "matches" : "there");
  return ExitCode::done;
}

}  // namespace

Command queue_ls() {
  auto options = std::make_shared<ListOptions>();
  return {.name = "ls",
          .summary = "All queues with their depths",
          .options = with_broker(options->broker, {json_option(options->json)}),
          .run = [options](Terminal& terminal) { return list(terminal, *options); }};
}

Command queue_info() {
  auto options = std::make_shared<InfoOptions>();
  return {.name = "info",
          .summary = "One queue with its settings and counters",
          .options = with_broker(options->broker, {queue_argument(options->queue), json_option(options->json)}),
          .run = [options](Terminal& terminal) { return show_info(terminal, *options); }};
}

Command queue_peek() {
  auto options = std::make_shared<PeekOptions>();
  return {.name = "peek",
          .summary = "Look at messages without changing anything; dead letters with where and why they failed",
          .options = with_broker(options->broker, joined({queue_argument(options->queue),
                                                          {"-n,--max", "At most this many (10)", &options->max},
                                                          json_option(options->json)},
                                                         selection_options(options->selection))),
          .run = [options](Terminal& terminal) { return peek(terminal, *options); }};
}

}  // namespace remuda::cli
