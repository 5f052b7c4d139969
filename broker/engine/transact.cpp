#include "broker/engine/settle_handles.hpp"

#include "common/mutant.hpp"

namespace remuda::broker {

QueueEngine::Refusal QueueEngine::decide(const DeleteMessage& step, Turn& turn) {
  return decide_all(step, turn);
}
QueueEngine::Refusal QueueEngine::decide(const ChangeMessageVisibility& step, Turn& turn) {
  return decide_all(step, turn);
}
QueueEngine::Refusal QueueEngine::decide(const ReleaseMessage& step, Turn& turn) {
  return decide_all(step, turn);
}

/// Each step is decided against the state before the transaction. That is right because no two of them may settle the same message,
/// and because what one stores, no other can name.
QueueEngine::Refusal QueueEngine::decide(const Transact& command, Turn& turn) {
  touched_.clear();
  for (std::size_t i = 0; i < command.steps.size(); ++i) {
    Refusal refusal = std::visit([&](const auto& step) { return decide(step, turn); }, command.steps[i]);
    if (!refusal) continue;
    if (REMUDA_MUTANT(26)) continue;
    refusal->message = "step " + std::to_string(i + 1) + ": " + refusal->message;
    return refusal;
  }
  if (REMUDA_MUTANT(37)) touched_.clear();
  std::sort(touched_.begin(), touched_.end());
  if (const auto twice = std::adjacent_find(touched_.begin(), touched_.end()); twice != touched_.end()) return stale_handle(*twice);
  return std::nullopt;
}

}  // namespace remuda::broker
