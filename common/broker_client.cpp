#include "common/broker_client.hpp"

#include <utility>

#include "common/broker_session.hpp"

namespace remuda {

namespace {

using Raw = Result<std::string_view>;
using RawHandler = std::function<void(Raw)>;

std::uint64_t to_ms(std::chrono::milliseconds duration) {
  return duration.count() > 0 ? static_cast<std::uint64_t>(duration.count()) : 0;
}

std::vector<std::string_view> copy(std::span<const std::string_view> views) {
  return {views.begin(), views.end()};
}

/// Turns a typed callback into one for raw results, through the decoder of the operation's result.
template <class T, class Decode>
RawHandler decoded(Callback<T> done, Decode decode) {
  return [done = std::move(done), decode](Raw raw) { done(raw ? Result<T>{decode(*raw)} : Result<T>{Failure{raw.error()}}); };
}

RawHandler number(Callback<std::uint64_t> done) {
  return decoded(std::move(done), wire::decode_number);
}
RawHandler per_handle(Callback<std::vector<wire::HandleError>> done) {
  return decoded(std::move(done), wire::decode_handle_errors);
}
RawHandler batch(Callback<wire::StreamBatch> done) {
  return decoded(std::move(done), wire::decode_stream_batch);
}
RawHandler received(Callback<std::span<const wire::Received>> done) {
  return [done = std::move(done)](Raw raw) {
    if (!raw) return done(Failure{raw.error()});
    const auto messages = wire::decode_received(*raw);
    if (!messages) return done(Failure{messages.error()});
    done(std::span<const wire::Received>{*messages});
  };
}
RawHandler nothing(Callback<Unit> done) {
  return decoded(std::move(done), [](std::string_view) { return Result<Unit>{Unit{}}; });
}

}  // namespace

// ---- Transaction ----

void Transaction::add(const wire::Step& step) {
  wire::encode_step(step, steps_);
  ++step_count_;
}
void Transaction::send(std::string_view queue, std::span<const std::string_view> packed_messages) {
  add(wire::Send{queue, copy(packed_messages)});
}
void Transaction::publish(std::string_view topic, std::span<const std::string_view> packed_messages) {
  add(wire::Publish{topic, copy(packed_messages)});
}
void Transaction::delete_messages(std::string_view queue, std::span<const std::string_view> handles) {
  add(wire::Delete{queue, copy(handles)});
}
void Transaction::change_visibility(std::string_view queue, std::span<const std::string_view> handles,
                                    std::chrono::milliseconds timeout) {
  add(wire::ChangeVisibility{queue, copy(handles), to_ms(timeout)});
}
void Transaction::retry_later(std::string_view queue, std::string_view handle, std::string_view error_text,
                              std::optional<std::chrono::milliseconds> delay) {
  add(wire::RetryLater{queue, handle, error_text, delay ? std::optional{to_ms(*delay)} : std::nullopt});
}
void Transaction::reject(std::string_view queue, std::string_view handle, std::string_view reason) {
  add(wire::Reject{queue, handle, reason});
}
void Transaction::release(std::string_view queue, std::span<const std::string_view> handles) {
  add(wire::Release{queue, copy(handles)});
}
void Transaction::append(std::string_view stream, std::span<const std::string_view> packed_messages) {
  add(wire::Append{stream, copy(packed_messages)});
}
void Transaction::checkpoint(const wire::StreamCheckpoint& checkpoint) {
  add(checkpoint);
}
void Transaction::keep_progress(std::string_view source, std::uint64_t after, std::string_view value) {
  add(wire::KeepProgress{source, after, value});
}
void Transaction::clear() {
  steps_.clear();
  step_count_ = 0;
}

// ---- BrokerClient ----

BrokerClient::BrokerClient(const std::string& endpoint, ClientIdentity identity, const Clock& clock, BrokerClientOptions options)
    : session_{std::make_unique<Session>(endpoint, std::move(identity), clock, options)} {}
BrokerClient::~BrokerClient() = default;

void BrokerClient::append_poll_items(std::vector<zmq_pollitem_t>& items) const {
  session_->append_poll_items(items);
}
void BrokerClient::on_readable() {
  session_->process();
}
Instant BrokerClient::next_deadline() const {
  return session_->next_deadline();
}
void BrokerClient::tick() {
  session_->tick();
}

void BrokerClient::send(std::string_view queue, std::span<const std::string_view> packed_messages, Callback<std::uint64_t> done) {
  send(wire::Send{queue, copy(packed_messages)}, [done = std::move(done)](Result<std::vector<std::uint64_t>> sequences) {
    if (!sequences) return done(Failure{sequences.error()});
    done(sequences->empty() ? 0 : sequences->front());
  });
}
void BrokerClient::send(const wire::Send& send, Callback<std::vector<std::uint64_t>> done) {
  session_->ask(send, decoded(std::move(done), [count = send.messages.size()](std::string_view result) {
                  return wire::decode_sequences(result, count);
                }));
}
void BrokerClient::send(std::string_view queue, const Message& message, Callback<std::uint64_t> done) {
  const std::string packed = pack(message);
  const std::string_view view = packed;
  send(queue, {&view, 1}, std::move(done));
}
void BrokerClient::publish(std::string_view topic, std::span<const std::string_view> packed_messages,
                           Callback<std::uint64_t> done) {
  session_->ask(wire::Publish{topic, copy(packed_messages)}, number(std::move(done)));
}
void BrokerClient::publish(std::string_view topic, const Message& message, Callback<std::uint64_t> done) {
  const std::string packed = pack(message);
  const std::string_view view = packed;
  publish(topic, {&view, 1}, std::move(done));
}
void BrokerClient::delete_messages(std::string_view queue, std::span<const std::string_view> handles,
                                   Callback<std::vector<wire::HandleError>> done) {
  session_->ask(wire::Delete{queue, copy(handles)}, per_handle(std::move(done)));
}
void BrokerClient::change_visibility(std::string_view queue, std::span<const std::string_view> handles,
                                     std::chrono::milliseconds timeout, Callback<std::vector<wire::HandleError>> done) {
  session_->ask(wire::ChangeVisibility{queue, copy(handles), to_ms(timeout)}, per_handle(std::move(done)));
}
void BrokerClient::release(std::string_view queue, std::span<const std::string_view> handles,
                           Callback<std::vector<wire::HandleError>> done) {
  session_->ask(wire::Release{queue, copy(handles)}, per_handle(std::move(done)));
}
void BrokerClient::retry_later(std::string_view queue, std::string_view handle, std::string_view error_text,
                               std::optional<std::chrono::milliseconds> delay, Callback<Unit> done) {
  session_->ask(wire::RetryLater{queue, handle, error_text, delay ? std::optional{to_ms(*delay)} : std::nullopt},
                nothing(std::move(done)));
}
void BrokerClient::reject(std::string_view queue, std::string_view handle, std::string_view reason, Callback<Unit> done) {
  session_->ask(wire::Reject{queue, handle, reason}, nothing(std::move(done)));
}
void BrokerClient::transact(const Transaction& transaction, Callback<Unit> done) {
  session_->ask(transaction, nothing(std::move(done)));
}
void BrokerClient::purge(const wire::Purge& purge, Callback<std::uint64_t> done) {
  session_->ask(purge, number(std::move(done)));
}
void BrokerClient::redrive(const wire::Redrive& redrive, Callback<std::uint64_t> done) {
  session_->ask(redrive, number(std::move(done)));
}
void BrokerClient::declare_queue(const wire::DeclareQueue& queue, Callback<Unit> done) {
  session_->ask(queue, nothing(std::move(done)));
}
void BrokerClient::delete_queue(const wire::DeleteQueue& queue, Callback<Unit> done) {
  session_->ask(queue, nothing(std::move(done)));
}
void BrokerClient::declare_topic(const wire::DeclareTopic& topic, Callback<Unit> done) {
  session_->ask(topic, nothing(std::move(done)));
}
void BrokerClient::delete_topic(std::string_view topic, Callback<Unit> done) {
  session_->ask(wire::DeleteTopic{topic}, nothing(std::move(done)));
}
void BrokerClient::start_move(const wire::StartMove& move, Callback<std::uint64_t> done) {
  session_->ask(move, number(std::move(done)));
}
void BrokerClient::cancel_move(std::uint32_t move, Callback<Unit> done) {
  session_->ask(wire::CancelMove{move}, nothing(std::move(done)));
}
void BrokerClient::list_moves(Callback<std::vector<wire::MoveInfo>> done) {
  session_->ask(wire::ListMoves{}, decoded(std::move(done), wire::decode_move_list));
}

void BrokerClient::receive(std::string_view queue, std::uint32_t max, std::chrono::milliseconds wait,
                           Callback<std::span<const Received>> done, std::optional<std::chrono::milliseconds> visibility_timeout,
                           std::string_view attempt_id) {
  wire::Receive command{queue, max, to_ms(wait), visibility_timeout ? std::optional{to_ms(*visibility_timeout)} : std::nullopt,
                        attempt_id};
  session_->ask(command, received(std::move(done)), wait);
}
void BrokerClient::receive_exclusively(std::string_view queue, std::uint32_t max, std::chrono::milliseconds wait,
                                       Callback<std::span<const Received>> done) {
  wire::Receive command{queue, max, to_ms(wait)};
  command.exclusive = true;
  session_->ask(command, received(std::move(done)), wait);
}
void BrokerClient::progress(std::string_view source, Callback<wire::Progress> done) {
  session_->ask(wire::GetProgress{source}, decoded(std::move(done), wire::decode_progress));
}

void BrokerClient::append(std::string_view stream, std::span<const std::string_view> packed_messages,
                          Callback<std::uint64_t> done) {
  session_->ask(wire::Append{stream, copy(packed_messages)}, number(std::move(done)));
}
void BrokerClient::checkpoint(const wire::StreamCheckpoint& checkpoint, Callback<Unit> done) {
  session_->ask(checkpoint, nothing(std::move(done)));
}
void BrokerClient::seek_stream(const wire::StreamSeek& seek, Callback<Unit> done) {
  session_->ask(seek, nothing(std::move(done)));
}
void BrokerClient::declare_stream(const wire::DeclareStream& stream, Callback<Unit> done) {
  session_->ask(stream, nothing(std::move(done)));
}
void BrokerClient::delete_stream(const wire::DeleteStream& stream, Callback<Unit> done) {
  session_->ask(stream, nothing(std::move(done)));
}
void BrokerClient::take(const wire::StreamTake& take, Callback<wire::StreamBatch> done) {
  session_->ask(take, batch(std::move(done)), std::chrono::milliseconds{take.wait_ms});
}
void BrokerClient::read_stream(const wire::StreamRead& read, Callback<wire::StreamBatch> done) {
  session_->ask(read, batch(std::move(done)));
}
void BrokerClient::stream_info(std::string_view stream, Callback<wire::StreamInfo> done) {
  session_->ask(wire::GetStreamInfo{stream}, decoded(std::move(done), wire::decode_stream_info));
}
void BrokerClient::list_streams(Callback<std::vector<wire::StreamInfo>> done) {
  session_->ask(wire::ListStreams{}, decoded(std::move(done), wire::decode_stream_list));
}

std::uint64_t BrokerClient::subscribe(std::string_view topic, EventCallback on_event, Callback<Unit> done,
                                      std::string_view filter_policy, bool filter_on_attributes) {
  return session_->subscribe(topic, std::move(on_event), std::move(done), {filter_policy, filter_on_attributes});
}
void BrokerClient::unsubscribe(std::uint64_t subscription) {
  session_->unsubscribe(subscription);
}

void BrokerClient::peek(const wire::Peek& peek, Callback<std::vector<wire::Peeked>> done) {
  session_->ask(peek, decoded(std::move(done), wire::decode_peeked));
}
void BrokerClient::queue_info(std::string_view queue, Callback<wire::QueueInfo> done) {
  session_->ask(wire::GetQueueInfo{queue}, decoded(std::move(done), wire::decode_queue_info));
}
void BrokerClient::list_queues(Callback<std::vector<wire::QueueInfo>> done) {
  session_->ask(wire::ListQueues{}, decoded(std::move(done), wire::decode_queue_list));
}
void BrokerClient::list_topics(Callback<std::vector<wire::TopicInfo>> done) {
  session_->ask(wire::ListTopics{}, decoded(std::move(done), wire::decode_topic_list));
}
void BrokerClient::begin_backup(Callback<std::vector<wire::BackupSegment>> done) {
  session_->ask(wire::BeginBackup{}, decoded(std::move(done), wire::decode_backup));
}
void BrokerClient::read_backup(std::uint32_t segment, std::uint64_t offset, Callback<std::string> done) {
  session_->ask(wire::ReadBackup{segment, offset}, decoded(std::move(done), wire::decode_bytes));
}
void BrokerClient::end_backup(Callback<Unit> done) {
  session_->ask(wire::EndBackup{}, nothing(std::move(done)));
}
void BrokerClient::ping(Callback<Unit> done) {
  session_->ask(wire::Ping{}, nothing(std::move(done)));
}

void BrokerClient::set_deadline(std::optional<Duration> deadline) {
  session_->set_deadline(deadline);
}
void BrokerClient::cancel_receives() {
  session_->cancel_receives();
}

bool BrokerClient::connected() const {
  return session_->ready();
}
std::uint64_t BrokerClient::reconnects() const {
  return session_->reconnects();
}
std::size_t BrokerClient::unanswered() const {
  return session_->kept();
}
std::size_t BrokerClient::receiving() const {
  return session_->receiving();
}
const std::string& BrokerClient::endpoint() const {
  return session_->endpoint();
}

}  // namespace remuda
