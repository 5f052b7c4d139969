// Queues that may hold only so much: who is refused, and who always gets in.

#include "tests/unit/broker/engine_fixture.hpp"

using namespace remuda::broker;
using namespace remuda::broker::test;

namespace {

struct LimitsFixture : EngineFixture {
  LimitsFixture() { declare(limited("rides", 3)); }

  static QueueAttributes limited(std::string name, std::uint64_t max_messages, std::uint64_t max_bytes = 0) {
    QueueAttributes attributes = name == "rides" ? rides_attributes() : plain(std::move(name));
    attributes.max_messages = max_messages;
    attributes.max_bytes = max_bytes;
    return attributes;
  }
  static std::string text(const Answer& answer) { return std::get<remuda::Error>(answer).message; }
  Answer publish(std::string_view body, const std::vector<QueueId>& targets) {
    const Publication publication{{body, checksum(body)}, targets};
    return ask(PublishMessage{new_request(), std::span{&publication, 1}});
  }
  Answer transact(const std::vector<TransactionStep>& steps) { return ask(Transact{new_request(), steps}); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(engine_limits, LimitsFixture)

BOOST_AUTO_TEST_CASE(a_full_queue_refuses_sends_until_there_is_room_again) {
  BOOST_TEST(code(send_all({"A", "B", "C"})) == "ok");
  const Answer refused = send("D");
  BOOST_TEST(code(refused) == "queue_full");
  BOOST_TEST(std::get<remuda::Error>(refused).definite);
  BOOST_TEST(text(refused) == "queue rides is full (3 messages of at most 3): send again when there is room");
  const auto first = receive();
  BOOST_TEST(code(send("D")) == "queue_full");  // in flight it is still there
  BOOST_TEST(delete_message(first->receipt_handle) == HandleOutcome::done);
  BOOST_TEST(code(send("D")) == "ok");
  BOOST_TEST(info().counters.sent == 4U);
}

BOOST_AUTO_TEST_CASE(a_batch_gets_in_whole_or_not_at_all) {
  send_all({"A", "B"});
  BOOST_TEST(code(send_all({"C", "D"})) == "queue_full");
  BOOST_TEST(info().visible == 2U);
  BOOST_TEST(code(send("C")) == "ok");
}

BOOST_AUTO_TEST_CASE(what_the_queue_can_never_hold_is_not_worth_asking_again) {
  BOOST_TEST(code(send_all({"A", "B", "C", "D"})) == "over_limit");
  BOOST_TEST(code(send_all({"A", "B", "C"})) == "ok");
}

BOOST_AUTO_TEST_CASE(a_delayed_message_counts_and_a_refused_one_is_not_remembered_as_done) {
  send_all({"A", "B", "C"}, "rides", 60s);
  const Requester again = new_request();
  const Body message{"D", checksum("D")};
  const SendMessage command{again, queue(), std::span{&message, 1}, {}};
  BOOST_TEST(code(ask(command)) == "queue_full");
  ask(PurgeQueue{new_request(), queue(), {}});
  request = again.request;  // the very request, sent again
  BOOST_TEST(code(ask(command)) == "ok");
  BOOST_TEST(info().visible == 1U);
}

BOOST_AUTO_TEST_CASE(bytes_are_limited_as_messages_are) {
  declare(limited("bytes", 0, 10));
  BOOST_TEST(code(send("123456", "bytes")) == "ok");
  BOOST_TEST(info("bytes").bytes == 6U);
  BOOST_TEST(code(send("12345", "bytes")) == "queue_full");
  BOOST_TEST(code(send("1234", "bytes")) == "ok");
  BOOST_TEST(code(send("12345678901", "bytes")) == "over_limit");
  restart();
  BOOST_TEST(info("bytes").bytes == 10U);
  const auto first = receive("bytes");
  delete_message(first->receipt_handle, "bytes");
  BOOST_TEST(info("bytes").bytes == 4U);
}

BOOST_AUTO_TEST_CASE(a_publish_with_one_full_target_reaches_none_and_names_it) {
  declare(plain("lake"));
  const std::vector<QueueId> both{queue("lake"), queue("rides")};
  send_all({"A", "B", "C"});
  const Answer refused = publish("D", both);
  BOOST_TEST(code(refused) == "queue_full");
  BOOST_TEST(text(refused).find("queue rides") != std::string::npos);
  BOOST_TEST(info("lake").visible == 0U);
  delete_message(receive()->receipt_handle);
  BOOST_TEST(code(publish("D", both)) == "ok");
  BOOST_TEST(info("lake").visible == 1U);
  BOOST_TEST(info("rides").visible == 3U);
}

BOOST_AUTO_TEST_CASE(a_transaction_is_refused_as_a_whole_and_its_input_stays_in_flight) {
  declare(plain("inputs"));
  send("input", "inputs");
  send_all({"A", "B", "C"});
  const auto input = receive("inputs");
  const Body copy{"copy", checksum("copy")};
  const auto hand_over = [&] {
    return transact({SendMessage{{}, queue(), std::span{&copy, 1}, {}},
                     DeleteMessage{{}, queue("inputs"), std::span{&input->receipt_handle, 1}}});
  };
  BOOST_TEST(code(hand_over()) == "queue_full");
  BOOST_TEST(info("inputs").in_flight == 1U);
  delete_message(receive()->receipt_handle);
  BOOST_TEST(code(hand_over()) == "ok");
  BOOST_TEST(info("inputs").in_flight == 0U);
}

BOOST_AUTO_TEST_CASE(what_a_transaction_deletes_makes_room_for_what_it_sends) {
  send_all({"A", "B", "C"});
  const auto first = receive();
  const Body again{"A again", checksum("A again")};
  const auto replace = [&](const ReceiptHandle& handle) {
    return transact({SendMessage{{}, queue(), std::span{&again, 1}, {}}, DeleteMessage{{}, queue(), std::span{&handle, 1}}});
  };
  BOOST_TEST(code(replace(first->receipt_handle)) == "ok");
  BOOST_TEST(info().visible == 3U);
}

BOOST_AUTO_TEST_CASE(the_sends_of_one_transaction_count_together) {
  send("A");
  const Body message{"B", checksum("B")};
  const SendMessage step{{}, queue(), std::span{&message, 1}, {}};
  BOOST_TEST(code(transact({step, step, step})) == "queue_full");
  BOOST_TEST(info().visible == 1U);
  BOOST_TEST(code(transact({step, step})) == "ok");
}

BOOST_AUTO_TEST_CASE(dead_letters_always_get_in) {
  declare(limited("rides-dead", 1));
  send_all({"A", "B"});
  for (const Received& each : receive_all()) BOOST_TEST(code(reject(each.receipt_handle, "no such ride")) == "ok");
  BOOST_TEST(info("rides-dead").visible == 2U);
  BOOST_TEST(code(send("C", "rides-dead")) == "queue_full");
}

BOOST_AUTO_TEST_CASE(what_is_redriven_always_gets_in) {
  send_all({"A", "B", "C"});
  for (const Received& each : receive_all()) reject(each.receipt_handle, "no such ride");
  send_all({"D", "E", "F"});
  BOOST_TEST(done(ask(RedriveMessages{new_request(), queue("rides-dead"), {}, {}}))->count == 3U);
  BOOST_TEST(info().visible == 6U);
  BOOST_TEST(code(send("G")) == "queue_full");
}

BOOST_AUTO_TEST_CASE(what_a_fifo_queue_was_sent_before_needs_no_room) {
  QueueAttributes bookings = fifo("bookings");
  bookings.max_messages = 2;
  declare(bookings);
  BOOST_TEST(send_in_group("g", "A") == 1U);
  BOOST_TEST(send_in_group("g", "B") == 2U);
  BOOST_TEST(send_in_group("g", "A") == 1U);  // answered as the first time
  const Body message{"C", checksum("C")};
  const Grouping grouping{"g", key_of("C")};
  BOOST_TEST(code(ask(SendMessage{new_request(), queue("bookings"), std::span{&message, 1}, {}, {}, std::span{&grouping, 1}})) ==
             "queue_full");
  BOOST_TEST(info("bookings").deduplicated == 2U);  // a refused message is not one that was accepted before
  delete_message(receive("bookings")->receipt_handle, "bookings");
  BOOST_TEST(send_in_group("g", "C") == 3U);
}

BOOST_AUTO_TEST_CASE(limits_survive_a_restart_and_can_be_lifted) {
  send_all({"A", "B", "C"});
  restart();
  BOOST_TEST(code(send("D")) == "queue_full");
  declare(limited("rides", 1));  // less than it holds: nothing is lost, nothing gets in
  BOOST_TEST(info().visible == 3U);
  BOOST_TEST(code(send("D")) == "queue_full");
  declare(limited("rides", 0));
  BOOST_TEST(code(send("D")) == "ok");
}

BOOST_AUTO_TEST_SUITE_END()
