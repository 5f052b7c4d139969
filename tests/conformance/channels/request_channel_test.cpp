// Asking and answering: pairing by correlation, deadlines, late and repeated replies, lost and hostile peers.

#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>

#include "common/channels/direct_wire.hpp"
#include "common/channels/request.hpp"
#include "tests/conformance/channels/pump.hpp"

using namespace remuda;
using namespace remuda::test;
using namespace std::chrono_literals;

namespace {

Message message(std::string id, std::string body) {
  Message made;
  made.id = std::move(id);
  made.body = std::move(body);
  return made;
}

/// An answer as it came, once it has come.
struct Answer {
  int calls = 0;
  std::optional<Result<Message>> result;
  [[nodiscard]] std::string code() const { return result && !result->ok() ? result->error().code : ""; }
  [[nodiscard]] std::string body() const { return result && result->ok() ? (*result)->body : ""; }
};

struct RequestFixture {
  Context context;
  ManualClock clock;
  std::string endpoint = fresh_endpoint();
  std::vector<EventSource*> sources;
  std::vector<std::unique_ptr<EventSource>> owned;

  RequestInput& responder() { return add<RequestInput>(context, std::vector{endpoint}, clock); }
  RequestOutput& requester(const std::vector<std::string>& endpoints) { return add<RequestOutput>(context, endpoints, clock); }
  RequestOutput& connected_requester() {
    auto& output = requester({endpoint});
    pump([&] { return output.live() == 1; });
    return output;
  }
  std::shared_ptr<Answer> ask(RequestOutput& output, const std::string& id, std::chrono::milliseconds deadline = 5s) {
    auto answer = std::make_shared<Answer>();
    output.ask(message(id, id), deadline, [answer](Result<Message> result) {
      ++answer->calls;
      answer->result = std::move(result);
    });
    return answer;
  }
  Incoming take(InputChannel& input) {
    Incoming incoming;
    pump([&] { return input.take(incoming); });
    return incoming;
  }
  static void reply(InputChannel& input, const Incoming& incoming, const std::string& body) {
    input.settled(incoming.ticket, {Outcome::done, message("reply-to-" + incoming.message.id, body)});
  }
  void pump(const std::function<bool()>& happened) { BOOST_REQUIRE(pump_until(sources, clock, happened)); }
  void pump_for(const std::shared_ptr<Answer>& answer) {
    pump([&] { return answer->result.has_value(); });
  }

 private:
  template <class T, class... Arguments>
  T& add(Arguments&&... arguments) {
    auto made = std::make_unique<T>(std::forward<Arguments>(arguments)...);
    auto& reference = *made;
    sources.push_back(made.get());
    owned.push_back(std::move(made));
    return reference;
  }
};

/// A responder played by the test, frame by frame.
struct HandMadeResponder : RequestFixture {
  Socket router{context, SocketKind::router};
  Frame asker;
  Frame frame;
  HandMadeResponder() { BOOST_REQUIRE(router.listen(endpoint).ok()); }

  /// The correlation of the next request.
  std::string next_correlation() {
    pump([&] { return router.receive_from(asker, frame) == Arrival::frame; });
    direct::Request request;
    BOOST_REQUIRE(direct::decode_request(frame.bytes(), request).ok());
    return std::string{request.correlation};
  }
  void send(const std::string& correlation, const std::string& body) {
    std::string out;
    direct::encode_reply(correlation, pack(message("reply", body)), out);
    send_raw(out);
  }
  void send_raw(std::string_view bytes) { BOOST_REQUIRE((router.send_to(asker.bytes(), bytes) == SendStatus::sent)); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(request_channel, RequestFixture)

BOOST_AUTO_TEST_CASE(a_request_is_answered) {
  auto& input = responder();
  auto& output = connected_requester();
  const auto answer = ask(output, "question");
  const auto asked = take(input);
  BOOST_TEST(asked.message.id == "question");
  reply(input, asked, "answer");
  pump_for(answer);
  BOOST_TEST(answer->body() == "answer");
  BOOST_TEST(output.outstanding() == 0U);
}

BOOST_AUTO_TEST_CASE(several_outstanding_requests_answered_out_of_order_are_paired) {
  auto& input = responder();
  auto& output = connected_requester();
  const auto first = ask(output, "first");
  const auto second = ask(output, "second");
  const auto asked_first = take(input);
  const auto asked_second = take(input);
  reply(input, asked_second, "to the second");
  pump_for(second);
  BOOST_TEST(!first->result.has_value());
  reply(input, asked_first, "to the first");
  pump_for(first);
  BOOST_TEST(first->body() == "to the first");
  BOOST_TEST(second->body() == "to the second");
}

BOOST_AUTO_TEST_CASE(two_requesters_never_see_each_others_replies) {
  auto& input = responder();
  auto& anna = connected_requester();
  auto& bert = connected_requester();
  const auto to_anna = ask(anna, "from anna");
  const auto to_bert = ask(bert, "from bert");
  for (int i = 0; i < 2; ++i) {
    const auto asked = take(input);
    reply(input, asked, "answer " + asked.message.body);
  }
  pump_for(to_anna);
  pump_for(to_bert);
  BOOST_TEST(to_anna->body() == "answer from anna");
  BOOST_TEST(to_bert->body() == "answer from bert");
  BOOST_TEST(anna.dropped_replies() + bert.dropped_replies() == 0U);
}

BOOST_AUTO_TEST_CASE(a_refusal_reaches_the_asker_with_its_reason) {
  auto& input = responder();
  auto& output = connected_requester();
  const auto rejected = ask(output, "wrong");
  input.settled(take(input).ticket, {Outcome::reject.because("the fare is negative"), {}});
  pump_for(rejected);
  BOOST_TEST(rejected->code() == "rejected");
  BOOST_TEST(rejected->result->error().message == "the fare is negative");
  BOOST_TEST(rejected->result->error().definite);
  const auto failed = ask(output, "unlucky");
  input.settled(take(input).ticket, {Outcome::retry_later.because("no ledger"), {}});
  pump_for(failed);
  BOOST_TEST(failed->code() == "failed");
}

BOOST_AUTO_TEST_CASE(a_deadline_is_met_and_not_anticipated) {
  auto& input = responder();
  auto& output = connected_requester();
  const auto answer = ask(output, "question", 100ms);
  static_cast<void>(take(input));
  BOOST_TEST((output.next_deadline() == clock.now() + 100ms));
  clock.advance(99ms);
  output.turn(clock.now());
  BOOST_TEST(!answer->result.has_value());
  clock.advance(1ms);
  output.turn(clock.now());
  BOOST_TEST(answer->code() == "timed_out");
  BOOST_TEST(!answer->result->error().definite);
}

BOOST_AUTO_TEST_CASE(a_request_whose_asker_stopped_waiting_is_not_started) {
  auto& input = responder();
  auto& output = connected_requester();
  const auto late = ask(output, "late", 100ms);
  const auto in_time = ask(output, "in time", 10s);
  static_cast<void>(late);
  static_cast<void>(in_time);
  // Both are here, then time passes before a handler is free.
  std::vector<zmq_pollitem_t> items;
  input.append_poll_items(items);
  BOOST_REQUIRE(poll(items, 10'000) == 1);
  pump([&] {
    input.turn(clock.now());
    return true;
  });
  clock.advance(100ms);
  BOOST_TEST(take(input).message.id == "in time");
}

BOOST_AUTO_TEST_CASE(with_nobody_there_the_request_waits_for_someone_until_its_deadline) {
  auto& output = requester({endpoint});
  const auto given_up = ask(output, "given up", 100ms);
  const auto patient = ask(output, "patient", 10s);
  clock.advance(100ms);
  output.turn(clock.now());
  BOOST_TEST(given_up->code() == "unreachable");
  BOOST_TEST(given_up->result->error().definite);  // it was never sent
  auto& input = responder();
  const auto asked = take(input);
  BOOST_TEST(asked.message.id == "patient");
  reply(input, asked, "at last");
  pump_for(patient);
  BOOST_TEST(patient->body() == "at last");
}

BOOST_AUTO_TEST_CASE(a_broken_connection_is_told_at_once_with_the_outcome_unknown) {
  auto input = std::make_unique<RequestInput>(context, std::vector{endpoint}, clock);
  auto& output = connected_requester();
  const auto answer = ask(output, "question", 1h);
  sources.push_back(input.get());
  static_cast<void>(take(*input));
  sources.pop_back();
  input.reset();
  pump_for(answer);
  BOOST_TEST(answer->code() == "unreachable");
  BOOST_TEST(!answer->result->error().definite);
}

BOOST_AUTO_TEST_CASE(replicas_are_asked_in_turn_and_only_those_that_are_there) {
  const auto second_endpoint = fresh_endpoint();
  const auto nobody_there = fresh_endpoint();
  RequestInput first{context, {endpoint}, clock};
  RequestInput second{context, {second_endpoint}, clock};
  auto& output = requester({endpoint, nobody_there, second_endpoint});
  pump([&] { return output.live() == 2; });
  for (int i = 0; i < 4; ++i) static_cast<void>(ask(output, "question-" + std::to_string(i)));
  sources.push_back(&first);
  sources.push_back(&second);
  for (int i = 0; i < 2; ++i) {
    static_cast<void>(take(first));
    static_cast<void>(take(second));
  }
  sources.resize(sources.size() - 2);
}

BOOST_AUTO_TEST_CASE(too_many_outstanding_requests_are_refused_at_once) {
  auto& output = requester({endpoint});
  for (std::size_t i = 0; i < RequestOutput::outstanding_max; ++i) static_cast<void>(ask(output, "question"));
  const auto answer = ask(output, "one too many");
  BOOST_TEST(answer->code() == "overloaded");
  BOOST_TEST(answer->result->error().definite);
}

BOOST_AUTO_TEST_CASE(hostile_frames_are_counted_and_disturb_nobody) {
  auto& input = responder();
  auto& output = connected_requester();
  Socket enemy{context, SocketKind::dealer};
  BOOST_REQUIRE(enemy.connect(endpoint).ok());
  using namespace std::string_literals;
  for (const auto& bytes : {""s, "\xdf\xff\x00\x00\x00"s, std::string(1'000, '\x91'), "\x94\xa7request\xc4\x01x\x01\xc4\x00"s}) {
    pump([&] { return enemy.send(bytes) == SendStatus::sent; });
  }
  pump([&] { return input.malformed() == 4; });
  // The last one had a correlation: its sender is told.
  Frame told;
  pump([&] { return enemy.receive(told); });
  BOOST_TEST(direct::decode_reply(told.bytes())->code == "malformed_message");
  const auto answer = ask(output, "question");
  reply(input, take(input), "answer");
  pump_for(answer);
  BOOST_TEST(answer->body() == "answer");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(late_and_repeated_replies, HandMadeResponder)

BOOST_AUTO_TEST_CASE(a_late_reply_does_no_harm) {
  auto& output = connected_requester();
  const auto impatient = ask(output, "impatient", 100ms);
  const auto late = next_correlation();
  clock.advance(100ms);
  output.turn(clock.now());
  BOOST_TEST(impatient->code() == "timed_out");
  const auto next = ask(output, "next");
  const auto correlation = next_correlation();
  send(late, "too late");
  send(correlation, "in time");
  pump_for(next);
  BOOST_TEST(next->body() == "in time");
  BOOST_TEST(impatient->calls == 1);
  BOOST_TEST(output.dropped_replies() == 1U);
}

BOOST_AUTO_TEST_CASE(a_repeated_reply_is_given_once) {
  auto& output = connected_requester();
  const auto answer = ask(output, "question");
  const auto correlation = next_correlation();
  send(correlation, "once");
  send(correlation, "twice");
  pump([&] { return output.dropped_replies() == 1; });
  BOOST_TEST(answer->calls == 1);
  BOOST_TEST(answer->body() == "once");
}

BOOST_AUTO_TEST_CASE(replies_nobody_asked_for_and_nonsense_are_dropped) {
  auto& output = connected_requester();
  const auto answer = ask(output, "question");
  const auto correlation = next_correlation();
  send("12345678\x01\x00\x00\x00\x00\x00\x00\x00", "from an earlier life");
  send_raw("nonsense");
  send_raw("");
  pump([&] { return output.dropped_replies() == 3; });
  BOOST_TEST(!answer->result.has_value());
  send(correlation, "the real one");
  pump_for(answer);
  BOOST_TEST(answer->body() == "the real one");
}

BOOST_AUTO_TEST_SUITE_END()
