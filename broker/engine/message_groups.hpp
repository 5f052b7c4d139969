#pragma once
// The message groups of one FIFO queue: which messages each has, in their order, and which group may be delivered from. The rules
// are F1 to F7 of QUEUE.md: a group with a message in flight is closed; a message whose delay has not ended is not in the order
// yet; a group costs other groups nothing.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/engine/hash_index.hpp"
#include "broker/engine/message_table.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

class MessageGroups {
 public:
  /// `table` must have been made for a FIFO queue and outlive this.
  MessageGroups(MessageTable& table, HashKey hash_key) : table_{table}, hash_key_{hash_key} {}

  // What happens to a message. Each has to be told in time: the table's slot still, or already, stands.
  /// It belongs to `group` now, in no order yet.
  void join(Sequence sequence, std::string_view group);
  /// It takes its place in the order: it is visible. Nothing changes if it has its place already.
  void show(Sequence sequence);
  void receive(Sequence sequence);    ///< it is in flight: the group is closed
  void give_back(Sequence sequence);  ///< it is not any more
  /// It leaves the queue.
  void leave(Sequence sequence, bool was_in_flight);
  [[nodiscard]] std::string_view group_of(Sequence sequence) const;

  /// True when some group may be delivered from.
  [[nodiscard]] bool any_open();
  /// Appends up to `max` messages that may be delivered: from the group with the oldest head as many as there are, then from the
  /// next. Each has to leave the visible state before the next call. Not sorted, but each group's are.
  void take(std::size_t max, std::vector<Sequence>& out);

  // A dead letter of a group blocks it, if the queue says so.
  void hold(std::string_view group);
  void let_go(std::string_view group);
  void set_blocking(bool blocking);

  /// While the log is replayed order does not matter; afterwards every message is shown again by the queue.
  void begin_recovery() { recovering_ = true; }
  void end_recovery() { recovering_ = false; }

  [[nodiscard]] std::size_t size() const { return index_.size(); }

 private:
  using GroupNumber = std::uint32_t;
  struct Group {
    std::string name;
    Sequence first = 0;  ///< of the order; 0: none
    Sequence last = 0;
    Sequence offered = 0;  ///< the head that stands in open_; 0: none
    std::uint32_t messages = 0;
    std::uint32_t in_flight = 0;
    std::uint32_t held = 0;  ///< by dead letters
  };
  struct Open {
    Sequence head;
    GroupNumber group;
  };

  [[nodiscard]] GroupNumber find_or_make(std::string_view name);
  [[nodiscard]] std::optional<GroupNumber> find(std::string_view name) const;
  [[nodiscard]] bool is_open(const Group& group) const {
    return group.first != 0 && (group.in_flight == 0 || REMUDA_MUTANT(101)) && (group.held == 0 || !blocking_);
  }
  void offer(GroupNumber number);
  void drop_if_empty(GroupNumber number);
  void link(Sequence sequence, Group& group);
  void unlink(Sequence sequence, Group& group);
  void drop_stale_offers();

  MessageTable& table_;
  HashKey hash_key_;
  std::vector<Group> groups_;
  std::vector<GroupNumber> free_;
  HashIndex index_;
  std::vector<Open> open_;  // min-heap by head; entries may have been overtaken by events
  bool blocking_ = false;
  bool recovering_ = false;
};

}  // namespace remuda::broker
