// remuda topic: what is published, live.

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/channel_traffic.hpp"
#include "cli/channel_verbs.hpp"
#include "cli/table.hpp"
#include "cli/verbs/topic_change.hpp"
#include "cli/verbs/topic_rate.hpp"
#include "cli/verbs/verbs.hpp"
#include "common/filter/filter_policy.hpp"

namespace remuda::cli {

namespace {

using nlohmann::ordered_json;

struct ListOptions {
  BrokerOptions broker;
  bool json = false;
};

ordered_json topic_as_json(const wire::TopicInfo& topic, const std::string& broker) {
  ordered_json queues = ordered_json::array();
  for (const wire::ChainedQueue& queue : topic.queues) {
    queues.push_back({{"queue", queue.queue},
                      {"filter_policy", queue.filter_policy},
                      {"filter_scope", queue.filter_on_attributes ? "attributes" : "body"}});
  }
  ordered_json streams = ordered_json::array();
  for (const wire::ChainedQueue& stream : topic.streams) {
    streams.push_back({{"stream", stream.queue},
                       {"filter_policy", stream.filter_policy},
                       {"filter_scope", stream.filter_on_attributes ? "attributes" : "body"}});
  }
  return {{"topic", topic.topic},
          {"fifo", topic.fifo},
          {"broker", broker},
          {"published", topic.published},
          {"subscribers", topic.subscribers},
          {"missed", topic.missed},
          {"queues", queues},
          {"streams", streams}};
}

std::vector<Cell> row_of(const wire::TopicInfo& topic, const std::string& broker) {
  std::string queues;
  for (const wire::ChainedQueue& stream : topic.streams) {
    queues += (queues.empty() ? "" : ", ") + stream.queue + (stream.filter_policy.empty() ? " (stream)" : " (stream, filtered)");
  }
  for (const wire::ChainedQueue& queue : topic.queues) {
    queues += (queues.empty() ? "" : ", ") + queue.queue + (queue.filter_policy.empty() ? "" : " (filtered)");
  }
  return {{topic.topic}, {broker}, {grouped(topic.published)}, {grouped(topic.subscribers)}, {grouped(topic.missed)}, {queues}};
}

ExitCode list(Terminal& terminal, const ListOptions& options) {
  Result<BrokerAccess> access = BrokerAccess::open(options.broker);
  if (!access) return refused(terminal, access.error());
  Table table{
      {{"TOPIC", false, true}, {"BROKER"}, {"PUBLISHED", true}, {"LISTENERS", true}, {"MISSED", true}, {"QUEUES", false, true}}};
  const ExitCode code =
      for_each_broker(terminal, *access, [&](const BrokerEndpoint& broker, BlockingBrokerClient& client) -> Result<void> {
        const auto topics = client.list_topics();
        if (!topics) return Failure<Error>{topics.error()};
        for (const wire::TopicInfo& topic : *topics) {
          if (options.json) {
            terminal.out << dump(topic_as_json(topic, broker.name)) << '\n';
          } else {
            table.add(row_of(topic, broker.name));
          }
        }
        return {};
      });
  if (access->topology()) {
    for (const supervisor::ChannelEntry& channel : access->topology()->channels) {
      if (channel.kind != "pubsub") continue;
      if (options.json) {
        terminal.out << dump({{"topic", channel.name}, {"broker", nullptr}, {"endpoints", channel.endpoints}}) << '\n';
      } else {
        table.add({{channel.name}, {"direct"}, {"-"}, {"-"}, {"-"}, {}});
      }
    }
  }
  if (!table.empty()) terminal.out << table.render(terminal.width, terminal.colours);
  return code;
}

struct EchoOptions {
  BrokerOptions broker;
  std::string topic;
  int max = 0;
  std::optional<std::string> filter;
  std::optional<std::chrono::milliseconds> timeout;
  bool json = false;
};

/// Prints what arrives until there was enough of it.
class Echo {
 public:
  Echo(const Terminal& terminal, const EchoOptions& options) : terminal_{terminal}, options_{options} {}

  bool operator()(std::string_view packed, std::uint64_t missed) {
    if (missed > 0) terminal_.err << fmt::format("{} missed: this command or its connection was too slow\n", missed) << std::flush;
    const Result<Message> message = unpack_message(packed);
    if (!message) {
      terminal_.err << message.error() << '\n';
      return true;
    }
    if (options_.json) {
      terminal_.out << dump(message_as_json(*message)) << '\n' << std::flush;
    } else {
      const std::size_t width = static_cast<std::size_t>(terminal_.width);
      terminal_.out << terminal_.paint(Colour::bold, one_line(message->id)) << "  " << one_line(message->type) << "\n  "
                    << shorten(dump(body_as_json(message->body)), width - 2) << '\n'
                    << std::flush;
    }
    ++shown_;
    return terminal_.out.good() && (options_.max <= 0 || shown_ < options_.max);
  }
  [[nodiscard]] bool enough() const { return options_.max > 0 && shown_ >= options_.max; }

 private:
  const Terminal& terminal_;
  const EchoOptions& options_;
  int shown_ = 0;
};

ExitCode echo(Terminal& terminal, const EchoOptions& options) {
  Result<BrokerAccess> access = BrokerAccess::open(options.broker);
  if (!access) return refused(terminal, access.error());
  const std::chrono::milliseconds wait = options.timeout.value_or(std::chrono::hours{24 * 365});
  Echo print{terminal, options};
  const LiveFilter filter{options.filter.value_or(""), false};
  if (const auto policy = FilterPolicy::compile(filter.policy.empty() ? "{}" : filter.policy, FilterScope::body); !policy)
    return terminal.problem(ExitCode::wrong_usage, policy.error().message, "`remuda filter test` shows what a policy does");
  const auto on_event = [&print](std::string_view packed, std::uint64_t missed) { return print(packed, missed); };
  const std::string kind = kind_of_channel(*access, options.topic);
  const Result<Unit> listened = listen_to(*access, options.topic, kind, wait, filter, on_event);
  if (!listened && (kind == "pipe" || kind == "request"))
    return terminal.problem(ExitCode::wrong_usage, listened.error().message,
                            fmt::format("remuda topic hz {} counts what travels there", options.topic));
  if (!listened) return refused(terminal, listened.error());
  if (options.max > 0 && !print.enough())
    return terminal.problem(ExitCode::timed_out, "not enough was published in time", "a longer --timeout");
  return ExitCode::done;
}

struct PublishOptions {
  BrokerOptions broker;
  std::string topic;
  std::chrono::milliseconds timeout{5'000};
  std::vector<std::string> bodies;
  MessageOptions message;
};

ExitCode publish(Terminal& terminal, PublishOptions& options) {
  Result<BrokerAccess> access = BrokerAccess::open(options.broker);
  if (!access) return refused(terminal, access.error());
  const std::string kind = kind_of_channel(*access, options.topic);
  ChannelWriter writer{*access, options.topic, kind, options.timeout};
  const SystemClock clock;
  bool any_published = false;
  for (std::string& body : bodies_or_lines(options.bodies, terminal)) {
    options.message.body = std::move(body);
    const Result<Message> message = message_from(options.message, clock);
    if (!message)
      return terminal.problem(message.error(), any_published ? "those before it are published" : "nothing was published");
    const Result<std::string> put = writer.put(*message);
    if (!put && kind == "pubsub") return terminal.problem(put.error(), "give the topic a broker in the launch file");
    if (!put) {
      refused(terminal, put.error());
      return any_published ? ExitCode::partly_done : exit_code_of(put.error());
    }
    any_published = true;
    terminal.out << fmt::format("{}  {}\n", message->id, *put);
  }
  return ExitCode::done;
}

}  // namespace

Command topic_verb() {
  auto ls = std::make_shared<ListOptions>();
  auto echoing = std::make_shared<EchoOptions>();
  auto publishing = std::make_shared<PublishOptions>();
  Command command{.name = "topic", .summary = "Listen to topics and publish; make and delete topics"};
  command.subcommands.push_back({.name = "ls",
                                 .summary = "All topics with the queues that are chained to them",
                                 .options = with_broker(ls->broker, {json_option(ls->json)}),
                                 .run = [ls](Terminal& terminal) { return list(terminal, *ls); }});
  command.subcommands.push_back(
      {.name = "echo",
       .summary = "Print what is published from now on; stores and disturbs nothing",
       .details = "Also of a queue: what waits there, then what comes, as long as nobody has taken it. And of a stream.",
       .options = with_broker(echoing->broker, {topic_argument(echoing->topic),
                                                {"-n,--max", "End after this many", &echoing->max},
                                                {"--filter", "Only what this SNS filter policy wants", &echoing->filter},
                                                {"--timeout", "End after this long", &echoing->timeout},
                                                json_option(echoing->json)}),
       .run = [echoing](Terminal& terminal) { return echo(terminal, *echoing); }});
  command.subcommands.push_back(
      {.name = "pub",
       .summary = "Publish messages; says how often queues and streams stored each",
       .details = "Also into a queue, a stream, a pipe or a request channel. Without BODY each line of the input is one message.",
       .options = with_broker(publishing->broker, joined({topic_argument(publishing->topic)},
                                                         message_options(publishing->message, publishing->bodies))),
       .run = [publishing](Terminal& terminal) { return publish(terminal, *publishing); }});
  for (const auto make : {topic_rate, topic_create, topic_set, topic_delete}) command.subcommands.push_back(make());
  return command;
}

}  // namespace remuda::cli
