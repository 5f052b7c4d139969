#pragma once
// The frame of every request that is applied wholly or refused.

#include <utility>

#include "broker/engine/queue_engine.hpp"

namespace remuda::broker {

/// Repeated requests are answered again; else the record is decided, appended and evolved.
template <class C>
void QueueEngine::change(const C& command, Turn& turn) {
  if (!is_known(command.from, turn)) return;
  if (AppliedRequest before; was_applied(command.from, before)) {
    turn.effects.sync_needed = true;  // the first application may be of this very turn
    return reply(command.from, Done{before.count, before.first, true}, true, turn);
  }
  begin(command.from, turn);
  if (Refusal refusal = decide(command, turn)) return reply(command.from, std::move(*refusal), false, turn);
  if (Refusal refusal = over_queue_limits()) return reply(command.from, std::move(*refusal), false, turn);
  if (Refusal refusal = no_room_for_record()) return reply(command.from, std::move(*refusal), false, turn);
  AppliedRequest applied;
  if (!record_.empty()) applied = commit(turn);
  if (!lease_changes_.empty()) settle_leases(turn);
  reply(command.from, Done{applied.count, applied.first, false}, sync_, turn);
}

}  // namespace remuda::broker
