#pragma once
// The vocabulary in which the engine's stories are told. Every verb is one turn of the shell's loop.

#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/engine/queue_engine.hpp"
#include "common/clock.hpp"
#include "tests/unit/broker/memory_log.hpp"

namespace remuda::broker::test {

using std::chrono::hours;
using std::chrono::minutes;
using namespace std::chrono_literals;

/// A delivery with its body read.
struct Received {
  ReceiptHandle receipt_handle;
  std::uint32_t receive_count = 0;
  std::int64_t sent_ms = 0;
  std::int64_t first_received_ms = 0;
  std::string body;
};

struct EngineFixture {
  explicit EngineFixture(std::uint32_t segment_size = 64U << 20U) : log{segment_size}, segment_size_{segment_size} {
    restart();
    hello();
    declare(rides_attributes());
  }

  static constexpr ClientId client = 7;
  MemoryLog log;
  ManualClock clock;
  std::unique_ptr<QueueEngine> engine;
  Effects effects;
  SessionId session = 0;
  std::uint64_t request = 0;

  /// The queue of most stories: 30 s of visibility, a dead letter after 3 receives.
  static QueueAttributes rides_attributes() {
    QueueAttributes attributes;
    attributes.name = "rides";
    attributes.dead_letter_queue = "rides-dead";
    attributes.max_receives = 3;
    return attributes;
  }
  static QueueAttributes plain(std::string name) {
    QueueAttributes attributes;
    attributes.name = std::move(name);
    return attributes;
  }

  // --- verbs
  /// Sessions are forgotten when idle for 10 minutes: after a longer advance() the consumer says hello again.
  void hello() { session = open_session("accounting", "alpha"); }
  void declare(const QueueAttributes& attributes) { BOOST_REQUIRE(done(ask(DeclareQueue{new_request(), attributes}))); }
  QueueId queue(std::string_view name = "rides") const {
    const auto found = engine->find_queue(name);
    BOOST_REQUIRE_MESSAGE(found, "no queue " << name);
    return *found;
  }
  SessionId open_session(std::string_view node, std::string_view host, char key = 'k') {
    SessionKey bytes{};
    bytes.fill(key);
    const Answer answer = ask(OpenSession{client, ++request, bytes, node, host});
    BOOST_REQUIRE(std::holds_alternative<SessionOpened>(answer));
    return std::get<SessionOpened>(answer).session;
  }
  Answer send(std::string_view body, std::string_view to = "rides", std::optional<Milliseconds> delay = {}) {
    return send_all({std::string{body}}, to, delay);
  }
  Answer send_all(const std::vector<std::string>& bodies, std::string_view to = "rides", std::optional<Milliseconds> delay = {}) {
    std::vector<Body> messages;
    for (const std::string& body : bodies) messages.push_back({body, checksum(body)});
    return ask(SendMessage{new_request(), queue(to), messages, delay});
  }
  std::vector<Received> receive_all(std::uint32_t max = 10, std::string_view from = "rides",
                                    std::optional<Milliseconds> visibility = {}) {
    const Answer answer = ask(ReceiveMessage{new_request(), queue(from), max, 0ms, visibility});
    BOOST_REQUIRE_MESSAGE(std::holds_alternative<Delivered>(answer), "receive was refused: " << code(answer));
    return read(std::get<Delivered>(answer));
  }
  std::optional<Received> receive(std::string_view from = "rides", std::optional<Milliseconds> visibility = {}) {
    auto all = receive_all(1, from, visibility);
    return all.empty() ? std::nullopt : std::optional{all.front()};
  }
  HandleOutcome delete_message(const ReceiptHandle& handle, std::string_view from = "rides") {
    return outcome(ask(DeleteMessage{new_request(), queue(from), std::span{&handle, 1}}));
  }
  HandleOutcome change_visibility(const ReceiptHandle& handle, Milliseconds timeout) {
    return outcome(ask(ChangeMessageVisibility{new_request(), queue(), std::span{&handle, 1}, timeout}));
  }
  HandleOutcome release(const ReceiptHandle& handle) {
    return outcome(ask(ReleaseMessage{new_request(), queue(), std::span{&handle, 1}}));
  }
  Answer retry_later(const ReceiptHandle& handle, std::string_view error, std::optional<Milliseconds> delay = {}) {
    return ask(RetryLater{new_request(), queue(), handle, error, delay});
  }
  Answer reject(const ReceiptHandle& handle, std::string_view reason, std::string_view from = "rides") {
    return ask(RejectMessage{new_request(), queue(from), handle, reason});
  }
  /// Lets time pass, and the engine notice it.
  void advance(Duration by) {
    clock.advance(by);
    turn([] {});
  }
  /// The broker is killed and starts again from what the log holds.
  void restart() {
    log.checkpoint = nullptr;
    engine = std::make_unique<QueueEngine>(log, segment_size_);
    for (const MemoryLog::Record& record : log.records()) BOOST_REQUIRE(engine->replay(record.operations, record.place).ok());
    engine->recovered(moment_of(clock));
    log.checkpoint = [this] { return engine->checkpoint(); };
    turn([] {});
  }

  // --- looking
  QueueInfo info(std::string_view name = "rides") const { return *engine->queue_info(queue(name), moment_of(clock)); }
  std::vector<MessageInfo> peek(std::string_view name = "rides") const {
    return engine->peek(queue(name), 0, 100, moment_of(clock));
  }
  std::string body_of(const MessageInfo& message) const { return std::string{log.read(message.place, message.size)}; }
  std::vector<Received> read(const Delivered& delivered) const {
    std::vector<Received> out;
    for (std::size_t i = delivered.first; i < delivered.first + delivered.count; ++i) {
      const Delivery& delivery = effects.deliveries[i];
      const std::string body{log.read(delivery.place, delivery.size)};
      BOOST_TEST(delivery.crc32c == checksum(body));
      out.push_back({delivery.handle, delivery.receive_count, delivery.sent_ms, delivery.first_received_ms, body});
    }
    return out;
  }
  static std::optional<Done> done(const Answer& answer) {
    return std::holds_alternative<Done>(answer) ? std::optional{std::get<Done>(answer)} : std::nullopt;
  }
  static std::string code(const Answer& answer) {
    return std::holds_alternative<Error>(answer) ? std::get<Error>(answer).code : std::string{"ok"};
  }
  HandleOutcome outcome(const Answer& answer) const {
    BOOST_REQUIRE_MESSAGE(std::holds_alternative<HandlesSettled>(answer), "refused: " << code(answer));
    return effects.outcomes.at(std::get<HandlesSettled>(answer).first);
  }
  // --- FIFO queues
  static QueueAttributes fifo(std::string name) {
    QueueAttributes attributes = plain(std::move(name));
    attributes.fifo.emplace();
    return attributes;
  }
  /// The shell makes keys of ids; here one is the id itself.
  static DeduplicationKey key_of(std::string_view id) {
    DeduplicationKey key{};
    std::copy_n(id.begin(), std::min(id.size(), key.size()), key.begin());
    return key;
  }
  /// Answers the sequence; the body is the deduplication id unless one is given.
  Sequence send_in_group(std::string_view group, std::string_view body, std::string_view to = "bookings", std::string_view id = {},
                         std::optional<Milliseconds> delay = {}) {
    const Body message{body, checksum(body)};
    const Grouping grouping{group, key_of(id.empty() ? body : id)};
    const Answer answer = ask(SendMessage{new_request(), queue(to), std::span{&message, 1}, delay, {}, std::span{&grouping, 1}});
    BOOST_REQUIRE_MESSAGE(std::holds_alternative<Accepted>(answer), "the send was refused: " << code(answer));
    return effects.sequences.at(std::get<Accepted>(answer).first);
  }
  /// The bodies that a receive of up to `max` gets, joined.
  std::string receive_bodies(std::uint32_t max = 10, std::string_view from = "bookings") {
    std::string bodies;
    for (const Received& each : receive_all(max, from)) bodies += each.body;
    return bodies;
  }

  /// The rule I12, for every queue.
  void check_accounts() const {
    for (const QueueInfo& q : engine->queues(moment_of(clock))) {
      const QueueCounters& c = q.counters;
      BOOST_TEST(c.sent == q.visible + q.delayed + q.in_flight + c.deleted + c.purged + c.dead_lettered + c.redriven + c.expired);
    }
  }

  // --- asking
  Requester new_request() { return Requester{client, session, ++request, 0}; }
  static std::uint32_t checksum(std::string_view body) {
    std::uint32_t sum = 17;
    for (const char c : body) sum = sum * 31 + static_cast<unsigned char>(c);
    return sum;
  }
  template <class Action>
  void turn(Action action) {
    effects.clear();
    action();
    engine->tick(moment_of(clock), effects);
  }
  /// One turn with one command; its answer, which must be there.
  Answer ask(const Command& command) {
    turn([&] { engine->apply(command, moment_of(clock), effects); });
    const std::uint64_t number = request;
    for (const Reply& reply : effects.replies) {
      if (reply.client == client && reply.request == number) return reply.answer;
    }
    BOOST_FAIL("no answer");
    return Error{};
  }
  /// A turn whose command may be answered later, or not at all.
  void tell(const Command& command) {
    turn([&] { engine->apply(command, moment_of(clock), effects); });
  }
  /// The deliveries that reached `who` in the last turn; nothing if it got no answer.
  std::optional<std::vector<Received>> answered(ClientId who) const {
    for (const Reply& reply : effects.replies) {
      if (reply.client == who && std::holds_alternative<Delivered>(reply.answer)) return read(std::get<Delivered>(reply.answer));
    }
    return std::nullopt;
  }

 private:
  std::uint32_t segment_size_;
};

}  // namespace remuda::broker::test
