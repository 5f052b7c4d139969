// FIFO queues: order within a message group, independence between groups. The rules are F1 to F7 of QUEUE.md.

#include "tests/unit/broker/engine_fixture.hpp"

namespace remuda::broker::test {
namespace {

struct FifoFixture : EngineFixture {
  explicit FifoFixture(std::uint32_t segment_size = 64U << 20U) : EngineFixture{segment_size} { declare(fifo("bookings")); }

  std::optional<Received> receive_one() { return receive("bookings"); }
  HandleOutcome finish(const Received& message) { return delete_message(message.receipt_handle, "bookings"); }
  /// A dead letter after this many receives.
  void limit_receives(std::uint32_t max, OnDeadLetter on_dead_letter = OnDeadLetter::skip) {
    QueueAttributes attributes = fifo("bookings");
    attributes.dead_letter_queue = "bookings-dead";
    attributes.max_receives = max;
    attributes.fifo->on_dead_letter = on_dead_letter;
    declare(attributes);
  }
};

struct SmallFifoSegments : FifoFixture {
  SmallFifoSegments() : FifoFixture{4096} {}
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(engine_fifo, FifoFixture)

BOOST_AUTO_TEST_CASE(p19_one_consumer_receives_in_strict_order) {
  for (const char* each : {"A", "B", "C", "D"}) send_in_group("all", each);
  BOOST_TEST(receive_bodies() == "ABCD");
}

BOOST_AUTO_TEST_CASE(p20_without_grouping_the_order_of_completion_may_differ_b_a_d_c) {
  for (const char* each : {"A", "B", "C", "D"}) send_in_group(each, each);  // each message its own group
  std::string completed;
  const auto complete = [&](const Received& message) {
    BOOST_TEST(finish(message) == HandleOutcome::done);
    completed += message.body;
  };
  const auto first = receive_one();   // consumer 1
  const auto second = receive_one();  // consumer 2
  BOOST_TEST(first->body == "A");
  BOOST_TEST(second->body == "B");
  complete(*second);
  const auto third = receive_one();  // consumer 2 goes on while consumer 1 is still busy
  BOOST_TEST(third->body == "C");
  complete(*first);
  const auto fourth = receive_one();  // consumer 1
  BOOST_TEST(fourth->body == "D");
  complete(*fourth);
  complete(*third);
  BOOST_TEST(completed == "BADC");
}

BOOST_AUTO_TEST_CASE(p21_with_groups_d_is_handed_out_while_a_is_in_flight_and_not_c) {
  send_in_group("first", "A");
  send_in_group("second", "B");
  send_in_group("first", "C");
  send_in_group("second", "D");
  std::string handed_out;
  std::string completed;
  const auto take = [&] {
    const auto message = receive_one();
    BOOST_REQUIRE(message);
    handed_out += message->body;
    return *message;
  };
  const auto complete = [&](const Received& message) {
    BOOST_TEST(finish(message) == HandleOutcome::done);
    completed += message.body;
  };
  const Received a = take();
  const Received b = take();
  BOOST_TEST(!receive_one());  // both groups are in work: parallelism is the number of groups
  complete(b);
  const Received d = take();  // not C: A is in flight
  BOOST_TEST(!receive_one());
  complete(a);
  const Received c = take();
  complete(d);
  complete(c);
  BOOST_TEST(handed_out == "ABDC");
  BOOST_TEST(completed == "BADC");
}

BOOST_AUTO_TEST_CASE(p22_one_group_is_a_total_order_with_one_message_in_work) {
  for (const char* each : {"A", "B", "C"}) send_in_group("all", each);
  for (const char* each : {"A", "B", "C"}) {
    const auto message = receive_one();
    BOOST_REQUIRE(message);
    BOOST_TEST(message->body == each);
    BOOST_TEST(!receive_one());
    finish(*message);
  }
  BOOST_TEST(info("bookings").groups == 0U);
}

BOOST_AUTO_TEST_CASE(one_receive_takes_what_a_group_has_in_order_and_fills_up_with_other_groups) {
  send_in_group("x", "1");
  send_in_group("y", "2");
  send_in_group("x", "3");
  send_in_group("y", "4");
  send_in_group("z", "5");
  BOOST_TEST(receive_bodies(3) == "123");  // x whole, and the first of y
  BOOST_TEST(receive_bodies(3) == "5");    // y is closed now
}

BOOST_AUTO_TEST_CASE(a_group_stays_closed_until_the_last_of_a_batch_is_settled) {
  for (const char* each : {"A", "B", "C"}) send_in_group("g", each);
  const auto batch = receive_all(2, "bookings");
  finish(batch[0]);
  BOOST_TEST(!receive_one());
  finish(batch[1]);
  BOOST_TEST(receive_one()->body == "C");
}

BOOST_AUTO_TEST_CASE(after_a_timeout_delivery_restarts_from_the_lowest_that_is_left) {
  for (const char* each : {"A", "B", "C"}) send_in_group("g", each);
  const auto batch = receive_all(3, "bookings");
  finish(batch[1]);
  advance(30s - 1ms);
  BOOST_TEST(!receive_one());
  advance(1ms);
  BOOST_TEST(receive_bodies() == "AC");
}

BOOST_AUTO_TEST_CASE(an_extended_timeout_of_the_head_keeps_its_followers_back) {
  send_in_group("g", "A");
  send_in_group("g", "B");
  const auto head = receive_one();
  const ReceiptHandle handle = head->receipt_handle;
  advance(20s);
  ask(ChangeMessageVisibility{new_request(), queue("bookings"), std::span{&handle, 1}, 60s});
  advance(59s);
  BOOST_TEST(!receive_one());
  advance(1s);
  BOOST_TEST(receive_bodies() == "AB");
}

BOOST_AUTO_TEST_CASE(a_head_that_is_made_visible_is_first_again) {
  send_in_group("g", "A");
  send_in_group("g", "B");
  const ReceiptHandle handle = receive_one()->receipt_handle;
  ask(ChangeMessageVisibility{new_request(), queue("bookings"), std::span{&handle, 1}, 0ms});
  BOOST_TEST(receive_bodies() == "AB");
}

BOOST_AUTO_TEST_CASE(a_retry_with_delay_holds_its_group_back_instead_of_letting_it_pass) {
  send_in_group("g", "A");
  send_in_group("g", "B");
  const Received head = *receive_one();
  ask(RetryLater{new_request(), queue("bookings"), head.receipt_handle, "busy", 5s});
  advance(5s - 1ms);
  BOOST_TEST(!receive_one());
  advance(1ms);
  const auto again = receive_all(10, "bookings");
  BOOST_REQUIRE(again.size() == 2U);
  BOOST_TEST(again[0].body == "A");
  BOOST_TEST(again[0].receive_count == 2U);
  BOOST_TEST(again[1].body == "B");
  BOOST_TEST(peek("bookings").at(0).attempts.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_new_send_never_opens_a_closed_group) {
  send_in_group("g", "A");
  const auto head = receive_one();
  send_in_group("g", "B");
  BOOST_TEST(!receive_one());
  finish(*head);
  BOOST_TEST(receive_one()->body == "B");
}

BOOST_AUTO_TEST_CASE(a_delayed_message_does_not_hold_back_the_visible_ones_of_its_group) {
  send_in_group("g", "late", "bookings", {}, 10s);
  send_in_group("g", "now");
  const auto now = receive_one();
  BOOST_TEST(now->body == "now");
  advance(10s);
  BOOST_TEST(!receive_one());  // the group is closed
  finish(*now);
  BOOST_TEST(receive_one()->body == "late");
}

BOOST_AUTO_TEST_CASE(a_delay_that_ends_puts_the_message_where_it_belongs) {
  send_in_group("g", "A", "bookings", {}, 5s);
  send_in_group("g", "B");
  advance(5s);
  BOOST_TEST(receive_bodies() == "AB");
}

BOOST_AUTO_TEST_CASE(a_message_that_is_first_of_its_group_for_the_second_time_is_handed_out_once) {
  send_in_group("g", "A", "bookings", {}, 5s);
  send_in_group("g", "B");
  send_in_group("other", "C");
  advance(5s);  // B was first, and is again when A is done
  const auto first = receive_one();
  BOOST_TEST(first->body == "A");
  finish(*first);
  BOOST_TEST(receive_bodies() == "BC");
}

BOOST_AUTO_TEST_CASE(a_busy_group_costs_other_groups_nothing) {
  for (int i = 0; i < 5'000; ++i) send_in_group("huge", "h" + std::to_string(i));
  send_in_group("small", "S");
  const auto head = receive_one();
  BOOST_TEST(head->body == "h0");
  BOOST_TEST(receive_one()->body == "S");
}

BOOST_AUTO_TEST_CASE(a_receive_that_waits_gets_the_next_of_a_group_once_it_opens) {
  send_in_group("g", "A");
  send_in_group("g", "B");
  const auto head = receive_one();
  tell(ReceiveMessage{Requester{9, session, ++request, 0}, queue("bookings"), 1, 20s, {}});
  BOOST_TEST(!answered(9));
  finish(*head);
  BOOST_REQUIRE(answered(9));
  BOOST_TEST(answered(9)->at(0).body == "B");
}

BOOST_AUTO_TEST_CASE(a_handle_is_stale_once_its_timeout_has_opened_the_group_to_others) {
  send_in_group("g", "A");
  const auto head = receive_one();
  advance(30s);
  BOOST_TEST(finish(*head) == HandleOutcome::stale_handle);
  BOOST_TEST(info("bookings").visible == 1U);
}

BOOST_AUTO_TEST_CASE(deleting_twice_with_the_same_handle_is_done) {
  send_in_group("g", "A");
  const auto head = receive_one();
  BOOST_TEST(finish(*head) == HandleOutcome::done);
  BOOST_TEST(finish(*head) == HandleOutcome::done);
}

BOOST_AUTO_TEST_CASE(a_dead_letter_goes_to_a_fifo_queue_with_its_group_and_opens_it) {
  limit_receives(1);
  send_in_group("g", "A");
  send_in_group("g", "B");
  (void)receive_one();
  advance(30s);
  const auto dead = peek("bookings-dead");
  BOOST_REQUIRE(dead.size() == 1U);
  BOOST_TEST(dead[0].group == "g");
  BOOST_TEST(receive_one()->body == "B");  // the order has a gap
  check_accounts();
}

BOOST_AUTO_TEST_CASE(a_dead_letter_blocks_its_group_where_the_queue_says_so_until_it_comes_home_in_its_old_place) {
  limit_receives(1, OnDeadLetter::block);
  send_in_group("g", "A");
  send_in_group("g", "B");
  send_in_group("other", "X");
  const auto head = receive_one();
  advance(30s);
  BOOST_TEST(receive_bodies() == "X");
  restart();
  hello();
  BOOST_TEST(receive_bodies() == "");
  BOOST_TEST(done(ask(RedriveMessages{new_request(), queue("bookings-dead"), {}, {}}))->count == 1U);
  const auto again = receive_all(10, "bookings");
  BOOST_REQUIRE(again.size() == 2U);
  BOOST_TEST(again[0].body == "A");
  BOOST_TEST(again[0].receive_count == 1U);
  BOOST_TEST(again[1].body == "B");
  BOOST_TEST(finish(*head) == HandleOutcome::stale_handle);  // of the attempt before it was dead-lettered
  check_accounts();
}

BOOST_AUTO_TEST_CASE(a_blocked_group_goes_on_once_its_dead_letter_is_purged) {
  limit_receives(1, OnDeadLetter::block);
  send_in_group("g", "A");
  send_in_group("g", "B");
  (void)receive_one();
  advance(30s);
  BOOST_TEST(receive_bodies() == "");
  ask(PurgeQueue{new_request(), queue("bookings-dead"), {}});
  BOOST_TEST(receive_bodies() == "B");
}

BOOST_AUTO_TEST_CASE(a_group_that_is_blocked_goes_on_when_the_queue_no_longer_says_so) {
  limit_receives(1, OnDeadLetter::block);
  send_in_group("g", "A");
  send_in_group("g", "B");
  (void)receive_one();
  advance(30s);
  limit_receives(1, OnDeadLetter::skip);
  BOOST_TEST(receive_bodies() == "B");
}

BOOST_AUTO_TEST_CASE(the_retention_of_a_fifo_dead_letter_queue_counts_from_the_move) {
  limit_receives(1);
  QueueAttributes short_lived = fifo("bookings-dead");
  short_lived.retention = 60s;
  declare(short_lived);
  send_in_group("g", "A");
  advance(50s);
  (void)receive_one();
  advance(30s);
  BOOST_TEST(info("bookings-dead").visible == 1U);
  advance(59s);
  BOOST_TEST(info("bookings-dead").visible == 1U);
  advance(3s);
  BOOST_TEST(info("bookings-dead").visible == 0U);
}

BOOST_AUTO_TEST_CASE(a_dead_letter_queue_is_of_the_same_kind) {
  QueueAttributes attributes = fifo("strict");
  attributes.dead_letter_queue = "rides-dead";  // a standard queue
  attributes.max_receives = 3;
  BOOST_TEST(code(ask(DeclareQueue{new_request(), attributes})) == "invalid_attribute");
  attributes = plain("bookings");
  BOOST_TEST(code(ask(DeclareQueue{new_request(), attributes})) == "invalid_attribute");  // it is a FIFO queue
}

BOOST_AUTO_TEST_CASE(every_message_of_a_fifo_queue_has_a_group_and_none_of_a_standard_queue) {
  const Body body{"A", checksum("A")};
  const Grouping grouping{"g", key_of("A")};
  const Grouping nameless{"", key_of("A")};
  const std::span messages{&body, 1};
  BOOST_TEST(code(ask(SendMessage{new_request(), queue("bookings"), messages, {}})) == "invalid_argument");
  BOOST_TEST(code(ask(SendMessage{new_request(), queue("bookings"), messages, {}, {}, std::span{&nameless, 1}})) ==
             "invalid_argument");
  BOOST_TEST(code(ask(SendMessage{new_request(), queue("rides"), messages, {}, {}, std::span{&grouping, 1}})) ==
             "invalid_argument");
}

BOOST_AUTO_TEST_CASE(order_and_closed_groups_survive_a_restart) {
  for (const char* each : {"A", "B", "C"}) send_in_group("g", each);
  send_in_group("h", "X");
  const auto head = receive_one();
  restart();
  hello();
  BOOST_TEST(receive_bodies() == "X");
  BOOST_TEST(finish(*head) == HandleOutcome::done);
  BOOST_TEST(receive_bodies() == "BC");
}

BOOST_FIXTURE_TEST_CASE(order_survives_that_the_log_is_compacted_and_cut, SmallFifoSegments) {
  declare(fifo("noise"));
  for (int i = 0; i < 6; ++i) send_in_group(i % 2 == 0 ? "even" : "odd", std::to_string(i));
  for (int i = 0; i < 200; ++i) {
    send_in_group("n", "noise" + std::to_string(i) + std::string(60, '.'), "noise");
    delete_message(receive("noise")->receipt_handle, "noise");
  }
  advance(minutes{6});  // what the noise is deduplicated by is forgotten
  hello();
  while (engine->compact(1U << 20U, moment_of(clock))) {}
  BOOST_TEST(engine->oldest_needed_segment() > 1U);
  log.truncate_before(engine->oldest_needed_segment());
  restart();
  hello();
  BOOST_TEST(receive_bodies(3) == "024");
  BOOST_TEST(receive_bodies(10) == "135");
}

BOOST_AUTO_TEST_CASE(a_receive_is_repeated_by_its_attempt_id) {
  for (const char* each : {"A", "B"}) send_in_group("g", each);
  const auto ask_again = [&](std::string_view attempt_id) {
    const Answer answer = ask(ReceiveMessage{new_request(), queue("bookings"), 10, 0ms, {}, attempt_id});
    return read(std::get<Delivered>(answer));
  };
  const auto first = ask_again("try-1");
  BOOST_REQUIRE(first.size() == 2U);
  advance(20s);
  const auto second = ask_again("try-1");
  BOOST_REQUIRE(second.size() == 2U);
  BOOST_TEST(second[0].receipt_handle == first[0].receipt_handle);
  BOOST_TEST(second[0].receive_count == 1U);
  advance(29s);  // hidden for the whole timeout anew
  BOOST_TEST(info("bookings").in_flight == 2U);
  BOOST_TEST(ask_again("try-2").empty());
  restart();
  hello();
  BOOST_TEST(ask_again("try-1").size() == 2U);
  finish(first[0]);
  BOOST_TEST(ask_again("try-1").empty());  // one of them was settled
}

BOOST_AUTO_TEST_CASE(an_attempt_id_is_of_no_use_once_the_visibility_was_changed_or_five_minutes_have_gone) {
  send_in_group("g", "A");
  const auto repeat = [&] {
    const Answer answer = ask(ReceiveMessage{new_request(), queue("bookings"), 1, 0ms, Milliseconds{hours{1}}, "try"});
    return std::get<Delivered>(answer).count;
  };
  BOOST_TEST(repeat() == 1U);
  advance(minutes{5} - 1ms);
  BOOST_TEST(repeat() == 1U);
  advance(minutes{5});
  hello();
  BOOST_TEST(repeat() == 0U);
  const ReceiptHandle handle{queue("bookings"), 1, 1};
  ask(ChangeMessageVisibility{new_request(), queue("bookings"), std::span{&handle, 1}, 0ms});
  BOOST_TEST(repeat() == 1U);  // a receive of its own
  const ReceiptHandle newer{queue("bookings"), 2, 1};
  ask(ChangeMessageVisibility{new_request(), queue("bookings"), std::span{&newer, 1}, 60s});
  BOOST_TEST(repeat() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::broker::test
