// What a receive may get, and what follows from having got it.

#include <algorithm>

#include "tests/simulation/simulation.hpp"
#include "tests/simulation/world.hpp"

namespace remuda::broker::test {

/// Of every message handed out, whatever the queue.
void Simulation::check_delivery(ModelQueue& queue, const Delivery& delivery, const ModelMessage& message) {
  const ReceiptHandle& handle = delivery.handle;
  check(Invariant::i6_exclusivity, handle == ReceiptHandle{queue.id, message.attempt, message.sequence},
        "a handle is not the new one");
  check(Invariant::i7_receive_count, delivery.receive_count == message.receive_count, "a wrong receive count");
  const Text text = text_of(message.body);
  check(Invariant::i2_no_invention,
        delivery.crc32c == text.checksum && delivery.size == text.bytes.size() &&
            log_.read(delivery.place, delivery.size) == text.bytes,
        "a body is not the one that was sent");
  const bool deleted = queue.id < deleted_for_good_.size() && handle.sequence < deleted_for_good_[queue.id].size() &&
                       deleted_for_good_[queue.id][handle.sequence];
  check(Invariant::i3_no_resurrection, !deleted, "a message was handed out after its delete was confirmed");
  check(Invariant::clocks, now().unix_ms - delivery.sent_ms == steady_ms() - message.sent_ms, "a wrong age");
  check(Invariant::clocks, now().unix_ms - delivery.first_received_ms == steady_ms() - message.first_received_ms,
        "a wrong first receive");
  handles_.push_back(handle);
  if (handles_.size() > 256) handles_.erase(handles_.begin(), handles_.end() - 96);
}

bool Simulation::has_something(ModelQueue& queue) {
  if (queue.attributes.is_fifo || queue.attributes.dead_letters == no_name) return model_.deliverable(queue) > 0;
  sequences_.clear();
  for (const ModelMessage& message : queue.messages) {
    if (message.state != MessageState::visible) continue;
    if (!QueueModel::used_up(queue, message)) return true;
    sequences_.push_back(message.sequence);
  }
  for (const Sequence sequence : sequences_) model_end_attempt(queue, sequence, Transition::dead_lettered_at_receive);
  return false;
}

void Simulation::take_delivery(ModelQueue& queue, const Delivered& delivered, const ModelWait& wait) {
  touched_ = &queue;
  const std::span<const Delivery> got{effects_.deliveries.data() + delivered.first, delivered.count};
  check(Invariant::i11_bounded, got.size() <= wait.max, "a receive got more than it asked for");
  queue.attributes.is_fifo ? take_fifo(queue, got, wait) : take_standard(queue, got, wait);
}

/// Oldest first. What has used up its receives, since the limit was lowered, is dead-lettered and not handed out.
void Simulation::take_standard(ModelQueue& queue, std::span<const Delivery> got, const ModelWait& wait) {
  std::size_t taken = 0;
  while (taken == 0 && model_.deliverable(queue) > 0) {
    std::array<Sequence, 16> considered{};
    std::size_t count = 0;
    for (const ModelMessage& message : queue.messages) {
      if (count < wait.max && message.state == MessageState::visible) considered[count++] = message.sequence;
    }
    for (std::size_t i = 0; i < count; ++i) {
      ModelMessage& message = *queue.find(considered[i]);
      if (QueueModel::used_up(queue, message)) continue;
      check(Invariant::i9_liveness, taken < got.size(), "a receive got less than there was");
      ++queue.counters.received;
      tally_.reached(message.receive_count == 0 ? Transition::received : Transition::received_again);
      queue.counters.redelivered += message.receive_count > 0;
      model_.receive(message, wait.visibility, clock_.now(), steady_ms());
      check_delivery(queue, got[taken++], message);
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (queue.find(considered[i])->state == MessageState::visible && QueueModel::used_up(queue, *queue.find(considered[i])))
        model_end_attempt(queue, considered[i], Transition::dead_lettered_at_receive);
    }
  }
  check(Invariant::i9_liveness, taken == got.size(), "a receive got another number of messages");
}

/// Which groups are chosen is the engine's affair; what it may take of each, and that it takes all that it may, is the rule.
void Simulation::take_fifo(ModelQueue& queue, std::span<const Delivery> got, const ModelWait& wait) {
  const std::uint64_t possible = model_.deliverable(queue);
  check(Invariant::f6_groups_are_independent, got.size() == std::min<std::uint64_t>(possible, wait.max),
        "a receive did not fill up with what the open groups have");
  std::array<bool, 8> was_closed{};
  for (std::uint8_t group = 1; group < was_closed.size(); ++group) was_closed[group] = model_.is_closed(queue, group);
  std::array<Sequence, 8> last{};
  ModelQueue::Attempt attempt{wait.attempt_id, steady_ms(), {}, false};
  for (const Delivery& delivery : got) {
    ModelMessage* message = queue.find(delivery.handle.sequence);
    check(Invariant::i6_exclusivity, message != nullptr && message->state == MessageState::visible,
          "a message was handed out that is not visible");
    const std::uint8_t group = message->group;
    check(Invariant::f2_group_in_flight, !was_closed[group], "a group with a message in flight was delivered from");
    check(Invariant::f1_group_order, message->sequence > last[group], "a batch has the messages of a group in another order");
    last[group] = message->sequence;
    for (const ModelMessage& other : queue.messages) {
      if (other.group != group || other.sequence >= message->sequence) continue;
      if (other.state == MessageState::delayed) {
        check(Invariant::f4_delay_blocks_nothing, true, "");
        continue;
      }
      check(Invariant::f3_head_rule, other.state == MessageState::in_flight, "a message overtook an earlier one of its group");
    }
    if (message->receive_count > 0) check(Invariant::f5_restart_from_the_lowest, true, "");
    tally_.reached(message->receive_count == 0 ? Transition::received : Transition::received_again);
    ++queue.counters.received;
    queue.counters.redelivered += message->receive_count > 0;
    model_.receive(*message, wait.visibility, clock_.now(), steady_ms());
    check_delivery(queue, delivery, *message);
    attempt.handles.push_back(delivery.handle);
  }
  if (wait.attempt_id == 0) return;
  std::erase_if(queue.attempts, [&](const auto& each) { return each.id == wait.attempt_id; });
  queue.attempts.push_back(std::move(attempt));
}

/// The same messages under the same handles, hidden for the whole timeout anew; the receive count stays.
void Simulation::take_again(ModelQueue& queue, std::span<const Delivery> got, const ModelWait& wait,
                            const ModelQueue::Attempt& attempt) {
  touched_ = &queue;
  tally_.reached(Transition::delivered_again_to_its_attempt);
  for (const ReceiptHandle& handle : attempt.handles) {
    const auto found = std::find_if(got.begin(), got.end(), [&](const Delivery& delivery) { return delivery.handle == handle; });
    check(Invariant::receive_attempts, found != got.end(), "a repeated receive misses a message");
    ModelMessage& message = *model_.in_flight(handle);
    message.visibility_ms = static_cast<std::uint32_t>(wait.visibility.count());
    message.deadline = clock_.now() + wait.visibility;
    check_delivery(queue, *found, message);
  }
}

}  // namespace remuda::broker::test
