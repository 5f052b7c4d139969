// A process at one end of a direct channel is replaced: who sends holds back, and nothing is lost on the way to either of them.

#include <boost/test/unit_test.hpp>

#include <array>
#include <memory>
#include <optional>
#include <stdexcept>

#include "common/channels/direct_input.hpp"
#include "common/channels/pipe.hpp"
#include "common/channels/pubsub.hpp"
#include "common/channels/request.hpp"
#include "tests/conformance/channels/pump.hpp"

using namespace remuda;
using namespace remuda::test;
using namespace std::chrono_literals;

namespace {

struct HoldFixture {
  Context context;
  ManualClock clock;
  std::string endpoint = fresh_endpoint();
  std::vector<std::string> way{endpoint};
  int confirmed = 0;

  void send(OutputChannel& output, const std::string& id) {
    Message message;
    message.id = id;
    const std::string packed = pack(message);
    const std::array<std::string_view, 1> one{packed};
    output.send(one, [this](const Result<void>& answer) { confirmed += answer.ok() ? 1 : 0; });
  }
  /// The id of the next message that comes.
  std::string take(OutputChannel& output, InputChannel& input) {
    Incoming incoming;
    BOOST_REQUIRE(pump_until({&output, &input}, clock, [&] { return input.take(incoming); }));
    return incoming.message.id;
  }
  void turn(EventSource& source) {
    source.turn(clock.now());
    source.flush();
  }
  /// libzmq gives an endpoint back by and by.
  template <class Make>
  auto once_free(Make make) {
    decltype(make()) made;
    BOOST_REQUIRE(pump_until({}, clock, [&] {
      try {
        made = make();
      } catch (const std::runtime_error&) {}
      return made != nullptr;
    }));
    return made;
  }
  static std::vector<SentUpTo> sent_by(const EventSource& source) {
    std::vector<SentUpTo> sent;
    source.append_sent(sent);
    return sent;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(holding, HoldFixture)

BOOST_AUTO_TEST_CASE(a_pipe_that_is_held_keeps_what_is_sent_for_the_next_consumer) {
  PipeOutput output{context, way};
  auto old = DirectInput::pipe(context, way);
  send(output, "ride-1");
  BOOST_TEST(take(output, *old) == "ride-1");
  output.hold(way);
  send(output, "ride-2");
  turn(output);
  BOOST_TEST(confirmed == 1);
  std::vector<zmq_pollitem_t> items;
  output.append_poll_items(items);
  BOOST_TEST(items.empty());  // nothing that would keep its loop awake

  old.reset();
  const auto fresh = once_free([&] { return DirectInput::pipe(context, way); });
  output.resume(way, true);
  BOOST_TEST(sent_by(output).empty());  // nothing has left for the new one yet
  BOOST_TEST(take(output, *fresh) == "ride-2");
  BOOST_TEST(fresh->missed() == 0U);
}

BOOST_AUTO_TEST_CASE(the_receiver_knows_from_how_far_was_sent_what_is_still_on_its_way) {
  PipeOutput output{context, way};
  const auto input = DirectInput::pipe(context, way);
  for (const auto* id : {"ride-1", "ride-2", "ride-3"}) send(output, id);
  BOOST_REQUIRE(pump_until({&output}, clock, [&] { return confirmed == 3; }));
  const auto sent = sent_by(output);
  BOOST_REQUIRE(sent.size() == 1U);
  BOOST_TEST(sent.front().endpoint == endpoint);
  BOOST_TEST(sent.front().sequence == 3U);
  BOOST_TEST(input->missing_of(sent.front()) == 3U);
  BOOST_REQUIRE(pump_until({input.get()}, clock, [&] { return input->missing_of(sent.front()) == 0; }));
  BOOST_TEST(input->waiting() == 3U);
  BOOST_TEST(input->arrived() == 3U);
  SentUpTo elsewhere = sent.front();
  elsewhere.endpoint = fresh_endpoint();
  elsewhere.sequence = 100;
  BOOST_TEST(input->missing_of(elsewhere) == 0U);
}

BOOST_AUTO_TEST_CASE(the_other_consumers_of_a_pipe_work_meanwhile) {
  const std::vector<std::string> both{endpoint, fresh_endpoint()};
  PipeOutput output{context, both};
  const auto held = DirectInput::pipe(context, {both[0]});
  const auto other = DirectInput::pipe(context, {both[1]});
  // Both are connected once each has had something.
  const auto arrived_at_both = [&] {
    Incoming taken;
    while (held->take(taken) || other->take(taken)) {}
    return held->arrived() > 0 && other->arrived() > 0;
  };
  BOOST_REQUIRE(pump_until({&output, held.get(), other.get()}, clock, [&] {
    if (arrived_at_both()) return true;
    send(output, "ride-0");
    return false;
  }));
  BOOST_REQUIRE(pump_until({&output, held.get(), other.get()}, clock, [&] {
    return arrived_at_both() && held->arrived() + other->arrived() == static_cast<std::uint64_t>(confirmed);
  }));
  output.hold(way);
  for (const auto* id : {"ride-1", "ride-2", "ride-3"}) {
    send(output, id);
    BOOST_TEST(take(output, *other) == id);
  }
  output.resume(way, false);
  send(output, "ride-4");
  send(output, "ride-5");
  BOOST_REQUIRE(pump_until({&output, held.get(), other.get()}, clock, [&] { return held->waiting() + other->waiting() == 2; }));
  BOOST_TEST(held->waiting() == 1U);
}

BOOST_AUTO_TEST_CASE(a_publisher_goes_on_when_the_new_subscriber_is_there) {
  PubSubOutput output{context, way, "rides", 1, clock};
  auto old = DirectInput::subscription(context, way);
  send(output, "ride-1");
  BOOST_TEST(take(output, *old) == "ride-1");
  output.hold(way);
  send(output, "ride-2");
  turn(output);
  BOOST_TEST(confirmed == 1);
  BOOST_TEST((output.next_deadline() == Instant::max()));
  const auto sent = sent_by(output);
  BOOST_REQUIRE(sent.size() == 1U);
  BOOST_TEST(old->missing_of(sent.front()) == 0U);

  output.resume(way, true);
  turn(output);
  BOOST_TEST(confirmed == 1);  // the old one is still there, the new one is not
  old.reset();
  const auto fresh = DirectInput::subscription(context, way);
  BOOST_TEST(take(output, *fresh) == "ride-2");
}

BOOST_AUTO_TEST_CASE(a_publisher_whose_subscriber_was_not_replaced_after_all_goes_on_at_once) {
  PubSubOutput output{context, way, "rides", 1, clock};
  const auto input = DirectInput::subscription(context, way);
  send(output, "ride-1");
  BOOST_TEST(take(output, *input) == "ride-1");
  output.hold(way);
  send(output, "ride-2");
  output.resume(way, false);
  BOOST_TEST(take(output, *input) == "ride-2");
}

BOOST_AUTO_TEST_CASE(a_publisher_waits_for_a_new_subscriber_as_long_as_for_the_first) {
  PubSubOutput output{context, way, "rides", 1, clock};
  auto old = DirectInput::subscription(context, way);
  send(output, "ride-1");
  BOOST_TEST(take(output, *old) == "ride-1");
  output.hold(way);
  output.resume(way, true);
  old.reset();
  send(output, "ride-2");
  clock.advance(PubSubOutput::barrier_time - 1ms);
  turn(output);
  BOOST_TEST(confirmed == 1);
  clock.advance(1ms);
  turn(output);
  BOOST_TEST(confirmed == 2);
}

BOOST_AUTO_TEST_CASE(requests_to_who_is_held_wait_and_are_answered_by_the_next) {
  RequestOutput output{context, way, clock};
  auto old = std::make_unique<RequestInput>(context, way, clock);
  std::vector<std::string> answers;
  const auto ask = [&](const std::string& id) {
    Message question;
    question.id = id;
    output.ask(question, 1h,
               [&answers](const Result<Message>& answer) { answers.push_back(answer ? answer->body : answer.error().code); });
  };
  const auto answer_next = [&](RequestInput& input, const std::string& body) {
    Incoming incoming;
    BOOST_REQUIRE(pump_until({&output, &input}, clock, [&] { return input.take(incoming); }));
    Message reply;
    reply.id = "reply-to-" + incoming.message.id;
    reply.body = body + " " + incoming.message.id;
    input.settled(incoming.ticket, {Outcome::done, reply});
  };
  BOOST_REQUIRE(pump_until({&output, old.get()}, clock, [&] { return output.live() == 1; }));
  ask("question-1");
  output.hold(way);
  ask("question-2");
  BOOST_TEST(output.unanswered_while_held() == 1U);
  answer_next(*old, "old:");
  BOOST_REQUIRE(pump_until({&output, old.get()}, clock, [&] { return output.unanswered_while_held() == 0; }));
  BOOST_TEST(output.outstanding() == 1U);

  // Resumed before the loss of the old connection is known: nothing may go into it.
  output.resume(way, true);
  output.turn(clock.now());
  Incoming nothing;
  old->turn(clock.now());
  BOOST_TEST(!old->take(nothing));
  old.reset();
  const auto fresh = once_free([&] { return std::make_unique<RequestInput>(context, way, clock); });
  answer_next(*fresh, "new:");
  BOOST_REQUIRE(pump_until({&output, fresh.get()}, clock, [&] { return answers.size() == 2; }));
  BOOST_TEST(answers[0] == "old: question-1");
  BOOST_TEST(answers[1] == "new: question-2");
}

BOOST_AUTO_TEST_CASE(a_pipe_learns_of_consumers_that_come_and_leave) {
  const std::string second = fresh_endpoint();
  PipeOutput output{context, way};
  const auto here = DirectInput::pipe(context, way);
  send(output, "ride-1");
  BOOST_TEST(take(output, *here) == "ride-1");
  const auto late = DirectInput::pipe(context, {second});
  output.rewire(std::vector{endpoint, second}, 0);
  int sent = 1;
  BOOST_REQUIRE(pump_until({&output, here.get(), late.get()}, clock, [&] {
    if (late->arrived() == 0) send(output, "ride-" + std::to_string(++sent));
    return late->arrived() > 0 && here->arrived() + late->arrived() == static_cast<std::uint64_t>(sent);
  }));

  output.rewire(std::vector{second}, 0);
  const auto so_far = late->arrived();
  send(output, "ride-a");
  send(output, "ride-b");
  BOOST_REQUIRE(pump_until({&output, here.get(), late.get()}, clock, [&] { return late->arrived() == so_far + 2; }));
  BOOST_TEST(here->missed() + late->missed() == 0U);
}

BOOST_AUTO_TEST_CASE(a_subscription_learns_of_publishers_that_come_and_leave) {
  const std::string second = fresh_endpoint();
  PubSubOutput first{context, way, "rides", 1, clock};
  PubSubOutput late{context, {second}, "rides", 1, clock};
  const auto input = DirectInput::subscription(context, way);
  send(first, "ride-1");
  BOOST_TEST(take(first, *input) == "ride-1");
  send(late, "ride-2");  // waits for its subscriber
  input->rewire(std::vector{endpoint, second}, 0);
  BOOST_TEST(take(late, *input) == "ride-2");
  input->rewire(std::vector{second}, 0);
  BOOST_REQUIRE(pump_until({&first, input.get()}, clock, [&] { return first.subscribers() == 0; }));
  BOOST_TEST(input->missing_of({endpoint, "", "12345678", 9}) == 0U);
}

BOOST_AUTO_TEST_CASE(a_publisher_that_has_not_begun_waits_for_as_many_as_there_are_now) {
  PubSubOutput output{context, way, "rides", 2, clock};
  const auto input = DirectInput::subscription(context, way);
  send(output, "ride-1");
  BOOST_REQUIRE(pump_until({&output, input.get()}, clock, [&] { return output.subscribers() == 1; }));
  BOOST_TEST(confirmed == 0);
  output.rewire(way, 1);
  BOOST_TEST(take(output, *input) == "ride-1");
}

BOOST_AUTO_TEST_CASE(who_asks_learns_of_those_who_answer) {
  const std::string second = fresh_endpoint();
  RequestOutput output{context, way, clock};
  RequestInput here{context, way, clock};
  RequestInput late{context, {second}, clock};
  output.rewire(std::vector{endpoint, second}, 0);
  BOOST_REQUIRE(pump_until({&output, &here, &late}, clock, [&] { return output.live() == 2; }));
  std::string answer;
  output.rewire(std::vector{second}, 0);
  Message question;
  question.id = "question";
  output.ask(question, 1h, [&](const Result<Message>& reply) { answer = reply ? reply->id : reply.error().code; });
  Incoming incoming;
  BOOST_REQUIRE(pump_until({&output, &here, &late}, clock, [&] { return late.take(incoming); }));
  // Who is asked no more is not waited for either: the outcome is unknown, and told at once.
  output.rewire(way, 0);
  BOOST_TEST(answer == "unreachable");
  BOOST_TEST(output.outstanding() == 0U);
}

BOOST_AUTO_TEST_CASE(a_request_that_is_held_for_too_long_was_certainly_not_sent) {
  RequestOutput output{context, way, clock};
  RequestInput input{context, way, clock};
  BOOST_REQUIRE(pump_until({&output, &input}, clock, [&] { return output.live() == 1; }));
  output.hold(way);
  std::optional<Error> refused;
  output.ask({}, 100ms, [&](const Result<Message>& answer) {
    if (!answer) refused = answer.error();
  });
  clock.advance(100ms);
  output.turn(clock.now());
  BOOST_REQUIRE(refused.has_value());
  BOOST_TEST(refused->code == "unreachable");
  BOOST_TEST(refused->definite);
}

BOOST_AUTO_TEST_SUITE_END()
