// Moves in the background, and queues that come and go while the broker runs.

#include "tests/unit/broker/engine_fixture.hpp"

namespace remuda::broker::test {
namespace {

struct MovesFixture : EngineFixture {
  MovesFixture() { declare(plain("archive")); }
  Done begin_move(std::string_view from, std::optional<QueueId> to = {}) {
    const auto begun = done(ask(StartMove{new_request(), queue(from), to, "all", 5}));
    BOOST_REQUIRE(begun);
    return *begun;
  }
  Answer continue_move(MoveId move, const std::vector<Sequence>& sequences, Sequence next, bool is_done = false) {
    return ask(ContinueMove{new_request(), move, sequences, next, is_done});
  }
  Move move_of(MoveId id) const {
    for (const Move& each : engine->moves(moment_of(clock))) {
      if (each.id == id) return each;
    }
    BOOST_FAIL("no such move");
    return {};
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(engine_moves, MovesFixture)

BOOST_AUTO_TEST_CASE(a_move_goes_on_after_a_restart_where_it_was) {
  send_all({"A", "B", "C"});
  const auto move = static_cast<MoveId>(begin_move("rides", queue("archive")).first);
  continue_move(move, {1, 2}, 3);
  restart();
  hello();
  BOOST_TEST(engine->has_running_moves());
  BOOST_TEST(move_of(move).next == 3U);
  BOOST_TEST(move_of(move).end == 4U);
  BOOST_TEST(move_of(move).moved == 2U);
  BOOST_TEST(move_of(move).max_per_second == 5U);
  BOOST_TEST(move_of(move).selection == "all");
  continue_move(move, {3}, 4, true);
  BOOST_TEST(move_of(move).status == MoveStatus::completed);
  BOOST_TEST(move_of(move).moved == 3U);
  BOOST_TEST(info("archive").visible == 3U);
  BOOST_TEST(!engine->has_running_moves());
  check_accounts();
}

BOOST_AUTO_TEST_CASE(one_move_at_a_time_goes_out_of_a_queue_and_a_cancelled_one_keeps_what_it_did) {
  send_all({"A", "B"});
  const auto move = static_cast<MoveId>(begin_move("rides", queue("archive")).first);
  continue_move(move, {1}, 2);
  BOOST_TEST(code(ask(StartMove{new_request(), queue("rides"), queue("archive"), {}, 0})) == "move_in_progress");
  BOOST_TEST(done(ask(CancelMove{new_request(), move})).has_value());
  BOOST_TEST(move_of(move).status == MoveStatus::cancelled);
  BOOST_TEST(code(ask(CancelMove{new_request(), move})) == "no_such_move");
  BOOST_TEST(code(continue_move(move, {2}, 3)) == "no_such_move");
  BOOST_TEST(info("archive").visible == 1U);
  (void)begin_move("rides", queue("archive"));
}

BOOST_AUTO_TEST_CASE(messages_move_between_queues_of_one_kind_only) {
  declare(fifo("strict"));
  BOOST_TEST(code(ask(StartMove{new_request(), queue("rides"), queue("strict"), {}, 0})) == "invalid_argument");
  BOOST_TEST(code(ask(StartMove{new_request(), queue("rides"), queue("rides"), {}, 0})) == "invalid_argument");
  BOOST_TEST(code(ask(RedriveMessages{new_request(), queue("rides"), queue("strict"), {}})) == "invalid_argument");
}

BOOST_AUTO_TEST_CASE(the_last_ten_moves_of_a_queue_are_kept) {
  for (int i = 0; i < 15; ++i) continue_move(static_cast<MoveId>(begin_move("rides", queue("archive")).first), {}, 1, true);
  BOOST_TEST(engine->moves(moment_of(clock)).size() == 10U);
  BOOST_TEST(engine->moves(moment_of(clock)).front().id == 6U);
}

BOOST_AUTO_TEST_CASE(a_queue_with_messages_is_deleted_only_by_force_and_one_that_others_need_not_at_all) {
  send("A");
  BOOST_TEST(code(ask(DeleteQueue{new_request(), queue("rides")})) == "queue_not_empty");
  BOOST_TEST(code(ask(DeleteQueue{new_request(), queue("rides-dead"), true})) == "queue_in_use");
  const QueueId before = queue("rides");
  BOOST_TEST(done(ask(DeleteQueue{new_request(), before, true}))->count == 1U);
  BOOST_TEST(!engine->find_queue("rides"));
  BOOST_TEST(code(ask(ReceiveMessage{new_request(), before, 1, 0ms, {}})) == "no_such_queue");
  restart();
  hello();
  BOOST_TEST(!engine->find_queue("rides"));
  declare(rides_attributes());
  BOOST_TEST(queue("rides") > before);  // a new queue: no handle of then names it
  BOOST_TEST(info("rides").visible == 0U);
}

BOOST_AUTO_TEST_CASE(who_waits_on_a_deleted_queue_is_told) {
  tell(ReceiveMessage{Requester{9, session, ++request, 0}, queue("archive"), 1, 20s, {}});
  ask(DeleteQueue{new_request(), queue("archive")});
  const auto told = std::any_of(effects.replies.begin(), effects.replies.end(), [](const Reply& reply) {
    return reply.client == 9 && std::holds_alternative<Error>(reply.answer) &&
           std::get<Error>(reply.answer).code == "no_such_queue";
  });
  BOOST_TEST(told);
}

BOOST_AUTO_TEST_CASE(tags_and_the_deletion_of_queues_survive_that_the_log_is_cut) {
  QueueAttributes tagged = plain("tagged");
  tagged.tags = {{"team", "rides"}};
  declare(tagged);
  ask(DeleteQueue{new_request(), queue("archive")});
  const std::string small_state = engine->checkpoint();
  QueueEngine fresh{log};
  BOOST_REQUIRE(fresh.replay(small_state, Location{1, 0}).ok());
  fresh.recovered(moment_of(clock));
  BOOST_TEST(fresh.dump() == engine->dump());
  BOOST_TEST(fresh.attributes(*fresh.find_queue("tagged"))->tags.at("team") == "rides");
}

BOOST_AUTO_TEST_CASE(each_message_of_a_batch_may_have_a_delay_of_its_own) {
  const std::vector<std::string> texts{"A", "B", "C"};
  std::vector<Body> bodies;
  for (const std::string& text : texts) bodies.push_back({text, checksum(text)});
  const std::vector<Milliseconds> delays{5s, -1ms, 0ms};
  ask(SendMessage{new_request(), queue(), bodies, 1s, delays});
  BOOST_TEST(receive_bodies(10, "rides") == "C");
  advance(1s);
  BOOST_TEST(receive_bodies(10, "rides") == "B");
  advance(4s);
  BOOST_TEST(receive_bodies(10, "rides") == "A");
  const std::vector<Milliseconds> too_long{0ms, 0ms, minutes{15} + 1ms};
  BOOST_TEST(code(ask(SendMessage{new_request(), queue(), bodies, {}, too_long})) == "invalid_argument");
}

BOOST_AUTO_TEST_CASE(thousands_of_idle_queues_are_not_looked_at) {
  for (int i = 0; i < 2'000; ++i) declare(plain("idle-" + std::to_string(i)));
  advance(1ms);  // each has said when it wants to be looked at
  send("A");
  const auto deadline = engine->next_deadline();
  BOOST_REQUIRE(deadline);
  BOOST_TEST((*deadline > clock.now()));
  BOOST_TEST(receive()->body == "A");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::broker::test
