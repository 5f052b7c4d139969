#include "broker/engine/queue.hpp"

#include <algorithm>
#include <cassert>

#include "common/mutant.hpp"

namespace remuda::broker {

namespace {
// The standard heaps are max-heaps: these put the smallest on top. Ties are broken by sequence, so that order is an
// input, not chance.
constexpr auto later_timeout = [](const auto& a, const auto& b) {
  return a.deadline != b.deadline ? a.deadline > b.deadline : a.sequence > b.sequence;
};
constexpr auto later_due = [](const auto& a, const auto& b) {
  return a.time_ms != b.time_ms ? a.time_ms > b.time_ms : a.sequence > b.sequence;
};
template <class Heap, class Order>
void pop(Heap& heap, Order order) {
  std::pop_heap(heap.begin(), heap.end(), order);
  heap.pop_back();
}
template <class Heap, class Order>
void push(Heap& heap, typename Heap::value_type value, Order order) {
  heap.push_back(value);
  std::push_heap(heap.begin(), heap.end(), order);
}
}  // namespace

void MessageHistory::add(Attempt attempt) {
  ++attempts_total;
  if (attempts.size() == attempts_max) attempts.erase(attempts.begin() + 1);  // the first one often names the cause
  attempts.push_back(std::move(attempt));
}

std::uint32_t Queue::receives_here(const Slot& slot) const {
  const MessageDetail* detail = detail_of(slot);
  const std::uint32_t elsewhere = detail != nullptr && detail->history ? detail->history->receives_elsewhere : 0;
  if (REMUDA_MUTANT(8)) return slot.receive_count();
  return slot.receive_count() - std::min(elsewhere, slot.receive_count());
}

// --- indexes

void Queue::take_visible(std::size_t max, std::vector<Sequence>& out) {
  if (groups_) {
    const auto first = static_cast<std::ptrdiff_t>(out.size());
    groups_->take(max, out);
    return std::sort(out.begin() + first, out.end());
  }
  const auto is_visible = [&](Sequence sequence) {
    const Slot* slot = table_.find(sequence);
    return slot != nullptr && slot->state() == MessageState::visible;
  };
  Sequence last = 0;
  for (std::size_t taken = 0; taken < max;) {
    while (next_fresh_ < next_sequence && !is_visible(next_fresh_))
      next_fresh_ = std::min(table_.after(next_fresh_), next_sequence);
    while (!returned_.empty() && (returned_.front() == last || !is_visible(returned_.front()))) pop(returned_, std::greater<>{});
    if (!returned_.empty() && (next_fresh_ == next_sequence || returned_.front() < next_fresh_)) {
      last = returned_.front();
      pop(returned_, std::greater<>{});
    } else if (next_fresh_ < next_sequence) {
      last = next_fresh_++;
    } else {
      return;
    }
    out.push_back(last);
    ++taken;
  }
}

bool Queue::is_current(const Timeout& timeout) const {
  const Slot* slot = table_.find(timeout.sequence);
  return slot != nullptr && slot->state() == MessageState::in_flight && slot->attempt() == timeout.attempt &&
         detail_of(*slot)->deadline == timeout.deadline;
}

void Queue::take_timed_out(Instant now, std::size_t max, std::vector<Sequence>& out) {
  const auto first = static_cast<std::ptrdiff_t>(out.size());
  for (std::size_t taken = 0; taken < max && !timeouts_.empty() && timeouts_.front().deadline <= now; ++taken) {
    if (is_current(timeouts_.front())) out.push_back(timeouts_.front().sequence);
    pop(timeouts_, later_timeout);
  }
  std::sort(out.begin() + first, out.end());
  out.erase(std::unique(out.begin() + first, out.end()), out.end());
}

void Queue::schedule(const Timeout& timeout) {
  // Deleting does not search the heap, so it fills with timeouts of messages that are gone: sweep when those are the majority.
  if (timeouts_.size() > 2 * in_flight_ + 1024) {
    std::erase_if(timeouts_, [&](const Timeout& old) { return !is_current(old); });
    std::make_heap(timeouts_.begin(), timeouts_.end(), later_timeout);
  }
  push(timeouts_, timeout, later_timeout);
}

std::optional<Instant> Queue::next_timeout() {
  while (!timeouts_.empty() && !is_current(timeouts_.front())) pop(timeouts_, later_timeout);
  return timeouts_.empty() ? std::nullopt : std::optional{timeouts_.front().deadline};
}

void Queue::show_due(std::int64_t steady_ms) {
  while (!due_.empty() && due_.front().time_ms <= steady_ms) {
    const Due due = due_.front();
    pop(due_, later_due);
    Slot* slot = table_.find(due.sequence);
    if (slot == nullptr || slot->state() != MessageState::delayed || detail_of(*slot)->delayed_until_ms != due.time_ms) continue;
    leave_state(*slot);
    show(due.sequence, *slot);
  }
}

std::optional<std::int64_t> Queue::next_due_ms() const {
  return due_.empty() ? std::nullopt : std::optional{due_.front().time_ms};
}

std::optional<std::int64_t> Queue::oldest_sent_ms() const {
  std::int64_t oldest = INT64_MAX;
  for (const auto& [number, chunk] : table_.chunks()) oldest = std::min(oldest, chunk->oldest_sent_ms);
  return oldest == INT64_MAX ? std::nullopt : std::optional{oldest};
}

void Queue::find_sent_before(std::int64_t sent_ms, std::size_t max, std::vector<Sequence>& out) {
  for (auto& [number, chunk] : table_.chunks()) {
    if (chunk->oldest_sent_ms > sent_ms) continue;
    std::int64_t oldest = INT64_MAX;  // exact again, now that every slot is looked at
    for (std::size_t i = 0; i < chunk->slots.size(); ++i) {
      const Slot& slot = chunk->slots[i];
      if (!is_live(slot.state())) continue;
      oldest = std::min(oldest, slot.sent_ms());
      if (REMUDA_MUTANT(12) && slot.state() == MessageState::in_flight && slot.sent_ms() <= sent_ms)
        out.push_back(number * MessageTable::slots_per_chunk + i);
      if (out.size() < max && is_waiting(slot.state()) && slot.sent_ms() <= sent_ms)
        out.push_back(number * MessageTable::slots_per_chunk + i);
    }
    chunk->oldest_sent_ms = oldest;
    if (out.size() == max) return;
  }
}

void Queue::find_in_segment(std::uint32_t segment, std::size_t max, std::vector<Sequence>& out) {
  for (auto& [number, chunk] : table_.chunks()) {
    if (chunk->oldest_segment > segment) continue;
    if (out.size() >= max) return;
    std::uint32_t oldest = UINT32_MAX;  // exact again, now that every slot is looked at
    for (std::size_t i = 0; i < chunk->slots.size(); ++i) {
      const Slot& slot = chunk->slots[i];
      if (!is_live(slot.state())) continue;
      oldest = std::min(oldest, slot.place.segment);
      if (slot.place.segment == segment && out.size() < max) out.push_back(number * MessageTable::slots_per_chunk + i);
    }
    chunk->oldest_segment = oldest;
  }
}

// --- receives that can be repeated

std::span<const ReceiptHandle> Queue::untouched_attempt(std::string_view attempt_id) const {
  const auto found = attempts_.find(attempt_id);
  if (found == attempts_.end()) return {};
  const std::vector<ReceiptHandle>& handles = found->second.handles;
  const bool untouched = std::all_of(handles.begin(), handles.end(), [&](const ReceiptHandle& handle) {
    const Slot* slot = find(handle.sequence);
    return slot != nullptr && slot->state() == MessageState::in_flight && slot->attempt() == handle.attempt &&
           !detail_of(*slot)->visibility_changed;
  });
  return untouched ? std::span{handles} : std::span<const ReceiptHandle>{};
}

void Queue::remember_attempt(std::string_view attempt_id, std::int64_t time_ms, std::vector<ReceiptHandle> handles) {
  attempts_.insert_or_assign(std::string{attempt_id}, ReceiveAttempt{time_ms, std::move(handles)});
}

void Queue::forget_old_attempts(std::int64_t now_ms) {
  std::erase_if(attempts_, [&](const auto& each) { return each.second.time_ms + receive_attempt_kept_ms <= now_ms; });
}

// --- transitions

MessageDetail& Queue::need_detail(Slot& slot) {
  if (slot.detail == 0) {
    if (free_details_.empty()) {
      details_.emplace_back();
      free_details_.push_back(static_cast<std::uint32_t>(details_.size()));
    }
    slot.detail = free_details_.back();
    free_details_.pop_back();
  }
  return details_[slot.detail - 1];
}

MessageHistory& Queue::need_history(Slot& slot) {
  MessageDetail& detail = need_detail(slot);
  if (!detail.history) detail.history = std::make_unique<MessageHistory>();
  return *detail.history;
}

std::unique_ptr<MessageHistory> Queue::take_history(Slot& slot) {
  return slot.detail == 0 ? nullptr : std::move(details_[slot.detail - 1].history);
}

void Queue::drop_detail(Slot& slot) {
  if (slot.detail == 0) return;
  details_[slot.detail - 1] = MessageDetail{};
  free_details_.push_back(slot.detail);
  slot.detail = 0;
}

void Queue::leave_state(const Slot& slot) {
  switch (slot.state()) {
    case MessageState::visible:
      --visible_;
      break;
    case MessageState::delayed:
      --delayed_;
      break;
    case MessageState::in_flight:
      if (in_flight_ == in_flight_max) wake();
      --in_flight_;
      shared_.sessions.let_go(detail_of(slot)->holder);
      break;
    default:
      break;
  }
}

void Queue::show(Sequence sequence, Slot& slot) {
  slot.set_state(MessageState::visible);
  ++visible_;
  if (REMUDA_MUTANT(7) && sequence + 1 == next_fresh_) return;
  if (groups_) {
    groups_->show(sequence);
  } else if (sequence < next_fresh_) {
    push(returned_, sequence, std::greater<>{});
  }
  wake();
}

void Queue::delay(Sequence sequence, Slot& slot, std::int64_t until_ms) {
  slot.set_state(MessageState::delayed);
  ++delayed_;
  need_detail(slot).delayed_until_ms = until_ms;
  push(due_, Due{until_ms, sequence}, later_due);
}

void Queue::store(Sequence sequence, const Stored& message) {
  Slot& slot = table_.insert(sequence, message.place.segment, message.sent_ms);
  assert(!is_live(slot.state()));
  slot = Slot{};
  slot.place = message.place;
  slot.size = message.size;
  bytes_ += message.size;
  slot.crc32c = message.crc32c;
  slot.set_sent_ms(message.sent_ms);
  shared_.ledger.refer(message.place, message.size);
  if (groups_) groups_->join(sequence, message.group);
  if (message.delayed_until_ms != 0) {
    delay(sequence, slot, message.delayed_until_ms);
  } else {
    show(sequence, slot);
  }
}

void Queue::receive(Sequence sequence, Slot& slot, SessionId holder, std::uint32_t visibility_timeout_ms, std::int64_t time_ms,
                    Instant now) {
  leave_state(slot);
  slot.set_state(MessageState::in_flight);
  ++in_flight_;
  if (groups_) groups_->receive(sequence);
  shared_.sessions.hold(holder);
  slot.set_receive_count(slot.receive_count() + 1);
  slot.set_attempt(slot.attempt() + 1);
  if (REMUDA_MUTANT(5)) slot.set_receive_count(slot.receive_count() - 1);
  if (REMUDA_MUTANT(6) && slot.attempt() > 1) slot.set_attempt(slot.attempt() - 1);
  MessageDetail& detail = need_detail(slot);
  detail.received_at = now;
  if (detail.first_received_ms == 0) detail.first_received_ms = time_ms;
  if (REMUDA_MUTANT(11)) detail.first_received_ms = time_ms;
  detail.holder = holder;
  detail.attempt_recorded = false;
  detail.visibility_changed = false;
  if (next_fresh_ == sequence) ++next_fresh_;
  hide(slot, sequence, visibility_timeout_ms, now);
}

void Queue::hide(Slot& slot, Sequence sequence, std::uint32_t timeout_ms, Instant now) {
  MessageDetail& detail = need_detail(slot);
  detail.visibility_timeout_ms = timeout_ms;
  if (REMUDA_MUTANT(13)) now = std::max(now, detail.deadline - Milliseconds{timeout_ms});
  detail.deadline = now + Milliseconds{timeout_ms};
  schedule(Timeout{detail.deadline, sequence, slot.attempt()});
}

void Queue::give_back(Sequence sequence, Slot& slot, std::int64_t delayed_until_ms) {
  leave_state(slot);
  if (groups_) groups_->give_back(sequence);
  if (delayed_until_ms != 0) {
    delay(sequence, slot, delayed_until_ms);
  } else {
    show(sequence, slot);
  }
}

void Queue::remove(Sequence sequence, Slot& slot, MessageState final_state) {
  leave_state(slot);
  bytes_ -= slot.size;
  if (groups_) {
    groups_->leave(sequence, slot.state() == MessageState::in_flight);
    wake();  // it may have closed its group
  }
  slot.set_state(final_state);
  shared_.ledger.release(slot.place, slot.size);
  drop_detail(slot);
  table_.died(sequence, next_sequence - 1);  // last: the slot may be freed
}

void Queue::relocate(Slot& slot, Sequence sequence, Location place) {
  shared_.ledger.refer(place, slot.size);
  shared_.ledger.release(slot.place, slot.size);
  slot.place = place;
  MessageTable::Chunk& chunk = *table_.chunks().find(sequence / MessageTable::slots_per_chunk)->second;
  chunk.oldest_segment = std::min(chunk.oldest_segment, place.segment);
}

void Queue::become_fifo(bool recovering) {
  assert(next_sequence == 1 || table_.chunks().empty());
  table_.add_group_links();
  groups_ = std::make_unique<MessageGroups>(table_, shared_.hash_key);
  if (recovering) groups_->begin_recovery();
  deduplication_ = std::make_unique<DeduplicationWindow>(shared_.ledger, shared_.hash_key);
}

void Queue::wake() {
  if (is_woken_) return;
  is_woken_ = true;
  shared_.woken.push_back(id_);
}

void Queue::recovered(Instant now) {
  restart_timeouts(now);
  if (!groups_) return;
  groups_->end_recovery();
  table_.for_each(0, next_sequence, [&](Sequence sequence, const Slot& slot) {
    if (is_live(slot.state()) && slot.state() != MessageState::delayed) groups_->show(sequence);
    return true;
  });
}

void Queue::restart_timeouts(Instant now) {
  std::vector<Timeout> before;
  before.swap(timeouts_);
  std::erase_if(before, [&](const Timeout& timeout) { return !is_current(timeout); });
  for (const Timeout& timeout : before) {
    Slot& slot = *table_.find(timeout.sequence);
    MessageDetail& detail = need_detail(slot);
    if (detail.received_at == now) continue;  // it stood twice in the heap
    detail.received_at = now;
    hide(slot, timeout.sequence, detail.visibility_timeout_ms, now);
    if (REMUDA_MUTANT(10)) hide(slot, timeout.sequence, detail.visibility_timeout_ms / 2, now);
  }
}

}  // namespace remuda::broker
