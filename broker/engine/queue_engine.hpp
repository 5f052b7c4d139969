#pragma once
// The queue node's state machine: commands and the present time go in, effects come out in the order in which they must be
// carried out. It owns no socket, clock, disk, thread or random source, so equal inputs give equal bytes and a failing seed replays.
//
// It decides a command into one record, appends that to the Log, and then changes its state by evolving that very record;
// recovery replays the same records through the same function (BrokerState::evolve). See QUEUE.md for the life of a message and
// RECORDS.md for the bytes.
//
// One turn of the shell: apply() every waiting command, finish with tick(), write the log (sync it if effects.sync_needed),
// send the replies, then perhaps compact() and truncate the log before oldest_needed_segment().
// Places in deliveries stay readable until then.

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/engine/broker_state.hpp"
#include "broker/engine/commands.hpp"
#include "broker/engine/draft.hpp"
#include "broker/engine/effects.hpp"
#include "broker/engine/log.hpp"
#include "broker/engine/queue_views.hpp"
#include "broker/engine/waiting_receives.hpp"

namespace remuda::broker {

class QueueEngine {
 public:
  /// `log` must outlive the engine. `segment_size_bytes` is the log's, for the decision when stragglers are copied forward.
  explicit QueueEngine(Log& log, std::uint64_t segment_size_bytes = std::uint64_t{64} << 20U);

  // Recovery: replay every record in its order, then say recovered() once, also for an empty log.
  /// Errors: `corrupt_record` (a record that this engine cannot have written); the state is then useless.
  Result<void> replay(std::string_view operations, Location payload);
  /// What was in flight gets its full visibility timeout again; its handles stay valid.
  void recovered(Moment moment);

  // A turn.
  /// Decides `command` and appends what it does and answers to `effects`. Receives that cannot be answered now are answered by a later tick().
  void apply(const Command& command, Moment moment, Effects& effects);
  /// Ends the turn: returns or dead-letters what timed out, expires what is too old, answers waiting receives.
  void tick(Moment moment, Effects& effects);
  /// When tick() next has something to do if nothing is applied; never too late, at times too early. Nothing when there is none.
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  // Reading: changes nothing, by type.
  [[nodiscard]] std::optional<QueueId> find_queue(std::string_view name) const;
  [[nodiscard]] std::optional<QueueInfo> queue_info(QueueId queue, Moment moment) const;
  /// Sorted by name.
  [[nodiscard]] std::vector<QueueInfo> queues(Moment moment) const;
  /// Messages from `from` on in the order of their sequence, at most `limit`. An unknown queue has none.
  [[nodiscard]] std::vector<MessageInfo> peek(QueueId queue, Sequence from, std::size_t limit, Moment moment) const;
  /// name -> definition, as declared with DeclareTopic.
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& topics() const { return state_.topics(); }

  // Space in the log.
  /// Everything before this segment may be truncated: nothing live is there, and this segment starts with a checkpoint.
  [[nodiscard]] std::uint32_t oldest_needed_segment() const { return state_.ledger().oldest_needed_segment(); }
  /// Copies up to `budget_bytes` of live messages of the oldest segment forward if the log holds much more than what lives.
  /// True when there is more to do. The copies need no sync of their own, but one before the truncation that they permit.
  bool compact(std::uint64_t budget_bytes, Moment moment);
  /// The small state (queues, topics, counters, sessions) as operations of a record without payload. The log asks for it when it starts a
  /// segment, and writes it there as the first record.
  [[nodiscard]] std::string checkpoint() const;

  /// The whole state as text, the same for equal states: what tests compare before and after a restart.
  [[nodiscard]] std::string dump() const { return state_.dump(); }

 private:
  // to be listed with the implementation
  BrokerState state_;
};

}  // namespace remuda::broker
