#pragma once
// The naive reference of the queue engine: maps, full scans, and the table of message_states.hpp taken literally. It knows nothing
// of records, so where it and the engine agree, records say what they should.

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/engine/effects.hpp"
#include "broker/engine/message_states.hpp"

namespace remuda::broker::test {

struct ModelMessage {
  std::string body;
  MessageState state = MessageState::visible;
  std::int64_t sent_ms = 0;
  Instant visible_at{};  ///< while delayed
  Instant received_at{};
  Instant deadline{};
  Milliseconds visibility{};
  std::uint32_t receive_count = 0;
  std::uint32_t receives_elsewhere = 0;
  std::uint32_t attempt = 0;
  std::uint64_t attempts = 0;
  bool attempt_recorded = false;
  QueueId origin = 0;
  std::string reason;
};

struct ModelQueue {
  QueueAttributes attributes;
  QueueId dead_letter_queue = 0;
  std::map<Sequence, ModelMessage> messages;
  std::map<Sequence, std::pair<MessageState, std::uint32_t>> gone;  ///< final state and last attempt
  Sequence next = 1;
  std::uint64_t sent = 0;

  [[nodiscard]] std::uint64_t count(MessageState state) const {
    return static_cast<std::uint64_t>(
        std::count_if(messages.begin(), messages.end(), [&](const auto& each) { return each.second.state == state; }));
  }
};

struct ModelWait {
  std::uint64_t request = 0;
  QueueId queue = 0;
  std::uint32_t max = 0;
  Milliseconds visibility{};
  Instant deadline{};
};

/// What a receive has to get.
struct ModelDelivery {
  ReceiptHandle handle;
  std::uint32_t receive_count = 0;
  std::string body;
};

class QueueModel {
 public:
  std::map<QueueId, ModelQueue> queues;
  std::map<std::uint64_t, std::pair<std::uint64_t, Sequence>> applied;  ///< request -> count, first
  std::deque<ModelWait> waiting;

  Sequence send(QueueId to, const std::string& body, Milliseconds delay, Moment at) {
    ModelQueue& queue = queues.at(to);
    ModelMessage message;
    message.body = body;
    message.sent_ms = at.unix_ms;
    if (delay > Milliseconds{0}) {
      message.state = MessageState::delayed;
      message.visible_at = at.now + delay;
    }
    queue.messages[queue.next] = message;
    ++queue.sent;
    return queue.next++;
  }

  std::vector<ModelDelivery> receive(QueueId from, std::uint32_t max, Milliseconds visibility, Moment at) {
    std::vector<ModelDelivery> out;
    for (auto& [sequence, message] : queues.at(from).messages) {
      if (out.size() == max) break;
      if (message.state != MessageState::visible) continue;
      message.state = MessageState::in_flight;
      message.received_at = at.now;
      message.visibility = visibility;
      message.deadline = at.now + visibility;
      message.attempt_recorded = false;
      ++message.receive_count;
      ++message.attempt;
      out.push_back({ReceiptHandle{from, message.attempt, sequence}, message.receive_count, message.body});
    }
    return out;
  }

  /// The message if `handle` is that of its last receive.
  ModelMessage* held(const ReceiptHandle& handle) {
    const auto queue = queues.find(handle.queue);
    if (queue == queues.end()) return nullptr;
    const auto found = queue->second.messages.find(handle.sequence);
    return found != queue->second.messages.end() && found->second.attempt == handle.attempt && handle.attempt > 0 ? &found->second
                                                                                                                  : nullptr;
  }
  ModelMessage* in_flight(const ReceiptHandle& handle) {
    ModelMessage* message = held(handle);
    return message != nullptr && message->state == MessageState::in_flight ? message : nullptr;
  }
  [[nodiscard]] bool was_deleted_by(const ReceiptHandle& handle) const {
    const auto& gone = queues.at(handle.queue).gone;
    const auto found = gone.find(handle.sequence);
    return found != gone.end() && found->second == std::pair{MessageState::deleted, handle.attempt};
  }

  void remove(QueueId from, Sequence sequence, MessageState final_state) {
    ModelQueue& queue = queues.at(from);
    queue.gone[sequence] = {final_state, queue.messages.at(sequence).attempt};
    queue.messages.erase(sequence);
  }

  /// The attempt of a message in flight ended without a delete.
  void end_attempt(QueueId from, Sequence sequence, bool record) {
    ModelQueue& queue = queues.at(from);
    ModelMessage& message = queue.messages.at(sequence);
    if (record) record_attempt(message);
    message.state = MessageState::visible;
    if (used_up(queue, message)) dead_letter(from, sequence, "used up");
  }
  static void record_attempt(ModelMessage& message) {
    if (!message.attempt_recorded) ++message.attempts;
    message.attempt_recorded = true;
  }
  [[nodiscard]] static bool used_up(const ModelQueue& queue, const ModelMessage& message) {
    return queue.dead_letter_queue != 0 && queue.attributes.max_receives != 0 &&
           message.receive_count - message.receives_elsewhere >= queue.attributes.max_receives;
  }
  void dead_letter(QueueId from, Sequence sequence, const std::string& reason) {
    ModelQueue& target = queues.at(queues.at(from).dead_letter_queue);
    ModelMessage message = queues.at(from).messages.at(sequence);
    remove(from, sequence, MessageState::moved);
    message.state = MessageState::visible;
    message.attempt = 0;
    message.receives_elsewhere = message.receive_count;
    message.origin = from;
    message.reason = reason;
    target.messages[target.next++] = message;
  }
  std::uint64_t redrive(QueueId from, Moment at) {
    std::vector<Sequence> chosen;
    for (const auto& [sequence, message] : queues.at(from).messages) {
      if (is_waiting(message.state) && message.origin != 0) chosen.push_back(sequence);
    }
    for (const Sequence sequence : chosen) {
      ModelMessage message = queues.at(from).messages.at(sequence);
      remove(from, sequence, MessageState::moved);
      ModelQueue& target = queues.at(message.origin);
      message.state = MessageState::visible;
      message.attempt = message.receive_count = message.receives_elsewhere = 0;
      message.origin = 0;
      message.sent_ms = at.unix_ms;  // a new age
      message.reason.clear();
      target.messages[target.next++] = message;
    }
    return chosen.size();
  }

  /// Timeouts and delays, as far as they need no answer.
  void let_time_pass(Instant now) {
    for (auto& [id, queue] : queues) {
      for (auto& [sequence, message] : queue.messages) {
        if (message.state == MessageState::delayed && message.visible_at <= now) message.state = MessageState::visible;
      }
    }
    for (auto& [id, queue] : queues) {
      std::vector<Sequence> ended;
      for (const auto& [sequence, message] : queue.messages) {
        if (message.state == MessageState::in_flight && message.deadline <= now) ended.push_back(sequence);
      }
      for (const Sequence sequence : ended) end_attempt(id, sequence, true);
    }
  }

  void restart(Instant now) {
    waiting.clear();
    for (auto& [id, queue] : queues) {
      for (auto& [sequence, message] : queue.messages) {
        if (message.state != MessageState::in_flight) continue;
        message.received_at = now;
        message.deadline = now + message.visibility;
      }
    }
  }
};

}  // namespace remuda::broker::test
