#include "common/channels/queue.hpp"

#include <utility>

#include "common/log.hpp"

namespace remuda {

QueueInput::QueueInput(BrokerConnection& connection, std::string queue, std::size_t prefetch)
    : connection_{connection}, queue_{std::move(queue)}, window_{prefetch} {}

void QueueInput::turn(Instant now) {
  now_ = now;
  if (now >= paused_until_) paused_until_ = Instant::max();
  ask();
}

void QueueInput::ask() {
  if (asking_ || draining_ || paused_until_ != Instant::max()) return;
  const auto held = waiting_.size() + unsettled_;
  const auto window = window_.size();
  // A receive that is answered while a handler runs buries its messages until the handler returns: slow nodes ask when
  // they are free.
  if (window_.one_at_a_time() ? held > 0 : held > window) return;
  asking_ = true;
  connection_.receive(queue_, static_cast<std::uint32_t>(window), receive_wait,
                      [this](const Result<BrokerConnection::Received>& received) { on_received(received); });
}

void QueueInput::on_received(const Result<BrokerConnection::Received>& received) {
  asking_ = false;
  if (!received) {
    // A broken connection is asked again at once: the request waits for the new one. Anything else (no such queue) would come
    // back at once.
    if (received.error().code != "unreachable") {
      if (received.error().code != last_error_) {
        log_warning("cannot receive", {{"queue", queue_}, {"error", received.error().code}, {"text", received.error().message}});
      }
      last_error_ = received.error().code;
      paused_until_ = now_ + pause_after_error;
    }
    return;
  }
  last_error_.clear();
  for (const auto& one : *received) {
    auto message = unpack_message(one.message);
    if (!message) {
      // The broker checks what it stores, so this is damage or a newer form: it must not pass silently, nor block the others.
      ++malformed_;
      log_error("a stored message cannot be read: rejected", {{"queue", queue_}, {"text", message.error().message}});
      Transaction reject;
      reject.reject(queue_, one.handle, message.error().message);
      connection_.transact(reject, [](const Result<Unit>&) {});
      continue;
    }
    waiting_.push_back({std::move(message).value(), {one.receive_count, one.first_received_ms}, std::string{one.handle}});
  }
  if (draining_) release_beyond(0);
}

bool QueueInput::take(Incoming& incoming) {
  if (waiting_.empty()) return false;
  incoming = std::move(waiting_.front());
  waiting_.pop_front();
  ++unsettled_;
  return true;
}

void QueueInput::add_settlement(std::span<const std::string_view> tickets, const Outcome& outcome, Transaction& transaction) const {
  const auto delay = outcome.delay() < std::chrono::milliseconds{0} ? std::nullopt : std::optional{outcome.delay()};
  switch (outcome.kind()) {
    case Outcome::Kind::done:
      transaction.delete_messages(queue_, tickets);
      break;
    case Outcome::Kind::retry_later:
      for (const auto ticket : tickets) transaction.retry_later(queue_, ticket, outcome.reason(), delay);
      break;
    case Outcome::Kind::reject:
      for (const auto ticket : tickets) transaction.reject(queue_, ticket, outcome.reason());
      break;
  }
}

void QueueInput::settled(const std::string& /*ticket*/, const Settlement& /*settlement*/) {
  --unsettled_;
}

void QueueInput::observe(std::size_t count, Duration took) {
  window_.observe(count, took);
  release_beyond(window_.size());
}

void QueueInput::drain() {
  draining_ = true;
  release_beyond(0);
}

void QueueInput::release_beyond(std::size_t count) {
  if (waiting_.size() <= count) return;
  std::vector<std::string_view> handles;
  for (auto incoming = waiting_.begin() + static_cast<std::ptrdiff_t>(count); incoming != waiting_.end(); ++incoming) {
    handles.emplace_back(incoming->ticket);
  }
  connection_.release(queue_, handles);
  waiting_.resize(count);
}

BrokerOutput::BrokerOutput(BrokerConnection& connection, Kind kind, std::string channel)
    : connection_{connection}, kind_{kind}, channel_{std::move(channel)} {}

void BrokerOutput::send(std::span<const std::string_view> packed_messages, ConfirmHandler confirmed) {
  Transaction transaction;
  add_messages(packed_messages, transaction);
  connection_.transact(transaction, [confirmed = std::move(confirmed)](const Result<Unit>& answer) {
    confirmed(answer ? Result<void>{} : Result<void>{Failure{answer.error()}});
  });
}

void BrokerOutput::add_messages(std::span<const std::string_view> packed_messages, Transaction& transaction) const {
  switch (kind_) {
    case Kind::queue:
      return transaction.send(channel_, packed_messages);
    case Kind::topic:
      return transaction.publish(channel_, packed_messages);
    case Kind::stream:
      return transaction.append(channel_, packed_messages);
  }
}

}  // namespace remuda
