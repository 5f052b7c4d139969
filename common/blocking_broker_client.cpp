#include <algorithm>
#include <utility>

#include "common/broker_client.hpp"

namespace remuda {

namespace {

/// How long to poll: until `deadline`, rounded up so that the deadline has passed when the poll returns.
long poll_timeout_ms(Instant now, Instant deadline) {
  constexpr long longest = 60'000;
  if (deadline <= now) return 0;
  if (deadline - now >= std::chrono::milliseconds{longest}) return longest;
  return std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
}

Result<Unit> only_handle(Result<std::vector<wire::HandleError>> errors) {
  if (!errors) return Failure{errors.error()};
  if (errors->empty()) return Unit{};
  return fail(errors->front().code,
              "the message is not held by this handle any more: it was settled, or received again after its visibility timeout");
}

}  // namespace

BlockingBrokerClient::BlockingBrokerClient(const std::string& endpoint, ClientIdentity identity, std::chrono::milliseconds deadline)
    : client_{endpoint, std::move(identity), clock_} {
  client_.set_deadline(deadline);
}

template <class T>
Result<T> BlockingBrokerClient::wait_for(const std::function<void(Callback<T>)>& ask) {
  client_.tick();  // what happened to the connection since the last call: nobody has looked
  std::optional<Result<T>> answer;
  // The client answers every request by its deadline at the latest, so the callback never outlives this frame.
  ask([&answer](Result<T> result) { answer.emplace(std::move(result)); });
  std::vector<zmq_pollitem_t> items;
  while (!answer) {
    items.clear();
    client_.append_poll_items(items);
    poll(items, poll_timeout_ms(clock_.now(), client_.next_deadline()));
    client_.tick();
  }
  return *std::move(answer);
}

Result<std::uint64_t> BlockingBrokerClient::send(std::string_view queue, const Message& message) {
  return wait_for<std::uint64_t>([&](auto done) { client_.send(queue, message, std::move(done)); });
}
Result<std::uint64_t> BlockingBrokerClient::send(std::string_view queue, std::span<const std::string_view> packed_messages) {
  return wait_for<std::uint64_t>([&](auto done) { client_.send(queue, packed_messages, std::move(done)); });
}
Result<std::vector<std::uint64_t>> BlockingBrokerClient::send(const wire::Send& send) {
  return wait_for<std::vector<std::uint64_t>>([&](auto done) { client_.send(send, std::move(done)); });
}
Result<std::uint64_t> BlockingBrokerClient::publish(std::string_view topic, const Message& message) {
  return wait_for<std::uint64_t>([&](auto done) { client_.publish(topic, message, std::move(done)); });
}
Result<std::uint64_t> BlockingBrokerClient::publish(std::string_view topic, std::span<const std::string_view> packed_messages) {
  return wait_for<std::uint64_t>([&](auto done) { client_.publish(topic, packed_messages, std::move(done)); });
}

Result<std::vector<ReceivedMessage>> BlockingBrokerClient::receive(std::string_view queue, std::uint32_t max,
                                                                   std::chrono::milliseconds wait,
                                                                   std::optional<std::chrono::milliseconds> visibility_timeout,
                                                                   std::string_view attempt_id) {
  return wait_for<std::vector<ReceivedMessage>>([&](auto done) {
    client_.receive(
        queue, max, wait,
        [done](Result<std::span<const wire::Received>> received) {
          if (!received) return done(Failure{received.error()});
          std::vector<ReceivedMessage> messages;
          for (const auto& one : *received) {
            messages.push_back(
                {std::string{one.handle}, one.receive_count, one.sent_ms, one.first_received_ms, std::string{one.message}});
          }
          done(std::move(messages));
        },
        visibility_timeout, attempt_id);
  });
}

Result<std::vector<wire::HandleError>> BlockingBrokerClient::delete_messages(std::string_view queue,
                                                                             std::span<const std::string_view> handles) {
  return wait_for<std::vector<wire::HandleError>>([&](auto done) { client_.delete_messages(queue, handles, std::move(done)); });
}
Result<Unit> BlockingBrokerClient::delete_message(std::string_view queue, std::string_view handle) {
  return only_handle(delete_messages(queue, {&handle, 1}));
}
Result<Unit> BlockingBrokerClient::change_visibility(std::string_view queue, std::string_view handle,
                                                     std::chrono::milliseconds timeout) {
  return only_handle(wait_for<std::vector<wire::HandleError>>([&](auto done) {
    client_.change_visibility(queue, {&handle, 1}, timeout, std::move(done));
  }));
}
Result<Unit> BlockingBrokerClient::release(std::string_view queue, std::string_view handle) {
  return only_handle(wait_for<std::vector<wire::HandleError>>([&](auto done) {
    client_.release(queue, {&handle, 1}, std::move(done));
  }));
}
Result<Unit> BlockingBrokerClient::retry_later(std::string_view queue, std::string_view handle, std::string_view error_text,
                                               std::optional<std::chrono::milliseconds> delay) {
  return wait_for<Unit>([&](auto done) { client_.retry_later(queue, handle, error_text, delay, std::move(done)); });
}
Result<Unit> BlockingBrokerClient::reject(std::string_view queue, std::string_view handle, std::string_view reason) {
  return wait_for<Unit>([&](auto done) { client_.reject(queue, handle, reason, std::move(done)); });
}
Result<Unit> BlockingBrokerClient::transact(const Transaction& transaction) {
  return wait_for<Unit>([&](auto done) { client_.transact(transaction, std::move(done)); });
}
Result<std::uint64_t> BlockingBrokerClient::purge(const wire::Purge& purge) {
  return wait_for<std::uint64_t>([&](auto done) { client_.purge(purge, std::move(done)); });
}
Result<std::uint64_t> BlockingBrokerClient::redrive(const wire::Redrive& redrive) {
  return wait_for<std::uint64_t>([&](auto done) { client_.redrive(redrive, std::move(done)); });
}
Result<Unit> BlockingBrokerClient::declare_queue(const wire::DeclareQueue& queue) {
  return wait_for<Unit>([&](auto done) { client_.declare_queue(queue, std::move(done)); });
}
Result<Unit> BlockingBrokerClient::delete_queue(const wire::DeleteQueue& queue) {
  return wait_for<Unit>([&](auto done) { client_.delete_queue(queue, std::move(done)); });
}
Result<Unit> BlockingBrokerClient::declare_topic(const wire::DeclareTopic& topic) {
  return wait_for<Unit>([&](auto done) { client_.declare_topic(topic, std::move(done)); });
}
Result<Unit> BlockingBrokerClient::delete_topic(std::string_view topic) {
  return wait_for<Unit>([&](auto done) { client_.delete_topic(topic, std::move(done)); });
}
Result<std::uint64_t> BlockingBrokerClient::start_move(const wire::StartMove& move) {
  return wait_for<std::uint64_t>([&](auto done) { client_.start_move(move, std::move(done)); });
}
Result<Unit> BlockingBrokerClient::cancel_move(std::uint32_t move) {
  return wait_for<Unit>([&](auto done) { client_.cancel_move(move, std::move(done)); });
}
Result<std::vector<wire::MoveInfo>> BlockingBrokerClient::list_moves() {
  return wait_for<std::vector<wire::MoveInfo>>([&](auto done) { client_.list_moves(std::move(done)); });
}
Result<std::vector<wire::Peeked>> BlockingBrokerClient::peek(const wire::Peek& peek) {
  return wait_for<std::vector<wire::Peeked>>([&](auto done) { client_.peek(peek, std::move(done)); });
}
Result<wire::QueueInfo> BlockingBrokerClient::queue_info(std::string_view queue) {
  return wait_for<wire::QueueInfo>([&](auto done) { client_.queue_info(queue, std::move(done)); });
}
Result<std::vector<wire::QueueInfo>> BlockingBrokerClient::list_queues() {
  return wait_for<std::vector<wire::QueueInfo>>([&](auto done) { client_.list_queues(std::move(done)); });
}
Result<std::vector<wire::TopicInfo>> BlockingBrokerClient::list_topics() {
  return wait_for<std::vector<wire::TopicInfo>>([&](auto done) { client_.list_topics(std::move(done)); });
}

// ---- streams ----

namespace {
Callback<wire::StreamBatch> owning(Callback<TakenBatch> done) {
  return [done = std::move(done)](Result<wire::StreamBatch> batch) {
    if (!batch) return done(Failure{batch.error()});
    TakenBatch taken{std::string{batch->lease}, batch->partition, batch->next, batch->behind,
                     batch->behind_ms,          batch->attempts,  {}};
    taken.records.reserve(batch->records.size());
    for (const auto& record : batch->records) taken.records.push_back({record.offset, record.time_ms, std::string{record.message}});
    done(std::move(taken));
  };
}
}  // namespace

Result<std::uint64_t> BlockingBrokerClient::append(std::string_view stream, std::span<const std::string_view> packed_messages) {
  return wait_for<std::uint64_t>([&](auto done) { client_.append(stream, packed_messages, std::move(done)); });
}
Result<std::uint64_t> BlockingBrokerClient::append(std::string_view stream, const Message& message) {
  const std::string packed = pack(message);
  const std::string_view view = packed;
  return append(stream, {&view, 1});
}
Result<Unit> BlockingBrokerClient::checkpoint(const wire::StreamCheckpoint& checkpoint) {
  return wait_for<Unit>([&](auto done) { client_.checkpoint(checkpoint, std::move(done)); });
}
Result<TakenBatch> BlockingBrokerClient::take(const wire::StreamTake& take) {
  return wait_for<TakenBatch>([&](auto done) { client_.take(take, owning(std::move(done))); });
}
Result<TakenBatch> BlockingBrokerClient::read_stream(const wire::StreamRead& read) {
  return wait_for<TakenBatch>([&](auto done) { client_.read_stream(read, owning(std::move(done))); });
}
Result<Unit> BlockingBrokerClient::seek_stream(const wire::StreamSeek& seek) {
  return wait_for<Unit>([&](auto done) { client_.seek_stream(seek, std::move(done)); });
}
Result<Unit> BlockingBrokerClient::declare_stream(const wire::DeclareStream& stream) {
  return wait_for<Unit>([&](auto done) { client_.declare_stream(stream, std::move(done)); });
}
Result<Unit> BlockingBrokerClient::delete_stream(const wire::DeleteStream& stream) {
  return wait_for<Unit>([&](auto done) { client_.delete_stream(stream, std::move(done)); });
}
Result<wire::StreamInfo> BlockingBrokerClient::stream_info(std::string_view stream) {
  return wait_for<wire::StreamInfo>([&](auto done) { client_.stream_info(stream, std::move(done)); });
}
Result<std::vector<wire::StreamInfo>> BlockingBrokerClient::list_streams() {
  return wait_for<std::vector<wire::StreamInfo>>([&](auto done) { client_.list_streams(std::move(done)); });
}

Result<std::vector<wire::BackupSegment>> BlockingBrokerClient::begin_backup() {
  return wait_for<std::vector<wire::BackupSegment>>([&](auto done) { client_.begin_backup(std::move(done)); });
}
Result<std::string> BlockingBrokerClient::read_backup(std::uint32_t segment, std::uint64_t offset) {
  return wait_for<std::string>([&](auto done) { client_.read_backup(segment, offset, std::move(done)); });
}
Result<Unit> BlockingBrokerClient::end_backup() {
  return wait_for<Unit>([&](auto done) { client_.end_backup(std::move(done)); });
}
Result<Unit> BlockingBrokerClient::ping() {
  return wait_for<Unit>([&](auto done) { client_.ping(std::move(done)); });
}

Result<Unit> BlockingBrokerClient::listen(
    std::string_view topic, std::chrono::milliseconds wait,
    const std::function<bool(std::string_view packed_message, std::uint64_t missed)>& on_event, std::string_view filter_policy) {
  // First make sure that somebody answers: a subscription itself waits for its broker for ever.
  if (auto alive = ping(); !alive) return alive;
  bool listening = true;
  std::optional<Error> refusal;
  const auto subscription = client_.subscribe(
      topic, [&](std::string_view message, std::uint64_t missed) { listening = listening && on_event(message, missed); },
      [&](Result<Unit> confirmed) {
        if (!confirmed) refusal = confirmed.error();
      },
      filter_policy);
  const Instant end = clock_.now() + wait;
  std::vector<zmq_pollitem_t> items;
  while (listening && !refusal && clock_.now() < end) {
    items.clear();
    client_.append_poll_items(items);
    poll(items, poll_timeout_ms(clock_.now(), std::min(end, client_.next_deadline())));
    client_.tick();
  }
  client_.unsubscribe(subscription);
  if (refusal) return Failure{*refusal};
  return Unit{};
}

}  // namespace remuda
