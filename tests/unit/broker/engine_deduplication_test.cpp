// Deduplication: what a FIFO queue or topic has accepted within the last five minutes is accepted once.

#include "broker/engine/deduplication.hpp"

#include "tests/unit/broker/engine_fixture.hpp"

namespace remuda::broker::test {
namespace {

struct DeduplicationFixture : EngineFixture {
  explicit DeduplicationFixture(std::uint32_t segment_size = 64U << 20U) : EngineFixture{segment_size} {
    declare(fifo("bookings"));
  }

  std::uint64_t messages(std::string_view name = "bookings") const { return info(name).visible; }
  /// Publishes to a FIFO topic that is chained to `targets`; the body is the id.
  void publish(std::string_view body, const std::vector<std::string>& targets) {
    std::vector<QueueId> ids;
    std::vector<Grouping> groupings;
    for (const std::string& each : targets) {
      ids.push_back(queue(each));
      groupings.push_back({"g", key_of(body)});
    }
    const Publication publication{{body, checksum(body)}, ids, groupings, key_of(body)};
    BOOST_REQUIRE(done(ask(PublishMessage{new_request(), std::span{&publication, 1}, "quotes"})));
  }
};
struct SmallSegments : DeduplicationFixture {
  SmallSegments() : DeduplicationFixture{4096} {}
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(engine_deduplication, DeduplicationFixture)

BOOST_AUTO_TEST_CASE(a_repeated_id_is_answered_with_the_first_sequence_and_stored_once) {
  const Sequence first = send_in_group("g", "A", "bookings", "id-1");
  send_in_group("g", "B", "bookings", "id-2");
  BOOST_TEST(send_in_group("g", "A again", "bookings", "id-1") == first);
  BOOST_TEST(messages() == 2U);
}

BOOST_AUTO_TEST_CASE(the_window_is_five_minutes_from_the_first_acceptance) {
  const Sequence first = send_in_group("g", "A", "bookings", "id");
  advance(minutes{4});
  BOOST_TEST(send_in_group("g", "A", "bookings", "id") == first);
  advance(minutes{1} - 1ms);
  BOOST_TEST(send_in_group("g", "A", "bookings", "id") == first);
  advance(1ms);
  BOOST_TEST(send_in_group("g", "A", "bookings", "id") != first);
  BOOST_TEST(messages() == 2U);
}

BOOST_AUTO_TEST_CASE(an_id_is_remembered_after_its_message_was_deleted) {
  const Sequence first = send_in_group("g", "A", "bookings", "id");
  delete_message(receive("bookings")->receipt_handle, "bookings");
  BOOST_TEST(send_in_group("g", "A", "bookings", "id") == first);
  BOOST_TEST(messages() == 0U);
}

BOOST_AUTO_TEST_CASE(an_id_survives_a_restart_and_then_counts_anew) {
  const Sequence first = send_in_group("g", "A", "bookings", "id");
  advance(minutes{4});
  restart();  // how long the broker was away is not known for certain
  hello();
  advance(minutes{5} - 1ms);
  BOOST_TEST(send_in_group("g", "A", "bookings", "id") == first);
  advance(1ms);
  BOOST_TEST(send_in_group("g", "A", "bookings", "id") != first);
}

BOOST_AUTO_TEST_CASE(an_id_whose_window_was_over_does_not_come_back_with_a_restart) {
  const Sequence first = send_in_group("g", "A", "bookings", "id");
  declare(plain("another"));
  advance(minutes{5});
  hello();
  send("later", "another");  // the last that the log knows of time
  restart();
  BOOST_TEST(send_in_group("g", "A", "bookings", "id") != first);
}

BOOST_AUTO_TEST_CASE(a_clock_that_jumped_while_the_broker_was_down_does_not_shorten_the_window_at_the_next_restart) {
  const Sequence first = send_in_group("g", "A", "bookings", "id");
  clock.jump_wall(hours{10});
  restart();
  hello();
  send_in_group("g", "B", "bookings", "other");
  restart();
  BOOST_TEST(send_in_group("g", "A", "bookings", "id") == first);
}

BOOST_AUTO_TEST_CASE(a_repeated_publish_to_a_fifo_topic_is_confirmed_no_sooner_than_the_first) {
  ask(DeclareTopic{new_request(), "quotes", "a FIFO topic"});
  const Publication publication{{"A", checksum("A")}, {}, {}, key_of("A")};
  turn([&] {
    for (int i = 0; i < 2; ++i)
      engine->apply(PublishMessage{new_request(), std::span{&publication, 1}, "quotes"}, moment_of(clock), effects);
  });
  BOOST_REQUIRE(effects.replies.size() == 2U);
  BOOST_TEST(effects.replies[0].after_sync);
  BOOST_TEST(effects.replies[1].after_sync);
}

BOOST_AUTO_TEST_CASE(a_jump_of_the_wall_clock_does_not_end_the_window) {
  const Sequence first = send_in_group("g", "A", "bookings", "id");
  clock.jump_wall(hours{24 * 365});
  advance(1s);
  BOOST_TEST(send_in_group("g", "A", "bookings", "id") == first);
}

BOOST_AUTO_TEST_CASE(a_batch_that_repeats_itself_is_stored_once_each) {
  std::vector<Body> bodies;
  std::vector<Grouping> groupings;
  std::vector<std::string> texts;
  for (int i = 0; i < 100; ++i) texts.push_back("m" + std::to_string(i % 40));
  for (const std::string& text : texts) {
    bodies.push_back({text, checksum(text)});
    groupings.push_back({"g", key_of(text)});
  }
  const Answer answer = ask(SendMessage{new_request(), queue("bookings"), bodies, {}, {}, groupings});
  BOOST_REQUIRE(std::get<Accepted>(answer).count == 100U);
  for (std::size_t i = 0; i < 100; ++i) BOOST_TEST(effects.sequences[i] == effects.sequences[i % 40]);
  BOOST_TEST(messages() == 40U);
}

BOOST_AUTO_TEST_CASE(a_duplicate_is_answered_no_sooner_than_the_first_is_on_stable_storage) {
  effects.clear();
  const std::string text = "A";
  const Body body{text, checksum(text)};
  const Grouping grouping{"g", key_of("id")};
  for (int i = 0; i < 2; ++i) {
    engine->apply(SendMessage{new_request(), queue("bookings"), std::span{&body, 1}, {}, {}, std::span{&grouping, 1}},
                  moment_of(clock), effects);
  }
  BOOST_TEST(effects.sync_needed);
  BOOST_REQUIRE(effects.replies.size() == 2U);
  BOOST_TEST(effects.replies[1].after_sync);
}

BOOST_AUTO_TEST_CASE(a_dead_letter_swallows_no_copy_and_a_redrive_is_no_duplicate) {
  QueueAttributes attributes = fifo("bookings");
  attributes.dead_letter_queue = "bookings-dead";
  attributes.max_receives = 1;
  declare(attributes);
  send_in_group("g", "A", "bookings", "id");
  (void)receive("bookings");
  advance(30s);
  BOOST_TEST(messages("bookings-dead") == 1U);
  BOOST_TEST(done(ask(RedriveMessages{new_request(), queue("bookings-dead"), {}, {}}))->count == 1U);
  BOOST_TEST(messages() == 1U);
}

BOOST_AUTO_TEST_CASE(a_queue_that_is_deleted_forgets_its_ids) {
  send_in_group("g", "A", "bookings", "id");
  ask(DeleteQueue{new_request(), queue("bookings"), true});
  declare(fifo("bookings"));
  send_in_group("g", "A", "bookings", "id");
  BOOST_TEST(messages() == 1U);
}

BOOST_FIXTURE_TEST_CASE(ids_survive_that_the_log_is_compacted_and_cut, SmallSegments) {
  const Sequence first = send_in_group("g", "A", "bookings", "id");
  delete_message(receive("bookings")->receipt_handle, "bookings");
  for (int i = 0; i < 300; ++i) {
    send(std::string(100, 'x'));
    delete_message(receive()->receipt_handle);
  }
  while (engine->compact(1U << 20U, moment_of(clock))) {}
  BOOST_TEST(engine->oldest_needed_segment() > 1U);
  log.truncate_before(engine->oldest_needed_segment());
  BOOST_TEST(send_in_group("g", "A", "bookings", "id") == first);
  restart();
  hello();
  BOOST_TEST(send_in_group("g", "A", "bookings", "id") == first);
  BOOST_TEST(messages() == 0U);
}

BOOST_AUTO_TEST_CASE(a_fifo_topic_passes_over_what_it_was_published_before_for_standard_queues_too) {
  declare(plain("audit"));
  BOOST_REQUIRE(done(ask(DeclareTopic{new_request(), "quotes", "definition"})));
  publish("A", {"bookings", "audit"});
  publish("A", {"bookings", "audit"});
  BOOST_TEST(messages() == 1U);
  BOOST_TEST(messages("audit") == 1U);
  restart();
  hello();
  publish("A", {"bookings", "audit"});
  BOOST_TEST(messages("audit") == 1U);
  advance(minutes{5});
  publish("A", {"bookings", "audit"});
  BOOST_TEST(messages("audit") == 2U);
  BOOST_TEST(messages() == 2U);
}

BOOST_AUTO_TEST_CASE(p24_the_group_of_a_publish_reaches_every_fifo_queue_in_order) {
  declare(fifo("ledger"));
  BOOST_REQUIRE(done(ask(DeclareTopic{new_request(), "quotes", "definition"})));
  for (const char* each : {"A", "B", "C"}) publish(each, {"bookings", "ledger"});
  BOOST_TEST(receive_bodies(10, "bookings") == "ABC");
  BOOST_TEST(receive_bodies(10, "ledger") == "ABC");
  BOOST_TEST(peek("ledger").at(0).group == "g");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(deduplication_window)

BOOST_AUTO_TEST_CASE(thousands_of_ids_come_and_go_and_leave_nothing_behind) {
  SegmentLedger ledger;
  DeduplicationWindow window{ledger, {1, 2}};
  const auto key_of = [](int number) {
    DeduplicationKey key{};
    for (std::size_t i = 0; i < 4; ++i) key[i] = static_cast<char>(number >> (8 * i));
    return key;
  };
  for (int i = 0; i < 50'000; ++i) {
    window.forget_old(i * 100);
    window.remember(key_of(i), static_cast<Sequence>(i), i * 100, 1 + static_cast<std::uint32_t>(i) / 1000);
  }
  BOOST_TEST(window.size() == 3000U);  // one each 100 ms for five minutes
  BOOST_TEST(window.find(key_of(49'999)).value_or(0) == 49'999U);
  BOOST_TEST(window.find(key_of(47'000)).value_or(0) == 47'000U);
  BOOST_TEST(!window.find(key_of(46'999)));
  BOOST_TEST(ledger.live_bytes() == 3000U * DeduplicationWindow::entry_size_bytes);
  BOOST_TEST(ledger.oldest_needed_segment() == 48U);
  window.forget_old(INT64_MAX);
  BOOST_TEST(window.empty());
  BOOST_TEST(ledger.live_bytes() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::broker::test
