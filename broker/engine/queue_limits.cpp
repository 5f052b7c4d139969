// What a queue takes from senders when it may hold only so much. Dead letters, redrives and moves always get in: they are in some
// queue already, and nothing may get lost because another one is full.

#include <algorithm>

#include "broker/engine/queue_engine.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

namespace {

bool has_limit(const QueueAttributes& attributes) {
  return attributes.max_messages != 0 || attributes.max_bytes != 0;
}

/// Whether a queue that holds `present` and loses `out` may get `in`. Always when nothing comes in; 0 is no limit.
bool fits(std::uint64_t present, std::uint64_t out, std::uint64_t in, std::uint64_t limit) {
  if (REMUDA_MUTANT(47)) in = in == 0 ? 0 : in - 1;
  return limit == 0 || in == 0 || present + in <= limit + out;
}

std::string holds(std::uint64_t count, std::string_view what, std::uint64_t limit) {
  return std::to_string(count) + ' ' + std::string{what} + " of at most " + std::to_string(limit);
}

std::string contents(const Queue& queue) {
  const QueueAttributes& attributes = queue.attributes;
  std::string text;
  if (attributes.max_messages != 0) text = holds(queue.messages(), "messages", attributes.max_messages);
  if (attributes.max_bytes != 0) text += (text.empty() ? "" : " and ") + holds(queue.bytes(), "bytes", attributes.max_bytes);
  return text;
}

}  // namespace

void QueueEngine::note_arrival(const Queue& queue, std::uint64_t messages, std::uint64_t bytes) {
  if (has_limit(queue.attributes)) growth_.push_back({queue.id(), messages, bytes, 0, 0});
}

void QueueEngine::note_departure(const Queue& queue, std::span<const Sequence> sequences) {
  if (!has_limit(queue.attributes) || REMUDA_MUTANT(48)) return;
  Growth growth{queue.id(), 0, 0, sequences.size(), 0};
  for (const Sequence sequence : sequences) growth.bytes_out += queue.find(sequence)->size;
  growth_.push_back(growth);
}

/// A request counts as a whole: what it deletes makes room for what it sends.
QueueEngine::Refusal QueueEngine::over_queue_limits() {
  if (REMUDA_MUTANT(49)) return std::nullopt;
  std::sort(growth_.begin(), growth_.end(), [](const Growth& a, const Growth& b) { return a.queue < b.queue; });
  for (std::size_t begin = 0, end = 0; begin < growth_.size(); begin = end) {
    Growth sum = growth_[begin];
    for (end = begin + 1; end < growth_.size() && growth_[end].queue == sum.queue; ++end) {
      sum.messages_in += growth_[end].messages_in;
      sum.bytes_in += growth_[end].bytes_in;
      sum.messages_out += growth_[end].messages_out;
      sum.bytes_out += growth_[end].bytes_out;
    }
    const Queue& queue = *state_.queue(sum.queue);
    const std::uint64_t max_messages = queue.attributes.max_messages;
    const std::uint64_t max_bytes = queue.attributes.max_bytes;
    if (!fits(0, sum.messages_out, sum.messages_in, max_messages) || !fits(0, sum.bytes_out, sum.bytes_in, max_bytes)) {
      return Error{"over_limit",
                   "the request alone is more than queue " + queue.attributes.name + " may hold (" + contents(queue) +
                       "): send less at once, or raise its limit",
                   true};
    }
    if (fits(queue.messages(), sum.messages_out, sum.messages_in, max_messages) &&
        fits(queue.bytes(), sum.bytes_out, sum.bytes_in, max_bytes)) {
      continue;
    }
    return Error{"queue_full",
                 "queue " + queue.attributes.name + " is full (" + contents(queue) + "): send again when there is room", true};
  }
  return std::nullopt;
}

}  // namespace remuda::broker
