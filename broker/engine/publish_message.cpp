#include <algorithm>

#include "broker/engine/queue_engine.hpp"

#include "common/mutant.hpp"

namespace remuda::broker {

QueueEngine::Refusal QueueEngine::decide(const PublishMessage& step, Turn& turn) {
  if (step.messages.empty()) return Error{"invalid_argument", "a publish needs at least one message", true};
  for (const Publication& publication : step.messages) {
    for (std::size_t t = 0; t < publication.targets.size(); ++t) {
      const Queue* queue = state_.queue(publication.targets[t]);
      if (queue == nullptr) return no_such_queue();
      if (publication.message.bytes.size() > queue->attributes.max_message_size_bytes)
        return too_large(publication.message, *queue);
      const bool has_grouping = publication.groupings.size() == publication.targets.size();
      if (!queue->is_fifo()) continue;
      if (Refusal refusal = check_grouping(*queue, publication.groupings.subspan(has_grouping ? t : 0, has_grouping ? 1 : 0), 1))
        return refusal;
    }
  }
  for (const Publication& publication : step.messages) {
    for (const StreamTarget& target : publication.streams) {
      const Stream* stream = state_.stream(target.stream);
      if (stream == nullptr) return no_such_stream();
      if (target.partition >= stream->partitions.size()) return Error{"invalid_argument", "the stream has no such partition", true};
      if (publication.message.bytes.size() > stream->attributes.max_message_size_bytes)
        return Error{"message_too_large", "stream " + stream->attributes.name + " takes no message of this size", true};
    }
  }
  choose_wanted(step, turn);
  if (wanted_.empty()) return std::nullopt;
  const std::uint32_t first =
      record_.bodies(wanted_.size(), [&](std::size_t i) -> const Body& { return step.messages[wanted_[i]].message; });

  // Neighbours with the same target share one operation, so a batch to n queues costs n operations and not n per message.
  // Every queue gets its messages in the order in which they were published.
  runs_.clear();
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    const auto body = static_cast<std::uint32_t>(first + i);
    const Publication& publication = step.messages[wanted_[i]];
    for (std::size_t t = 0; t < publication.targets.size(); ++t) {
      const QueueId target = publication.targets[t];
      if (!publication.groupings.empty() && state_.queue(target)->is_fifo()) {
        publish_in_group(*state_.queue(target), body, publication, t, turn);
        continue;
      }
      note_arrival(*state_.queue(target), 1, publication.message.bytes.size());
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
  publish_to_streams(step, first, turn);
  for (const StoredRun& run : runs_) {
    if (REMUDA_MUTANT(4) && runs_.size() > 1 && &run == &runs_.back()) break;
    const Queue& queue = *state_.queue(run.queue);
    record_.stored(run.queue, static_cast<std::uint64_t>(queue.attributes.delay.count()), run.first, run.count);
    sync_ |= !queue.attributes.relaxed;
    note_stored(run.queue, queue.attributes.delay, turn);
  }
  return std::nullopt;
}

/// A body that nobody wants is not written; every other one once, however many queues want it. What a FIFO topic was published
/// before is wanted by nobody; what it accepts now, the record says.
void QueueEngine::choose_wanted(const PublishMessage& step, Turn& turn) {
  wanted_.clear();
  const auto topic = step.fifo_topic.empty() ? state_.topics().end() : state_.topics().find(step.fifo_topic);
  for (std::size_t i = 0; i < step.messages.size(); ++i) {
    if (topic != state_.topics().end()) {
      const DeduplicationKey& key = step.messages[i].key;
      topic->second.deduplication.forget_old(turn.time_ms);
      if (accepted_.find(0, key)) continue;
      if (topic->second.deduplication.find(key)) {
        sync_ = turn.effects.sync_needed = true;  // that may be of this very turn, and the answer says that it is stored
        continue;
      }
      accepted_.add(0, key, 0);
      std::string& out = record_.operation(Operation::published);
      put_text(out, step.fifo_topic);
      out.append(key.data(), key.size());
      sync_ = true;
    }
    if (!step.messages[i].targets.empty() || !step.messages[i].streams.empty()) wanted_.push_back(i);
  }
}

/// Streams get the same bodies. Neighbours that go to the same partition share one operation.
void QueueEngine::publish_to_streams(const PublishMessage& step, std::uint32_t first, Turn& turn) {
  to_streams_.clear();
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    const Publication& publication = step.messages[wanted_[i]];
    for (const StreamTarget& target : publication.streams) {
      auto found = std::find_if(to_streams_.begin(), to_streams_.end(), [&](const auto& each) {
        return each.first.stream == target.stream && each.first.partition == target.partition;
      });
      if (found == to_streams_.end()) found = to_streams_.insert(found, {target, {}});
      found->second.push_back(static_cast<std::uint32_t>(first + i));
      note_appended(*state_.stream(target.stream), publication.message.bytes.size(), turn);
    }
  }
  for (const auto& [target, bodies] : to_streams_) {
    for (std::size_t begin = 0, end = 0; begin < bodies.size(); begin = end) {
      end = begin + 1;
      while (end < bodies.size() && bodies[end] == bodies[end - 1] + 1) ++end;
      std::string& out = record_.operation(Operation::stream_appended);
      put_varint(out, target.stream);
      put_varint(out, target.partition);
      put_varint(out, bodies[begin]);
      put_varint(out, end - begin);
    }
    sync_ = true;
  }
}

bool QueueEngine::was_published(std::string_view topic, const DeduplicationKey& key, Moment moment) {
  const auto found = state_.topics().find(topic);
  if (found == state_.topics().end()) return false;
  found->second.deduplication.forget_old(time_.at(moment.now));
  return found->second.deduplication.find(key).has_value();
}

void QueueEngine::publish_in_group(Queue& queue, std::uint32_t body, const Publication& publication, std::size_t target,
                                   Turn& turn) {
  const Grouping& grouping = publication.groupings[target];
  sync_ |= !queue.attributes.relaxed;
  if (accepted_before(queue, grouping.key, turn)) return;
  if (!REMUDA_MUTANT(50)) note_arrival(queue, 1, publication.message.bytes.size());
  write_in_group(queue, body, queue.attributes.delay, grouping, turn);
}

}  // namespace remuda::broker
