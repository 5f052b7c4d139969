// The canary of the chaos runs: the checker is content with a history that may be, and finds each kind of broken promise.

#include <boost/test/unit_test.hpp>

#include "tests/chaos/history_checker.hpp"

namespace remuda::chaos {
namespace {

constexpr std::uint64_t second = 1'000'000'000;

/// One message, 7, of one queue: sent, received once and deleted; and what a broken broker would have made of it.
struct HistoryFixture {
  std::vector<Entry> entries;
  QueueName queue = QueueName::rides;

  void add(Kind kind, std::uint64_t at, std::uint64_t message = 7, std::uint32_t attempt = 1, std::uint32_t count = 1) {
    Entry entry;
    entry.kind = kind;
    entry.queue = queue;
    entry.message = message;
    entry.time_ns = at;
    entry.asked_ns = at - 1;
    entry.sequence = message;
    entry.attempt = attempt;
    entry.count = count;
    entries.push_back(entry);
  }
  void sent(std::uint64_t message = 7) {
    add(Kind::send_asked, 10, message);
    add(Kind::send_confirmed, 20, message);
  }
  void deleted(std::uint64_t at, std::uint64_t message = 7, std::uint32_t attempt = 1) {
    add(Kind::delete_asked, at, message, attempt);
    add(Kind::delete_done, at + 10, message, attempt);
  }
  std::uint64_t found(const std::string& invariant) { return check_history(entries).count(invariant); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(history_checker, HistoryFixture)

BOOST_AUTO_TEST_CASE(a_message_that_is_sent_received_and_deleted_breaks_no_promise) {
  sent();
  add(Kind::delivered, 100);
  deleted(200);
  const Verdict verdict = check_history(entries);
  BOOST_TEST(verdict.violations.empty());
  BOOST_TEST(verdict.confirmed == 1U);
  BOOST_TEST(verdict.deletes == 1U);
}

BOOST_AUTO_TEST_CASE(a_confirmed_message_that_nobody_ever_saw_again_is_lost) {
  sent();
  BOOST_TEST(found("I1 no loss") == 1U);
}

BOOST_AUTO_TEST_CASE(an_unconfirmed_message_may_be_stored_or_not) {
  add(Kind::send_asked, 10);
  BOOST_TEST(check_history(entries).violations.empty());
}

BOOST_AUTO_TEST_CASE(a_message_that_nobody_sent_or_that_is_not_what_was_sent_is_invented) {
  add(Kind::delivered, 100);
  deleted(200);
  BOOST_TEST(found("I2 no invention") == 1U);
  entries.clear();
  sent();
  add(Kind::damaged, 100);
  deleted(200);
  BOOST_TEST(found("I2 no invention") == 1U);
}

BOOST_AUTO_TEST_CASE(a_receive_that_begins_after_the_confirmed_delete_is_a_resurrection) {
  sent();
  add(Kind::delivered, 100);
  deleted(200);
  add(Kind::delivered, 2 * second, 7, 2, 2);
  BOOST_TEST(found("I3 no resurrection") == 1U);
}

BOOST_AUTO_TEST_CASE(two_holders_within_one_visibility_timeout_are_found) {
  sent();
  add(Kind::delivered, 100);
  add(Kind::delivered, second / 2, 7, 2, 2);
  deleted(second, 7, 2);
  BOOST_TEST(found("I6 exclusivity") == 1U);
}

BOOST_AUTO_TEST_CASE(a_delete_by_a_stale_handle_is_found) {
  sent();
  add(Kind::delivered, 100);
  add(Kind::delivered, 2 * second, 7, 2, 2);
  deleted(3 * second, 7, 1);
  entries.back().asked_ns = 3 * second;
  BOOST_TEST(found("I6 exclusivity") == 1U);
}

BOOST_AUTO_TEST_CASE(a_receive_that_was_not_counted_is_found) {
  sent();
  add(Kind::delivered, 100);
  add(Kind::delivered, 2 * second, 7, 2, 1);
  deleted(3 * second, 7, 2);
  BOOST_TEST(found("I7 receive count") == 1U);
}

BOOST_AUTO_TEST_CASE(a_dead_letter_before_its_time_or_in_two_places_is_found) {
  sent();
  add(Kind::delivered, 100);
  add(Kind::dead, 2 * second, 7, 0, 1);
  BOOST_TEST(found("I8 dead letters") == 1U);
  deleted(200);
  BOOST_TEST(found("I5 atomic moves") == 1U);
}

BOOST_AUTO_TEST_CASE(a_publish_that_reached_one_of_two_queues_is_found) {
  queue = QueueName::ledger;
  sent();
  add(Kind::delivered, 100);
  deleted(200);
  BOOST_TEST(found("I5 fan-out") == 1U);
}

BOOST_AUTO_TEST_CASE(a_message_that_overtakes_its_group_is_found) {
  queue = QueueName::orders;
  std::uint64_t second_of_group = 8;
  while (group_of(second_of_group) != group_of(7)) ++second_of_group;
  for (const std::uint64_t message : {std::uint64_t{7}, second_of_group}) {
    sent(message);
    add(Kind::delivered, message == 7 ? 300 : 100, message);
    deleted(400, message);
  }
  BOOST_TEST(found("F1-F3 group order") == 1U);
  entries.clear();
  for (const std::uint64_t message : {std::uint64_t{7}, second_of_group}) {
    sent(message);
    add(Kind::delivered, message == 7 ? 100 : 300, message);
    deleted(message == 7 ? 200 : 400, message);
  }
  BOOST_TEST(check_history(entries).violations.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::chaos
