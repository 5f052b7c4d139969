// Failed attempts, the dead-letter queue and redrive: MISSION P16, RELIABILITY I8.

#include <algorithm>
#include <map>

#include "tests/unit/broker/engine_fixture.hpp"

namespace remuda::broker::test {

BOOST_FIXTURE_TEST_SUITE(engine_dead_letters, EngineFixture)

BOOST_AUTO_TEST_CASE(a_message_that_is_never_deleted_is_dead_lettered_after_exactly_max_receives) {
  send("poison");
  for (std::uint32_t count = 1; count <= 3; ++count) {
    const auto again = receive();
    BOOST_REQUIRE(again);
    BOOST_TEST(again->receive_count == count);
    BOOST_TEST(info("rides-dead").visible == 0U);
    advance(30s);
  }
  BOOST_TEST(!receive());  // it went at the timeout, not at the next receive
  BOOST_TEST(info().counters.dead_lettered == 1U);
  BOOST_TEST(info("rides-dead").visible == 1U);
  check_accounts();
}

BOOST_AUTO_TEST_CASE(a_dead_letter_tells_where_it_came_from_why_and_what_was_tried) {
  send("poison");
  for (int i = 0; i < 2; ++i) {
    BOOST_TEST(done(retry_later(receive()->receipt_handle, "card declined", 0ms)).has_value());
  }
  receive();
  advance(30s);
  const auto dead = peek("rides-dead");
  BOOST_REQUIRE(dead.size() == 1U);
  BOOST_TEST(body_of(dead[0]) == "poison");
  BOOST_TEST(dead[0].origin_queue == "rides");
  BOOST_TEST(dead[0].reason == "received 3 times without being deleted, the maximum is 3");
  BOOST_TEST(dead[0].receive_count == 3U);
  BOOST_REQUIRE(dead[0].attempts.size() == 3U);
  BOOST_TEST(dead[0].attempts[0].node == "accounting");
  BOOST_TEST(dead[0].attempts[0].host == "alpha");
  BOOST_TEST(dead[0].attempts[0].error == "card declined");
  BOOST_TEST(dead[0].attempts[2].error == "visibility timeout expired");
  BOOST_TEST(dead[0].attempts[2].time_ms == to_unix_ms(clock.wall_now()));
}

BOOST_AUTO_TEST_CASE(a_poison_message_does_not_hold_others_up) {
  send_all({"A", "poison", "B"});
  std::string processed;
  for (int round = 0; round < 4; ++round) {
    for (const Received& each : receive_all()) {
      if (each.body == "poison") {
        retry_later(each.receipt_handle, "crash", 0ms);
      } else {
        processed += each.body;
        delete_message(each.receipt_handle);
      }
    }
  }
  BOOST_TEST(processed == "AB");
  BOOST_TEST(info().visible + info().in_flight == 0U);
  BOOST_TEST(info("rides-dead").visible == 1U);
}

BOOST_AUTO_TEST_CASE(released_innocents_of_a_batch_never_become_dead_letters) {
  send_all({"poison", "innocent"});
  for (int i = 0; i < 3; ++i) {
    const auto batch = receive_all();
    BOOST_REQUIRE(batch.size() == 2U);
    release(batch[1].receipt_handle);
    retry_later(batch[0].receipt_handle, "crash", 0ms);
  }
  BOOST_TEST(info("rides-dead").visible == 1U);
  BOOST_TEST(receive()->body == "innocent");
}

/// RELIABILITY D1: one message in a hundred kills its consumer, in batches of ten; the next consumer gives back what it has not begun.
BOOST_AUTO_TEST_CASE(d1_every_poison_message_is_delivered_exactly_max_receives_times_and_no_innocent_is_dead_lettered) {
  constexpr int many = 1'000;
  for (int i = 0; i < many; ++i) send(i % 100 == 37 ? "poison-" + std::to_string(i) : "ride-" + std::to_string(i));
  std::map<std::string, int> begun;
  std::size_t deleted = 0;
  for (int crashes = 0; crashes < many && info().visible + info().in_flight > 0;) {
    const auto batch = receive_all(10);
    if (batch.empty()) {
      advance(30s - 1ms);
      const auto dead_before = info("rides-dead").visible;
      advance(1ms);  // the last attempt ends here, and so does the message's life in this queue: nobody has to receive for that
      if (info().visible + info().in_flight == 0) BOOST_TEST(info("rides-dead").visible > dead_before);
      continue;
    }
    const auto poison =
        std::find_if(batch.begin(), batch.end(), [](const Received& each) { return each.body.starts_with("poison"); });
    for (auto each = batch.begin(); each != batch.end(); ++each) {
      if (each < poison) {
        ++begun[each->body];
        BOOST_TEST((delete_message(each->receipt_handle) == HandleOutcome::done));
        ++deleted;
      } else if (each == poison) {
        ++begun[each->body];  // its consumer dies here: nothing is settled, its timeout will end
        ++crashes;
      } else {
        BOOST_TEST((release(each->receipt_handle) == HandleOutcome::done));
      }
    }
  }
  BOOST_TEST(deleted == 990U);
  for (const auto& [body, times] : begun) BOOST_TEST(times == (body.starts_with("poison") ? 3 : 1), body);
  const auto dead = peek("rides-dead");
  BOOST_TEST(dead.size() == 10U);
  for (const MessageInfo& each : dead) {
    BOOST_TEST(body_of(each).starts_with("poison"));
    BOOST_TEST(each.receive_count == 3U);
  }
  check_accounts();
}

BOOST_AUTO_TEST_CASE(a_failed_attempt_without_a_delay_leaves_the_message_to_its_visibility_timeout) {
  send("A");
  const auto first = receive();
  retry_later(first->receipt_handle, "busy");
  BOOST_TEST(!receive());
  advance(30s);
  const auto message = peek().at(0);
  BOOST_REQUIRE(message.attempts.size() == 1U);  // one attempt, recorded once
  BOOST_TEST(message.attempts[0].error == "busy");
  BOOST_TEST(receive()->receive_count == 2U);
}

BOOST_AUTO_TEST_CASE(a_failed_attempt_can_ask_for_a_delay) {
  send("A");
  retry_later(receive()->receipt_handle, "busy", 5s);
  advance(5s - 1ms);
  BOOST_TEST(!receive());
  advance(1ms);
  BOOST_TEST(receive().has_value());
  BOOST_TEST(code(retry_later(ReceiptHandle{queue(), 1, 1}, "late")) == "stale_handle");
}

BOOST_AUTO_TEST_CASE(a_rejected_message_is_dead_lettered_at_once_with_its_reason) {
  send("bad");
  reject(receive()->receipt_handle, "not a ride");
  const auto dead = peek("rides-dead");
  BOOST_REQUIRE(dead.size() == 1U);
  BOOST_TEST(dead[0].reason == "not a ride");
  BOOST_TEST(dead[0].receive_count == 1U);
}

BOOST_AUTO_TEST_CASE(without_a_dead_letter_queue_a_rejected_message_stays_and_keeps_the_reason) {
  declare(plain("bare"));
  send("bad", "bare");
  reject(receive("bare")->receipt_handle, "not a ride", "bare");
  advance(30s);
  const auto message = peek("bare").at(0);
  BOOST_TEST(message.state == MessageState::visible);
  BOOST_TEST(message.attempts.at(0).error == "not a ride");
}

BOOST_AUTO_TEST_CASE(only_the_first_and_the_last_nine_attempts_are_kept) {
  declare(plain("bare"));
  send("A", "bare");
  for (int i = 0; i < 15; ++i) {
    const ReceiptHandle handle = receive("bare")->receipt_handle;
    ask(RetryLater{new_request(), queue("bare"), handle, "error " + std::to_string(i), 0ms});
  }
  const auto message = peek("bare").at(0);
  BOOST_TEST(message.attempts_total == 15U);
  BOOST_REQUIRE(message.attempts.size() == 10U);
  BOOST_TEST(message.attempts.front().error == "error 0");
  BOOST_TEST(message.attempts[1].error == "error 6");
  BOOST_TEST(message.attempts.back().error == "error 14");
}

BOOST_AUTO_TEST_CASE(a_limit_lowered_later_dead_letters_at_the_next_receive) {
  send_all({"old", "new"});
  for (int i = 0; i < 2; ++i) retry_later(receive()->receipt_handle, "busy", 0ms);
  QueueAttributes attributes = rides_attributes();
  attributes.max_receives = 2;
  declare(attributes);
  BOOST_TEST(receive()->body == "new");
  BOOST_TEST(info("rides-dead").visible == 1U);
}

BOOST_AUTO_TEST_CASE(a_dead_letter_older_than_the_retention_of_its_origin_is_not_lost_by_a_redrive) {
  send("A");
  reject(receive()->receipt_handle, "bug");
  advance(hours{24 * 13});  // the queue keeps four days, its dead-letter queue fourteen
  hello();
  BOOST_TEST(done(ask(RedriveMessages{new_request(), queue("rides-dead"), {}, {}}))->count == 1U);
  advance(hours{24});
  BOOST_TEST(info().visible == 1U);
}

BOOST_AUTO_TEST_CASE(redrive_sends_dead_letters_back_where_they_came_from_with_a_fresh_receive_count) {
  send_all({"A", "B"});
  for (const Received& each : receive_all()) reject(each.receipt_handle, "bug");
  advance(1s);
  const std::int64_t redriven = to_unix_ms(clock.wall_now());
  BOOST_TEST(done(ask(RedriveMessages{new_request(), queue("rides-dead"), {}, {}}))->count == 2U);
  BOOST_TEST(info("rides-dead").visible == 0U);
  const auto again = receive_all();
  BOOST_REQUIRE(again.size() == 2U);
  BOOST_TEST(again[0].body == "A");
  BOOST_TEST(again[0].receive_count == 1U);
  BOOST_TEST(again[0].sent_ms == redriven);
  BOOST_TEST(peek().at(0).attempts.size() == 1U);  // the history is kept
  BOOST_TEST(peek().at(0).reason.empty());
  check_accounts();
}

BOOST_AUTO_TEST_CASE(what_was_moved_into_a_queue_counts_as_sent_there) {
  send_all({"A", "B"});
  reject(receive()->receipt_handle, "no such ride");
  BOOST_TEST(info("rides").counters.sent == 2U);
  BOOST_TEST(info("rides").counters.dead_lettered == 1U);
  BOOST_TEST(info("rides-dead").counters.sent == 1U);
  BOOST_TEST(info("rides-dead").counters.moved_in == 1U);
  check_accounts();
  BOOST_REQUIRE(done(ask(RedriveMessages{new_request(), queue("rides-dead"), {}, {}})));
  BOOST_TEST(info("rides").counters.sent == 3U);
  BOOST_TEST(info("rides").counters.moved_in == 1U);
  check_accounts();
  restart();
  check_accounts();
  BOOST_TEST(info("rides").counters.sent == 3U);
}

BOOST_AUTO_TEST_CASE(redrive_takes_only_what_it_is_asked_for) {
  send_all({"A", "B", "C"});
  for (const Received& each : receive_all()) reject(each.receipt_handle, "bug");
  send("direct", "rides-dead");  // came from nowhere: it stays
  const std::vector<Sequence> chosen{2};
  BOOST_TEST(done(ask(RedriveMessages{new_request(), queue("rides-dead"), {}, chosen}))->count == 1U);
  BOOST_TEST(receive()->body == "B");
  BOOST_TEST(done(ask(RedriveMessages{new_request(), queue("rides-dead"), {}, {}, 1}))->count == 1U);
  BOOST_TEST(receive()->body == "A");
  declare(plain("repair"));
  BOOST_TEST(done(ask(RedriveMessages{new_request(), queue("rides-dead"), queue("repair"), {}}))->count == 2U);
  BOOST_TEST(info("repair").visible == 2U);
  BOOST_TEST(code(ask(RedriveMessages{new_request(), queue("repair"), queue("repair"), {}})) == "invalid_argument");
}

BOOST_AUTO_TEST_CASE(a_dead_letter_queue_with_a_limit_of_its_own_counts_only_its_own_receives) {
  QueueAttributes dead = plain("rides-dead");
  dead.dead_letter_queue = "graveyard";
  dead.max_receives = 2;
  declare(dead);
  send("A");
  for (int i = 0; i < 3; ++i) retry_later(receive()->receipt_handle, "busy", 0ms);
  for (int i = 0; i < 2; ++i) {
    BOOST_TEST(receive("rides-dead").has_value());
    advance(30s);
  }
  BOOST_TEST(!receive("rides-dead"));
  BOOST_TEST(info("graveyard").visible == 1U);
  BOOST_TEST(peek("graveyard").at(0).origin_queue == "rides-dead");
}

BOOST_AUTO_TEST_CASE(a_dead_letter_serves_the_receive_that_waits_for_it) {
  send("A");
  const auto first = receive();
  tell(ReceiveMessage{Requester{20, session, 1, 0}, queue("rides-dead"), 1, 20s, {}});
  BOOST_TEST(!answered(20));
  reject(first->receipt_handle, "bug");
  BOOST_REQUIRE(answered(20));
  BOOST_TEST(answered(20)->at(0).body == "A");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::broker::test
