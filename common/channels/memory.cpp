#include "common/channels/memory.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace remuda {
namespace {

template <class... Cases>
struct overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
overloaded(Cases...) -> overloaded<Cases...>;

Message unpacked(std::string_view packed) {
  auto message = unpack_message(packed);
  assert(message && "tests send well-formed messages");
  return std::move(message).value();
}

}  // namespace

void MemoryBroker::declare(const std::string& queue, const std::string& from_topic) {
  queues_[queue].from_topic = from_topic;
}

void MemoryBroker::send(const std::string& queue, const Message& message) {
  store(queues_.at(queue), pack(message));
}

void MemoryBroker::store(Queue& queue, std::string_view packed) {
  queue.stored.push_back({std::string{packed}, 0, {}, {}, 0});
}

void MemoryBroker::expire(const std::string& queue, std::string_view id) {
  for (auto& stored : queues_.at(queue).stored) {
    if (id.empty() || unpacked(stored.packed).id == id) stored.handle.clear();
  }
}

void MemoryBroker::emit(const std::string& topic, const Message& message, std::uint64_t missed) {
  if (const auto subscription = subscriptions_.find(topic); subscription != subscriptions_.end())
    subscription->second(pack(message), missed);
}

void MemoryBroker::set_reachable(bool reachable) {
  reachable_ = reachable;
  if (!reachable_) return;
  for (auto& change : std::exchange(unanswered_, {})) change.done(apply(change.request));
}

std::vector<Message> MemoryBroker::messages(const std::string& queue) const {
  std::vector<Message> messages;
  for (const auto& stored : queues_.at(queue).stored) messages.push_back(unpacked(stored.packed));
  return messages;
}

void MemoryBroker::receive(std::string_view queue, std::uint32_t max, std::chrono::milliseconds /*wait*/, Callback<Received> done) {
  receives_.push_back({std::string{queue}, max, std::move(done)});
}

void MemoryBroker::turn(Instant /*now*/) {
  if (!reachable_) return;
  for (auto& receive : std::exchange(receives_, {})) {
    const auto queue = queues_.find(receive.queue);
    if (queue == queues_.end()) {
      receive.done(fail("no_such_queue", "There is no queue " + receive.queue + "."));
      continue;
    }
    std::vector<wire::Received> received;
    for (auto& stored : queue->second.stored) {
      if (received.size() == receive.max) break;
      if (!stored.handle.empty()) continue;
      stored.handle = "handle-" + std::to_string(next_handle_++);
      ++stored.receive_count;
      received.push_back({stored.handle, stored.receive_count, 1, 1, stored.packed});
    }
    if (received.empty() && !cancelled_) {
      receives_.push_back(std::move(receive));
    } else {
      receive.done(Received{received});
    }
  }
  cancelled_ = false;
}

void MemoryBroker::take(const wire::StreamTake& take, Callback<wire::StreamBatch> done) {
  done(fail("no_such_stream", "There is no stream " + std::string{take.stream} + "."));
}

void MemoryBroker::transact(const Transaction& transaction, Callback<Unit> done) {
  ++transactions_;
  std::string request;
  wire::encode_transact(1, 0, transaction.encoded(), transaction.step_count(), request);
  if (!reachable_) {
    unanswered_.push_back({std::move(request), std::move(done)});
    return;
  }
  done(apply(request));
}

Result<Unit> MemoryBroker::apply(const std::string& request) {
  if (refusal_) return Failure{*refusal_};
  wire::Request decoded;
  if (const auto ok = wire::decode_request(request, decoded); !ok) return Failure{ok.error()};
  const auto& steps = std::get<wire::Transact>(decoded.command).steps;
  for (const auto& step : steps) {
    if (const auto error = objection(step)) return Failure{*error};
  }
  for (const auto& step : steps) apply_step(step);
  return Unit{};
}

std::optional<Error> MemoryBroker::objection(const wire::Step& step) const {
  const auto stale = [&](std::string_view queue, std::string_view handle) -> std::optional<Error> {
    const auto& stored = queues_.at(std::string{queue}).stored;
    const bool known = std::any_of(stored.begin(), stored.end(), [&](const Stored& one) { return one.handle == handle; });
    if (known) return std::nullopt;
    return Error{"stale_handle", "The receipt handle is stale.", true};
  };
  const auto too_large = [&](const std::vector<std::string_view>& messages) -> std::optional<Error> {
    const bool fits = std::all_of(messages.begin(), messages.end(), [&](std::string_view packed) {
      return !body_size_max_ || unpacked(packed).body.size() <= *body_size_max_;
    });
    if (fits) return std::nullopt;
    return Error{"message_too_large", "The message is too large.", true};
  };
  return std::visit(overloaded{
                        [&](const wire::Send& send) -> std::optional<Error> {
                          if (queues_.count(std::string{send.queue}) == 0)
                            return Error{"no_such_queue", "There is no such queue.", true};
                          const Queue& queue = queues_.at(std::string{send.queue});
                          if (queue.stored.size() + send.messages.size() > queue.messages_max)
                            return Error{"queue_full", "queue " + std::string{send.queue} + " is full", true};
                          return too_large(send.messages);
                        },
                        [&](const wire::Publish& publish) { return too_large(publish.messages); },
                        [&](const wire::Delete& deletion) -> std::optional<Error> {
                          for (const auto handle : deletion.handles) {
                            if (auto error = stale(deletion.queue, handle)) return error;
                          }
                          return std::nullopt;
                        },
                        [&](const wire::RetryLater& retry) { return stale(retry.queue, retry.handle); },
                        [&](const wire::Reject& reject) { return stale(reject.queue, reject.handle); },
                        [](const auto&) -> std::optional<Error> { return std::nullopt; },
                    },
                    step);
}

void MemoryBroker::apply_step(const wire::Step& step) {
  std::visit(overloaded{
                 [&](const wire::Send& send) {
                   for (const auto packed : send.messages) store(queues_.at(std::string{send.queue}), packed);
                 },
                 [&](const wire::Publish& publish) {
                   for (auto& [name, queue] : queues_) {
                     if (queue.from_topic != publish.topic) continue;
                     for (const auto packed : publish.messages) store(queue, packed);
                   }
                 },
                 [&](const wire::Delete& deletion) {
                   for (const auto handle : deletion.handles) erase(std::string{deletion.queue}, handle);
                 },
                 [&](const wire::RetryLater& retry) {
                   auto* stored = find(std::string{retry.queue}, retry.handle);
                   stored->attempts.emplace_back(retry.error_text);
                   if (retry.delay_ms == std::uint64_t{0}) stored->handle.clear();
                 },
                 [&](const wire::Reject& reject) {
                   dead_letters_.push_back({find(std::string{reject.queue}, reject.handle)->packed, std::string{reject.reason}});
                   erase(std::string{reject.queue}, reject.handle);
                 },
                 [](const auto&) {},
             },
             step);
}

MemoryBroker::Stored* MemoryBroker::find(const std::string& queue, std::string_view handle) {
  auto& stored = queues_.at(queue).stored;
  const auto found = std::find_if(stored.begin(), stored.end(), [&](const Stored& one) { return one.handle == handle; });
  return found == stored.end() ? nullptr : &*found;
}

void MemoryBroker::erase(const std::string& queue, std::string_view handle) {
  auto& stored = queues_.at(queue).stored;
  stored.erase(std::find_if(stored.begin(), stored.end(), [&](const Stored& one) { return one.handle == handle; }));
}

void MemoryBroker::release(std::string_view queue, std::span<const std::string_view> handles) {
  for (const auto handle : handles) {
    if (auto* stored = find(std::string{queue}, handle)) {
      --stored->receive_count;
      stored->handle.clear();
    }
  }
}

void MemoryBroker::keep(std::string_view queue, std::span<const std::string_view> handles, std::chrono::milliseconds /*time*/) {
  for (const auto handle : handles) {
    if (auto* stored = find(std::string{queue}, handle)) ++stored->kept;
  }
}

void MemoryBroker::consume(const std::string& queue, std::size_t count) {
  auto& stored = queues_.at(queue).stored;
  stored.erase(stored.begin(), stored.begin() + static_cast<std::ptrdiff_t>(count));
}

void MemoryBroker::subscribe(std::string_view topic, const LiveFilter& /*filter*/, EventHandler on_event, Callback<Unit> done) {
  subscriptions_[std::string{topic}] = std::move(on_event);
  if (done) done(Unit{});
}

bool MemoryInput::take(Incoming& incoming) {
  if (waiting_.empty()) return false;
  incoming = std::move(waiting_.front());
  waiting_.pop_front();
  return true;
}

void MemoryOutput::send(std::span<const std::string_view> packed_messages, ConfirmHandler confirmed) {
  for (const auto packed : packed_messages) sent.push_back(unpacked(packed));
  if (answer_) return confirmed(*answer_);
  held_.push_back(std::move(confirmed));
}

void MemoryOutput::answer(const Result<void>& answer) {
  answer_ = answer;
  for (auto& confirmed : std::exchange(held_, {})) confirmed(answer);
}

}  // namespace remuda
