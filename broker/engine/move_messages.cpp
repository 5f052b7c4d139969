// Moves in the background. The shell chooses the messages and the pace; here is what is remembered of it.

#include <algorithm>

#include "broker/engine/redrive_writer.hpp"

namespace remuda::broker {

namespace {
Error no_such_move() {
  return Error{"no_such_move", "there is no such move that still runs; `remuda queue moves` lists those that are known", true};
}
}  // namespace

QueueEngine::Refusal QueueEngine::decide(const StartMove& command, Turn& turn) {
  const Queue* queue = state_.queue(command.queue);
  if (queue == nullptr) return no_such_queue();
  if (Refusal refusal = check_way(*queue, command.to)) return refusal;
  for (const auto& [id, move] : state_.moves()) {
    if (move.queue == command.queue && move.status == MoveStatus::running)
      return Error{"move_in_progress", "move " + std::to_string(id) + " out of this queue still runs: wait for it, or cancel it",
                   true};
  }
  Move move;
  move.id = state_.next_move_id();
  move.queue = command.queue;
  move.to = command.to.value_or(0);
  move.selection = command.selection;
  move.max_per_second = command.max_per_second;
  move.end = queue->next_sequence;
  move.started_ms = turn.time_ms;
  put_move_started(record_, move);
  sync_ = true;
  return std::nullopt;
}

QueueEngine::Refusal QueueEngine::decide(const ContinueMove& command, Turn&) {
  const auto found = state_.moves().find(command.move);
  if (found == state_.moves().end() || found->second.status != MoveStatus::running) return no_such_move();
  const Move& move = found->second;
  const Queue& queue = *state_.queue(move.queue);
  sync_ |= !queue.attributes.relaxed;
  RedriveWriter writer{*this, queue, move.to == 0 ? std::nullopt : std::optional{move.to}};
  for (const Sequence sequence : command.sequences) {
    if (const Slot* slot = queue.find(sequence)) writer.consider(sequence, *slot);
  }
  writer.finish();
  put_move_continued(record_, command.move, command.done ? MoveStatus::completed : MoveStatus::running, command.next);
  return std::nullopt;
}

QueueEngine::Refusal QueueEngine::decide(const CancelMove& command, Turn&) {
  const auto found = state_.moves().find(command.move);
  if (found == state_.moves().end() || found->second.status != MoveStatus::running) return no_such_move();
  put_move_continued(record_, command.move, MoveStatus::cancelled, found->second.next);
  sync_ = true;
  return std::nullopt;
}

std::vector<Move> QueueEngine::moves(Moment moment) const {
  std::vector<Move> out;
  for (const auto& [id, move] : state_.moves()) {
    out.push_back(move);
    out.back().started_ms += time_.offset_at(moment);
  }
  return out;
}

bool QueueEngine::has_running_moves() const {
  return std::any_of(state_.moves().begin(), state_.moves().end(),
                     [](const auto& each) { return each.second.status == MoveStatus::running; });
}

}  // namespace remuda::broker
