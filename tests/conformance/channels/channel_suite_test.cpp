// What every kind of channel promises, over the real transport of each. What the kinds promise differently:
// channel_promises_test.cpp.

#include <boost/test/unit_test.hpp>

#include "common/channels/direct_wire.hpp"
#include "tests/conformance/channels/channel_kinds.hpp"

using namespace remuda;
using namespace remuda::test;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(every_channel)

BOOST_AUTO_TEST_CASE_TEMPLATE(delivers_what_was_sent_byte_for_byte, Kind, Kinds) {
  Channel<Kind> channel;
  auto message = ride(1, std::string{"\x00\xff binary", 9});
  message.type = "ride.completed";
  message.source = "suite";
  message.subject = "a ride";
  message.time_ms = 1'767'225'600'000;
  message.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  message.correlation_id = "booking-7";
  message.attributes = {{"fare", {"Number", "50"}}};
  channel.send({message});
  auto received = channel.take().message;
  received.sequence = 0;  // direct channels number what they carry
  BOOST_TEST(received == message);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(keeps_the_order_of_one_sender, Kind, Kinds) {
  Channel<Kind> channel;
  channel.send({ride(0), ride(1), ride(2)});
  channel.send({ride(3)});
  channel.send({ride(4), ride(5)});
  for (int number = 0; number < 6; ++number) {
    const auto incoming = channel.take();
    BOOST_TEST(incoming.message.id == ride(number).id);
    channel.settle(incoming, Outcome::done);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(confirms_each_send_once, Kind, Kinds) {
  Channel<Kind> channel;
  for (int number = 0; number < 5; ++number) channel.send({ride(number)});
  for (int number = 0; number < 5; ++number) channel.settle(channel.take(), Outcome::done);
  channel.pump([&] { return channel.confirmed >= 5; });
  BOOST_TEST(channel.confirmed == 5);
  BOOST_TEST(channel.refused.empty());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(carries_bodies_of_every_size, Kind, Kinds) {
  Channel<Kind> channel;
  for (const std::size_t size : {0U, 1U, 255U, 256U, 65'536U, 1'000'000U}) {
    channel.send({ride(static_cast<int>(size), std::string(size, 'x'))});
    const auto incoming = channel.take();
    BOOST_TEST(incoming.message.body.size() == size);
    channel.settle(incoming, Outcome::done);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(gives_a_first_delivery_the_count_one_and_misses_nothing, Kind, Kinds) {
  Channel<Kind> channel;
  for (int number = 0; number < 100; ++number) channel.send({ride(number)});
  for (int number = 0; number < 100; ++number) {
    const auto incoming = channel.take();
    BOOST_TEST(incoming.delivery.receive_count == 1U);
    channel.settle(incoming, Outcome::done);
  }
  BOOST_TEST(channel.input->missed() == 0U);
  BOOST_TEST(channel.input->malformed() == 0U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_failed_message_comes_again_where_the_channel_acknowledges, Kind, AcknowledgingKinds) {
  Channel<Kind> channel;
  channel.send({ride(1)});
  const auto first = channel.take();
  channel.settle(first, Outcome::retry_later.because("not yet").after(0ms));
  const auto second = channel.take();
  BOOST_TEST(second.message.id == "ride-1");
  BOOST_TEST(second.delivery.receive_count == 2U);
  BOOST_TEST(second.ticket != first.ticket);
  channel.settle(second, Outcome::done);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_old_ticket_settles_nothing, Kind, AcknowledgingKinds) {
  Channel<Kind> channel;
  channel.send({ride(1)});
  const auto first = channel.take();
  channel.settle(first, Outcome::retry_later.after(0ms));
  const auto second = channel.take();
  Transaction transaction;
  const std::array<std::string_view, 1> ticket{first.ticket};
  channel.input->add_settlement(ticket, Outcome::done, transaction);
  std::string code;
  channel.input->broker()->transact(transaction, [&](const Result<Unit>& answer) { code = answer ? "ok" : answer.error().code; });
  channel.pump([&] { return !code.empty(); });
  BOOST_TEST(code == Kind::stale_code);
  channel.settle(second, Outcome::done);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(draining_gives_back_what_was_not_started, Kind, AcknowledgingKinds) {
  Channel<Kind> channel;
  channel.send({ride(1), ride(2)});
  const auto begun = channel.take();
  channel.input->drain();
  Incoming none;
  BOOST_TEST(!channel.input->take(none));
  channel.settle(begun, Outcome::done);
  channel.join();
  const auto incoming = channel.take(1);
  BOOST_TEST(incoming.message.id == "ride-2");
  BOOST_TEST(incoming.delivery.receive_count == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(direct_channels)

BOOST_AUTO_TEST_CASE(a_topic_without_a_broker_waits_for_the_promised_subscribers) {
  Context context;
  ManualClock clock;
  const auto endpoint = fresh_endpoint();
  PubSubOutput publisher{context, {endpoint}, "ticks", 2, clock};
  const auto first = DirectInput::subscription(context, {endpoint});
  const std::vector<EventSource*> sources{&publisher, first.get()};
  bool confirmed = false;
  const auto tick = pack(ride(1));
  const std::array<std::string_view, 1> messages{tick};
  publisher.send(messages, [&](const Result<void>&) { confirmed = true; });
  BOOST_REQUIRE(pump_until(sources, clock, [&] { return publisher.subscribers() == 1; }));
  BOOST_TEST(!confirmed);
  const auto second = DirectInput::subscription(context, {endpoint});
  const std::vector<EventSource*> all{&publisher, first.get(), second.get()};
  Incoming incoming;
  BOOST_REQUIRE(pump_until(all, clock, [&] { return first->take(incoming); }));
  BOOST_REQUIRE(pump_until(all, clock, [&] { return second->take(incoming); }));
  BOOST_TEST(confirmed);
}

BOOST_AUTO_TEST_CASE(but_not_for_ever) {
  Context context;
  ManualClock clock;
  PubSubOutput publisher{context, {fresh_endpoint()}, "ticks", 1, clock};
  bool confirmed = false;
  const auto tick = pack(ride(1));
  const std::array<std::string_view, 1> messages{tick};
  publisher.send(messages, [&](const Result<void>&) { confirmed = true; });
  BOOST_TEST((publisher.next_deadline() == clock.now() + PubSubOutput::barrier_time));
  clock.advance(PubSubOutput::barrier_time - 1ms);
  publisher.turn(clock.now());
  BOOST_TEST(!confirmed);
  clock.advance(1ms);
  publisher.turn(clock.now());
  BOOST_TEST(confirmed);
}

BOOST_AUTO_TEST_CASE(a_pipe_with_nobody_at_the_other_end_waits) {
  Context context;
  SystemClock clock;
  const auto endpoint = fresh_endpoint();
  PipeOutput output{context, {endpoint}};
  bool confirmed = false;
  const auto packed = pack(ride(1));
  const std::array<std::string_view, 1> messages{packed};
  output.send(messages, [&](const Result<void>&) { confirmed = true; });
  output.turn(clock.now());
  BOOST_TEST(!confirmed);
  const auto input = DirectInput::pipe(context, {endpoint});
  const std::vector<EventSource*> sources{&output, input.get()};
  Incoming incoming;
  BOOST_REQUIRE(pump_until(sources, clock, [&] { return input->take(incoming); }));
  BOOST_TEST(confirmed);
}

BOOST_AUTO_TEST_CASE(competing_consumers_of_a_pipe_share_and_see_no_gaps) {
  Context context;
  SystemClock clock;
  const std::vector<std::string> endpoints{fresh_endpoint(), fresh_endpoint()};
  const auto first = DirectInput::pipe(context, {endpoints[0]});
  const auto second = DirectInput::pipe(context, {endpoints[1]});
  PipeOutput output{context, endpoints};
  const std::vector<EventSource*> sources{&output, first.get(), second.get()};
  int taken_by_first = 0;
  int taken_by_second = 0;
  Incoming incoming;
  // Not before both are connected: a consumer that is not there yet gets nothing, and that is right.
  int sent = 0;
  BOOST_REQUIRE(pump_until(sources, clock, [&] {
    const auto packed = pack(ride(sent++));
    const std::array<std::string_view, 1> messages{packed};
    output.send(messages, [](const Result<void>&) {});
    while (first->take(incoming)) ++taken_by_first;
    while (second->take(incoming)) ++taken_by_second;
    return taken_by_first >= 5 && taken_by_second >= 5;
  }));
  BOOST_TEST(first->missed() + second->missed() == 0U);
}

BOOST_AUTO_TEST_CASE(gaps_in_a_senders_numbering_are_counted) {
  direct::GapCounter gaps;
  gaps.observe("sender-1", 5, 3);  // the first sight may be in the middle
  gaps.observe("sender-1", 8, 1);
  BOOST_TEST(gaps.missed() == 0U);
  gaps.observe("sender-1", 12, 1);  // 9, 10 and 11 are missing
  gaps.observe("sender-2", 1, 1);
  BOOST_TEST(gaps.missed() == 3U);
}

BOOST_AUTO_TEST_CASE(hostile_frames_on_a_pipe_are_counted_and_disturb_nobody) {
  Context context;
  SystemClock clock;
  const auto endpoint = fresh_endpoint();
  const auto input = DirectInput::pipe(context, {endpoint});
  PipeOutput output{context, {endpoint}};
  Socket enemy{context, SocketKind::push};
  BOOST_REQUIRE(enemy.connect(endpoint).ok());
  using namespace std::string_literals;
  const std::vector<EventSource*> sources{&output, input.get()};
  for (const auto& bytes : {""s, "\xdf\xff\x00\x00\x00"s, std::string(60'000, '\x91'), "\x94\xa8messages\xc4\x01x\x01\x90"s}) {
    BOOST_REQUIRE(pump_until(sources, clock, [&] { return enemy.send(bytes) == SendStatus::sent; }));
  }
  BOOST_REQUIRE(pump_until(sources, clock, [&] { return input->malformed() == 4; }));
  const auto packed = pack(ride(1));
  const std::array<std::string_view, 1> messages{packed};
  output.send(messages, [](const Result<void>&) {});
  Incoming incoming;
  BOOST_REQUIRE(pump_until(sources, clock, [&] { return input->take(incoming); }));
  BOOST_TEST(incoming.message.id == "ride-1");
}

BOOST_AUTO_TEST_SUITE_END()
