#pragma once
// Who is connected: one entry per connection that has spoken. It is removed when the connection ends, when its session turns up on
// a new one, or when it has been silent for long.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/engine/commands.hpp"
#include "common/clock.hpp"

namespace remuda::broker {

struct Connection {
  ClientId id = 0;
  std::string routing_id;
  SessionId session = 0;  ///< 0: it has not said hello
  SessionKey key{};
  std::string name;                          ///< node@host, for the log
  std::vector<std::uint64_t> waiting;        ///< numbers of receives that have no answer yet
  std::vector<std::uint64_t> waiting_takes;  ///< likewise of takes from streams
  std::vector<std::uint64_t> subscriptions;
  int strikes = 0;  ///< malformed requests
  Instant ignored_until{};
  Instant last_heard{};
};

class Connections {
 public:
  /// Malformed requests after which a connection is not listened to for `ban`.
  static constexpr int strikes_max = 10;
  static constexpr std::chrono::seconds ban{60};
  /// A connection that waits for nothing is forgotten after this silence; its client is asked for hello when it speaks again.
  static constexpr std::chrono::minutes idle_max{10};

  /// The reference lives until the connection is removed.
  Connection& heard(std::string_view routing_id, Instant now);
  [[nodiscard]] Connection* find(ClientId client);
  [[nodiscard]] Connection* find(std::string_view routing_id);
  [[nodiscard]] Connection* find(const SessionKey& key);
  void bind_session(Connection& connection, SessionId session, const SessionKey& key);
  void remove(ClientId client);
  [[nodiscard]] std::vector<ClientId> idle(Instant now) const;
  [[nodiscard]] std::vector<ClientId> all() const;
  [[nodiscard]] std::size_t size() const { return by_id_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<ClientId, Connection> by_id_;  // nodes do not move
  std::unordered_map<std::string, Connection*, Hash, std::equal_to<>> by_routing_id_;
  std::map<SessionKey, ClientId> by_session_;
  ClientId next_ = 1;
};

}  // namespace remuda::broker
