#include <algorithm>

#include "broker/engine/queue_engine.hpp"

namespace remuda::broker {

namespace {
constexpr std::size_t sessions_max = 65'536;
constexpr std::size_t name_max_bytes = 128;
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
  Session& session = *state_.sessions().find(id);
  if (session.client != 0) cancel_waits(session.client);
  session.client = command.client;
  session.last_heard = turn.moment.now;
  next_sweep_ = std::min(next_sweep_, turn.moment.now + sweep_interval);
  reply(from, SessionOpened{id, existing.has_value()}, false, turn);
}

}  // namespace remuda::broker
