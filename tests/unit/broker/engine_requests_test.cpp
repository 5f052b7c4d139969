// Waiting receives, transactions, publishing, repeated requests, operators' verbs and their refusals.

#include "tests/unit/broker/engine_fixture.hpp"

namespace remuda::broker::test {

BOOST_FIXTURE_TEST_SUITE(engine_requests, EngineFixture)

BOOST_AUTO_TEST_CASE(waiting_receives_are_served_in_the_order_in_which_they_came) {
  for (ClientId who = 1; who <= 3; ++who) tell(ReceiveMessage{Requester{who, session, who, 0}, queue(), 1, 20s, {}});
  BOOST_TEST(info().waiting_receives == 3U);
  send_all({"A", "B"});
  BOOST_TEST(answered(1)->at(0).body == "A");
  BOOST_TEST(answered(2)->at(0).body == "B");
  BOOST_TEST(!answered(3));
  tell(ReceiveMessage{Requester{1, session, 9, 0}, queue(), 1, 20s, {}});  // back at the end of the line
  send_all({"C", "D"});
  BOOST_TEST(answered(3)->at(0).body == "C");
  BOOST_TEST(answered(1)->at(0).body == "D");
}

BOOST_AUTO_TEST_CASE(a_wait_ends_empty_at_its_deadline_and_not_before) {
  tell(ReceiveMessage{Requester{1, session, 1, 0}, queue(), 1, 20s, {}});
  advance(20s - 1ms);
  BOOST_TEST(!answered(1));
  BOOST_TEST((*engine->next_deadline() <= clock.now() + 1ms));
  advance(1ms);
  BOOST_REQUIRE(answered(1));
  BOOST_TEST(answered(1)->empty());
  BOOST_TEST(info().waiting_receives == 0U);
}

BOOST_AUTO_TEST_CASE(a_message_that_returns_is_given_to_a_waiting_receive_at_that_moment) {
  send("A");
  receive();
  tell(ReceiveMessage{Requester{2, session, 1, 0}, queue(), 1, 60s, {}});
  advance(30s);
  BOOST_REQUIRE(answered(2));
  BOOST_TEST(answered(2)->at(0).receive_count == 2U);
}

BOOST_AUTO_TEST_CASE(a_client_that_went_away_waits_no_more) {
  tell(ReceiveMessage{Requester{1, session, 1, 0}, queue(), 1, 20s, {}});
  tell(CancelReceives{1});
  send("A");
  BOOST_TEST(!answered(1));
  BOOST_TEST(info().visible == 1U);
}

BOOST_AUTO_TEST_CASE(consume_and_produce_is_one_record_or_nothing) {
  declare(plain("invoices"));
  send("ride");
  const auto ride = receive();
  const std::size_t records = log.records().size();
  const Body invoice{"invoice", checksum("invoice")};
  const std::vector<TransactionStep> steps{SendMessage{{}, queue("invoices"), std::span{&invoice, 1}, {}},
                                           DeleteMessage{{}, queue(), std::span{&ride->receipt_handle, 1}}};
  BOOST_TEST(done(ask(Transact{new_request(), steps})).has_value());
  BOOST_TEST(log.records().size() == records + 1);
  BOOST_TEST(info("invoices").visible == 1U);
  BOOST_TEST(info().in_flight == 0U);

  // With the handle used up the same steps are refused, and no second invoice is there.
  const Answer again = ask(Transact{new_request(), steps});
  BOOST_TEST(code(again) == "stale_handle");
  BOOST_TEST(std::get<Error>(again).message.substr(0, 7) == "step 2:");
  BOOST_TEST(info("invoices").visible == 1U);
}

BOOST_AUTO_TEST_CASE(a_transaction_settles_a_message_only_once) {
  send("A");
  const auto first = receive();
  const std::span handle{&first->receipt_handle, 1};
  const std::vector<TransactionStep> steps{RetryLater{{}, queue(), first->receipt_handle, "busy", 0ms},
                                           DeleteMessage{{}, queue(), handle}};
  BOOST_TEST(code(ask(Transact{new_request(), steps})) == "stale_handle");
  BOOST_TEST(info().in_flight == 1U);
}

BOOST_AUTO_TEST_CASE(every_step_may_be_part_of_a_transaction) {
  send_all({"A", "B", "C", "D", "E"});
  const auto batch = receive_all();
  const auto handle = [&](std::size_t i) { return std::span{&batch[i].receipt_handle, 1}; };
  const Body body{"F", checksum("F")};
  const QueueId target = queue();
  const Publication publication{body, std::span{&target, 1}};
  const std::vector<TransactionStep> steps{DeleteMessage{{}, queue(), handle(0)},
                                           ReleaseMessage{{}, queue(), handle(1)},
                                           ChangeMessageVisibility{{}, queue(), handle(2), 60s},
                                           RejectMessage{{}, queue(), batch[3].receipt_handle, "bad"},
                                           RetryLater{{}, queue(), batch[4].receipt_handle, "busy", 0ms},
                                           PublishMessage{{}, std::span{&publication, 1}}};
  BOOST_TEST(done(ask(Transact{new_request(), steps})).has_value());
  BOOST_TEST(info().visible == 3U);  // B, E, F
  BOOST_TEST(info().in_flight == 1U);
  BOOST_TEST(info("rides-dead").visible == 1U);
  check_accounts();
}

BOOST_AUTO_TEST_CASE(a_publish_reaches_every_queue_that_wants_it_in_one_record_with_one_body) {
  declare(plain("ledger"));
  const QueueId both[] = {queue(), queue("ledger")};
  const QueueId one[] = {queue("ledger")};
  const std::string big(1000, 'x');
  const Publication publications[] = {
      {Body{big, checksum(big)}, both}, {Body{"cheap", checksum("cheap")}, one}, {Body{"unwanted", 0}, {}}};
  const std::size_t records = log.records().size();
  BOOST_TEST(done(ask(PublishMessage{new_request(), publications}))->count == 3U);
  BOOST_TEST(log.records().size() == records + 1);
  BOOST_TEST(log.records().back().payload.size() == big.size() + 5);
  BOOST_TEST(receive_all().size() == 1U);
  const auto ledger = receive_all(10, "ledger");
  BOOST_REQUIRE(ledger.size() == 2U);
  BOOST_TEST(ledger[1].body == "cheap");

  const QueueId missing[] = {queue(), 99};
  const Publication broken[] = {{Body{"A", 1}, missing}};
  BOOST_TEST(code(ask(PublishMessage{new_request(), broken})) == "no_such_queue");
  BOOST_TEST(info().visible == 0U);
}

BOOST_AUTO_TEST_CASE(a_repeated_request_is_answered_again_and_applied_once_also_after_a_restart) {
  const Requester same = new_request();
  const Body body{"A", checksum("A")};
  const SendMessage command{same, queue(), std::span{&body, 1}, {}};
  const auto first = done(ask(command));
  BOOST_REQUIRE(first);
  BOOST_TEST(!first->repeated);
  for (int i = 0; i < 2; ++i) {
    const auto again = done(ask(command));
    BOOST_REQUIRE(again);
    BOOST_TEST(again->repeated);
    BOOST_TEST(again->first == first->first);
    restart();
  }
  BOOST_TEST(info().visible == 1U);
}

BOOST_AUTO_TEST_CASE(a_repeated_delete_gets_the_same_outcomes) {
  send_all({"A", "B"});
  const auto stale = receive();
  advance(30s);
  const auto batch = receive_all();
  const ReceiptHandle handles[] = {stale->receipt_handle, batch[1].receipt_handle};
  const DeleteMessage command{new_request(), queue(), handles};
  ask(command);
  BOOST_TEST((effects.outcomes == std::vector{HandleOutcome::stale_handle, HandleOutcome::done}));
  restart();
  ask(command);
  BOOST_TEST((effects.outcomes == std::vector{HandleOutcome::stale_handle, HandleOutcome::done}));
  BOOST_TEST(info().counters.deleted == 1U);
}

BOOST_AUTO_TEST_CASE(settled_requests_are_forgotten) {
  const Body body{"A", checksum("A")};
  for (int i = 0; i < 100; ++i) {
    Requester from = new_request();
    from.settled = from.request;
    ask(SendMessage{from, queue(), std::span{&body, 1}, {}});
  }
  const std::string dump = engine->dump();
  BOOST_TEST(dump.substr(dump.find("settled=")).find(std::to_string(request) + ":") != std::string::npos);
  BOOST_TEST(dump.find(std::to_string(request - 1) + ":1") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_session_is_found_again_by_its_key_and_forgotten_after_ten_idle_minutes) {
  BOOST_TEST(open_session("accounting", "alpha") == session);
  BOOST_TEST(open_session("other", "beta", 'o') != session);
  advance(9min);
  send("A");
  advance(2min);  // the other one was idle for 11 minutes
  restart();
  send("B");
  BOOST_TEST(info().visible == 2U);
  advance(12min);
  BOOST_TEST(code(send("C")) == "hello_first");
  BOOST_TEST(info().visible == 2U);
}

BOOST_AUTO_TEST_CASE(a_session_that_holds_a_message_is_remembered) {
  send("A");
  receive("rides", 1h);
  advance(30min);
  BOOST_TEST(code(send("B")) == "ok");
}

BOOST_AUTO_TEST_CASE(peek_shows_everything_and_changes_nothing) {
  send_all({"A", "B", "C"});
  receive();
  send("D", "rides", 10s);
  const std::string before = engine->dump();
  const std::size_t records = log.records().size();
  const auto all = peek();
  BOOST_REQUIRE(all.size() == 4U);
  BOOST_TEST(all[0].state == MessageState::in_flight);
  BOOST_TEST(all[0].holder_node == "accounting");
  BOOST_TEST(all[1].state == MessageState::visible);
  BOOST_TEST(all[3].state == MessageState::delayed);
  BOOST_TEST(body_of(all[2]) == "C");
  BOOST_TEST(engine->peek(queue(), 2, 1, moment_of(clock)).at(0).sequence == 2U);
  BOOST_TEST(engine->peek(queue(), 5, 1, moment_of(clock)).empty());
  BOOST_TEST(engine->peek(99, 0, 1, moment_of(clock)).empty());
  BOOST_TEST(engine->dump() == before);
  BOOST_TEST(log.records().size() == records);
}

BOOST_AUTO_TEST_CASE(purge_removes_what_it_is_asked_to_and_reports_how_much) {
  send_all({"A", "B", "C", "D"});
  const auto first = receive();
  const std::vector<Sequence> chosen{2, 2, 77};
  BOOST_TEST(done(ask(PurgeQueue{new_request(), queue(), chosen}))->count == 1U);
  BOOST_TEST(done(ask(PurgeQueue{new_request(), queue(), {}}))->count == 3U);
  BOOST_TEST(done(ask(PurgeQueue{new_request(), queue(), {}}))->count == 0U);
  BOOST_TEST(delete_message(first->receipt_handle) == HandleOutcome::stale_handle);
  BOOST_TEST(!receive());
  check_accounts();
}

BOOST_AUTO_TEST_CASE(messages_expire_when_they_are_older_than_the_retention_but_not_in_flight) {
  QueueAttributes attributes = plain("short");
  attributes.retention = 60s;
  declare(attributes);
  send_all({"A", "B"}, "short");
  receive("short", 90s);
  advance(60s - 1ms);
  BOOST_TEST(info("short").counters.expired == 0U);
  advance(1ms);
  BOOST_TEST(info("short").counters.expired == 1U);
  BOOST_TEST(info("short").in_flight == 1U);
  advance(31s);
  advance(1s);
  BOOST_TEST(info("short").counters.expired == 2U);
  check_accounts();
}

BOOST_AUTO_TEST_CASE(a_jump_of_the_wall_clock_expires_nothing_and_moves_no_timeout) {
  send("A");
  receive();
  clock.jump_wall(hours{24 * 3650});
  advance(30s - 1ms);
  BOOST_TEST(!receive());
  advance(1ms);
  BOOST_TEST(info().visible == 1U);
  clock.jump_wall(-hours{24 * 7300});
  restart();
  BOOST_TEST(info().visible == 1U);
  clock.jump_wall(hours{24 * 7300});
  restart();
  BOOST_TEST(info().counters.expired == 0U);
}

/// RELIABILITY D2: timeouts, delays and the deduplication window end at their millisecond, and nothing expires, whatever the wall does.
BOOST_AUTO_TEST_CASE(d2_no_jump_step_or_drift_of_the_wall_clock_moves_a_deadline) {
  constexpr auto ten_years = hours{24 * 3650};
  struct Jumps {
    const char* name;
    Duration each;
    int times;
  };
  const Jumps all[] = {{"an hour ahead", 1h, 1},           {"an hour back", -1h, 1},          {"ten years ahead", ten_years, 1},
                       {"ten years back", -ten_years, 1},  {"steps ahead", 7min, 50},         {"steps back", -7min, 50},
                       {"a slow drift ahead", 3ms, 2'000}, {"a slow drift back", -3ms, 2'000}};
  for (const Jumps& jumps : all) {
    BOOST_TEST_CONTEXT(jumps.name) {
      EngineFixture world;
      world.declare(EngineFixture::fifo("bookings"));
      const Instant began = world.clock.now();
      const auto until = [&](Duration since) { world.advance(began + since - world.clock.now()); };
      world.send("held");
      BOOST_REQUIRE(world.receive());  // for 30 s
      world.send("delayed", "rides", 60s);
      const Sequence first = world.send_in_group("group", "once");
      for (int i = 0; i < jumps.times; ++i) {
        world.clock.jump_wall(jumps.each);
        world.advance(10s / jumps.times);
      }
      until(30s - 1ms);
      BOOST_TEST(world.info().in_flight == 1U);
      until(30s);
      BOOST_TEST(world.info().in_flight == 0U);
      until(60s - 1ms);
      BOOST_TEST(world.info().delayed == 1U);
      until(60s);
      BOOST_TEST(world.info().delayed == 0U);
      until(5min - 1ms);
      BOOST_TEST(world.send_in_group("group", "once") == first);
      until(5min + 1ms);
      BOOST_TEST(world.send_in_group("group", "once") > first);
      BOOST_TEST(world.info().counters.expired == 0U);
      BOOST_TEST(world.info().visible == 2U);
      world.restart();  // and with the clock where it is now
      BOOST_TEST(world.info().visible == 2U);
      BOOST_TEST(world.info().counters.expired == 0U);
      world.check_accounts();
    }
  }
}

BOOST_AUTO_TEST_CASE(a_full_disk_refuses_sends_and_nothing_else) {
  send_all({"A", "B"});
  log.full = true;
  BOOST_TEST(code(send("C")) == "storage_full");
  const auto first = receive();
  BOOST_TEST(delete_message(first->receipt_handle) == HandleOutcome::done);
  log.full = false;
  BOOST_TEST(code(send("C")) == "ok");
  BOOST_TEST(info().visible == 2U);
}

BOOST_AUTO_TEST_CASE(on_a_disk_too_full_even_for_deletes_every_change_is_refused_and_made_up_for_later) {
  send_all({"A", "B"});
  const auto first = receive();
  log.full = log.no_reserve = true;
  BOOST_TEST(code(ask(DeleteMessage{new_request(), queue(), std::span{&first->receipt_handle, 1}})) == "storage_full");
  BOOST_TEST(code(ask(ReceiveMessage{new_request(), queue(), 1, 0ms, {}})) == "storage_full");
  tell(ReceiveMessage{new_request(), queue(), 1, 60s, {}});
  BOOST_TEST(!answered(client));  // what waits anyway waits for space, too
  BOOST_TEST(code(ask(PurgeQueue{new_request(), queue(), {}})) == "storage_full");
  BOOST_TEST(code(ask(OpenSession{client, ++request, SessionKey{'x'}, "other", "host"})) == "storage_full");
  advance(30s);
  BOOST_TEST(info().in_flight == 1U);  // its timeout has ended, but that cannot be written down
  BOOST_TEST((engine->next_deadline() > clock.now()));
  log.full = log.no_reserve = false;
  advance(500ms);
  BOOST_REQUIRE(answered(client));
  BOOST_TEST(answered(client)->at(0).body == "A");
  BOOST_TEST(receive()->body == "B");
}

BOOST_AUTO_TEST_CASE(a_request_that_no_record_can_hold_is_refused_as_such) {
  QueueAttributes attributes = plain("large");
  attributes.max_message_size_bytes = 64U << 20U;
  declare(attributes);
  const std::uint64_t largest = log.max_record_size();
  BOOST_TEST(code(send(std::string(largest, 'x'), "large")) == "record_too_large");
  BOOST_TEST(code(send(std::string(largest - 100, 'x'), "large")) == "ok");
  BOOST_TEST(info("large").visible == 1U);
}

BOOST_AUTO_TEST_CASE(what_is_sent_in_this_turn_is_handed_out_after_its_sync_and_what_was_stored_before_at_once) {
  const auto receive_beside_a_send = [&](std::string_view queue_name) {
    const std::string body = "A";
    const Body message{body, checksum(body)};
    turn([&] {
      engine->apply(SendMessage{new_request(), queue(), std::span{&message, 1}, {}}, moment_of(clock), effects);
      engine->apply(ReceiveMessage{new_request(), queue(queue_name), 1, 0ms, {}}, moment_of(clock), effects);
    });
    BOOST_REQUIRE(effects.replies.size() == 2U);
    BOOST_REQUIRE(std::get<Delivered>(effects.replies[1].answer).count == 1U);
    return effects.replies[1].after_sync;
  };
  BOOST_TEST(receive_beside_a_send("rides"));
  declare(plain("others"));
  send("B", "others");
  BOOST_TEST(!receive_beside_a_send("others"));
  receive_all();
  QueueAttributes relaxed = rides_attributes();
  relaxed.relaxed = true;
  declare(relaxed);
  BOOST_TEST(!receive_beside_a_send("rides"));
}

BOOST_AUTO_TEST_CASE(sends_and_deletes_want_a_sync_and_receives_do_not) {
  send("A");
  BOOST_TEST(effects.sync_needed);
  BOOST_TEST(effects.replies.at(0).after_sync);
  const auto first = receive();
  BOOST_TEST(!effects.sync_needed);
  delete_message(first->receipt_handle);
  BOOST_TEST(effects.sync_needed);
  QueueAttributes attributes = plain("relaxed");
  attributes.relaxed = true;
  declare(attributes);
  send("B", "relaxed");
  BOOST_TEST(!effects.sync_needed);
  BOOST_TEST(!effects.replies.at(0).after_sync);
}

BOOST_AUTO_TEST_CASE(a_message_that_is_moved_or_purged_is_confirmed_after_the_sync) {
  send_all({"poison", "A"});
  reject(receive()->receipt_handle, "unreadable");
  BOOST_TEST(effects.sync_needed);
  BOOST_TEST(effects.replies.at(0).after_sync);
  ask(RedriveMessages{new_request(), queue("rides-dead"), {}, {}});
  BOOST_TEST(effects.replies.at(0).after_sync);
  ask(PurgeQueue{new_request(), queue(), {}});
  BOOST_TEST(effects.sync_needed);
  BOOST_TEST(effects.replies.at(0).after_sync);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused_by_name) {
  const Body body{"A", 1};
  BOOST_TEST(code(ask(SendMessage{new_request(), 99, std::span{&body, 1}, {}})) == "no_such_queue");
  BOOST_TEST(code(ask(SendMessage{new_request(), queue(), {}, {}})) == "invalid_argument");
  BOOST_TEST(code(ask(ReceiveMessage{new_request(), queue(), 0, 0ms, {}})) == "invalid_argument");
  BOOST_TEST(code(ask(ReceiveMessage{new_request(), 0, 1, 0ms, {}})) == "no_such_queue");
  BOOST_TEST(code(ask(PurgeQueue{new_request(), 99, {}})) == "no_such_queue");
  BOOST_TEST(code(ask(DeleteMessage{new_request(), 99, {}})) == "no_such_queue");
  BOOST_TEST(code(retry_later(ReceiptHandle{queue(), 1, 1}, "x", 13h)) == "invalid_argument");
  BOOST_TEST(code(reject(ReceiptHandle{queue(), 1, 1}, "x")) == "stale_handle");
  QueueAttributes small = plain("small");
  small.max_message_size_bytes = 4;
  declare(small);
  BOOST_TEST(code(send("1234", "small")) == "ok");
  BOOST_TEST(code(send("12345", "small")) == "message_too_large");
}

BOOST_AUTO_TEST_CASE(queues_are_declared_within_their_ranges) {
  const auto refused = [&](auto change) {
    QueueAttributes attributes = plain("q");
    change(attributes);
    return code(ask(DeclareQueue{new_request(), attributes})) == "invalid_attribute";
  };
  BOOST_TEST(refused([](QueueAttributes& a) { a.name = ""; }));
  BOOST_TEST(refused([](QueueAttributes& a) { a.visibility_timeout = 12h + 1ms; }));
  BOOST_TEST(refused([](QueueAttributes& a) { a.retention = 999ms; }));
  BOOST_TEST(refused([](QueueAttributes& a) { a.delay = 15min + 1ms; }));
  BOOST_TEST(refused([](QueueAttributes& a) { a.dead_letter_queue = "q"; }));
  BOOST_TEST(refused([](QueueAttributes& a) { a.max_receives = 5; }));
  BOOST_TEST(refused([](QueueAttributes& a) { a.dead_letter_queue = "d", a.max_receives = 1001; }));
  BOOST_TEST(!engine->find_queue("q"));
}

BOOST_AUTO_TEST_CASE(declaring_a_queue_again_updates_it_and_keeps_its_messages) {
  send("A");
  const std::size_t records = log.records().size();
  declare(rides_attributes());
  BOOST_TEST(log.records().size() == records);  // nothing new, nothing written
  QueueAttributes attributes = rides_attributes();
  attributes.visibility_timeout = 5s;
  declare(attributes);
  receive();
  advance(5s);
  BOOST_TEST(info().visible == 1U);
}

BOOST_AUTO_TEST_CASE(topics_declared_over_the_wire_survive_a_restart) {
  ask(DeclareTopic{new_request(), "ride_completed", "{}"});
  restart();
  BOOST_TEST(engine->topics().at("ride_completed") == "{}");
  ask(DeclareTopic{new_request(), "ride_completed", ""});
  BOOST_TEST(engine->topics().empty());
}

BOOST_AUTO_TEST_CASE(a_handle_survives_its_opaque_form) {
  const ReceiptHandle handle{3, 0x1234567, 0x1122334455667788};
  std::string bytes;
  append_receipt_handle(handle, bytes);
  BOOST_TEST(bytes.size() == receipt_handle_size_bytes);
  BOOST_TEST(*parse_receipt_handle(bytes) == handle);
  BOOST_TEST(!parse_receipt_handle("short"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::broker::test
