// The loop of a node: credit, fairness, timers, drain.

#include <boost/test/unit_test.hpp>

#include <thread>

#include "common/channels/queued_request.hpp"
#include "tests/unit/common/runtime_fixture.hpp"

using namespace remuda;
using namespace remuda::test;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_SUITE(node_runtime, RuntimeFixture)

BOOST_AUTO_TEST_CASE(a_receive_is_outstanding_while_a_handler_works) {
  on_ride([this](const Message&, Outbox&) {
    runtime->figures().count("seen", 1);
    return Outcome::done;
  });
  given("ride-1");
  run();
  BOOST_TEST(home.receiving() == 1U);
}

BOOST_AUTO_TEST_CASE(a_node_whose_handlers_turn_out_slow_gives_back_what_it_cannot_start_soon) {
  on_ride([this](const Message&, Outbox&) {
    clock.advance(1s);
    return Outcome::done;
  });
  for (int i = 0; i < 10; ++i) given("ride-" + std::to_string(i));
  runtime->turn();
  runtime->turn();
  runtime->turn();
  // One handled in a second: one more may wait here, the others are visible for other consumers and were never counted as received.
  BOOST_TEST(node.handled.size() <= 2U);
  std::size_t visible = 0;
  for (const auto& stored : home.stored("rides")) visible += stored.handle.empty() && stored.receive_count == 0 ? 1U : 0U;
  BOOST_TEST(visible >= 7U);
}

BOOST_AUTO_TEST_CASE(a_batch_ends_when_its_handlers_have_run_long_enough) {
  on_ride([this](const Message&, Outbox&) {
    clock.advance(NodeRuntime::batch_time_max / 2);
    return Outcome::done;
  });
  for (int i = 0; i < 6; ++i) given("ride-" + std::to_string(i));
  run();
  BOOST_TEST(node.handled.size() == 6U);
  BOOST_TEST(node.commits == 3U);
}

BOOST_AUTO_TEST_CASE(a_busy_port_does_not_starve_another) {
  for (int i = 0; i < 20; ++i) ticks.put(ride("tick-" + std::to_string(i)));
  ask.put(ride("question-1"), "asker");
  run();
  const auto question = std::find(node.handled.begin(), node.handled.end(), "question-1") - node.handled.begin();
  BOOST_TEST(question <= 2);
}

BOOST_AUTO_TEST_CASE(the_prefetch_bounds_what_is_held) {
  for (int i = 0; i < 300; ++i) given("ride-" + std::to_string(i));
  home.refuse_changes(Error{"storage_full", "The disk is full.", true});  // nothing is ever settled
  run();
  BOOST_TEST(node.handled.size() <= 2 * 64U);
}

BOOST_AUTO_TEST_CASE(draining_gives_unstarted_messages_back_uncounted_and_finishes_what_has_begun) {
  on_ride([this](const Message& message, Outbox& out) {
    clock.advance(NodeRuntime::batch_time_max);  // one per batch, so that others wait
    if (message.id == "ride-0") home.set_reachable(false);
    return copying_to("copy")(message, out);
  });
  for (int i = 0; i < 3; ++i) given("ride-" + std::to_string(i));
  while (node.handled.empty()) runtime->turn();
  runtime->begin_drain();
  run();
  BOOST_TEST(!runtime->drained());  // the first ride is not confirmed yet
  home.set_reachable(true);
  run();
  BOOST_TEST(runtime->drained());
  BOOST_TEST(node.handled == std::vector<std::string>{"ride-0"});
  BOOST_TEST(home.stored("copies").size() == 1U);
  BOOST_REQUIRE(home.stored("rides").size() == 2U);
  for (const auto& stored : home.stored("rides")) {
    BOOST_TEST(stored.receive_count == 0U);
    BOOST_TEST(stored.handle.empty());
  }
}

BOOST_AUTO_TEST_CASE(draining_asks_for_no_more_messages) {
  run();
  runtime->begin_drain();
  run();
  BOOST_TEST(home.receiving() == 0U);
  given("ride-1");
  run();
  BOOST_TEST(node.handled.empty());
  BOOST_TEST(runtime->drained());
}

BOOST_AUTO_TEST_CASE(a_drain_waits_for_what_its_last_receive_may_bring_and_gives_it_back) {
  run();
  BOOST_TEST(home.receiving() == 1U);
  home.set_reachable(false);
  runtime->begin_drain();
  given("ride-1");  // handed out before the broker hears that nobody wants it
  run();
  BOOST_TEST(!runtime->drained());
  home.set_reachable(true);
  run();
  BOOST_TEST(runtime->drained());
  BOOST_TEST(node.handled.empty());
  BOOST_REQUIRE(home.stored("rides").size() == 1U);
  BOOST_TEST(home.stored("rides").front().handle.empty());
  BOOST_TEST(home.stored("rides").front().receive_count == 0U);
}

BOOST_AUTO_TEST_CASE(a_drain_reads_the_queue_of_its_answers_until_nobody_waits_for_one) {
  home.declare("quotes");
  home.declare("answers");
  QueuedRequestOutput quote{home, "quotes", "answers", 64, clock};
  ports.requests["quote"] = {&quote};
  ports.sources.push_back(&quote);
  std::string answer;
  node.context().request("quote", ride("question"), 10s,
                         [&](const Result<Message>& reply) { answer = reply ? reply->body : reply.error().code; });
  run();
  runtime->begin_drain();
  run();
  BOOST_TEST(!runtime->drained());
  BOOST_REQUIRE(home.stored("quotes").size() == 1U);
  Message reply = ride("reply", "42");
  reply.correlation_id = unpack_message(home.stored("quotes").front().packed)->correlation_id;
  home.send("answers", reply);
  run();
  BOOST_TEST(answer == "42");
  BOOST_TEST(home.receiving() == 0U);
  BOOST_TEST(runtime->drained());
}

BOOST_AUTO_TEST_CASE(requests_that_had_arrived_are_still_answered_while_draining) {
  ask.put(ride("question-1"), "asker");
  runtime->begin_drain();
  BOOST_TEST(!runtime->drained());
  run();
  BOOST_TEST(ask.settlements.size() == 1U);
  BOOST_TEST(runtime->drained());
}

BOOST_AUTO_TEST_CASE(the_drain_waits_for_the_nodes_own_activities) {
  node.is_idle = false;
  runtime->begin_drain();
  run();
  BOOST_TEST(!runtime->drained());
  node.is_idle = true;
  BOOST_TEST(runtime->drained());
}

BOOST_AUTO_TEST_CASE(finish_drains_and_sets_the_exit_code) {
  node.context().finish(3);
  run();
  BOOST_TEST(runtime->is_draining());
  BOOST_TEST(runtime->drained());
  BOOST_TEST(runtime->exit_code() == 3);
  runtime->stop();
  BOOST_TEST(node.stopped);
}

BOOST_AUTO_TEST_CASE(a_timer_runs_every_interval_and_not_before) {
  int rang = 0;
  node.context().every(100ms, [&] { ++rang; });
  advance(99ms);
  BOOST_TEST(rang == 0);
  advance(1ms);
  BOOST_TEST(rang == 1);
  advance(1s);  // missed rounds are not made up for
  BOOST_TEST(rang == 2);
  BOOST_TEST((runtime->next_deadline() == clock.now() + 100ms));
}

BOOST_AUTO_TEST_CASE(a_task_posted_from_another_thread_runs_on_the_loop) {
  std::thread::id ran_on;
  std::thread poster{[&] { node.context().post([&] { ran_on = std::this_thread::get_id(); }); }};
  poster.join();
  BOOST_TEST((runtime->next_deadline() == Instant::min()));
  run();
  BOOST_TEST((ran_on == std::this_thread::get_id()));
}

BOOST_AUTO_TEST_CASE(a_send_outside_a_handler_is_repeated_until_it_is_confirmed) {
  home.refuse_changes(Error{"storage_full", "The disk is full.", true});
  std::optional<Result<void>> answer;
  node.context().send("copy", ride("ride-1"), [&](Result<void> given_answer) { answer = std::move(given_answer); });
  run();
  BOOST_TEST(!answer.has_value());
  runtime->begin_drain();
  BOOST_TEST(!runtime->drained());
  home.refuse_changes(std::nullopt);
  advance(Settler::retry_interval);
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(answer->ok());
  BOOST_TEST(ids(home, "copies") == std::vector<std::string>{"ride-1"});
  BOOST_TEST(runtime->drained());
}

BOOST_AUTO_TEST_CASE(a_send_that_can_never_succeed_says_so) {
  home.limit_bodies(1);
  std::optional<Result<void>> answer;
  node.context().send("copy", ride("ride-1"), [&](Result<void> given_answer) { answer = std::move(given_answer); });
  run();
  BOOST_REQUIRE(answer.has_value());
  BOOST_REQUIRE(!answer->ok());
  BOOST_TEST(answer->error().code == "message_too_large");
}

BOOST_AUTO_TEST_CASE(a_request_over_an_unwired_port_is_answered_with_the_remedy) {
  std::optional<Result<Message>> answer;
  node.context().request("accounting", ride("question-1"), 1s, [&](Result<Message> reply) { answer = std::move(reply); });
  BOOST_TEST(!answer.has_value());  // never before request() has returned
  run();
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(answer->error().code == "not_wired");
}

BOOST_AUTO_TEST_CASE(a_queue_that_does_not_exist_is_asked_for_again_after_a_pause) {
  QueueInput missing{home, "missing", 64};
  missing.turn(clock.now());
  home.turn(clock.now());
  missing.turn(clock.now());
  BOOST_TEST((missing.next_deadline() == clock.now() + QueueInput::pause_after_error));
  home.declare("missing");
  home.send("missing", ride("ride-1"));
  clock.advance(QueueInput::pause_after_error);
  missing.turn(clock.now());
  home.turn(clock.now());
  Incoming incoming;
  BOOST_TEST(missing.take(incoming));
}

BOOST_AUTO_TEST_CASE(figures_tell_what_is_in_flight_and_whether_the_loop_is_stuck) {
  home.set_reachable(true);
  on_ride([this](const Message&, Outbox&) {
    home.set_reachable(false);
    clock.advance(3s);
    const auto report = runtime->figures().report(clock.now());
    BOOST_TEST(report.loop_age.count() == 3'000);
    BOOST_TEST(report.in_flight == 1U);
    return Outcome::done;
  });
  given("ride-1");
  run();
  BOOST_TEST(runtime->figures().report(clock.now()).in_flight == 1U);  // not confirmed yet
  home.set_reachable(true);
  runtime->figures().rest();
  clock.advance(1h);
  const auto report = runtime->figures().report(clock.now());
  BOOST_TEST(report.loop_age.count() == 0);
  BOOST_TEST(report.in_flight == 0U);
  BOOST_TEST(report.processed == 1U);
  BOOST_TEST(report.state == "ready");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(prefetch_window)

BOOST_AUTO_TEST_CASE(a_fast_consumer_may_hold_the_whole_prefetch) {
  PrefetchWindow window{64};
  window.observe(64, 1ms);
  BOOST_TEST(window.size() == 64U);
}

BOOST_AUTO_TEST_CASE(a_slow_consumer_holds_only_what_it_can_do_soon) {
  PrefetchWindow window{64};
  window.observe(1, PrefetchWindow::work_max / 10);
  BOOST_TEST(window.size() == 10U);
  window.observe(1, PrefetchWindow::work_max);
  BOOST_TEST(window.size() == 1U);
  BOOST_TEST(window.one_at_a_time());
}

BOOST_AUTO_TEST_CASE(slower_is_believed_at_once_and_faster_by_and_by) {
  PrefetchWindow window{64};
  window.observe(1, 250ms);
  window.observe(1, 1ms);
  BOOST_TEST(window.size() == 1U);
  for (int i = 0; i < 8; ++i) window.observe(1, 1ms);
  BOOST_TEST(window.size() == 64U);
}

BOOST_AUTO_TEST_SUITE_END()
