#include "common/runtime/handover.hpp"

#include <algorithm>
#include <utility>

#include "common/log.hpp"

namespace remuda {
namespace {

template <class Count>
std::uint64_t sum(const std::vector<EventSource*>& sources, Count count) {
  std::uint64_t all = 0;
  for (const auto* source : sources) all += count(*source);
  return all;
}

std::uint64_t waiting(const std::vector<EventSource*>& sources) {
  return sum(sources, [](const EventSource& source) { return source.waiting(); });
}

}  // namespace

void Handover::hold(const ControlHold& hold) {
  for (auto* source : sources_) source->hold(hold.endpoints);
  holds_[hold.number] = {hold.endpoints, false};
}

void Handover::resume(const ControlResume& resume) {
  const auto held = holds_.find(resume.number);
  if (held == holds_.end()) return;
  for (auto* source : sources_) source->resume(held->second.endpoints, resume.replaced);
  holds_.erase(held);
}

void Handover::await(const ControlAwait& await, Instant now) {
  awaits_.push_back(await);
  arrived_ = sum(sources_, [](const EventSource& source) { return source.arrived(); });
  quiet_since_ = now;
}

void Handover::finished(std::uint64_t number) {
  ControlHeld held{number, {}};
  for (const auto* source : sources_) source->append_sent(held.sent);
  say_(std::move(held));
}

void Handover::turn(Instant now) {
  for (auto& [number, held] : holds_) {
    if (held.said || sum(sources_, [](const EventSource& source) { return source.unanswered_while_held(); }) > 0) continue;
    held.said = true;
    say_(ControlHeld{number, sent(held.endpoints)});
  }
  if (awaits_.empty()) return;
  const auto arrived = sum(sources_, [](const EventSource& source) { return source.arrived(); });
  if (std::exchange(arrived_, arrived) != arrived || waiting(sources_) > 0) quiet_since_ = now;
  const bool is_quiet = now - quiet_since_ >= quiet_time;
  std::erase_if(awaits_, [&](const ControlAwait& await) {
    const auto missing = this->missing(await);
    if ((missing > 0 && !is_quiet) || (await.handled && waiting(sources_) > 0)) return false;
    if (missing > 0) log_warning("messages that were sent here have not arrived", {{"missing", missing}});
    say_(ControlArrived{await.number, missing});
    return true;
  });
}

Instant Handover::next_deadline() const {
  return awaits_.empty() ? Instant::max() : quiet_since_ + quiet_time;
}

std::vector<SentUpTo> Handover::sent(std::span<const std::string> endpoints) const {
  std::vector<SentUpTo> sent;
  for (const auto* source : sources_) source->append_sent(sent);
  std::erase_if(
      sent, [&](const SentUpTo& one) { return std::find(endpoints.begin(), endpoints.end(), one.endpoint) == endpoints.end(); });
  return sent;
}

std::uint64_t Handover::missing(const ControlAwait& await) const {
  std::uint64_t missing = 0;
  for (const auto& sent : await.sent) {
    missing += sum(sources_, [&](const EventSource& source) { return source.missing_of(sent); });
  }
  return missing;
}

}  // namespace remuda
