// Takes that wait: parked until a record comes, a lease ends or a pause is over, and answered in the order in which they came.

#include <algorithm>

#include "broker/engine/queue_engine.hpp"

namespace remuda::broker {

void QueueEngine::wait_for_stream(const TakeStream& command, Turn& turn) {
  WaitingTakes& waiting = waiting_takes_[command.stream];
  waiting.takes.push_back({command, std::string{command.group}, turn.moment.now + command.wait});
  // Looked at by this turn's tick, which finds out when the next chance is.
  wake_takes(command.stream, turn.moment.now);
}

void QueueEngine::wake_takes(StreamId stream, Instant when) {
  const auto found = waiting_takes_.find(stream);
  if (found == waiting_takes_.end()) return;
  found->second.look = std::min(found->second.look, when);
  next_take_look_ = std::min(next_take_look_, when);
}

void QueueEngine::serve_takes(Turn& turn) {
  next_take_look_ = Instant::max();
  for (auto each = waiting_takes_.begin(); each != waiting_takes_.end();) {
    auto& [id, waiting] = *each;
    if (waiting.look <= turn.moment.now) {
      waiting.look = Instant::max();
      Stream* stream = state_.stream(id);
      std::erase_if(waiting.takes, [&](WaitingTake& take) { return serve(stream, take, turn); });
      for (const WaitingTake& take : waiting.takes)
        waiting.look = std::min({waiting.look, take.deadline, next_chance(*stream, take.group, turn.moment.now)});
    }
    next_take_look_ = std::min(next_take_look_, waiting.look);
    each = waiting.takes.empty() ? waiting_takes_.erase(each) : std::next(each);
  }
}

/// True when the take is answered.
bool QueueEngine::serve(Stream* stream, WaitingTake& waiting, Turn& turn) {
  TakeStream& command = waiting.command;
  command.group = waiting.group;
  if (stream == nullptr) return reply(command.from, *no_such_stream(), false, turn), true;
  if (take(*stream, command, turn)) return true;
  if (waiting.deadline > turn.moment.now) return false;
  reply(command.from, StreamBatch{}, turn.effects.sync_needed, turn);
  return true;
}

/// When a partition that has records for the group will be free by the passing of time alone.
Instant QueueEngine::next_chance(const Stream& stream, std::string_view group, Instant now) const {
  Instant next = Instant::max();
  const auto its = std::find_if(stream.groups.begin(), stream.groups.end(), [&](const auto& each) { return each.name == group; });
  if (its == stream.groups.end()) return next;
  for (std::size_t p = 0; p < its->shares.size(); ++p) {
    const StreamShare& share = its->shares[p];
    if (std::max(share.next, stream.partitions[p].first()) == stream.partitions[p].next()) continue;
    if (share.lease != 0 && share.deadline > now) {
      next = std::min(next, share.deadline);
    } else if (share.paused_until > now) {
      next = std::min(next, share.paused_until);
    }
  }
  return next;
}

std::size_t QueueEngine::waiting_takes(StreamId stream) const {
  const auto found = waiting_takes_.find(stream);
  return found == waiting_takes_.end() ? 0 : found->second.takes.size();
}

std::vector<StreamId> QueueEngine::streams() const {
  std::vector<StreamId> ids;
  state_.for_each_stream([&](const Stream& stream) { ids.push_back(stream.id()); });
  std::sort(ids.begin(), ids.end(),
            [&](StreamId a, StreamId b) { return stream(a)->attributes.name < stream(b)->attributes.name; });
  return ids;
}

std::optional<std::int64_t> QueueEngine::oldest_record_ms(StreamId id, Moment moment) const {
  const Stream* its = stream(id);
  const auto partition = its == nullptr ? std::nullopt : its->oldest_partition();
  if (!partition) return std::nullopt;
  const StreamPartition& oldest = its->partitions[*partition];
  return oldest.at(oldest.first()).time_ms + time_.offset_at(moment);
}

}  // namespace remuda::broker
