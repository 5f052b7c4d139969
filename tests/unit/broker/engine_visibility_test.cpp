// Receiving, the visibility timeout and receipt handles: MISSION P17 and P18, RELIABILITY §5.1.

#include "tests/unit/broker/engine_fixture.hpp"

namespace remuda::broker::test {

namespace {

struct VisibilityFixture : EngineFixture {
  /// Sends so many messages, has `taken` of them received and leaves the others visible.
  void fill(std::size_t taken, std::size_t left) {
    const std::vector<std::string> thousand(1'000, "x");
    for (std::size_t sent = 0; sent < taken + left; sent += thousand.size()) send_all(thousand);
    for (std::size_t received = 0; received < taken; received += 10'000) BOOST_REQUIRE(receive_all(10'000).size() == 10'000U);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(engine_visibility, VisibilityFixture)

BOOST_AUTO_TEST_CASE(p17_a_consumer_that_is_fast_enough_is_the_only_one_to_see_the_message) {
  send("A");
  BOOST_TEST(info().visible == 1U);  // stored
  const auto first = receive();
  BOOST_REQUIRE(first);
  BOOST_TEST(first->body == "A");
  BOOST_TEST(info().in_flight == 1U);
  BOOST_TEST(!receive());  // consumer 2 gets nothing while A is in flight
  advance(30s - 1ms);
  BOOST_TEST(!receive());
  BOOST_TEST(delete_message(first->receipt_handle) == HandleOutcome::done);
  advance(1h);
  hello();
  BOOST_TEST(!receive());
  BOOST_TEST(info().visible + info().in_flight == 0U);
  BOOST_TEST(info().counters.deleted == 1U);
}

BOOST_AUTO_TEST_CASE(p18_a_message_not_deleted_in_time_is_received_again_and_the_late_delete_changes_nothing) {
  send("A");
  const auto first = receive();
  BOOST_REQUIRE(first);
  advance(30s - 1ms);
  BOOST_TEST(!receive());
  advance(1ms);
  const auto second = receive();
  BOOST_REQUIRE(second);
  BOOST_TEST(second->body == "A");
  BOOST_TEST(second->receive_count == 2U);
  BOOST_TEST(second->receipt_handle != first->receipt_handle);
  BOOST_TEST(delete_message(first->receipt_handle) == HandleOutcome::stale_handle);
  BOOST_TEST(info().in_flight == 1U);
  advance(30s - 1ms);  // the second window has its full length
  BOOST_TEST(!receive());
  BOOST_TEST(delete_message(second->receipt_handle) == HandleOutcome::done);
  BOOST_TEST(info().in_flight == 0U);
}

BOOST_AUTO_TEST_CASE(a_late_delete_still_works_while_nobody_else_has_received_the_message) {
  send("A");
  const auto first = receive();
  advance(31s);
  BOOST_TEST(info().visible == 1U);
  BOOST_TEST(delete_message(first->receipt_handle) == HandleOutcome::done);
  BOOST_TEST(!receive());
}

BOOST_AUTO_TEST_CASE(deleting_with_the_same_handle_again_is_fine) {
  send("A");
  const auto first = receive();
  BOOST_TEST(delete_message(first->receipt_handle) == HandleOutcome::done);
  BOOST_TEST(delete_message(first->receipt_handle) == HandleOutcome::done);
  BOOST_TEST(info().counters.deleted == 1U);
}

BOOST_AUTO_TEST_CASE(a_handle_of_another_queue_or_of_nothing_is_stale) {
  declare(plain("other"));
  send("A");
  const auto first = receive();
  BOOST_TEST(delete_message(first->receipt_handle, "other") == HandleOutcome::stale_handle);
  BOOST_TEST(delete_message(ReceiptHandle{queue(), 1, 99}) == HandleOutcome::stale_handle);
  BOOST_TEST(delete_message(ReceiptHandle{queue(), 0, 1}) == HandleOutcome::stale_handle);
  BOOST_TEST(info().in_flight == 1U);
}

BOOST_AUTO_TEST_CASE(messages_are_received_oldest_first_and_returned_ones_keep_their_place) {
  send_all({"A", "B", "C", "D"});
  const auto first = receive_all(2);
  BOOST_REQUIRE(first.size() == 2U);
  BOOST_TEST(first[0].body == "A");
  BOOST_TEST(first[1].body == "B");
  advance(30s);
  std::string order;
  for (const Received& each : receive_all()) order += each.body;
  BOOST_TEST(order == "ABCD");
}

BOOST_AUTO_TEST_CASE(setting_the_visibility_to_zero_returns_the_message_at_once) {
  send("A");
  const auto first = receive();
  BOOST_TEST(change_visibility(first->receipt_handle, 0s) == HandleOutcome::done);
  const auto second = receive();
  BOOST_REQUIRE(second);
  BOOST_TEST(second->receive_count == 2U);
}

BOOST_AUTO_TEST_CASE(the_visibility_timeout_can_be_extended_and_shortened) {
  send("A");
  const auto first = receive();
  advance(20s);
  BOOST_TEST(change_visibility(first->receipt_handle, 60s) == HandleOutcome::done);
  advance(60s - 1ms);
  BOOST_TEST(!receive());
  BOOST_TEST(change_visibility(first->receipt_handle, 5ms) == HandleOutcome::done);
  advance(4ms);
  BOOST_TEST(!receive());
  advance(1ms);
  const auto second = receive();
  BOOST_REQUIRE(second);
  BOOST_TEST(change_visibility(first->receipt_handle, 60s) == HandleOutcome::stale_handle);
}

BOOST_AUTO_TEST_CASE(an_attempt_lasts_at_most_twelve_hours) {
  send("A");
  const auto first = receive("rides", 12h);
  BOOST_REQUIRE(first);
  advance(1h);
  BOOST_TEST(change_visibility(first->receipt_handle, 11h) == HandleOutcome::done);
  BOOST_TEST(change_visibility(first->receipt_handle, 11h + 1ms) == HandleOutcome::invalid_visibility_timeout);
  const ReceiptHandle handle = first->receipt_handle;
  BOOST_TEST(code(ask(ChangeMessageVisibility{new_request(), queue(), std::span{&handle, 1}, 12h + 1ms})) ==
             "invalid_visibility_timeout");
  BOOST_TEST(code(ask(ReceiveMessage{new_request(), queue(), 1, 0ms, 12h + 1ms})) == "invalid_visibility_timeout");
}

BOOST_AUTO_TEST_CASE(a_receive_with_its_own_timeout_overrides_that_of_the_queue) {
  send("A");
  BOOST_REQUIRE(receive("rides", 5s));
  advance(5s);
  BOOST_TEST(receive().has_value());
}

BOOST_AUTO_TEST_CASE(a_released_message_was_never_started_so_its_receive_does_not_count) {
  send("A");
  const auto first = receive();
  BOOST_TEST(release(first->receipt_handle) == HandleOutcome::done);
  const auto second = receive();
  BOOST_REQUIRE(second);
  BOOST_TEST(second->receive_count == 1U);
  BOOST_TEST(second->receipt_handle != first->receipt_handle);
  BOOST_TEST(release(first->receipt_handle) == HandleOutcome::stale_handle);
}

BOOST_AUTO_TEST_CASE(at_most_120000_messages_of_a_queue_are_in_flight) {
  fill(120'000, 1'000);
  BOOST_TEST(code(ask(ReceiveMessage{new_request(), queue(), 1, 0ms, {}})) == "over_limit");
  BOOST_TEST(info().in_flight == 120'000U);
  BOOST_TEST(delete_message(ReceiptHandle{queue(), 1, 5}) == HandleOutcome::done);
  BOOST_TEST(receive_all(10).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_receive_that_waits_waits_for_room_among_those_in_flight_too) {
  fill(120'000, 1'000);
  tell(ReceiveMessage{new_request(), queue(), 10, 20s, {}});
  BOOST_TEST(!answered(client));
  const std::array three{ReceiptHandle{queue(), 1, 5}, ReceiptHandle{queue(), 1, 6}, ReceiptHandle{queue(), 1, 7}};
  tell(DeleteMessage{new_request(), queue(), three});
  const auto woken = answered(client);
  BOOST_REQUIRE(woken);
  BOOST_TEST(woken->size() == 3U);
  BOOST_TEST(info().in_flight == 120'000U);

  tell(ReceiveMessage{new_request(), queue(), 10, 20s, {}});
  advance(20s - 1ms);
  BOOST_TEST(!answered(client));
  advance(1ms);
  BOOST_REQUIRE(answered(client));  // no error after all: there was nothing for it
  BOOST_TEST(answered(client)->empty());
}

BOOST_AUTO_TEST_CASE(ten_thousand_timeouts_that_end_at_one_moment_end_in_that_turn) {
  constexpr std::uint32_t many = 25'000;
  const std::vector<std::string> bodies(many, "ride");
  send_all(bodies);
  std::size_t held = 0;
  while (held < many) held += receive_all(10'000).size();
  BOOST_TEST(info().in_flight == many);
  advance(30s - 1ms);
  BOOST_TEST(info().in_flight == many);
  advance(1ms);  // one tick
  BOOST_TEST(info().in_flight == 0U);
  BOOST_TEST(info().visible == many);
  restart();  // what the tick wrote is read again, however long its record
  BOOST_TEST(info().visible == many);
  const auto again = receive();
  BOOST_REQUIRE(again);
  BOOST_TEST(again->receive_count == 2U);
  check_accounts();
}

BOOST_AUTO_TEST_CASE(ten_thousand_last_attempts_that_end_at_one_moment_are_dead_letters_once_each) {
  constexpr std::uint32_t many = 12'000;
  QueueAttributes attributes = rides_attributes();
  attributes.max_receives = 1;
  declare(attributes);
  send_all(std::vector<std::string>(many, "poison"));
  std::size_t held = 0;
  while (held < many) held += receive_all(10'000).size();
  advance(30s);
  BOOST_TEST(info().visible + info().in_flight == 0U);
  BOOST_TEST(info("rides-dead").visible == many);
  restart();
  BOOST_TEST(info().visible + info().in_flight == 0U);
  BOOST_TEST(info("rides-dead").visible == many);
  check_accounts();
}

BOOST_AUTO_TEST_CASE(a_delayed_message_is_visible_after_its_delay_and_not_before) {
  send("late", "rides", 10s);
  send("now");
  BOOST_TEST(info().delayed == 1U);
  BOOST_TEST(receive()->body == "now");
  advance(10s - 1ms);
  BOOST_TEST(!receive());
  advance(1ms);
  BOOST_TEST(receive()->body == "late");
  BOOST_TEST(code(send("too late", "rides", 15min + 1ms)) == "invalid_argument");
}

BOOST_AUTO_TEST_CASE(the_engine_says_when_it_next_has_something_to_do) {
  send("A");
  receive();
  const Instant start = clock.now();
  BOOST_REQUIRE(engine->next_deadline());
  BOOST_TEST((*engine->next_deadline() <= start + 30s));
  // Called exactly then and not otherwise, it does everything in time.
  while (clock.now() < start + 30s) advance(*engine->next_deadline() - clock.now());
  BOOST_TEST((clock.now() == start + 30s));
  BOOST_TEST(info().visible == 1U);
}

BOOST_AUTO_TEST_CASE(the_sent_and_first_received_times_travel_with_every_delivery) {
  const std::int64_t sent = to_unix_ms(clock.wall_now());
  send("A");
  advance(5s);
  BOOST_TEST(receive()->first_received_ms == sent + 5000);
  advance(30s);
  const auto second = receive();
  BOOST_TEST(second->sent_ms == sent);
  BOOST_TEST(second->first_received_ms == sent + 5000);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::broker::test
