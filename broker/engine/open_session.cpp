#include "broker/engine/queue_engine.hpp"

#include "common/mutant.hpp"

namespace remuda::broker {

namespace {
constexpr std::size_t sessions_max = 65'536;
constexpr std::size_t name_max_bytes = 128;
constexpr std::chrono::minutes idle_max{10};
constexpr std::chrono::minutes sweep_interval{1};
}  // namespace

void QueueEngine::on(const OpenSession& command, Turn& turn) {
  const std::string_view node = command.node.substr(0, name_max_bytes);
  const std::string_view host = command.host.substr(0, name_max_bytes);
  const Requester from{command.client, 0, command.request, 0};
  const std::optional<SessionId> existing = state_.sessions().find(command.key);
  if (!existing && state_.sessions().all().size() >= sessions_max)
    return reply(from, Error{"over_limit", "this broker has 65,536 sessions, its maximum", true}, false, turn);

  const SessionId id = existing ? *existing : state_.sessions().next_id();
  const Session* before = state_.sessions().find(id);
  if (before == nullptr || before->node != node || before->host != host) {
    begin(Requester{}, turn);
    put_session_opened(record_, id, command.key, node, host);
    if (Refusal refusal = no_room_for_record()) return reply(from, std::move(*refusal), false, turn);
    commit(turn);  // no sync of its own: whatever the session confirms later stands behind it in the log
  }
  // Receives that waited on an earlier connection wait no more: their answers could not arrive.
  for (Upkeep& each : upkeep_) std::erase_if(each.waiting, [&](const Waiting& waiting) { return waiting.from.session == id; });
  state_.sessions().find(id)->last_heard = turn.moment.now;
  if (next_session_sweep_ < turn.moment.now) next_session_sweep_ = turn.moment.now + sweep_interval;
  note(next_session_sweep_);
  reply(from, SessionOpened{id, existing.has_value()}, false, turn);
}

/// A session that was not heard of for 10 minutes and holds nothing is forgotten; a client that still lives says hello again.
void QueueEngine::forget_idle_sessions(Turn& turn) {
  if (state_.sessions().all().empty()) return;
  if (turn.moment.now >= next_session_sweep_) {
    begin(Requester{}, turn);
    for (const auto& [id, session] : state_.sessions().all()) {
      if (REMUDA_MUTANT(44) && session.last_heard + idle_max <= turn.moment.now)
        put_varint(record_.operation(Operation::session_forgotten), id);
      if (session.holding == 0 && session.last_heard + idle_max <= turn.moment.now)
        put_varint(record_.operation(Operation::session_forgotten), id);
    }
    if (!record_.empty() && !no_room_for_record()) commit(turn);  // else at a later sweep
    next_session_sweep_ = turn.moment.now + sweep_interval;
  }
  if (!state_.sessions().all().empty()) note(next_session_sweep_);
}

}  // namespace remuda::broker
