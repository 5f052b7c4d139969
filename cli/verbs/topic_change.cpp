// remuda topic create, set, delete: topics that come, change and go while everything runs.

#include "cli/verbs/topic_change.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/channel_verbs.hpp"
#include "cli/running_definitions.hpp"
#include "common/declarations.hpp"

namespace remuda::cli {

namespace {

using topology::TopicPlan;

struct Options {
  BrokerOptions broker;
  std::string topic;
  bool fifo = false;
  std::optional<std::string> dedup_by;
  std::optional<std::string> on;
  ConfirmOptions confirm;
};

Result<std::optional<wire::TopicInfo>> find_topic(BlockingBrokerClient& client, const std::string& name) {
  const auto topics = client.list_topics();
  if (!topics) return Failure<Error>{topics.error()};
  const auto found = std::find_if(topics->begin(), topics->end(), [&](const wire::TopicInfo& info) { return info.topic == name; });
  return found == topics->end() ? std::nullopt : std::optional{*found};
}

/// The launch file's own topics are kept in the definitions that the broker starts with. Says so when they are.
Result<void> keep_across_restarts(const Terminal& terminal, ChannelAccess& channel, const std::string& topic,
                                  const std::optional<TopicPlan>& plan) {
  if (!channel.access.topology()) return {};
  supervisor::TopologyEntry entry = *channel.access.topology();
  Result<topology::Definitions> definitions = read_running_definitions(entry, channel.broker.name);
  if (!definitions) return Failure<Error>{definitions.error()};
  const auto known = std::find_if(definitions->topics.begin(), definitions->topics.end(),
                                  [&](const TopicPlan& defined) { return defined.name == topic; });
  if (known == definitions->topics.end()) return {};
  if (plan) {
    *known = *plan;
  } else {
    definitions->topics.erase(known);
    for (topology::QueuePlan& queue : definitions->queues) {
      if (queue.from_topic != topic) continue;
      queue.from_topic.clear();
      queue.filter_policy.clear();
      queue.filter_on_attributes = false;
    }
  }
  const Result<void> written = write_running_definitions(entry, channel.broker.name, std::move(*definitions), {});
  if (!written) return written;
  terminal.err << fmt::format("{} says otherwise: write it there, too, or the next 'remuda apply' or 'up' takes it back\n",
                              entry.launch_file);
  return {};
}

ExitCode declare(const Terminal& terminal, ChannelAccess& channel, const TopicPlan& plan, const std::string& did) {
  const auto declared = channel.client->declare_topic(declaration_of(plan));
  if (!declared) return refused(terminal, declared.error());
  terminal.out << fmt::format("{} {}\n", did, plan.name);
  const Result<void> kept = keep_across_restarts(terminal, channel, plan.name, plan);
  return kept ? ExitCode::done : refused(terminal, kept.error());
}

ExitCode create(const Terminal& terminal, const Options& options) {
  Result<ChannelAccess> channel = open_broker_for(options.broker, options.on, std::nullopt);
  if (!channel) return refused(terminal, channel.error());
  const auto present = find_topic(*channel->client, options.topic);
  if (!present) return refused(terminal, present.error());
  if (*present) {
    return terminal.problem(ExitCode::failed, fmt::format("there is a topic '{}' already", options.topic),
                            fmt::format("remuda topic set {} changes it", options.topic));
  }
  if (options.dedup_by && !options.fifo)
    return terminal.problem(ExitCode::wrong_usage, "--dedup-by is for a FIFO topic", "add --fifo");
  TopicPlan plan;
  plan.name = options.topic;
  plan.fifo = options.fifo;
  if (options.dedup_by) plan.deduplicate_by = *options.dedup_by;
  return declare(terminal, *channel, plan, "created");
}

ExitCode set(const Terminal& terminal, const Options& options) {
  Result<ChannelAccess> channel = open_channel(options.broker, options.topic, "topic");
  if (!channel) return refused(terminal, channel.error());
  const auto present = find_topic(*channel->client, options.topic);
  if (!present) return refused(terminal, present.error());
  if (!*present) return refused(terminal, {"no_such_topic", fmt::format("there is no topic '{}'", options.topic), true});
  TopicPlan plan = plan_of(**present);
  if (!plan.fifo) {
    return terminal.problem(ExitCode::wrong_usage, fmt::format("'{}' is a standard topic; there is nothing to set", options.topic),
                            "remuda topic delete and create make it a FIFO topic; its queues stay");
  }
  if (options.dedup_by) plan.deduplicate_by = *options.dedup_by;
  return declare(terminal, *channel, plan, "changed");
}

ExitCode remove(const Terminal& terminal, const Options& options) {
  Result<ChannelAccess> channel = open_channel(options.broker, options.topic, "topic");
  if (!channel) return refused(terminal, channel.error());
  const auto present = find_topic(*channel->client, options.topic);
  if (!present) return refused(terminal, present.error());
  if (!*present) return refused(terminal, {"no_such_topic", fmt::format("there is no topic '{}'", options.topic), true});
  std::string plan = fmt::format("delete {}", options.topic);
  for (const wire::ChainedQueue& queue : (*present)->queues)
    plan += (&queue == (*present)->queues.data() ? "; then nothing feeds " : ", ") + queue.queue;
  if (options.confirm.dry_run) {
    terminal.out << "would " << plan << '\n';
    return ExitCode::done;
  }
  if (!terminal.confirm(plan, options.confirm.yes)) return terminal.can_ask ? ExitCode::interrupted : ExitCode::wrong_usage;
  const auto deleted = channel->client->delete_topic(options.topic);
  if (!deleted) return refused(terminal, deleted.error());
  terminal.out << fmt::format("deleted {}\n", options.topic);
  const Result<void> kept = keep_across_restarts(terminal, *channel, options.topic, std::nullopt);
  return kept ? ExitCode::done : refused(terminal, kept.error());
}

Option dedup_by_option(std::optional<std::string>& dedup_by) {
  return {"--dedup-by", "FIFO: where a message names what it repeats: id, content, body.PATH, attributes.NAME", &dedup_by};
}

}  // namespace

Command topic_create() {
  auto options = std::make_shared<Options>();
  Option topic = topic_argument(options->topic);
  topic.value = ValueKind::text;  // a name that is not there yet
  return {
      .name = "create",
      .summary = "Make a topic; it stays until it is deleted, also across restarts",
      .options = with_broker(
          options->broker, {topic,
                            {"--fifo", "A FIFO topic: the same order for every queue, no repeats within 5 minutes", &options->fifo},
                            dedup_by_option(options->dedup_by),
                            {"--on", "Which of the topology's brokers, when there are several", &options->on}}),
      .run = [options](Terminal& terminal) { return create(terminal, *options); }};
}

Command topic_set() {
  auto options = std::make_shared<Options>();
  return {.name = "set",
          .summary = "Change how a FIFO topic finds repeats",
          .options = with_broker(options->broker, {topic_argument(options->topic), dedup_by_option(options->dedup_by)}),
          .run = [options](Terminal& terminal) { return set(terminal, *options); }};
}

Command topic_delete() {
  auto options = std::make_shared<Options>();
  return {.name = "delete",
          .summary = "Delete a topic; its queues stay, with their messages, and are chained to nothing",
          .options = with_broker(options->broker, joined({topic_argument(options->topic)}, confirm_options(options->confirm))),
          .run = [options](Terminal& terminal) { return remove(terminal, *options); }};
}

}  // namespace remuda::cli
