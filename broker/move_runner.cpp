#include "broker/move_runner.hpp"

#include <algorithm>
#include <cmath>

#include "broker/topics.hpp"

namespace remuda::broker {

namespace {
constexpr std::size_t page = 512;
constexpr std::chrono::milliseconds full_disk_pause{500};
}  // namespace

std::string move_selection(std::string_view filter_policy, bool filter_on_attributes) {
  return (filter_on_attributes ? "a" : "b") + std::string{filter_policy};
}

MoveSelection parse_move_selection(std::string_view bytes) {
  if (bytes.empty()) return {};
  return {bytes.substr(1), bytes.front() == 'a'};
}

void MoveRunner::run(QueueEngine& engine, Moment moment, const ReadMessage& read, Effects& effects) {
  if (!next_ || *next_ > moment.now) return;
  next_.reset();
  if (!engine.has_running_moves()) return paces_.clear();
  for (const Move& move : engine.moves(moment)) {
    if (move.status != MoveStatus::running) {
      paces_.erase(move.id);
      continue;
    }
    auto pace = paces_.find(move.id);
    if (pace == paces_.end()) {
      pace = paces_.emplace(move.id, Pace{moment.now, 1, {}, false}).first;
      const MoveSelection selection = parse_move_selection(move.selection);
      // It was checked when the move was started; what can't be compiled any more must not move everything.
      auto policy = compile_filter(selection.filter_policy, selection.filter_on_attributes);
      if (!policy) {
        engine.apply(CancelMove{{}, move.id}, moment, effects);
        continue;
      }
      pace->second.has_policy = !selection.filter_policy.empty();
      pace->second.policy = *std::move(policy);
    }
    run(move, pace->second, engine, moment, read, effects);
  }
}

void MoveRunner::run(const Move& move, Pace& pace, QueueEngine& engine, Moment moment, const ReadMessage& read, Effects& effects) {
  std::size_t allowed = page;
  if (move.max_per_second != 0) {
    // At most one second's worth is saved up, so that a pause is not followed by a burst.
    const double rate = move.max_per_second;
    pace.allowed = std::min(rate, pace.allowed + rate * std::chrono::duration<double>(moment.now - pace.since).count());
    pace.since = moment.now;
    if (pace.allowed < 1)
      return note(moment.now + std::chrono::ceil<Milliseconds>(std::chrono::duration<double>((1 - pace.allowed) / rate)));
    allowed = std::min(page, static_cast<std::size_t>(pace.allowed));
  }
  std::vector<Sequence> chosen;
  Sequence next = move.next;
  const auto infos = engine.peek(move.queue, next, page, moment);
  for (const MessageInfo& info : infos) {
    if (info.sequence >= move.end || chosen.size() == allowed) break;
    next = info.sequence + 1;
    if (!is_waiting(info.state) || (move.to == 0 && info.origin_queue.empty())) continue;
    if (pace.has_policy) {
      const auto view = view_message(read(info));
      if (!view || !pace.policy.matches(*view)) continue;
    }
    chosen.push_back(info.sequence);
  }
  const bool done = infos.empty() || next >= move.end || (infos.size() < page && next > infos.back().sequence);
  const std::size_t before = effects.replies.size();
  engine.apply(ContinueMove{{}, move.id, chosen, done ? move.end : next, done}, moment, effects);
  const bool refused = effects.replies.size() > before && std::holds_alternative<Error>(effects.replies.back().answer);
  effects.replies.resize(before);  // nobody asked
  if (refused) return note(moment.now + full_disk_pause);
  pace.allowed -= static_cast<double>(chosen.size());
  if (!done) note(moment.now);
}

}  // namespace remuda::broker
