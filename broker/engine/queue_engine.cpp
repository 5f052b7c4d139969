#include "broker/engine/queue_engine.hpp"

#include <algorithm>
#include <cassert>

#include "broker/engine/change.hpp"
#include "broker/engine/settle_handles.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

QueueEngine::QueueEngine(Log& log, std::uint64_t segment_size_bytes, HashKey hash_key)
    : log_{log}, segment_size_bytes_{segment_size_bytes}, state_{hash_key} {}

Result<void> QueueEngine::replay(std::string_view operations, Location payload) {
  const auto done = state_.evolve(operations, payload, Instant{});
  if (!done) return Failure<Error>{done.error()};
  return {};
}

void QueueEngine::recovered(Moment moment) {
  time_.resume(state_.last_time_ms(), state_.last_wall_offset_ms(), moment);
  if (state_.last_time_ms() != 0) restarted_ms_ = time_.at(moment.now);
  state_.recovered(moment.now, time_.at(moment.now));
  if (REMUDA_MUTANT(24)) state_.for_each_queue([&](Queue& queue) { queue.show_due(time_.at(moment.now) + 60'000); });
  for (auto& [id, session] : state_.sessions().all()) session.last_heard = moment.now;
  // The first tick looks at everything.
  state_.for_each_queue([&](const Queue& queue) { note(queue.id(), moment.now); });
  next_sweep_ = moment.now;
  next_stream_check_ = moment.now;
  // Leases of before are not known any more, and none of their numbers is given again: they start at random and later.
  last_lease_ = state_.hash_key().high + (static_cast<std::uint64_t>(moment.unix_ms) << 20U);
}

void QueueEngine::apply(const Command& command, Moment moment, Effects& effects) {
  Turn turn{moment, time_.at(moment.now), time_.follow_wall(moment), effects};
  std::visit([&](const auto& each) { on(each, turn); }, command);
}

std::string QueueEngine::checkpoint() const {
  return state_.checkpoint();
}

std::optional<Instant> QueueEngine::next_deadline() const {
  const Instant other = std::min({next_sweep_, next_stream_check_, next_take_look_});
  const Instant first = agenda_.empty() ? other : std::min(agenda_.front().when, other);
  return first == Instant::max() ? std::nullopt : std::optional{first};
}

/// A message that was sent long ago may have arrived: look at the retention of this queue now.
void QueueEngine::note_moved_in(Queue& queue) {
  upkeep(queue.id()).next_expiry_check = Instant{};
  note(queue.id(), Instant{});
}

QueueEngine::Upkeep& QueueEngine::upkeep(QueueId queue) {
  if (queue > upkeep_.size()) upkeep_.resize(queue);
  return upkeep_[queue - 1];
}

// --- requests, records, replies

bool QueueEngine::is_known(const Requester& from, Turn& turn) {
  if (from.session == 0) return true;
  if (Session* session = state_.sessions().find(from.session)) {
    session->last_heard = turn.moment.now;
    return true;
  }
  reply(from, Error{"hello_first", "the session is not known (any more): say hello, then send the request again", true}, false,
        turn);
  return false;
}

bool QueueEngine::was_applied(const Requester& from, AppliedRequest& before) const {
  if (from.session == 0) return false;
  const Session* session = state_.sessions().find(from.session);
  if (from.request < session->settled) return true;  // the client itself said that it is finished
  if (REMUDA_MUTANT(25)) return false;
  const AppliedRequest* found = session->find(from.request);
  if (found != nullptr) before = *found;
  return found != nullptr;
}

void QueueEngine::begin(const Requester& from, Turn& turn) {
  record_.begin(RecordHead{turn.time_ms, turn.wall_offset_ms, from.session, from.request, from.settled, restarted_ms_});
  sync_ = false;
  accepted_.clear();
  stored_.clear();
  growth_.clear();
  lease_changes_.clear();
  sent_.clear();
}

AppliedRequest QueueEngine::commit(Turn& turn) {
  const Location payload = log_.append(record_.operations(), record_.payload());
  if (sync_ && !turn.effects.sync_needed) unsynced_from_ = payload;
  if (REMUDA_MUTANT(28)) unsynced_from_ = Location{UINT32_MAX, 0};
  const auto done = state_.evolve(record_.operations(), payload, turn.moment.now);
  assert(done.ok());  // we wrote it ourselves
  restarted_ms_ = 0;
  turn.effects.sync_needed |= sync_;
  return *done;
}

void QueueEngine::reply(const Requester& to, Answer answer, bool after_sync, Turn& turn) const {
  turn.effects.replies.push_back(Reply{to.client, to.request, std::move(answer), after_sync});
}

QueueEngine::Refusal QueueEngine::no_such_queue() {
  return Error{"no_such_queue", "there is no such queue on this broker; `remuda queue ls` lists those that are", true};
}

QueueEngine::Refusal QueueEngine::stale_handle(const ReceiptHandle& handle) {
  return Error{"stale_handle",
               "message " + std::to_string(handle.sequence) +
                   " is not in flight under this receipt handle any more: its visibility "
                   "timeout ended or it was settled; nothing was changed",
               true};
}

QueueEngine::Refusal QueueEngine::storage_full() {
  return Error{"storage_full", "the broker's disk is full: free space there; receiving and deleting still work", true};
}

/// Asked before every record that somebody requested: the log itself cannot refuse.
QueueEngine::Refusal QueueEngine::no_room_for_record() const {
  if (REMUDA_MUTANT(29)) return std::nullopt;
  if (record_.empty()) return std::nullopt;
  const std::uint64_t size = record_.size_bytes();
  if (size > log_.max_record_size()) {
    return Error{"record_too_large",
                 "the request comes to a journal record of " + std::to_string(size) + " bytes, and the largest is " +
                     std::to_string(log_.max_record_size()) + ": ask for less at once",
                 true};
  }
  if (record_.has_payload() ? log_.has_room(size) : log_.has_reserve(size)) return std::nullopt;
  return storage_full();
}

/// How many of `count` messages a record without payload may name now, whatever happens to each: all, a part where the record would
/// become too large, none on a disk so full that even the reserve is used up.
std::size_t QueueEngine::messages_that_fit(std::size_t count) const {
  constexpr std::uint64_t most_per_message = 256;  // a run of its own and a dead letter with its reason
  constexpr std::uint64_t around_messages = 256;
  const auto size_of = [](std::uint64_t messages) { return around_messages + messages * most_per_message; };
  while (count > 0 && size_of(count) > log_.max_record_size()) count /= 2;
  while (count > 0 && !log_.has_reserve(size_of(count))) count /= 2;
  return count;
}

void QueueEngine::on(const SendMessage& command, Turn& turn) {
  const std::size_t replies = turn.effects.replies.size();
  change(command, turn);
  // To a FIFO queue the answer is a sequence for each message, since some may have been accepted before.
  const Queue* queue = state_.queue(command.queue);
  if (queue == nullptr || !queue->is_fifo() || turn.effects.replies.size() == replies) return;
  Reply& answer = turn.effects.replies.back();
  const Done* done = std::get_if<Done>(&answer.answer);
  if (done == nullptr || done->repeated) return;
  answer.answer = Accepted{turn.effects.sequences.size(), sent_.size()};
  turn.effects.sequences.insert(turn.effects.sequences.end(), sent_.begin(), sent_.end());
}
void QueueEngine::on(const AppendStream& command, Turn& turn) {
  change(command, turn);
}
void QueueEngine::on(const CheckpointStream& command, Turn& turn) {
  change(command, turn);
}
void QueueEngine::on(const SeekStream& command, Turn& turn) {
  change(command, turn);
}
void QueueEngine::on(const DeclareStream& command, Turn& turn) {
  change(command, turn);
}
void QueueEngine::on(const DeleteStream& command, Turn& turn) {
  change(command, turn);
}
void QueueEngine::on(const PublishMessage& command, Turn& turn) {
  change(command, turn);
}
void QueueEngine::on(const RetryLater& command, Turn& turn) {
  change(command, turn);
}
void QueueEngine::on(const RejectMessage& command, Turn& turn) {
  change(command, turn);
}
void QueueEngine::on(const Transact& command, Turn& turn) {
  change(command, turn);
}
void QueueEngine::on(const PurgeQueue& command, Turn& turn) {
  change(command, turn);
}
void QueueEngine::on(const RedriveMessages& command, Turn& turn) {
  change(command, turn);
}
void QueueEngine::on(const StartMove& command, Turn& turn) {
  change(command, turn);
}
void QueueEngine::on(const ContinueMove& command, Turn& turn) {
  change(command, turn);
}
void QueueEngine::on(const CancelMove& command, Turn& turn) {
  change(command, turn);
}
void QueueEngine::on(const DeclareQueue& command, Turn& turn) {
  change(command, turn);
}
void QueueEngine::on(const DeclareTopic& command, Turn& turn) {
  change(command, turn);
}
void QueueEngine::on(const DeleteMessage& command, Turn& turn) {
  settle_each(command, turn);
}
void QueueEngine::on(const ChangeMessageVisibility& command, Turn& turn) {
  settle_each(command, turn);
}
void QueueEngine::on(const ReleaseMessage& command, Turn& turn) {
  settle_each(command, turn);
}

}  // namespace remuda::broker
