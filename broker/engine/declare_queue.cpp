#include <algorithm>

#include "broker/engine/queue_engine.hpp"

namespace remuda::broker {

namespace {
constexpr Milliseconds retention_min{std::chrono::seconds{1}};
constexpr Milliseconds retention_max{std::chrono::hours{24 * 14}};
constexpr std::uint32_t max_receives_max = 1000;
constexpr std::size_t name_max_bytes = 128;
constexpr std::size_t queues_max = 100'000;
constexpr std::size_t tags_max = 70;  // 50 of people's, and those that the SQS gateway keeps
constexpr std::size_t tag_value_max_bytes = 16'384;
constexpr std::size_t selector_max_bytes = 256;

std::optional<Error> check_attributes(const QueueAttributes& attributes) {
  const auto invalid = [&](std::string_view what) {
    return Error{"invalid_attribute", "queue " + attributes.name + ": " + std::string{what}, true};
  };
  const auto between = [](auto low, auto value, auto high) { return low <= value && value <= high; };
  if (attributes.name.empty() || attributes.name.size() > name_max_bytes) return invalid("a name has 1 to 128 bytes");
  if (!between(Milliseconds{0}, attributes.visibility_timeout, visibility_timeout_max))
    return invalid("visibility_timeout is 0 s to 12 h");
  if (!between(retention_min, attributes.retention, retention_max)) return invalid("retention is 1 s to 14 days");
  if (!between(Milliseconds{0}, attributes.delay, delay_max)) return invalid("delay is 0 s to 15 min");
  if (attributes.max_receives > max_receives_max) return invalid("max_receives is 1 to 1000");
  if (attributes.dead_letter_queue == attributes.name) return invalid("a queue cannot be its own dead-letter queue");
  if (attributes.dead_letter_queue.size() > name_max_bytes) return invalid("the name of a dead-letter queue has 1 to 128 bytes");
  if (attributes.max_receives != 0 && attributes.dead_letter_queue.empty())
    return invalid("max_receives needs a dead_letter_queue");
  if (attributes.tags.size() > tags_max) return invalid("at most 70 tags");
  for (const auto& [tag, value] : attributes.tags) {
    if (tag.empty() || tag.size() > name_max_bytes || value.size() > tag_value_max_bytes)
      return invalid("a tag has a name of 1 to 128 bytes and a value of at most 16 KiB");
  }
  if (attributes.fifo) {
    for (const std::string& selector : {attributes.fifo->group_by, attributes.fifo->deduplicate_by}) {
      if (selector.empty() || selector.size() > selector_max_bytes)
        return invalid("group_by and deduplicate_by have 1 to 256 bytes");
    }
  }
  return std::nullopt;
}

Error wrong_kind(const QueueAttributes& attributes, std::string_view what) {
  return Error{"invalid_attribute", "queue " + attributes.name + ": " + std::string{what}, true};
}
}  // namespace

QueueEngine::Refusal QueueEngine::decide(const DeclareQueue& command, Turn& turn) {
  const QueueAttributes& attributes = command.attributes;
  if (Refusal refusal = check_attributes(attributes)) return refusal;
  if (state_.find_stream(attributes.name) || state_.find_stream(attributes.dead_letter_queue))
    return wrong_kind(attributes, "this broker has a stream of that name");
  QueueId next = state_.next_queue_id();
  if (next > queues_max) return Error{"over_limit", "a broker has at most 100,000 queues", true};
  const std::optional<QueueId> existing = state_.find_queue(attributes.name);
  if (existing && state_.queue(*existing)->attributes == attributes) return std::nullopt;
  if (existing && state_.queue(*existing)->is_fifo() != attributes.fifo.has_value())
    return wrong_kind(attributes, "a queue stays what it was made as, standard or FIFO: delete it first, or choose another name");
  const QueueId id = existing ? *existing : next++;

  QueueId dead_letter_queue = 0;
  std::optional<QueueAttributes> created;
  if (!attributes.dead_letter_queue.empty()) {
    if (const auto found = state_.find_queue(attributes.dead_letter_queue)) {
      dead_letter_queue = *found;
      if (state_.queue(dead_letter_queue)->is_fifo() != attributes.fifo.has_value())
        return wrong_kind(attributes,
                          "the dead-letter queue of a FIFO queue is a FIFO queue, that of a standard queue a standard queue");
    } else {
      dead_letter_queue = next++;
      created.emplace();
      created->name = attributes.dead_letter_queue;
      created->retention = retention_max;  // age counts from the original send: leave people the time to look at it
      created->max_message_size_bytes = attributes.max_message_size_bytes;
      if (attributes.fifo) created->fifo.emplace();
    }
  }
  put_queue_declared(record_, id, attributes, dead_letter_queue);
  if (created) put_queue_declared(record_, dead_letter_queue, *created, 0);
  sync_ = true;
  upkeep(id).next_expiry_check = Instant{};  // the retention may be another one
  note(id, turn.moment.now);
  if (created) note(dead_letter_queue, turn.moment.now);
  return std::nullopt;
}

QueueEngine::Refusal QueueEngine::decide(const DeclareTopic& command, Turn& turn) {
  if (command.name.empty() || command.name.size() > name_max_bytes)
    return Error{"invalid_attribute", "the name of a topic has 1 to 128 bytes", true};
  const auto existing = state_.topics().find(command.name);
  const std::string_view present =
      existing == state_.topics().end() ? std::string_view{} : std::string_view{existing->second.definition};
  if (present == command.definition) return std::nullopt;
  put_topic_declared(record_, command.name, command.definition, 1);
  next_sweep_ = std::min(next_sweep_, turn.moment.now + std::chrono::minutes{1});
  sync_ = true;
  return std::nullopt;
}

}  // namespace remuda::broker
