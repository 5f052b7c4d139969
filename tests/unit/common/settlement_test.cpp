// What becomes of a message, by what its handler decided and where its outputs go.

#include <boost/test/unit_test.hpp>

#include <stdexcept>

#include "tests/unit/common/runtime_fixture.hpp"

using namespace remuda;
using namespace remuda::test;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_SUITE(settlement, RuntimeFixture)

BOOST_AUTO_TEST_CASE(done_deletes_the_message) {
  given("ride-1");
  run();
  BOOST_TEST(node.handled == std::vector<std::string>{"ride-1"});
  BOOST_TEST(home.stored("rides").empty());
  BOOST_TEST(figure("port.rides.done") == 1);
}

BOOST_AUTO_TEST_CASE(retry_later_leaves_it_to_its_visibility_timeout_with_the_reason_recorded) {
  on_ride([](const Message&, Outbox&) { return Outcome::retry_later.because("the tax office is closed"); });
  given("ride-1");
  run();
  BOOST_REQUIRE(home.stored("rides").size() == 1U);
  BOOST_TEST(home.stored("rides")[0].attempts == std::vector<std::string>{"the tax office is closed"});
  BOOST_TEST(node.handled.size() == 1U);
  home.expire("rides");
  run();
  BOOST_TEST(node.handled.size() == 2U);
}

BOOST_AUTO_TEST_CASE(retry_later_after_a_delay_asks_for_that_delay) {
  on_ride([this](const Message&, Outbox&) {
    return node.handled.size() < 3 ? Outcome::retry_later.because("busy").after(0ms) : Outcome::done;
  });
  given("ride-1");
  run();
  BOOST_TEST(node.handled.size() == 3U);  // the memory broker makes it visible at once when the delay is zero
  BOOST_TEST(home.stored("rides").empty());
}

BOOST_AUTO_TEST_CASE(reject_moves_it_to_the_dead_letters_with_the_reason) {
  on_ride([](const Message&, Outbox&) { return Outcome::reject.because("the fare is negative"); });
  given("ride-1");
  run();
  BOOST_TEST(home.stored("rides").empty());
  BOOST_REQUIRE(home.dead_letters().size() == 1U);
  BOOST_TEST(home.dead_letters()[0].reason == "the fare is negative");
}

BOOST_AUTO_TEST_CASE(an_exception_is_retry_later_with_its_text) {
  on_ride([](const Message&, Outbox&) -> Outcome { throw std::runtime_error{"no ledger"}; });
  given("ride-1");
  run();
  BOOST_REQUIRE(home.stored("rides").size() == 1U);
  BOOST_TEST(home.stored("rides")[0].attempts == std::vector<std::string>{"no ledger"});
}

BOOST_AUTO_TEST_CASE(what_a_failed_handler_sent_never_leaves) {
  on_ride([](const Message& message, Outbox& out) {
    out.send("everywhere", ride("copy-" + message.id));
    return Outcome::retry_later;
  });
  given("ride-1");
  run();
  BOOST_TEST(home.stored("copies").empty());
  BOOST_TEST(abroad.stored("copies").empty());
  BOOST_TEST(direct.sent.empty());
}

BOOST_AUTO_TEST_CASE(a_commit_that_throws_makes_the_whole_batch_retry_later) {
  on_ride(copying_to("copy"));
  node.on_commit = [] { throw std::runtime_error{"disk full"}; };
  given("ride-1");
  given("ride-2");
  run();
  BOOST_TEST(node.commits == 1U);
  BOOST_TEST(home.stored("copies").empty());
  BOOST_REQUIRE(home.stored("rides").size() == 2U);
  for (const auto& stored : home.stored("rides"))
    BOOST_TEST(stored.attempts == std::vector<std::string>{"commit failed: disk full"});
}

BOOST_AUTO_TEST_CASE(a_batch_is_committed_once_and_settled_by_one_transaction) {
  on_ride(copying_to("copy"));
  for (int i = 0; i < 10; ++i) given("ride-" + std::to_string(i));
  run();
  BOOST_TEST(node.commits == 1U);
  BOOST_TEST(home.transactions() == 1U);
  BOOST_TEST(home.stored("rides").empty());
  BOOST_TEST(home.stored("copies").size() == 10U);
}

BOOST_AUTO_TEST_CASE(on_one_broker_the_output_and_the_delete_happen_together_or_not_at_all) {
  on_ride(copying_to("copy"));
  given("ride-1");
  home.set_reachable(false);
  run();  // nothing was received yet
  home.set_reachable(true);
  on_ride([this](const Message& message, Outbox& out) {
    home.set_reachable(false);  // the answer to the transaction gets lost for a while
    return copying_to("copy")(message, out);
  });
  run();
  BOOST_TEST(home.stored("copies").empty());
  BOOST_TEST(home.stored("rides").size() == 1U);
  home.set_reachable(true);
  BOOST_TEST(home.stored("copies").size() == 1U);
  BOOST_TEST(home.stored("rides").empty());
}

BOOST_AUTO_TEST_CASE(a_stale_handle_drops_its_outputs_and_costs_the_others_nothing) {
  std::vector<std::string> copied_at_first;
  on_ride([&](const Message& message, Outbox& out) {
    if (node.handled.size() == 2) home.expire("rides", "ride-1");  // it took too long: somebody else may have it now
    if (node.handled.size() == 4) copied_at_first = ids(home, "copies");
    return copying_to("copy")(message, out);
  });
  for (const auto* id : {"ride-1", "ride-2", "ride-3"}) given(id);
  run();
  BOOST_TEST(node.handled == (std::vector<std::string>{"ride-1", "ride-2", "ride-3", "ride-1"}));
  BOOST_TEST(copied_at_first.size() == 2U);
  BOOST_TEST(home.stored("copies").size() == 3U);
  BOOST_TEST(home.stored("rides").empty());
  BOOST_TEST(figure("port.rides.stale") == 1);
  BOOST_TEST(figure("port.rides.done") == 3);
}

BOOST_AUTO_TEST_CASE(outputs_elsewhere_are_confirmed_before_the_input_is_deleted) {
  on_ride(copying_to("elsewhere"));
  abroad.set_reachable(false);
  given("ride-1");
  run();
  BOOST_TEST(home.stored("rides").size() == 1U);
  BOOST_TEST(runtime->unsettled() == 1U);
  abroad.set_reachable(true);
  run();
  BOOST_TEST(abroad.stored("copies").size() == 1U);
  BOOST_TEST(home.stored("rides").empty());
}

BOOST_AUTO_TEST_CASE(an_output_to_several_channels_goes_to_each_with_the_same_id) {
  on_ride(copying_to("everywhere"));
  given("ride-1");
  run();
  BOOST_REQUIRE(direct.sent.size() == 1U);
  BOOST_TEST(ids(home, "copies") == std::vector<std::string>{direct.sent[0].id});
  BOOST_TEST(ids(abroad, "copies") == std::vector<std::string>{direct.sent[0].id});
}

BOOST_AUTO_TEST_CASE(a_redelivered_message_gives_outputs_with_the_same_ids) {
  on_ride([](const Message&, Outbox& out) {
    out.send("direct", {});
    out.send("direct", {});
    return Outcome::done;
  });
  home.refuse_changes(Error{"stale_handle", "stale", true});  // confirmed outputs, lost acknowledgement
  given("ride-1");
  run();
  home.refuse_changes(std::nullopt);
  home.expire("rides");
  run();
  BOOST_REQUIRE(direct.sent.size() == 4U);
  BOOST_TEST(direct.sent[0].id != direct.sent[1].id);
  BOOST_TEST(direct.sent[2].id == direct.sent[0].id);
  BOOST_TEST(direct.sent[3].id == direct.sent[1].id);
}

BOOST_AUTO_TEST_CASE(outputs_inherit_trace_and_correlation_and_get_a_source) {
  on_ride(copying_to("copy"));
  auto message = ride("ride-1");
  message.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  message.correlation_id = "booking-7";
  home.send("rides", message);
  run();
  const auto copies = home.messages("copies");
  BOOST_REQUIRE(copies.size() == 1U);
  BOOST_TEST(copies[0].traceparent == message.traceparent);
  BOOST_TEST(copies[0].correlation_id == "booking-7");
  BOOST_TEST(copies[0].source == "copier");
  BOOST_TEST(copies[0].time_ms == to_unix_ms(clock.wall_now()));
}

BOOST_AUTO_TEST_CASE(an_output_that_can_never_be_stored_is_a_failed_attempt_of_its_message_alone) {
  on_ride(copying_to("copy"));
  home.limit_bodies(10);
  given("ride-1");
  given("ride-2", "much too large a body");
  run();
  BOOST_TEST(home.stored("copies").size() == 1U);
  BOOST_REQUIRE(home.stored("rides").size() == 1U);
  BOOST_REQUIRE(home.stored("rides")[0].attempts.size() == 1U);
  BOOST_TEST(home.stored("rides")[0].attempts[0] == "message_too_large: The message is too large.");
}

BOOST_AUTO_TEST_CASE(the_same_holds_for_an_output_elsewhere) {
  on_ride(copying_to("elsewhere"));
  abroad.limit_bodies(10);
  given("ride-1");
  given("ride-2", "much too large a body");
  run();
  BOOST_TEST(abroad.stored("copies").size() == 1U);
  BOOST_REQUIRE(home.stored("rides").size() == 1U);
  BOOST_TEST(home.stored("rides")[0].attempts.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_waited_for) {
  on_ride(copying_to("copy"));
  home.refuse_changes(Error{"storage_full", "The disk is full.", true});
  given("ride-1");
  run();
  home.refuse_changes(std::nullopt);
  advance(Settler::retry_interval - 1ms);
  BOOST_TEST(home.stored("copies").empty());
  advance(1ms);
  BOOST_TEST(home.stored("copies").size() == 1U);
  BOOST_TEST(home.stored("rides").empty());
  BOOST_TEST(node.handled.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_full_queue_holds_its_node_back_until_there_is_room) {
  on_ride(copying_to("copy"));
  home.limit_messages("copies", 2);
  for (int i = 0; i < 5; ++i) given("ride-" + std::to_string(i));
  run();
  BOOST_TEST(home.stored("copies").size() == 2U);
  BOOST_TEST(home.stored("rides").size() == 3U);  // unacknowledged, in flight
  BOOST_TEST(runtime->figures().report(clock.now()).held_back == "queue copies is full");
  BOOST_TEST(node.context().held_back() == "queue copies is full");
  home.consume("copies", 1);
  advance(Settler::retry_interval);
  BOOST_TEST(home.stored("rides").size() == 2U);
  home.limit_messages("copies", 10);
  advance(Settler::retry_interval);
  BOOST_TEST(home.stored("rides").empty());
  BOOST_TEST(home.stored("copies").size() == 4U);
  BOOST_TEST(runtime->figures().report(clock.now()).held_back.empty());
  BOOST_TEST(node.handled.size() == 5U);  // each once
}

BOOST_AUTO_TEST_CASE(what_is_held_back_keeps_its_order) {
  on_ride(copying_to("copy"));
  home.limit_messages("copies", 1);
  for (int i = 0; i < 5; ++i) given("ride-" + std::to_string(i), "body-" + std::to_string(i));
  std::vector<std::string> bodies;
  run();
  while (bodies.size() < 5) {
    BOOST_REQUIRE(home.stored("copies").size() == 1U);
    bodies.push_back(home.messages("copies").front().body);
    if (bodies.size() == 2) given("ride-5", "body-5");  // comes while others wait
    home.consume("copies", 1);
    advance(Settler::retry_interval_max);
  }
  BOOST_TEST(bodies == (std::vector<std::string>{"body-0", "body-1", "body-2", "body-3", "body-4"}));
  BOOST_TEST(home.messages("copies").front().body == "body-5");
}

BOOST_AUTO_TEST_CASE(holding_back_neither_spins_nor_lets_the_inputs_come_again) {
  on_ride(copying_to("copy"));
  home.limit_messages("copies", 0);
  given("ride-1");
  run();
  const auto asked = home.transactions();
  for (int second = 0; second < 60; ++second) {
    for (int tenth = 0; tenth < 10; ++tenth) advance(100ms);
  }
  BOOST_TEST(home.transactions() - asked <= 64U);  // four in the first second and a half, then one a second
  BOOST_TEST(home.stored("rides")[0].kept >= 60U);
  BOOST_TEST((Settler::keep_time > 2 * Settler::retry_interval_max));
  BOOST_TEST(home.stored("rides")[0].receive_count == 1U);
  BOOST_TEST(node.handled.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_message_without_outputs_passes_those_that_are_held_back) {
  on_ride([](const Message& message, Outbox& out) {
    return message.id == "ride-1" ? copying_to("copy")(message, out) : Outcome::done;
  });
  home.limit_messages("copies", 0);
  given("ride-1");
  given("ride-2");
  run();
  BOOST_TEST(ids(home, "rides") == std::vector<std::string>{"ride-1"});
}

BOOST_AUTO_TEST_CASE(a_full_queue_elsewhere_holds_back_as_well) {
  on_ride(copying_to("elsewhere"));
  abroad.limit_messages("copies", 0);
  given("ride-1");
  run();
  BOOST_TEST(home.stored("rides").size() == 1U);
  BOOST_TEST(node.context().held_back() == "queue copies is full");
  abroad.limit_messages("copies", 1);
  advance(Settler::retry_interval);
  BOOST_TEST(abroad.stored("copies").size() == 1U);
  BOOST_TEST(home.stored("rides").empty());
  BOOST_TEST(node.context().held_back().empty());
}

BOOST_AUTO_TEST_CASE(who_waits_for_an_answer_is_refused_at_once_when_its_output_finds_no_room) {
  on_ride([](const Message& message, Outbox& out) {
    out.reply(ride({}, "accepted"));
    return copying_to("copy")(message, out);
  });
  home.limit_messages("copies", 0);
  ask.put(ride("question-1"), "asker");
  run();
  BOOST_REQUIRE(ask.settlements.size() == 1U);
  BOOST_TEST(ask.settlements[0].second.refusal == "overloaded");
  BOOST_TEST(!ask.settlements[0].second.reply.has_value());
  BOOST_TEST(ask.settlements[0].second.outcome.reason() == "queue_full: queue copies is full");
  home.limit_messages("copies", 1);
  ask.put(ride("question-1"), "asker");
  run();
  BOOST_REQUIRE(ask.settlements.size() == 2U);
  BOOST_TEST(ask.settlements[1].second.reply->body == "accepted");
}

BOOST_AUTO_TEST_CASE(a_batch_of_large_outputs_is_settled_in_portions) {
  on_ride(copying_to("copy"));
  const std::string large(Settler::group_bytes_max / 2, 'x');
  for (int i = 0; i < 3; ++i) given("ride-" + std::to_string(i), large);
  run();
  BOOST_TEST(home.transactions() == 3U);  // the headers make each a little more than half
  BOOST_TEST(home.stored("copies").size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_request_is_answered_after_the_commit) {
  on_ride([this](const Message&, Outbox& out) {
    out.reply(ride({}, "the balance"));
    BOOST_TEST(ask.settlements.empty());
    return Outcome::done;
  });
  node.on_commit = [this] { BOOST_TEST(ask.settlements.empty()); };
  ask.put(ride("question-1"), "asker");
  run();
  BOOST_REQUIRE(ask.settlements.size() == 1U);
  BOOST_TEST(ask.settlements[0].first == "asker");
  const auto& reply = ask.settlements[0].second.reply;
  BOOST_REQUIRE(reply.has_value());
  BOOST_TEST(reply->body == "the balance");
  BOOST_TEST(reply->correlation_id == "question-1");
}

BOOST_AUTO_TEST_CASE(a_request_that_is_done_without_a_reply_is_answered_empty) {
  ask.put(ride("question-1"), "asker");
  run();
  BOOST_REQUIRE(ask.settlements.size() == 1U);
  BOOST_REQUIRE(ask.settlements[0].second.reply.has_value());
  BOOST_TEST(ask.settlements[0].second.reply->body.empty());
}

BOOST_AUTO_TEST_CASE(a_request_whose_commit_failed_gets_no_reply_but_the_reason) {
  on_ride([](const Message&, Outbox& out) {
    out.reply(ride({}, "accepted"));
    return Outcome::done;
  });
  node.on_commit = [] { throw std::runtime_error{"disk full"}; };
  ask.put(ride("question-1"), "asker");
  run();
  BOOST_REQUIRE(ask.settlements.size() == 1U);
  BOOST_TEST(!ask.settlements[0].second.reply.has_value());
  BOOST_TEST((ask.settlements[0].second.outcome.kind() == Outcome::Kind::retry_later));
  BOOST_TEST(ask.settlements[0].second.outcome.reason() == "commit failed: disk full");
}

BOOST_AUTO_TEST_CASE(replying_where_nobody_asked_is_a_failed_attempt) {
  on_ride([](const Message&, Outbox& out) {
    out.reply(ride({}, "to whom?"));
    return Outcome::done;
  });
  given("ride-1");
  run();
  BOOST_REQUIRE(home.stored("rides")[0].attempts.size() == 1U);
  BOOST_TEST(home.stored("rides")[0].attempts[0] == "port `rides` is no request: nobody waits for a reply");
}

BOOST_AUTO_TEST_CASE(an_unwired_output_is_no_error_and_an_undeclared_one_is) {
  on_ride(copying_to("unwired"));
  given("ride-1");
  run();
  BOOST_TEST(home.stored("rides").empty());
  on_ride(copying_to("nowhere"));
  given("ride-2");
  run();
  BOOST_REQUIRE(home.stored("rides").size() == 1U);
  BOOST_TEST(home.stored("rides")[0].attempts == std::vector<std::string>{"there is no output port `nowhere`"});
}

BOOST_AUTO_TEST_CASE(a_failed_message_of_a_live_topic_is_only_counted) {
  on_ride([](const Message&, Outbox&) { return Outcome::retry_later; });
  ticks.put(ride("tick-1"));
  run();
  BOOST_TEST(node.handled.size() == 1U);
  BOOST_TEST(figure("port.ticks.retried") == 1);
}

BOOST_AUTO_TEST_CASE(a_handler_sees_how_often_its_message_has_come) {
  std::vector<std::uint32_t> counts;
  on_ride([&](const Message&, Outbox& out) {
    counts.push_back(out.delivery().receive_count);
    return counts.size() < 2 ? Outcome::retry_later : Outcome::done;
  });
  given("ride-1");
  run();
  home.expire("rides");
  run();
  BOOST_TEST(counts == (std::vector<std::uint32_t>{1, 2}));
  BOOST_TEST(figure("port.rides.redelivered") == 1);
}

BOOST_AUTO_TEST_SUITE_END()
