#include "broker/engine/queue_engine.hpp"

#include "common/mutant.hpp"

namespace remuda::broker {

QueueEngine::Refusal QueueEngine::decide(const PublishMessage& step, Turn& turn) {
  if (step.messages.empty()) return Error{"invalid_argument", "a publish needs at least one message", true};
  for (const Publication& publication : step.messages) {
    for (const QueueId target : publication.targets) {
      const Queue* queue = state_.queue(target);
      if (queue == nullptr) return no_such_queue();
      if (publication.message.bytes.size() > queue->attributes.max_message_size_bytes)
        return too_large(publication.message, *queue);
    }
  }
  // A body that nobody wants is not written; every other one once, however many queues want it.
  wanted_.clear();
  for (std::size_t i = 0; i < step.messages.size(); ++i) {
    if (!step.messages[i].targets.empty()) wanted_.push_back(i);
  }
  if (wanted_.empty()) return std::nullopt;
  const std::uint32_t first =
      record_.bodies(wanted_.size(), [&](std::size_t i) -> const Body& { return step.messages[wanted_[i]].message; });

  // Neighbours with the same target share one operation, so a batch to n queues costs n operations and not n per message.
  // Every queue gets its messages in the order in which they were published.
  runs_.clear();
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    const auto body = static_cast<std::uint32_t>(first + i);
    for (const QueueId target : step.messages[wanted_[i]].targets) {
      if (target > last_run_.size()) last_run_.resize(target, 0);
      std::size_t& last = last_run_[target - 1];
      const bool extends = last < runs_.size() && runs_[last].queue == target && runs_[last].first + runs_[last].count == body;
      if (!extends) {
        last = runs_.size();
        runs_.push_back({target, body, 0});
      }
      ++runs_[last].count;
    }
  }
  for (const StoredRun& run : runs_) {
    if (REMUDA_MUTANT(4) && runs_.size() > 1 && &run == &runs_.back()) break;
    const Queue& queue = *state_.queue(run.queue);
    record_.stored(run.queue, static_cast<std::uint64_t>(queue.attributes.delay.count()), run.first, run.count);
    sync_ |= !queue.attributes.relaxed;
    note_stored(queue.attributes.delay, turn);
  }
  return std::nullopt;
}

}  // namespace remuda::broker
