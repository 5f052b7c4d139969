#include "broker/connections.hpp"

namespace remuda::broker {

Connection& Connections::heard(std::string_view routing_id, Instant now) {
  if (const auto known = by_routing_id_.find(routing_id); known != by_routing_id_.end()) {
    known->second->last_heard = now;
    return *known->second;
  }
  Connection& connection = by_id_[next_];
  connection.id = next_++;
  connection.routing_id = routing_id;
  connection.last_heard = now;
  by_routing_id_.emplace(connection.routing_id, &connection);
  return connection;
}

Connection* Connections::find(ClientId client) {
  const auto found = by_id_.find(client);
  return found == by_id_.end() ? nullptr : &found->second;
}

Connection* Connections::find(std::string_view routing_id) {
  const auto found = by_routing_id_.find(routing_id);
  return found == by_routing_id_.end() ? nullptr : found->second;
}

Connection* Connections::find(const SessionKey& key) {
  const auto found = by_session_.find(key);
  return found == by_session_.end() ? nullptr : find(found->second);
}

void Connections::bind_session(Connection& connection, SessionId session, const SessionKey& key) {
  connection.session = session;
  connection.key = key;
  by_session_[key] = connection.id;
}

void Connections::remove(ClientId client) {
  const auto found = by_id_.find(client);
  if (found == by_id_.end()) return;
  if (const auto session = by_session_.find(found->second.key); session != by_session_.end() && session->second == client)
    by_session_.erase(session);
  by_routing_id_.erase(found->second.routing_id);
  by_id_.erase(found);
}

std::vector<ClientId> Connections::idle(Instant now) const {
  std::vector<ClientId> idle;
  for (const auto& [id, connection] : by_id_) {
    const bool expects_something =
        !connection.waiting.empty() || !connection.waiting_takes.empty() || !connection.subscriptions.empty();
    if (!expects_something && now - connection.last_heard > idle_max && now >= connection.ignored_until) idle.push_back(id);
  }
  return idle;
}

std::vector<ClientId> Connections::all() const {
  std::vector<ClientId> all;
  for (const auto& [id, connection] : by_id_) all.push_back(id);
  return all;
}

}  // namespace remuda::broker
