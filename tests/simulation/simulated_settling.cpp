// What holders of messages do with them, and what operators do with queues full of them.

#include <algorithm>

#include "tests/simulation/simulation.hpp"
#include "tests/simulation/world.hpp"

namespace remuda::broker::test {

ReceiptHandle Simulation::some_handle() {
  // Mostly one of the last, now and then one that never was.
  if (handles_.empty() || once_in(40)) return ReceiptHandle{some_queue().id, static_cast<std::uint32_t>(roll(3)), roll(20)};
  const std::size_t among = std::min<std::size_t>(handles_.size(), once_in(4) ? 96 : 8);
  return handles_[handles_.size() - 1 - roll(among)];
}

std::vector<ReceiptHandle> Simulation::some_handles_of_one_queue() {
  std::vector<ReceiptHandle> handles{some_handle()};
  while (roll(3) != 0) handles.push_back(some_handle());
  const QueueId queue = handles.front().queue;
  std::erase_if(handles, [&](const ReceiptHandle& handle) { return handle.queue != queue; });
  return handles;
}

// --- the model's side

void Simulation::model_gone(ModelQueue& queue, Sequence sequence, bool deleted) {
  const ModelMessage message = model_.take(queue, sequence);
  gone_.push_back({ReceiptHandle{queue.id, message.attempt, sequence}, deleted});
  model_.gone = gone_.size();
}

std::optional<bool> Simulation::was_deleted_by(const ReceiptHandle& handle) const {
  constexpr std::size_t looked_at = 512;
  for (std::size_t i = gone_.size(); i > 0; --i) {
    if (gone_.size() - i == looked_at) return std::nullopt;  // long ago, or never
    if (gone_[i - 1].handle != handle) continue;
    return gone_[i - 1].deleted && i <= gone_for_certain_ ? std::nullopt : std::optional{gone_[i - 1].deleted};
  }
  return false;
}

void Simulation::model_delete(const ReceiptHandle& handle, bool confirmed) {
  ModelQueue& queue = *model_.of(handle.queue);
  tally_.reached(queue.find(handle.sequence)->state == MessageState::in_flight ? Transition::deleted : Transition::deleted_late);
  ++queue.counters.deleted;
  model_gone(queue, handle.sequence, true);
  if (!confirmed) return;
  if (deleted_for_good_.size() <= queue.id) deleted_for_good_.resize(queue.id + 1);
  std::vector<bool>& deleted = deleted_for_good_[queue.id];
  if (deleted.size() <= handle.sequence) deleted.resize(handle.sequence + 256);
  deleted[handle.sequence] = true;
}

/// The attempt of a message ended without a delete.
void Simulation::model_end_attempt(ModelQueue& queue, Sequence sequence, Transition how) {
  ModelMessage& message = *queue.find(sequence);
  const bool at_receive = how == Transition::dead_lettered_at_receive;
  if (!at_receive) {
    QueueModel::record_attempt(message);
    message.state = MessageState::visible;
  }
  if (!QueueModel::used_up(queue, message)) return tally_.reached(how);
  if (!at_receive)
    check(Invariant::i8_dead_letters, message.receive_count - message.receives_elsewhere >= queue.attributes.max_receives,
          "too early a dead letter");
  tally_.reached(how == Transition::timed_out ? Transition::dead_lettered_at_timeout : how);
  if (queue.attributes.is_fifo && !queue.attributes.blocks_group) check(Invariant::f7_dead_letter_of_a_head, true, "");
  model_.dead_letter(queue, sequence, Because::used_up, steady_ms());
}

void Simulation::model_retry_later(const ReceiptHandle& handle, std::optional<Milliseconds> delay) {
  ModelMessage& message = *model_.in_flight(handle);
  ModelQueue& queue = *model_.of(handle.queue);
  QueueModel::record_attempt(message);
  if (QueueModel::used_up(queue, message)) {
    tally_.reached(Transition::dead_lettered_by_retry);
    model_.dead_letter(queue, handle.sequence, Because::used_up, steady_ms());
    return;
  }
  if (!delay) return tally_.reached(Transition::retried_at_timeout);
  tally_.reached(*delay == 0ms ? Transition::retried_at_once : Transition::retried_delayed);
  if (queue.attributes.is_fifo && *delay > 0ms) {  // F3: delayed, it would let the others of its group pass, so it stays in flight
    message.visibility_changed = true;
    message.visibility_ms = static_cast<std::uint32_t>(delay->count());
    message.deadline = clock_.now() + *delay;
    return;
  }
  message.state = *delay == 0ms ? MessageState::visible : MessageState::delayed;
  message.visible_at_ms = steady_ms() + delay->count();
}

// --- holders

void Simulation::delete_messages() {
  const std::vector<ReceiptHandle> handles = some_handles_of_one_queue();
  ModelQueue* queue = model_.of(handles.front().queue);
  touched_ = queue;
  const Requester from = next_request();
  std::vector<ReceiptHandle> changed;
  for (const ReceiptHandle& handle : handles) {
    if (model_.deletable(handle) != nullptr) changed.push_back(handle);
  }
  const bool syncs = queue != nullptr && !queue->attributes.relaxed && !changed.empty();
  const Answer* answer = ask(DeleteMessage{from, handles.front().queue, handles}, from, syncs);
  if (answer == nullptr) return;
  if (queue == nullptr) return expect_refused(answer, "no_such_queue");
  const auto& settled = std::get<HandlesSettled>(*answer);
  for (std::size_t i = 0; i < handles.size(); ++i) {
    const bool done = effects_.outcomes[settled.first + i] == HandleOutcome::done;
    const bool valid = model_.deletable(handles[i]) != nullptr;
    tally_.checked(Invariant::i6_exclusivity);
    const auto did_it_before = valid ? std::optional{false} : was_deleted_by(handles[i]);
    if (did_it_before && done != (valid || *did_it_before))
      fail("I6 exclusivity: delete by a handle that is " + std::string{valid ? "the last" : "not the last"} +
           ", and deleted it before: " + (*did_it_before ? "yes" : "no") + "\n" + engine_->dump() + "expected " + describe(*queue));
    if (!done) tally_.refused("stale_handle");
  }
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  const bool confirmed = doomed_turns_ == 0 && !queue->attributes.relaxed;
  for (const ReceiptHandle& handle : changed) model_delete(handle, confirmed);
}

void Simulation::release_messages() {
  const std::vector<ReceiptHandle> handles = some_handles_of_one_queue();
  touched_ = model_.of(handles.front().queue);
  const Requester from = next_request();
  const Answer* answer = ask(ReleaseMessage{from, handles.front().queue, handles}, from, false);
  if (answer == nullptr) return;
  if (touched_ == nullptr) return expect_refused(answer, "no_such_queue");
  const auto& settled = std::get<HandlesSettled>(*answer);
  std::vector<ReceiptHandle> changed;
  for (std::size_t i = 0; i < handles.size(); ++i) {
    const bool valid = model_.in_flight(handles[i]) != nullptr;
    check(Invariant::i6_exclusivity, (effects_.outcomes[settled.first + i] == HandleOutcome::done) == valid,
          "a release by another handle");
    if (valid) changed.push_back(handles[i]);
  }
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  for (const ReceiptHandle& handle : changed) {
    tally_.reached(Transition::released);
    ModelMessage& message = *model_.in_flight(handle);
    --message.receive_count;
    message.state = MessageState::visible;
  }
}

/// An exclusive receive: what is in flight comes back as if it had been released.
void Simulation::model_take_over(ModelQueue& queue) {
  for (ModelMessage& message : queue.messages) {
    if (message.state != MessageState::in_flight) continue;
    tally_.reached(Transition::taken_over);
    --message.receive_count;
    message.state = MessageState::visible;
  }
}

void Simulation::change_visibility() {
  const ReceiptHandle handle = some_handle();
  touched_ = model_.of(handle.queue);
  const Milliseconds timeout = one_of<Milliseconds>({0ms, 200ms, 20'000ms, 12h, 12h + 1ms});
  const Requester from = next_request();
  ModelMessage* message = model_.in_flight(handle);
  const Answer* answer = ask(ChangeMessageVisibility{from, handle.queue, {&handle, 1}, timeout}, from, false);
  if (answer == nullptr) return;
  if (touched_ == nullptr) return expect_refused(answer, "no_such_queue");
  if (timeout > 12h) return expect_refused(answer, "invalid_visibility_timeout");
  const HandleOutcome outcome = effects_.outcomes[std::get<HandlesSettled>(*answer).first];
  if (message == nullptr)
    return check(Invariant::i6_exclusivity, outcome == HandleOutcome::stale_handle, "a stale handle changed a timeout");
  if (clock_.now() + timeout > message->received_at + 12h) {
    tally_.refused("invalid_visibility_timeout");
    return require(outcome == HandleOutcome::invalid_visibility_timeout, "an attempt may last more than 12 h");
  }
  require(outcome == HandleOutcome::done, "a valid change of a timeout was refused");
  if (timeout == 0ms) return model_end_attempt(*touched_, handle.sequence, Transition::made_visible);
  tally_.reached(Transition::timeout_changed);
  message->visibility_changed = true;
  message->visibility_ms = static_cast<std::uint32_t>(timeout.count());
  message->deadline = clock_.now() + timeout;
}

void Simulation::retry_later() {
  const ReceiptHandle handle = some_handle();
  touched_ = model_.of(handle.queue);
  const auto delay = one_of<std::optional<Milliseconds>>({std::nullopt, 0ms, 700ms, 13h});
  const Requester from = next_request();
  const ModelMessage* message = model_.in_flight(handle);
  const Answer* answer = ask(RetryLater{from, handle.queue, handle, "busy", delay}, from, false);
  if (answer == nullptr) return;
  if (touched_ == nullptr) return expect_refused(answer, "no_such_queue");
  if (delay == 13h) return expect_refused(answer, "invalid_argument");
  if (message == nullptr) return expect_refused(answer, "stale_handle");
  require(std::holds_alternative<Done>(*answer), "a valid retry was refused");
  model_retry_later(handle, delay);
}

void Simulation::reject() {
  const ReceiptHandle handle = some_handle();
  touched_ = model_.of(handle.queue);
  const Requester from = next_request();
  ModelMessage* message = model_.in_flight(handle);
  const bool syncs = message != nullptr && touched_->attributes.dead_letters != no_name && !touched_->attributes.relaxed;
  const Answer* answer = ask(RejectMessage{from, handle.queue, handle, "bad"}, from, syncs);
  if (answer == nullptr) return;
  if (touched_ == nullptr) return expect_refused(answer, "no_such_queue");
  if (message == nullptr) return expect_refused(answer, "stale_handle");
  require(std::holds_alternative<Done>(*answer), "a valid reject was refused");
  if (touched_->attributes.dead_letters == no_name) {
    tally_.reached(Transition::rejected_without_dead_letter_queue);
    return model_retry_later(handle, std::nullopt);
  }
  QueueModel::record_attempt(*message);
  tally_.reached(Transition::rejected);
  model_.dead_letter(*touched_, handle.sequence, Because::rejected, steady_ms());
}

void Simulation::transact() {
  const ReceiptHandle first = some_handle();
  const ReceiptHandle second = some_handle();
  ModelQueue& to = some_queue(false);
  if (to.messages.size() >= messages_wanted_max) return;
  const std::uint32_t number = new_body();
  const Text text = text_of(number);
  const Body body{text.bytes, text.checksum};
  const std::vector<TransactionStep> steps{SendMessage{{}, to.id, {&body, 1}, 0ms, {}, {}},
                                           DeleteMessage{{}, first.queue, {&first, 1}},
                                           RetryLater{{}, second.queue, second, "busy", 0ms}};
  const bool works = model_.deletable(first) != nullptr && model_.in_flight(second) != nullptr && first != second;
  const bool known =
      model_.of(first.queue) != nullptr && (model_.of(second.queue) != nullptr || model_.deletable(first) == nullptr);
  const bool first_syncs = works && !model_.of(first.queue)->attributes.relaxed;
  const bool makes_room = works && first.queue == to.id;
  const std::string_view no_room =
      to.refusal(1, text.bytes.size(), makes_room ? 1 : 0, makes_room ? text_size(model_.deletable(first)->body) : 0);
  const Requester from = next_request();
  const Answer* answer = ask(Transact{from, steps}, from, works && (first_syncs || !to.attributes.relaxed));
  if (answer == nullptr) return;
  touched_ = &to;
  if (!works) return expect_refused(answer, known ? "stale_handle" : "no_such_queue");
  if (!no_room.empty()) return expect_refused(answer, no_room);
  if (log_.full) return expect_refused(answer, "storage_full");
  check(Invariant::i5_atomic_moves, std::holds_alternative<Done>(*answer), "a valid transaction was refused");
  model_.send(to, number, 0ms, 0, steady_ms());
  model_delete(first, doomed_turns_ == 0 && first_syncs);
  model_retry_later(second, 0ms);
}

/// What a forwarder does at the receiving side: a message and how far its source has been taken, both or neither; and nothing for who
/// does not know how far it is.
void Simulation::forward() {
  ModelQueue& to = some_queue(false);
  const std::uint32_t number = new_body();
  const Text text = text_of(number);
  if (to.messages.size() >= messages_wanted_max || text.bytes.size() > to.attributes.max_size) return;
  const Body body{text.bytes, text.checksum};
  const std::uint64_t after = once_in(4) ? roll(3) : model_.progress_version;
  const std::string value = std::to_string(number);
  const std::vector<TransactionStep> steps{SendMessage{{}, to.id, {&body, 1}, 0ms, {}, {}},
                                           KeepProgress{forwarded_source, after, value}};
  const bool works = after == model_.progress_version;
  const std::string_view no_room = to.refusal(1, text.bytes.size());
  const Requester from = next_request();
  const Answer* answer = ask(Transact{from, steps}, from, works);
  if (answer == nullptr) return;
  touched_ = &to;
  tally_.checked(Invariant::forwarded_once);
  if (!works) return expect_refused(answer, "progress_moved");
  if (!no_room.empty()) return expect_refused(answer, no_room);
  if (log_.full) return expect_refused(answer, "storage_full");
  check(Invariant::forwarded_once, std::holds_alternative<Done>(*answer), "who knows how far the source is does not get on");
  model_.send(to, number, 0ms, 0, steady_ms());
  ++model_.progress_version;
  model_.progress_value = number;
}

// --- operators

void Simulation::purge() {
  ModelQueue& queue = some_queue();
  touched_ = &queue;
  const bool all = once_in(2);
  std::vector<Sequence> chosen;
  for (const ModelMessage& message : queue.messages) {
    if (all || once_in(2)) chosen.push_back(message.sequence);
  }
  const Requester from = next_request();
  PurgeQueue command{from, queue.id, {}};
  if (!all) command.sequences = chosen;
  const Answer* answer = ask(command, from, !queue.attributes.relaxed && !chosen.empty());
  if (answer == nullptr) return;
  expect_done(answer, chosen.size(), 0, false);
  for (const Sequence sequence : chosen) {
    const MessageState state = queue.find(sequence)->state;
    tally_.reached(state == MessageState::in_flight ? Transition::purged_in_flight
                   : state == MessageState::delayed ? Transition::purged_delayed
                                                    : Transition::purged_visible);
    ++queue.counters.purged;
    model_gone(queue, sequence, false);
  }
}

/// Moves what is waiting, oldest first, to `to` or where each came from. Neighbours that go the same way take the next sequences.
std::uint64_t Simulation::model_redrive(ModelQueue& from, std::optional<Name> to, std::span<const Sequence> chosen,
                                        std::uint64_t max) {
  std::uint64_t moved = 0;
  const std::vector<Sequence> in_order{chosen.begin(), chosen.end()};
  for (const Sequence sequence : in_order) {
    const ModelMessage* message = from.find(sequence);
    if (moved == max) break;
    if (message == nullptr || !is_waiting(message->state)) continue;
    const Name target = to.value_or(message->origin);
    if (target == no_name || model_.queues[target].id == 0 || &model_.queues[target] == &from) continue;
    ModelQueue& queue = model_.queues[target];
    gone_.push_back({ReceiptHandle{from.id, message->attempt, sequence}, false});
    model_.gone = gone_.size();
    model_.redrive(from, sequence, queue, queue.next, steady_ms());
    ++queue.next;
    ++moved;
  }
  return moved;
}

void Simulation::redrive() {
  ModelQueue& queue = once_in(3) ? some_queue() : model_.queues[one_of({rides_dead, short_dead, orders_dead, blocks_dead})];
  if (queue.id == 0) return;
  touched_ = &queue;
  std::optional<Name> to;
  if (once_in(4)) to = model_.name_of(some_queue(queue.attributes.is_fifo));
  const std::uint64_t max = once_in(3) ? 1 + roll(3) : UINT64_MAX;
  std::vector<Sequence> chosen;
  const bool all = once_in(2);
  for (const ModelMessage& message : queue.messages) {
    if (all || once_in(2)) chosen.push_back(message.sequence);
  }
  const Requester from = next_request();
  RedriveMessages command{from, queue.id, {}, {}, max};
  if (to) command.to = model_.queues[*to].id;
  if (!all) command.sequences = chosen;
  const Answer* answer = ask(command, from, false);
  if (answer == nullptr) return;
  if (to && &model_.queues[*to] == &queue) return expect_refused(answer, "invalid_argument");
  const std::uint64_t moved = model_redrive(queue, to, chosen, max);
  expect_done(answer, moved, 0, false);
  check(Invariant::i5_atomic_moves, moved == 0 || queue.attributes.relaxed || reply_to(from.request)->after_sync,
        "a redrive was confirmed before it is on stable storage");
  for (std::uint64_t i = 0; i < moved; ++i) tally_.reached(to ? Transition::redriven_to_another : Transition::redriven);
}

}  // namespace remuda::broker::test
