#include <utility>

#include "broker/engine/change.hpp"

namespace remuda::broker {

void QueueEngine::on(const DeleteQueue& command, Turn& turn) {
  change(command, turn);
  if (state_.queue(command.queue) != nullptr || command.queue > upkeep_.size()) return;
  // Who waits there waits for nothing.
  std::deque<Waiting> waiting = std::exchange(upkeep(command.queue).waiting, {});
  for (const Waiting& each : waiting) {
    forget_wait(each, command.queue);
    reply(each.from, *no_such_queue(), false, turn);
  }
}

QueueEngine::Refusal QueueEngine::decide(const DeleteQueue& command, Turn&) {
  const Queue* queue = state_.queue(command.queue);
  if (queue == nullptr) return no_such_queue();
  const std::string& name = queue->attributes.name;
  std::string user;
  state_.for_each_queue([&](const Queue& other) {
    if (other.dead_letter_queue == queue->id() && other.id() != queue->id()) user = other.attributes.name;
  });
  state_.for_each_stream([&](const Stream& stream) {
    if (stream.dead_letter_queue == queue->id()) user = stream.attributes.name;
  });
  if (!user.empty()) {
    return Error{"queue_in_use",
                 "queue " + name + " is the dead-letter queue of " + user + ": give that another one first, or delete it first",
                 true};
  }
  const std::uint64_t count = queue->visible() + queue->delayed() + queue->in_flight();
  if (count > 0 && !command.force) {
    return Error{"queue_not_empty",
                 "queue " + name + " holds " + std::to_string(count) + (count == 1 ? " message" : " messages") +
                     " that would be lost: drain, move or purge it first, or force the deletion",
                 true};
  }
  put_varint(record_.operation(Operation::queue_deleted), queue->id());
  sync_ = true;
  return std::nullopt;
}

}  // namespace remuda::broker
