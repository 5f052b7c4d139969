#pragma once
// The sessions of clients and which of their requests have been applied: a request that is sent again after a lost reply, a
// reconnect or a restart of the broker is answered again and not applied again.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "broker/engine/commands.hpp"

namespace remuda::broker {

/// What an applied request did: enough to answer it again.
struct AppliedRequest {
  std::uint64_t request = 0;
  std::uint64_t count = 0;
  Sequence first = 0;
};

struct Session {
  /// Of one session; when a client leaves more than these unsettled, the oldest count as settled.
  static constexpr std::size_t applied_max = 4096;

  SessionKey key{};
  std::string node;
  std::string host;
  std::uint64_t settled = 0;           ///< requests below it are forgotten
  std::deque<AppliedRequest> applied;  ///< by request
  std::uint64_t holding = 0;           ///< messages that it has in flight; while any, it is not forgotten
  Instant last_heard{};                ///< not recorded: counted anew after a restart
  ClientId client = 0;                 ///< not recorded: its latest connection; 0: none since the start

  /// Remembers a request and forgets those below `settled`.
  void remember(const AppliedRequest& request, std::uint64_t settled_below);
  [[nodiscard]] const AppliedRequest* find(std::uint64_t request) const;
};

class Sessions {
 public:
  [[nodiscard]] Session* find(SessionId id);
  [[nodiscard]] const Session* find(SessionId id) const;
  [[nodiscard]] std::optional<SessionId> find(const SessionKey& key) const;
  [[nodiscard]] SessionId next_id() const { return next_id_; }
  /// Opening an open session only renews its names.
  void open(SessionId id, const SessionKey& key, std::string_view node, std::string_view host);
  void forget(SessionId id);
  void reserve_ids_below(SessionId next) { next_id_ = std::max(next_id_, next); }

  void hold(SessionId id) { change_holding(id, 1); }
  void let_go(SessionId id) { change_holding(id, UINT64_MAX); }

  [[nodiscard]] std::map<SessionId, Session>& all() { return sessions_; }
  [[nodiscard]] const std::map<SessionId, Session>& all() const { return sessions_; }

 private:
  void change_holding(SessionId id, std::uint64_t by) {
    if (Session* session = find(id)) session->holding += by;
  }

  std::map<SessionId, Session> sessions_;
  std::map<SessionKey, SessionId> by_key_;
  SessionId next_id_ = 1;
  SessionId recent_id_ = 0;
  Session* recent_ = nullptr;
};

}  // namespace remuda::broker
