#include "cli/queue_settings.hpp"

#include <fmt/format.h>

#include "common/units.hpp"

namespace remuda::cli {

namespace {

Result<void> apply_dead_letter(const QueueSettings& settings, topology::QueuePlan& queue) {
  if (settings.dead_letter) queue.dead_letter_queue = *settings.dead_letter;
  if (settings.max_receives) queue.max_receives = *settings.max_receives;
  if (queue.dead_letter_queue.empty() && settings.dead_letter) {
    queue.max_receives = 0;
    if (settings.max_receives)
      return fail("invalid_argument", "--max-receives says when a message is dead, and there is no --dead-letter");
  }
  if (queue.max_receives != 0 && queue.dead_letter_queue.empty()) queue.dead_letter_queue = queue.name + "-dlq";
  if (queue.max_receives == 0 && !queue.dead_letter_queue.empty()) {
    return fail("invalid_argument", "say after how many receives a message is dead: --max-receives 5");
  }
  return {};
}

Result<void> apply_tags(const QueueSettings& settings, topology::QueuePlan& queue) {
  for (const std::string& tag : settings.tags) {
    const auto equals = tag.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail("invalid_argument", fmt::format("--tag needs NAME=VALUE, not '{}'", tag));
    const std::string value = tag.substr(equals + 1);
    if (value.empty()) {
      queue.tags.erase(tag.substr(0, equals));
    } else {
      queue.tags[tag.substr(0, equals)] = value;
    }
  }
  return {};
}

Result<void> apply_fifo(const QueueSettings& settings, topology::QueuePlan& queue) {
  const bool any = settings.group_by || settings.dedup_by || settings.dedup_scope || settings.on_dead;
  if (!any) return {};
  if (!queue.fifo) {
    return fail("invalid_argument",
                fmt::format("'{}' is a standard queue: --group-by, --dedup-by, --dedup-scope and --on-dead are for "
                            "FIFO queues, and a queue stays what it was made as",
                            queue.name));
  }
  if (settings.group_by) queue.fifo->group_by = *settings.group_by;
  if (settings.dedup_by) queue.fifo->deduplicate_by = *settings.dedup_by;
  if (settings.dedup_scope) queue.fifo->deduplication_scope = *settings.dedup_scope;
  if (settings.on_dead) queue.fifo->on_dead_letter = *settings.on_dead;
  return {};
}

}  // namespace

std::vector<Option> queue_settings_options(QueueSettings& settings) {
  return {{"--from", "Take what is published to this topic", &settings.from, false, {}, ValueKind::topic},
          {"--filter", "Only what this SNS filter policy wants of it", &settings.filter},
          {"--filter-scope", "What the policy looks at", &settings.filter_scope, false, {"body", "attributes"}},
          {"--visibility-timeout", "How long a received message is hidden (30s; 0 to 12h)", &settings.visibility_timeout},
          {"--retention", "How long a message is kept (4d; to 14d)", &settings.retention},
          {"--delay", "How long a sent message is hidden at first (0; to 15m)", &settings.delay},
          {"--dead-letter", "Where messages go that nobody can process", &settings.dead_letter, false, {}, ValueKind::queue},
          {"--max-receives", "After this many receives (1 to 1000); alone it makes QUEUE-dlq", &settings.max_receives},
          {"--max-message-size", "64KiB, 1MiB", &settings.max_message_size},
          {"--max-messages", "What would bring it above is refused with queue_full (0: no limit)", &settings.max_messages},
          {"--max-bytes", "Likewise, of packed messages: 64MiB, 1GiB", &settings.max_bytes},
          {"--durability", "relaxed confirms before the disk has it", &settings.durability, false, {"synced", "relaxed"}},
          {"--group-by", "FIFO: where a message names its group: group_id, body.customer, attributes.ride", &settings.group_by},
          {"--dedup-by", "FIFO: where it names what it repeats: id, content, body.PATH, attributes.NAME", &settings.dedup_by},
          {"--dedup-scope", "FIFO: repeats of what is looked for", &settings.dedup_scope, false, {"queue", "message_group"}},
          {"--on-dead", "FIFO: after a dead letter its group goes on, or waits", &settings.on_dead, false, {"skip", "block"}},
          {"--tag", "NAME=VALUE; repeatable; NAME= takes it away", &settings.tags}};
}

Result<void> apply_settings(const QueueSettings& settings, topology::QueuePlan& queue) {
  if (settings.from) queue.from_topic = *settings.from;
  if (settings.filter) queue.filter_policy = *settings.filter;
  if (settings.filter_scope) queue.filter_on_attributes = *settings.filter_scope == "attributes";
  if (queue.from_topic.empty() && settings.from) queue.filter_policy.clear();
  if (queue.from_topic.empty() && !queue.filter_policy.empty())
    return fail("invalid_argument", "--filter chooses what a queue takes from a topic: say which with --from");
  if (queue.filter_policy.empty()) queue.filter_on_attributes = false;
  if (settings.visibility_timeout) queue.visibility_timeout = *settings.visibility_timeout;
  if (settings.retention) queue.retention = *settings.retention;
  if (settings.delay) queue.delay = *settings.delay;
  if (settings.max_message_size) {
    const Result<std::uint64_t> size = parse_size(*settings.max_message_size);
    if (!size) return fail("invalid_argument", size.error().message);
    queue.max_message_size_bytes = *size;
  }
  if (settings.max_messages) {
    if (*settings.max_messages < 0) return fail("invalid_argument", "--max-messages is 1 or more, or 0 for no limit");
    queue.max_messages = static_cast<std::uint64_t>(*settings.max_messages);
  }
  if (settings.max_bytes) {
    const Result<std::uint64_t> size = parse_size(*settings.max_bytes);
    if (!size) return fail("invalid_argument", size.error().message);
    queue.max_bytes = *size;
  }
  if (settings.durability) queue.relaxed = *settings.durability == "relaxed";
  for (const auto apply : {apply_dead_letter, apply_tags, apply_fifo}) {
    if (const Result<void> applied = apply(settings, queue); !applied) return applied;
  }
  return {};
}

}  // namespace remuda::cli
