#include "broker/engine/sessions.hpp"

namespace remuda::broker {

namespace {
auto place_of(const std::deque<AppliedRequest>& applied, std::uint64_t request) {
  return std::lower_bound(applied.begin(), applied.end(), request,
                          [](const AppliedRequest& entry, std::uint64_t number) { return entry.request < number; });
}
}  // namespace

void Session::remember(const AppliedRequest& request, std::uint64_t settled_below) {
  settled = std::max(settled, settled_below);
  while (!applied.empty() && applied.front().request < settled) applied.pop_front();
  if (request.request < settled) return;
  if (applied.empty() || applied.back().request < request.request) {
    applied.push_back(request);
  } else if (find(request.request) == nullptr) {
    applied.insert(place_of(applied, request.request), request);
  }
  if (applied.size() > applied_max) {
    settled = applied.front().request + 1;
    applied.pop_front();
  }
}

const AppliedRequest* Session::find(std::uint64_t request) const {
  if (applied.empty() || applied.back().request < request) return nullptr;  // the usual case: a new request
  const auto found = place_of(applied, request);
  return found != applied.end() && found->request == request ? &*found : nullptr;
}

Session* Sessions::find(SessionId id) {
  if (id == recent_id_ && recent_ != nullptr) return recent_;
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return nullptr;
  recent_id_ = id;
  recent_ = &found->second;
  return recent_;
}

const Session* Sessions::find(SessionId id) const {
  return const_cast<Sessions*>(this)->find(id);
}

std::optional<SessionId> Sessions::find(const SessionKey& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? std::nullopt : std::optional{found->second};
}

void Sessions::open(SessionId id, const SessionKey& key, std::string_view node, std::string_view host) {
  Session& session = sessions_[id];
  session.key = key;
  session.node = node;
  session.host = host;
  by_key_[key] = id;
  reserve_ids_below(id + 1);
}

void Sessions::forget(SessionId id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  by_key_.erase(found->second.key);
  sessions_.erase(found);
  recent_ = nullptr;
}

}  // namespace remuda::broker
