#include "cli/channel_verbs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/table.hpp"

namespace remuda::cli {

namespace {

/// True when the broker has such a channel, whoever made it. An unreachable one has none.
bool holds(BlockingBrokerClient& client, const std::string& channel, const std::string& kind) {
  if (kind == "queue") return client.queue_info(channel).ok();
  if (kind == "stream") return client.stream_info(channel).ok();
  const auto topics = client.list_topics();
  return topics && std::any_of(topics->begin(), topics->end(), [&](const wire::TopicInfo& info) { return info.topic == channel; });
}

}  // namespace

Result<BrokerEndpoint> find_broker(BrokerAccess& access, const std::string& channel, const std::string& kind) {
  Result<BrokerEndpoint> broker = access.broker_of(channel, kind);
  for (const BrokerEndpoint& other : access.brokers()) {
    if (!broker && holds(*access.connect(other), channel, kind)) broker = other;
  }
  return broker;
}

Result<ChannelAccess> open_channel(const BrokerOptions& options, const std::string& channel, const std::string& kind,
                                   std::chrono::milliseconds patience) {
  Result<BrokerAccess> access = BrokerAccess::open(options);
  if (!access) return Failure<Error>{access.error()};
  Result<BrokerEndpoint> broker = find_broker(*access, channel, kind);
  if (!broker) return Failure<Error>{broker.error()};
  ChannelAccess opened{std::move(*access), std::move(*broker), nullptr};
  opened.client = opened.access.connect(opened.broker, patience);
  return opened;
}

Result<ChannelAccess> open_broker_for(const BrokerOptions& options, const std::optional<std::string>& on,
                                      const std::optional<std::string>& from) {
  if (from && !from->empty()) return open_channel(options, *from, "topic");
  Result<BrokerAccess> access = BrokerAccess::open(options);
  if (!access) return Failure<Error>{access.error()};
  std::string names;
  for (const BrokerEndpoint& broker : access->brokers()) {
    names += (names.empty() ? "" : ", ") + broker.name;
    if (on ? broker.name != *on : access->brokers().size() > 1) continue;
    ChannelAccess opened{std::move(*access), broker, nullptr};
    opened.client = opened.access.connect(opened.broker);
    return opened;
  }
  if (names.empty()) return fail("wrong_usage", "this topology has no broker");
  return fail("wrong_usage", fmt::format("say which broker with --on; there are: {}", names));
}

ExitCode for_each_broker(const Terminal& terminal, BrokerAccess& access,
                         const std::function<Result<void>(const BrokerEndpoint&, BlockingBrokerClient&)>& ask) {
  std::size_t unreached = 0;
  for (const BrokerEndpoint& broker : access.brokers()) {
    const Result<void> answered = ask(broker, *access.connect(broker));
    if (answered) continue;
    ++unreached;
    refused(terminal, {answered.error().code, fmt::format("broker {}: {}", broker.name, answered.error().message), true});
  }
  if (unreached == 0) return ExitCode::done;
  return unreached == access.brokers().size() ? ExitCode::not_reachable : ExitCode::partly_done;
}

ExitCode refused(const Terminal& terminal, const Error& error) {
  return terminal.problem(error, next_after(error));
}

std::string dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string messages(std::uint64_t count) {
  return fmt::format("{} message{}", grouped(count), count == 1 ? "" : "s");
}

// ---- words of the command line

std::vector<Option> joined(std::vector<Option> first, std::vector<Option> second) {
  for (Option& option : second) first.push_back(std::move(option));
  return first;
}
std::vector<Option> with_broker(BrokerOptions& broker, std::vector<Option> own) {
  return joined(std::move(own), broker_options(broker));
}

Option queue_argument(std::string& queue) {
  return {"QUEUE", "The queue", &queue, true, {}, ValueKind::queue};
}
Option topic_argument(std::string& topic) {
  return {"TOPIC", "The topic", &topic, true, {}, ValueKind::topic};
}

wire::Selection SelectionOptions::selection() const {
  if (!filter) return {};
  return {*filter, scope == "attributes"};
}

std::vector<Option> selection_options(SelectionOptions& options) {
  return {
      {"--filter", R"(Only messages that this SNS filter policy wants: '{"fare": [{"numeric": [">=", 50]}]}')", &options.filter},
      {"--scope", "What the policy looks at", &options.scope, false, {"body", "attributes"}}};
}

std::vector<Option> message_options(MessageOptions& message, std::vector<std::string>& bodies) {
  return {{"BODY", "The body: JSON (travels as msgpack)", &bodies},
          {"-a,--attribute", "NAME=VALUE or NAME:TYPE=VALUE; repeatable", &message.attributes},
          {"--raw", "Bodies are text, sent as they stand", &message.raw},
          {"--id", "The message id; a new one by default", &message.id},
          {"--type", "What it is: ride.completed", &message.type}};
}

std::vector<std::string> bodies_or_lines(const std::vector<std::string>& bodies, const Terminal& terminal) {
  if (!bodies.empty()) return bodies;
  std::vector<std::string> lines;
  for (std::string line; std::getline(terminal.in, line);) {
    if (!line.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

// ---- destroying

std::vector<Option> confirm_options(ConfirmOptions& options) {
  return {yes_option(options.yes), dry_run_option(options.dry_run)};
}

ExitCode destroy(const Terminal& terminal, const ConfirmOptions& options, const std::string& will, const std::string& did,
                 const std::function<Result<std::uint64_t>(bool dry_run)>& act) {
  const Result<std::uint64_t> count = act(true);
  if (!count) return refused(terminal, count.error());
  const std::string plan = fmt::format(fmt::runtime(will), messages(*count));
  if (options.dry_run || *count == 0) {
    terminal.out << "would " << plan << '\n';
    return ExitCode::done;
  }
  if (!terminal.confirm(plan, options.yes)) return terminal.can_ask ? ExitCode::interrupted : ExitCode::wrong_usage;
  const Result<std::uint64_t> done = act(false);
  if (!done) return refused(terminal, done.error());
  terminal.out << fmt::format(fmt::runtime(did), messages(*done)) << '\n';
  return ExitCode::done;
}

}  // namespace remuda::cli
