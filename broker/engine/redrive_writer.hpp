#pragma once
// What a redrive and a step of a move have in common: they write, message by message in the order of their sequence, where each
// goes. Neighbours that go the same way share one operation, so that all keep their order.

#include "broker/engine/queue_engine.hpp"
#include "common/mutant.hpp"

namespace remuda::broker {

class QueueEngine::RedriveWriter {
 public:
  /// `to` absent: each to where it came from.
  RedriveWriter(QueueEngine& engine, const Queue& queue, std::optional<QueueId> to) : engine_{engine}, queue_{queue}, to_{to} {
    engine_.sequences_.clear();
  }
  /// What is in flight or has nowhere to go stays.
  void consider(Sequence sequence, const Slot& slot) {
    if (!is_waiting(slot.state())) return;
    if (REMUDA_MUTANT(40) && moved_ == 1) return;
    const QueueId target = to_ ? *to_ : engine_.origin_of(queue_, slot);
    if (target == 0 || target == queue_.id()) return;
    if (target != target_) finish();
    target_ = target;
    engine_.sequences_.push_back(sequence);
    ++moved_;
  }
  void finish() {
    if (engine_.sequences_.empty()) return;
    std::string& out = engine_.record_.operation(Operation::redriven);
    put_varint(out, queue_.id());
    put_varint(out, target_);
    put_runs(out, engine_.sequences_);
    engine_.note_moved_in(*engine_.state_.queue(target_));
    engine_.sequences_.clear();
  }
  [[nodiscard]] std::uint64_t moved() const { return moved_; }

 private:
  QueueEngine& engine_;
  const Queue& queue_;
  std::optional<QueueId> to_;
  QueueId target_ = 0;
  std::uint64_t moved_ = 0;
};

}  // namespace remuda::broker
