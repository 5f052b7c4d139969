// remuda queue: looking into queues, and what an operator does with their messages.

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/broker_access.hpp"
#include "cli/message_view.hpp"
#include "cli/table.hpp"
#include "cli/verbs/verbs.hpp"
#include "common/units.hpp"

namespace remuda::cli {

namespace {

using nlohmann::ordered_json;

std::string dump(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

ExitCode refused(const Terminal& terminal, const Error& error) {
  return terminal.problem(error, next_after(error));
}

/// The way to one queue: its broker and a connection to it.
struct QueueAccess {
  BrokerAccess access;
  BrokerEndpoint broker;
  std::unique_ptr<BlockingBrokerClient> client;
};
Result<QueueAccess> open_queue(const BrokerOptions& options, const std::string& queue,
                               std::chrono::milliseconds patience = std::chrono::seconds{5}) {
  Result<BrokerAccess> access = BrokerAccess::open(options);
  if (!access) return Failure<Error>{access.error()};
  Result<BrokerEndpoint> broker = access->broker_of(queue, "queue");
  if (!broker) return Failure<Error>{broker.error()};
  QueueAccess opened{std::move(*access), *broker, nullptr};
  opened.client = opened.access.connect(opened.broker, patience);
  return opened;
}

// ---- ls, info

ordered_json info_as_json(const wire::QueueInfo& info, const std::string& broker) {
  return ordered_json{{"queue", info.queue},
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
                      {"durability", info.relaxed ? "relaxed" : "synced"}};
}

struct ListOptions {
  BrokerOptions broker;
  bool json = false;
};

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
  std::size_t unreached = 0;
  for (const BrokerEndpoint& broker : access->brokers()) {
    const auto queues = access->connect(broker)->list_queues();
    if (!queues) {
      ++unreached;
      refused(terminal, {queues.error().code, fmt::format("broker {}: {}", broker.name, queues.error().message), true});
      continue;
    }
    for (const wire::QueueInfo& info : *queues) {
      if (options.json) {
        terminal.out << dump(info_as_json(info, broker.name)) << '\n';
        continue;
      }
      const bool waits = info.visible + info.in_flight + info.delayed > 0;
      table.add({{info.queue},
                 {grouped(info.visible), info.visible > 0 ? Colour::yellow : Colour::none},
                 {grouped(info.in_flight)},
                 {grouped(info.delayed)},
                 {waits ? brief_duration(static_cast<double>(info.oldest_age_ms) / 1000.0) : "-"},
                 {grouped(info.sent)},
                 {grouped(info.deleted)},
                 {grouped(info.dead_lettered), info.dead_lettered > 0 ? Colour::red : Colour::none}});
    }
  }
  if (!table.empty()) terminal.out << table.render(terminal.width, terminal.colours);
  if (unreached == 0) return ExitCode::done;
  return unreached == access->brokers().size() ? ExitCode::not_reachable : ExitCode::partly_done;
}

struct InfoOptions {
  BrokerOptions broker;
  std::string queue;
  bool json = false;
};

ExitCode show_info(Terminal& terminal, const InfoOptions& options) {
  Result<QueueAccess> queue = open_queue(options.broker, options.queue);
  if (!queue) return refused(terminal, queue.error());
  const Result<wire::QueueInfo> info = queue->client->queue_info(options.queue);
  if (!info) return refused(terminal, info.error());
  const ordered_json json = info_as_json(*info, queue->broker.name);
  if (options.json) {
    terminal.out << dump(json) << '\n';
    return ExitCode::done;
  }
  for (const auto& [name, value] : json.items()) {
    std::string text = value.is_string() ? value.get<std::string>() : value.dump();
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
  std::optional<std::string> filter;
  std::string scope = "body";
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
  Result<QueueAccess> queue = open_queue(options.broker, options.queue);
  if (!queue) return refused(terminal, queue.error());
  wire::Peek request;
  request.queue = options.queue;
  request.max = static_cast<std::uint32_t>(std::max(1, options.max));
  if (options.filter) request.selection = {*options.filter, options.scope == "attributes"};
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
  if (found->empty()) terminal.err << fmt::format("{}: nothing {}\n", options.queue, options.filter ? "matches" : "there");
  return ExitCode::done;
}

// ---- send, receive

struct SendOptions {
  BrokerOptions broker;
  std::string queue;
  std::vector<std::string> bodies;
  MessageOptions message;
};

ExitCode send(Terminal& terminal, SendOptions& options) {
  Result<QueueAccess> queue = open_queue(options.broker, options.queue);
  if (!queue) return refused(terminal, queue.error());
  std::vector<std::string> bodies = options.bodies;
  const bool from_input = bodies.empty();
  if (from_input) {
    for (std::string line; std::getline(terminal.in, line);) {
      if (!line.empty()) bodies.push_back(std::move(line));
    }
  }
  const SystemClock clock;
  std::vector<std::string> packed;
  std::vector<std::string> ids;
  for (std::string& body : bodies) {
    options.message.body = std::move(body);
    const Result<Message> message = message_from(options.message, clock);
    if (!message) {
      return terminal.problem(
          ExitCode::wrong_usage, message.error().message,
          fmt::format("nothing was sent{}", from_input ? fmt::format("; correct line {}", packed.size() + 1) : ""));
    }
    ids.push_back(message->id);
    packed.push_back(pack(*message));
  }
  // One request per thousand: each of them is stored whole or not at all.
  constexpr std::size_t batch = 1'000;
  const std::vector<std::string_view> views{packed.begin(), packed.end()};
  for (std::size_t begin = 0; begin < views.size(); begin += batch) {
    const std::span<const std::string_view> part{views.data() + begin, std::min(batch, views.size() - begin)};
    const Result<std::uint64_t> sent = queue->client->send(options.queue, part);
    if (!sent) {
      refused(terminal, sent.error());
      return begin == 0 ? exit_code_of(sent.error()) : ExitCode::partly_done;
    }
    for (std::size_t i = begin; i < begin + part.size(); ++i) terminal.out << ids[i] << '\n';
  }
  return ExitCode::done;
}

struct ReceiveOptions {
  BrokerOptions broker;
  std::string queue;
  int max = 1;
  std::chrono::milliseconds wait{0};
  std::optional<std::chrono::milliseconds> visibility_timeout;
  bool remove = false;
  bool json = false;
};

ExitCode receive(Terminal& terminal, const ReceiveOptions& options) {
  Result<QueueAccess> queue = open_queue(options.broker, options.queue);
  if (!queue) return refused(terminal, queue.error());
  const auto received = queue->client->receive(options.queue, static_cast<std::uint32_t>(std::max(1, options.max)), options.wait,
                                               options.visibility_timeout);
  if (!received) return refused(terminal, received.error());
  std::vector<std::string_view> handles;
  for (const ReceivedMessage& one : *received) {
    const Result<Message> message = unpack_message(one.message);
    if (!message) return refused(terminal, message.error());
    handles.push_back(one.handle);
    ordered_json json = message_as_json(*message);
    json["receive_count"] = one.receive_count;
    json["sent_ms"] = one.sent_ms;
    json["first_received_ms"] = one.first_received_ms;
    if (options.json) {
      terminal.out << dump(json) << '\n';
    } else {
      terminal.out << fmt::format("{}  received {}x\n  {}\n", terminal.paint(Colour::bold, one_line(message->id)),
                                  one.receive_count, shorten(dump(json["body"]), static_cast<std::size_t>(terminal.width) - 2));
    }
  }
  terminal.out.flush();
  if (handles.empty()) {
    terminal.err << options.queue << ": nothing visible\n";
    return ExitCode::done;
  }
  if (!options.remove) return ExitCode::done;
  const auto refused_handles = queue->client->delete_messages(options.queue, handles);
  if (!refused_handles) return refused(terminal, refused_handles.error());
  if (refused_handles->empty()) return ExitCode::done;
  return terminal.problem(ExitCode::partly_done,
                          fmt::format("{} of {} could not be deleted any more", refused_handles->size(), handles.size()),
                          "a longer --visibility-timeout");
}

// ---- purge, redrive

struct DestroyOptions {
  BrokerOptions broker;
  std::string queue;
  std::optional<std::string> filter;
  std::string scope = "body";
  std::optional<std::string> to;
  int max = 0;
  bool yes = false;
  bool dry_run = false;
};

std::string messages(std::uint64_t count) {
  return fmt::format("{} message{}", grouped(count), count == 1 ? "" : "s");
}

/// Counts first, says what it will do, asks, does it, says what it did. `act(dry_run)` returns how many messages it is about.
template <class Act>
ExitCode destroy(Terminal& terminal, const DestroyOptions& options, const std::string& will, const std::string& did, Act act) {
  const Result<std::uint64_t> count = act(true);
  if (!count) return refused(terminal, count.error());
  if (options.dry_run || *count == 0) {
    terminal.out << fmt::format("would {}\n", fmt::format(fmt::runtime(will), messages(*count)));
    return ExitCode::done;
  }
  if (!terminal.confirm(fmt::format(fmt::runtime(will), messages(*count)), options.yes)) {
    return terminal.can_ask ? ExitCode::interrupted : ExitCode::wrong_usage;
  }
  const Result<std::uint64_t> done = act(false);
  if (!done) return refused(terminal, done.error());
  terminal.out << fmt::format(fmt::runtime(did), messages(*done)) << '\n';
  return ExitCode::done;
}

ExitCode purge(Terminal& terminal, const DestroyOptions& options) {
  Result<QueueAccess> queue = open_queue(options.broker, options.queue, std::chrono::seconds{60});
  if (!queue) return refused(terminal, queue.error());
  wire::Purge request;
  request.queue = options.queue;
  if (options.filter) request.selection = {*options.filter, options.scope == "attributes"};
  return destroy(terminal, options, "delete {} from " + options.queue + " for ever", "deleted {} from " + options.queue,
                 [&](bool dry_run) {
                   request.dry_run = dry_run;
                   return queue->client->purge(request);
                 });
}

ExitCode redrive(Terminal& terminal, const DestroyOptions& options) {
  Result<QueueAccess> queue = open_queue(options.broker, options.queue, std::chrono::seconds{60});
  if (!queue) return refused(terminal, queue.error());
  wire::Redrive request;
  request.queue = options.queue;
  if (options.to) request.to = *options.to;
  request.max = static_cast<std::uint64_t>(std::max(0, options.max));
  if (options.filter) request.selection = {*options.filter, options.scope == "attributes"};
  const std::string target = options.to ? *options.to : "the queues they came from";
  return destroy(terminal, options, "move {} from " + options.queue + " to " + target,
                 "moved {} from " + options.queue + " to " + target, [&](bool dry_run) {
                   request.dry_run = dry_run;
                   return queue->client->redrive(request);
                 });
}

template <class Options>
std::vector<Option> with_broker(Options& options, std::vector<Option> own) {
  for (Option& option : broker_options(options.broker)) own.push_back(std::move(option));
  return own;
}

Option queue_argument(std::string& queue) {
  return {"QUEUE", "The queue", &queue, true, {}, ValueKind::queue};
}
Option filter_option(std::optional<std::string>& filter) {
  return {"--filter", R"(Only messages that this SNS filter policy wants: '{"fare": [{"numeric": [">=", 50]}]}')", &filter};
}
Option scope_option(std::string& scope) {
  return {"--scope", "What the policy looks at", &scope, false, {"body", "attributes"}};
}

}  // namespace

Command queue_verb() {
  auto ls = std::make_shared<ListOptions>();
  auto info = std::make_shared<InfoOptions>();
  auto peeking = std::make_shared<PeekOptions>();
  auto sending = std::make_shared<SendOptions>();
  auto receiving = std::make_shared<ReceiveOptions>();
  auto purging = std::make_shared<DestroyOptions>();
  auto redriving = std::make_shared<DestroyOptions>();

  Command command{.name = "queue", .summary = "Look into queues; send, receive, purge and redrive messages"};
  command.subcommands.push_back({.name = "ls",
                                 .summary = "All queues with their depths",
                                 .options = with_broker(*ls, {json_option(ls->json)}),
                                 .run = [ls](Terminal& terminal) { return list(terminal, *ls); }});
  command.subcommands.push_back({.name = "info",
                                 .summary = "One queue with its settings and counters",
                                 .options = with_broker(*info, {queue_argument(info->queue), json_option(info->json)}),
                                 .run = [info](Terminal& terminal) { return show_info(terminal, *info); }});
  command.subcommands.push_back(
      {.name = "peek",
       .summary = "Look at messages without changing anything; dead letters with where and why they failed",
       .options = with_broker(*peeking, {queue_argument(peeking->queue),
                                         {"-n,--max", "At most this many (10)", &peeking->max},
                                         filter_option(peeking->filter),
                                         scope_option(peeking->scope),
                                         json_option(peeking->json)}),
       .run = [peeking](Terminal& terminal) { return peek(terminal, *peeking); }});
  MessageOptions& message = sending->message;
  command.subcommands.push_back(
      {.name = "send",
       .summary = "Send messages; their ids are printed once they are on stable storage",
       .details = "Without BODY each line of the input is one message.",
       .options = with_broker(*sending, {queue_argument(sending->queue),
                                         {"BODY", "The body: JSON (travels as msgpack)", &sending->bodies},
                                         {"-a,--attribute", "NAME=VALUE or NAME:TYPE=VALUE; repeatable", &message.attributes},
                                         {"--raw", "Bodies are text, sent as they stand", &message.raw},
                                         {"--id", "The message id; a new one by default", &message.id},
                                         {"--type", "What it is: ride.completed", &message.type},
                                         {"--group", "The message group", &message.group_id}}),
       .run = [sending](Terminal& terminal) { return send(terminal, *sending); }});
  command.subcommands.push_back(
      {.name = "receive",
       .summary = "Receive messages as a consumer does: they stay hidden until the visibility timeout ends",
       .options = with_broker(*receiving, {queue_argument(receiving->queue),
                                           {"-n,--max", "At most this many (1)", &receiving->max},
                                           {"--wait", "Wait this long for the first", &receiving->wait},
                                           {"--visibility-timeout", "Instead of the queue's own", &receiving->visibility_timeout},
                                           {"--delete", "Delete them once they are printed", &receiving->remove},
                                           json_option(receiving->json)}),
       .run = [receiving](Terminal& terminal) { return receive(terminal, *receiving); }});
  command.subcommands.push_back(
      {.name = "purge",
       .summary = "Delete messages for ever",
       .options = with_broker(*purging, {queue_argument(purging->queue), filter_option(purging->filter),
                                         scope_option(purging->scope), yes_option(purging->yes), dry_run_option(purging->dry_run)}),
       .run = [purging](Terminal& terminal) { return purge(terminal, *purging); }});
  command.subcommands.push_back(
      {.name = "redrive",
       .summary = "Move dead letters back to where they came from",
       .options = with_broker(*redriving, {queue_argument(redriving->queue),
                                           {"--to", "To this queue instead", &redriving->to, false, {}, ValueKind::queue},
                                           filter_option(redriving->filter),
                                           scope_option(redriving->scope),
                                           {"--max", "At most this many (all)", &redriving->max},
                                           yes_option(redriving->yes),
                                           dry_run_option(redriving->dry_run)}),
       .run = [redriving](Terminal& terminal) { return redrive(terminal, *redriving); }});
  return command;
}

}  // namespace remuda::cli
