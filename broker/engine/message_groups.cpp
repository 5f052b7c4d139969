#include "broker/engine/message_groups.hpp"

#include <algorithm>
#include <cassert>

#include "common/mutant.hpp"
namespace remuda::broker {

namespace {
constexpr auto later_head = [](const auto& a, const auto& b) { return a.head > b.head; };
}  // namespace

std::optional<MessageGroups::GroupNumber> MessageGroups::find(std::string_view name) const {
  return index_.find(hash_of(name, hash_key_), [&](GroupNumber number) { return groups_[number].name == name; });
}

MessageGroups::GroupNumber MessageGroups::find_or_make(std::string_view name) {
  if (const auto found = find(name)) return *found;
  if (free_.empty()) {
    free_.push_back(static_cast<GroupNumber>(groups_.size()));
    groups_.emplace_back();
  }
  const GroupNumber number = free_.back();
  free_.pop_back();
  groups_[number].name = name;
  index_.insert(hash_of(name, hash_key_), number);
  return number;
}

void MessageGroups::drop_if_empty(GroupNumber number) {
  Group& group = groups_[number];
  if (group.messages != 0 || group.held != 0) return;
  index_.erase(hash_of(group.name, hash_key_), number);
  group.name.clear();  // keeps its memory, as the place is soon used again
  group.offered = 0;
  free_.push_back(number);
}

// --- the life of a message

void MessageGroups::join(Sequence sequence, std::string_view name) {
  const GroupNumber number = find_or_make(name);
  ++groups_[number].messages;
  table_.link(sequence) = GroupLink{0, 0, number, false};
}

void MessageGroups::show(Sequence sequence) {
  if (recovering_) return;
  GroupLink& link = table_.link(sequence);
  if (link.in_order) return;
  this->link(sequence, groups_[link.group]);
  offer(link.group);
}

void MessageGroups::receive(Sequence sequence) {
  ++groups_[table_.link(sequence).group].in_flight;
}

void MessageGroups::give_back(Sequence sequence) {
  const GroupNumber number = table_.link(sequence).group;
  --groups_[number].in_flight;
  offer(number);
}

void MessageGroups::leave(Sequence sequence, bool was_in_flight) {
  const GroupLink& link = table_.link(sequence);
  const GroupNumber number = link.group;
  Group& group = groups_[number];
  if (link.in_order) unlink(sequence, group);
  if (was_in_flight) --group.in_flight;
  --group.messages;
  offer(number);
  drop_if_empty(number);
}

std::string_view MessageGroups::group_of(Sequence sequence) const {
  return groups_[table_.link(sequence).group].name;
}

void MessageGroups::link(Sequence sequence, Group& group) {
  // Nearly always the newest of its group. One whose delay has ended, or that returns from the dead-letter queue, goes
  // where it belongs.
  Sequence before = group.last;
  Sequence after = 0;
  if (sequence < group.first) {
    before = 0;
    after = group.first;
  }
  while (before > sequence && !REMUDA_MUTANT(102)) {
    after = before;
    before = table_.link(before).previous;
  }
  GroupLink& link = table_.link(sequence);
  link.previous = before;
  link.next = after;
  link.in_order = true;
  (before == 0 ? group.first : table_.link(before).next) = sequence;
  (after == 0 ? group.last : table_.link(after).previous) = sequence;
}

void MessageGroups::unlink(Sequence sequence, Group& group) {
  GroupLink& link = table_.link(sequence);
  (link.previous == 0 ? group.first : table_.link(link.previous).next) = link.next;
  (link.next == 0 ? group.last : table_.link(link.next).previous) = link.previous;
  link.in_order = false;
}

// --- what may be delivered

void MessageGroups::offer(GroupNumber number) {
  Group& group = groups_[number];
  if (recovering_ || !is_open(group) || group.offered == group.first) return;
  group.offered = group.first;
  open_.push_back({group.first, number});
  std::push_heap(open_.begin(), open_.end(), later_head);
}

void MessageGroups::drop_stale_offers() {
  while (!open_.empty()) {
    const Open best = open_.front();
    Group& group = groups_[best.group];
    // What was offered twice, because a head that came and went stood in between, counts once: `offered` names the last offer only.
    if ((group.offered == best.head || REMUDA_MUTANT(104)) && group.first == best.head && is_open(group)) return;
    if (group.offered == best.head) group.offered = 0;
    std::pop_heap(open_.begin(), open_.end(), later_head);
    open_.pop_back();
  }
}

bool MessageGroups::any_open() {
  drop_stale_offers();
  return !open_.empty();
}

void MessageGroups::take(std::size_t max, std::vector<Sequence>& out) {
  for (std::size_t taken = 0; taken < max && any_open();) {
    const GroupNumber number = open_.front().group;
    std::pop_heap(open_.begin(), open_.end(), later_head);
    open_.pop_back();
    groups_[number].offered = 0;
    for (Sequence next = groups_[number].first; next != 0 && taken < max; next = table_.link(next).next, ++taken)
      out.push_back(next);
  }
}

// --- dead letters

void MessageGroups::hold(std::string_view name) {
  if (REMUDA_MUTANT(106)) return;
  ++groups_[find_or_make(name)].held;
}

void MessageGroups::let_go(std::string_view name) {
  const auto number = find(name);
  if (!number || groups_[*number].held == 0) return;
  --groups_[*number].held;
  offer(*number);
  drop_if_empty(*number);
}

void MessageGroups::set_blocking(bool blocking) {
  if (blocking_ == blocking) return;
  blocking_ = blocking;
  for (GroupNumber number = 0; number < groups_.size(); ++number) offer(number);
}

}  // namespace remuda::broker
