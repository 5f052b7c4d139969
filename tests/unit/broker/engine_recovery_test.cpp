// What a restart remembers, and how the log gets rid of what is gone.

#include "broker/engine/bytes.hpp"
#include "tests/unit/broker/engine_fixture.hpp"

namespace remuda::broker::test {

BOOST_FIXTURE_TEST_SUITE(engine_recovery, EngineFixture)

BOOST_AUTO_TEST_CASE(a_restart_changes_nothing_that_was_recorded) {
  declare(plain("ledger"));
  send_all({"A", "B", "C", "D", "E", "F"});
  send("late", "ledger", 60s);
  const auto batch = receive_all(5);
  delete_message(batch[0].receipt_handle);
  reject(batch[1].receipt_handle, "bad");
  retry_later(batch[2].receipt_handle, "busy", 0ms);
  release(batch[3].receipt_handle);
  advance(10s);
  const std::string before = engine->dump();
  restart();
  BOOST_TEST(engine->dump() == before);
  restart();
  BOOST_TEST(engine->dump() == before);
  check_accounts();
}

BOOST_AUTO_TEST_CASE(what_was_in_flight_gets_its_full_timeout_again_and_its_handle_stays_valid) {
  send_all({"A", "B"});
  const auto batch = receive_all();
  advance(29s);
  restart();
  advance(30s - 1ms);
  BOOST_TEST(!receive());
  BOOST_TEST(delete_message(batch[0].receipt_handle) == HandleOutcome::done);
  advance(1ms);
  const auto again = receive();
  BOOST_REQUIRE(again);
  BOOST_TEST(again->body == "B");
  BOOST_TEST(again->receive_count == 2U);
}

BOOST_AUTO_TEST_CASE(a_deleted_message_never_comes_back) {
  send_all({"A", "B"});
  delete_message(receive()->receipt_handle);
  for (int i = 0; i < 3; ++i) restart();
  BOOST_TEST(receive()->body == "B");
  BOOST_TEST(!receive());
}

BOOST_AUTO_TEST_CASE(a_delay_keeps_its_remainder_over_a_restart) {
  send("late", "rides", 10s);
  advance(4s);
  restart();
  advance(6s - 1ms);
  BOOST_TEST(!receive());
  advance(1ms);
  BOOST_TEST(receive().has_value());
}

BOOST_AUTO_TEST_CASE(a_dead_letter_move_is_in_one_place_whatever_record_was_the_last) {
  send("A");
  for (int i = 0; i < 3; ++i) retry_later(receive()->receipt_handle, "busy", 0ms);
  for (std::size_t kept = log.records().size(); kept > 3; --kept) {
    log.keep_first(kept);
    restart();
    BOOST_TEST(info().visible + info().in_flight + info("rides-dead").visible <= 1U);
    check_accounts();
  }
}

struct SmallSegments : EngineFixture {
  SmallSegments() : EngineFixture{4096} {}
  void flow(int messages) {
    for (int i = 0; i < messages; ++i) {
      send(std::string(200, 'x'));
      for (const Received& each : receive_all()) delete_message(each.receipt_handle);
    }
  }
  void compact() {
    while (engine->compact(1024, moment_of(clock))) {}
  }
};

BOOST_FIXTURE_TEST_CASE(segments_without_live_messages_are_not_needed, SmallSegments) {
  flow(100);
  BOOST_TEST(log.segments() > 5U);
  log.truncate_before(engine->oldest_needed_segment());
  BOOST_TEST(log.segments() == 1U);
  const std::string before = engine->dump();
  restart();
  BOOST_TEST(engine->dump() == before);
  BOOST_TEST(info().counters.sent == 100U);
  check_accounts();
}

BOOST_FIXTURE_TEST_CASE(on_a_full_disk_stragglers_are_copied_from_the_reserve_since_that_makes_room, SmallSegments) {
  declare(plain("slow"));
  send("old", "slow");
  flow(300);
  log.full = log.no_reserve = true;
  compact();
  BOOST_TEST(engine->oldest_needed_segment() == 1U);
  log.no_reserve = false;
  compact();
  BOOST_TEST(engine->oldest_needed_segment() > 1U);
  BOOST_TEST(receive("slow")->body == "old");
}

BOOST_FIXTURE_TEST_CASE(old_stragglers_are_copied_forward_with_all_that_is_known_of_them, SmallSegments) {
  declare(plain("slow"));
  const QueueId both[] = {queue("slow"), queue("rides-dead")};
  const Publication shared[] = {{Body{"shared", checksum("shared")}, both}};
  ask(PublishMessage{new_request(), shared});
  send("poison");
  reject(receive()->receipt_handle, "bad");
  send("late", "slow", 15min);
  const auto held = receive("slow", 12h);
  BOOST_REQUIRE(held);
  flow(300);
  BOOST_TEST(engine->oldest_needed_segment() == 1U);
  compact();
  BOOST_TEST(engine->oldest_needed_segment() > 1U);
  log.truncate_before(engine->oldest_needed_segment());
  BOOST_TEST(log.segments() < 10U);

  const std::string before = engine->dump();
  restart();
  BOOST_TEST(engine->dump() == before);
  BOOST_TEST(delete_message(held->receipt_handle, "slow") == HandleOutcome::done);
  const auto dead = peek("rides-dead");
  BOOST_REQUIRE(dead.size() == 2U);
  BOOST_TEST(body_of(dead[0]) == "shared");
  BOOST_TEST(dead[1].reason == "bad");
  BOOST_TEST(dead[1].attempts.at(0).node == "accounting");
  advance(15min);
  hello();
  BOOST_TEST(receive("slow")->body == "late");
  check_accounts();
}

BOOST_FIXTURE_TEST_CASE(a_stale_handle_stays_stale_after_a_restart_with_a_log_cut_short, SmallSegments) {
  declare(plain("slow"));
  send("ride", "slow");
  const auto first = receive("slow");
  advance(30s);
  const auto second = receive("slow", 12h);
  BOOST_REQUIRE((first && second));
  send("gone", "slow");
  const auto gone = receive("slow");
  BOOST_TEST(delete_message(gone->receipt_handle, "slow") == HandleOutcome::done);
  flow(300);
  compact();
  log.truncate_before(engine->oldest_needed_segment());
  restart();  // the records of both receives are no longer there: only what was copied forward tells of them
  BOOST_TEST(delete_message(first->receipt_handle, "slow") == HandleOutcome::stale_handle);
  BOOST_TEST(info("slow").in_flight == 1U);
  (void)delete_message(gone->receipt_handle, "slow");  // whether it is remembered or not, it takes nothing else away
  BOOST_TEST(info("slow").in_flight == 1U);
  BOOST_TEST(delete_message(second->receipt_handle, "slow") == HandleOutcome::done);
  BOOST_TEST(info("slow").in_flight + info("slow").visible == 0U);
  check_accounts();
}

BOOST_FIXTURE_TEST_CASE(a_log_that_mostly_lives_is_left_alone, SmallSegments) {
  for (int i = 0; i < 100; ++i) send(std::string(200, 'x'));
  BOOST_TEST(!engine->compact(1024, moment_of(clock)));
}

BOOST_AUTO_TEST_CASE(records_that_nobody_wrote_are_refused) {
  QueueEngine fresh{log};
  const auto refuses = [&](std::string_view bytes) {
    const auto result = fresh.replay(bytes, Location{1, 0});
    return !result && result.error().code == "corrupt_record";
  };
  using namespace std::string_view_literals;
  BOOST_TEST(refuses(""));
  BOOST_TEST(refuses("\x01\x00\x00\x00"sv));                      // another version
  BOOST_TEST(refuses("\x02\x00\x00\x00\x63"sv));                  // no such operation
  BOOST_TEST(refuses("\x02\x00\x00\x00\x03\x01\x00\x00\x00"sv));  // received from no such queue
  BOOST_TEST(refuses("\x02\x00\x00\x00\x02"sv));                  // ends in the middle
  for (const MemoryLog::Record& record : log.records()) {         // every prefix of a real one is an error or a shorter record
    for (std::size_t size = 0; size < record.operations.size(); ++size) {
      QueueEngine victim{log};
      (void)victim.replay(std::string_view{record.operations}.substr(0, size), record.place);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_example_of_records_md_is_what_is_written) {
  RecordWriter record;
  record.begin(RecordHead{1000, 0, 1, 5, 5});
  const Body bodies[] = {{"ab", 0x04030201}, {"cd", 0x08070605}};
  const std::uint32_t first = record.bodies(2, [&](std::size_t i) -> const Body& { return bodies[i]; });
  record.stored(1, 0, first, 2);
  using namespace std::string_view_literals;
  BOOST_TEST(record.operations() ==
             "\x03\xe8\x07\x00\x01\x05\x05\x01\x02\x02\x01\x02\x03\x04\x02\x05\x06\x07\x08\x02\x01\x00\x00\x02"sv);
  std::string runs;
  const Sequence sequences[] = {5, 6, 7, 9};
  put_runs(runs, sequences);
  BOOST_TEST(runs == "\x03\x05\x01\x01\x00"sv);
}

BOOST_AUTO_TEST_CASE(a_batch_costs_few_bytes_per_message) {
  std::vector<std::string> bodies(128, std::string(256, 'x'));
  send_all(bodies);
  BOOST_TEST(log.records().back().operations.size() < 128 * 8U);
  const auto batch = receive_all(128);
  BOOST_TEST(log.records().back().operations.size() < 32U);
  std::vector<ReceiptHandle> handles;
  for (const Received& each : batch) handles.push_back(each.receipt_handle);
  ask(DeleteMessage{new_request(), queue(), handles});
  BOOST_TEST(log.records().back().operations.size() < 32U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::broker::test
