// What store and forward needs of a broker: messages and how far their source has been taken are stored together, once; and a queue whose
// only consumer died hands its successor everything, in order, at once.

#include "tests/unit/broker/engine_fixture.hpp"

namespace remuda::broker::test {

struct ProgressFixture : EngineFixture {
  /// A message from elsewhere, with how far that source then is taken.
  Answer forward(std::string_view body, std::uint64_t after, std::string_view value) {
    const Body message{body, checksum(body)};
    const std::vector<TransactionStep> steps{SendMessage{{}, queue(), std::span{&message, 1}, {}},
                                             KeepProgress{"rides-outbox", after, value}};
    return ask(Transact{new_request(), steps});
  }
  std::string progress() const {
    const Progress now = engine->progress("rides-outbox");
    return now.value + "@" + std::to_string(now.version);
  }
  std::vector<Received> receive_exclusively(std::uint32_t max = 10, std::string_view from = "rides") {
    const Answer answer = ask(ReceiveMessage{new_request(), queue(from), max, 0ms, {}, {}, true});
    BOOST_REQUIRE_MESSAGE(std::holds_alternative<Delivered>(answer), "receive was refused: " << code(answer));
    return read(std::get<Delivered>(answer));
  }
};

BOOST_FIXTURE_TEST_SUITE(engine_progress, ProgressFixture)

BOOST_AUTO_TEST_CASE(messages_and_the_progress_of_their_source_are_one_record) {
  BOOST_TEST(progress() == "@0");
  const std::size_t records = log.records().size();
  BOOST_TEST(done(forward("A", 0, "to A")).has_value());
  BOOST_TEST(log.records().size() == records + 1);
  BOOST_TEST(effects.sync_needed);
  BOOST_TEST(info().visible == 1U);
  BOOST_TEST(progress() == "to A@1");
}

BOOST_AUTO_TEST_CASE(who_does_not_know_how_far_it_is_stores_nothing) {
  forward("A", 0, "to A");
  BOOST_TEST(code(forward("A", 0, "to A")) == "progress_moved");  // sent before, and late
  BOOST_TEST(code(forward("C", 2, "to C")) == "progress_moved");
  BOOST_TEST(info().visible == 1U);
  BOOST_TEST(progress() == "to A@1");
  BOOST_TEST(done(forward("B", 1, "to B")).has_value());
  BOOST_TEST(progress() == "to B@2");
}

BOOST_AUTO_TEST_CASE(a_refused_message_takes_the_progress_with_it) {
  QueueAttributes small = rides_attributes();
  small.max_messages = 1;
  declare(small);
  forward("A", 0, "to A");
  BOOST_TEST(code(forward("B", 1, "to B")) == "queue_full");
  BOOST_TEST(progress() == "to A@1");
}

BOOST_AUTO_TEST_CASE(progress_outlives_restarts_sessions_and_days) {
  forward("A", 0, "to A");
  restart();
  BOOST_TEST(progress() == "to A@1");
  advance(hours{24 * 3});
  hello();
  BOOST_TEST(code(forward("A", 0, "to A")) == "progress_moved");
  BOOST_TEST(done(forward("B", 1, "to B")).has_value());
}

BOOST_AUTO_TEST_CASE(a_request_that_is_sent_again_is_answered_again) {
  const Body message{"A", checksum("A")};
  const std::vector<TransactionStep> steps{SendMessage{{}, queue(), std::span{&message, 1}, {}},
                                           KeepProgress{"rides-outbox", 0, "to A"}};
  const Requester from = new_request();
  BOOST_TEST(!done(ask(Transact{from, steps}))->repeated);
  BOOST_TEST(done(ask(Transact{from, steps}))->repeated);
  BOOST_TEST(info().visible == 1U);
}

BOOST_AUTO_TEST_CASE(what_is_no_source_or_too_much_is_refused) {
  const auto keep = [&](std::string_view source, std::string_view value) {
    const std::vector<TransactionStep> steps{KeepProgress{source, 0, value}};
    return code(ask(Transact{new_request(), steps}));
  };
  BOOST_TEST(keep("", "x") == "invalid_argument");
  BOOST_TEST(keep(std::string(129, 's'), "x") == "invalid_argument");
  BOOST_TEST(keep("s", std::string(64 * 1024 + 1, 'x')) == "invalid_argument");
  BOOST_TEST(keep(std::string(128, 's'), std::string(64 * 1024, 'x')) == "ok");
  std::vector<std::string> names;
  for (int i = 1; i < 10'000; ++i) names.push_back("source-" + std::to_string(i));
  std::vector<TransactionStep> steps;
  for (const std::string& name : names) steps.emplace_back(KeepProgress{name, 0, "x"});
  BOOST_TEST(code(ask(Transact{new_request(), steps})) == "ok");
  BOOST_TEST(keep("one-more", "x") == "too_many_sources");
}

BOOST_AUTO_TEST_CASE(a_journal_of_version_2_is_read_and_no_other) {
  send("A");
  for (const char version : {'\x01', '\x02', '\x03', '\x04'}) {
    QueueEngine other{log};
    bool all = true;
    for (const MemoryLog::Record& record : log.records())
      all = all && other.replay(version + record.operations.substr(1), record.place).ok();
    BOOST_TEST(all == (version == 2 || version == 3), int{version});
  }
}

BOOST_AUTO_TEST_CASE(an_exclusive_receive_takes_over_what_another_has_in_flight_oldest_first) {
  send_all({"A", "B", "C"});
  const auto dead = receive_all(2);  // its consumer is killed
  const auto now = receive_exclusively();
  BOOST_REQUIRE_EQUAL(now.size(), 3U);
  BOOST_TEST((now[0].body + now[1].body + now[2].body) == "ABC");
  BOOST_TEST(now[0].receive_count == 1U);  // the attempt of the dead one does not count
  BOOST_TEST((delete_message(dead[0].receipt_handle) == HandleOutcome::stale_handle));
  BOOST_TEST((delete_message(now[0].receipt_handle) == HandleOutcome::done));
  check_accounts();
}

BOOST_AUTO_TEST_CASE(an_exclusive_receive_that_waited_takes_over_as_well) {
  tell(ReceiveMessage{Requester{1, session, 1, 0}, queue(), 10, 20s, {}});  // waits before it
  tell(ReceiveMessage{Requester{2, session, 2, 0}, queue(), 10, 20s, {}, {}, true});
  send("A");
  BOOST_REQUIRE(answered(1));
  BOOST_TEST(!answered(2));
  send("B");
  BOOST_REQUIRE(answered(2));
  BOOST_REQUIRE_EQUAL(answered(2)->size(), 2U);
  BOOST_TEST(answered(2)->at(0).body == "A");
  BOOST_TEST(answered(2)->at(1).body == "B");
}

BOOST_AUTO_TEST_CASE(used_up_receives_are_not_made_by_taking_over) {
  send("A");
  for (int i = 0; i < 20; ++i) BOOST_TEST(receive_exclusively().size() == 1U);
  BOOST_TEST(info("rides-dead").visible == 0U);
  BOOST_TEST(receive_exclusively().at(0).receive_count == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::broker::test
