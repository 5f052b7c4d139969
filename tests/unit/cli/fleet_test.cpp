#include "cli/supervisor/fleet.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>

#include "common/clock.hpp"

namespace remuda::supervisor {

using namespace std::chrono_literals;
using topology::ProcessPlan;

namespace {

/// A broker (0) in wave 0, a processor (1) and two services (2, 3) in wave 1, a gateway (4) in wave 2.
struct FleetFixture {
  ManualClock clock;
  std::vector<ProcessPlan> plans = [] {
    std::vector<ProcessPlan> made;
    const auto add = [&](const char* name, int replica, int rank, ProcessPlan::Kind kind = ProcessPlan::Kind::node) {
      ProcessPlan plan;
      plan.kind = kind;
      plan.node = name;
      plan.replica = replica;
      plan.start_rank = rank;
      made.push_back(plan);
    };
    add("main", 0, 0, ProcessPlan::Kind::broker);
    add("processor", 0, 1);
    add("accounting", 0, 1);
    add("accounting", 1, 1);
    add("gateway", 0, 2);
    return made;
  }();
  Fleet fleet{plans, 1};

  Actions start() { return fleet.start(fleet.everything(), clock.now()); }
  Actions stop() { return fleet.stop(fleet.everything(), clock.now()); }
  Actions ready(std::size_t process) {
    static_cast<void>(fleet.spawned(process, static_cast<int>(1000 + process), clock.now()));
    return fleet.said_ready(process, clock.now());
  }
  Actions ended(std::size_t process, Ending ending = {}) { return fleet.exited(process, ending, clock.now()); }
  void run_all() {
    static_cast<void>(start());
    for (std::size_t i = 0; i < plans.size(); ++i) static_cast<void>(ready(i));
  }
};

#define CHECK_ACTIONS(actual, ...)                                    \
  do {                                                                \
    const Actions wanted = __VA_ARGS__;                               \
    BOOST_TEST((actual) == wanted, boost::test_tools::per_element()); \
  } while (false)

}  // namespace

BOOST_FIXTURE_TEST_SUITE(fleet, FleetFixture)

BOOST_AUTO_TEST_CASE(each_wave_starts_when_the_one_before_is_ready) {
  CHECK_ACTIONS(start(), {{0, Effect::spawn}});
  CHECK_ACTIONS(ready(0), {{1, Effect::spawn}, {2, Effect::spawn}, {3, Effect::spawn}});
  CHECK_ACTIONS(ready(1), {});
  CHECK_ACTIONS(ready(2), {});
  CHECK_ACTIONS(ready(3), {{4, Effect::spawn}});
  BOOST_TEST(!fleet.all_ready(fleet.everything()));
  CHECK_ACTIONS(ready(4), {});
  BOOST_TEST(fleet.all_ready(fleet.everything()));
}

BOOST_AUTO_TEST_CASE(a_process_that_dies_before_it_is_ready_holds_up_the_next_wave) {
  static_cast<void>(start());
  static_cast<void>(ended(0, {.exit_code = 1}));
  BOOST_TEST(fleet.waits_to_start(4));
  clock.advance(1s);
  CHECK_ACTIONS(fleet.tick(clock.now()), {{0, Effect::spawn}});
  CHECK_ACTIONS(ready(0), {{1, Effect::spawn}, {2, Effect::spawn}, {3, Effect::spawn}});
}

BOOST_AUTO_TEST_CASE(everything_stops_in_the_opposite_order) {
  run_all();
  CHECK_ACTIONS(stop(), {{4, Effect::drain}});
  CHECK_ACTIONS(ended(4), {{3, Effect::drain}, {2, Effect::drain}, {1, Effect::drain}});
  CHECK_ACTIONS(ended(1), {});
  CHECK_ACTIONS(ended(3), {});
  CHECK_ACTIONS(ended(2), {{0, Effect::drain}});
  BOOST_TEST(!fleet.none_running());
  CHECK_ACTIONS(ended(0), {});
  BOOST_TEST(fleet.none_running());
  BOOST_TEST(fleet.all_stopped(fleet.everything()));
}

BOOST_AUTO_TEST_CASE(a_stop_in_the_middle_of_a_start_ends_both_in_order) {
  static_cast<void>(start());
  static_cast<void>(ready(0));
  static_cast<void>(fleet.spawned(1, 1001, clock.now()));
  const Actions actions = stop();  // 2 and 3 are being born, 4 was never started
  CHECK_ACTIONS(actions, {{1, Effect::drain}});
  CHECK_ACTIONS(ended(1), {});
  CHECK_ACTIONS(fleet.spawned(2, 1002, clock.now()), {{2, Effect::drain}});
  CHECK_ACTIONS(fleet.spawned(3, 1003, clock.now()), {{3, Effect::drain}});
  static_cast<void>(ended(2));
  CHECK_ACTIONS(ended(3), {{0, Effect::drain}});
}

BOOST_AUTO_TEST_CASE(one_node_stops_and_starts_alone) {
  run_all();
  const auto accounting = *fleet.select({"accounting"});
  CHECK_ACTIONS(fleet.stop(accounting, clock.now()), {{3, Effect::drain}, {2, Effect::drain}});
  static_cast<void>(ended(2));
  static_cast<void>(ended(3));
  BOOST_TEST(fleet.all_stopped(accounting));
  CHECK_ACTIONS(fleet.start(accounting, clock.now()), {{2, Effect::spawn}, {3, Effect::spawn}});
}

BOOST_AUTO_TEST_CASE(a_node_can_be_started_while_its_broker_is_stopped_by_hand) {
  run_all();
  static_cast<void>(fleet.stop({0, 2}, clock.now()));
  static_cast<void>(ended(2));
  static_cast<void>(ended(0));
  CHECK_ACTIONS(fleet.start({2}, clock.now()), {{2, Effect::spawn}});
}

BOOST_AUTO_TEST_CASE(a_restart_of_everything_stops_all_before_it_starts_the_first) {
  run_all();
  static_cast<void>(fleet.restart(fleet.everything(), clock.now()));
  for (const std::size_t i : {4U, 3U, 2U, 1U}) static_cast<void>(ended(i));
  BOOST_TEST(!fleet.is_settled(fleet.everything()));
  CHECK_ACTIONS(ended(0), {{0, Effect::spawn}});
  CHECK_ACTIONS(ready(0), {{1, Effect::spawn}, {2, Effect::spawn}, {3, Effect::spawn}});
}

BOOST_AUTO_TEST_CASE(a_start_takes_back_a_stop_that_has_not_reached_the_process_yet) {
  run_all();
  static_cast<void>(stop());
  static_cast<void>(fleet.start({0}, clock.now()));
  for (const std::size_t i : {4U, 3U, 2U}) static_cast<void>(ended(i));
  CHECK_ACTIONS(ended(1), {});
  BOOST_TEST(fleet.processes()[0].state() == ProcessState::ready);
}

BOOST_AUTO_TEST_CASE(kill_all_reaches_every_process_that_runs) {
  run_all();
  static_cast<void>(ended(1, {.signal = SIGKILL}));
  CHECK_ACTIONS(fleet.kill_all(), {{0, Effect::kill}, {2, Effect::kill}, {3, Effect::kill}, {4, Effect::kill}});
  BOOST_TEST(!fleet.next_deadline().has_value());  // what waited for its restart waits no more
}

BOOST_AUTO_TEST_CASE(names_mean_all_replicas_or_one_of_them) {
  BOOST_TEST((*fleet.select({"accounting"}) == std::set<std::size_t>{2, 3}));
  BOOST_TEST((*fleet.select({"accounting/1", "main"}) == std::set<std::size_t>{0, 3}));
  BOOST_TEST(fleet.select({})->size() == 5U);
  const auto unknown = fleet.select({"acounting"});
  BOOST_REQUIRE(!unknown);
  BOOST_TEST(unknown.error().code == "no_such_node");
  BOOST_TEST(unknown.error().message == "no node or broker 'acounting' here; did you mean 'accounting'?");
}

BOOST_AUTO_TEST_CASE(two_hundred_nodes_that_die_together_are_all_up_again_within_thirty_seconds) {
  std::vector<ProcessPlan> many(200, plans[1]);
  for (std::size_t i = 0; i < many.size(); ++i) many[i].replica = static_cast<int>(i);
  Fleet storm{many, 7};
  static_cast<void>(storm.start(storm.everything(), clock.now()));
  for (std::size_t i = 0; i < many.size(); ++i) {
    static_cast<void>(storm.spawned(i, static_cast<int>(1000 + i), clock.now()));
    static_cast<void>(storm.said_ready(i, clock.now()));
    static_cast<void>(storm.exited(i, {.signal = SIGKILL}, clock.now()));
  }
  const Instant died = clock.now();
  while (const auto deadline = storm.next_deadline()) {
    clock.advance(*deadline - clock.now());
    for (const Action& action : storm.tick(clock.now())) {
      static_cast<void>(storm.spawned(action.process, static_cast<int>(5000 + action.process), clock.now()));
      static_cast<void>(storm.said_ready(action.process, clock.now()));
    }
  }
  BOOST_TEST(storm.all_ready(storm.everything()));
  BOOST_TEST((clock.now() - died <= 30s));
}

BOOST_AUTO_TEST_CASE(a_process_that_comes_late_starts_alone_and_one_that_has_left_is_meant_by_no_name) {
  run_all();
  plans.push_back(plans[3]);
  plans.back().replica = 2;
  fleet.adopt(plans);
  BOOST_TEST((*fleet.select({"accounting"}) == std::set<std::size_t>{2, 3, 5}));
  CHECK_ACTIONS(fleet.start({5}, clock.now()), {{5, Effect::spawn}});
  static_cast<void>(ready(5));
  BOOST_TEST(fleet.all_ready(fleet.everything()));

  CHECK_ACTIONS(fleet.stop({5}, clock.now()), {{5, Effect::drain}});
  static_cast<void>(ended(5));
  fleet.leave(5);
  BOOST_TEST((*fleet.select({"accounting"}) == std::set<std::size_t>{2, 3}));
  BOOST_TEST(!fleet.select({"accounting/2"}));
  BOOST_TEST(!fleet.everything().contains(5));
  BOOST_TEST(fleet.all_ready(fleet.everything()));

  fleet.come_back(5);
  CHECK_ACTIONS(fleet.start({5}, clock.now()), {{5, Effect::spawn}});
  BOOST_TEST((*fleet.select({"accounting/2"}) == std::set<std::size_t>{5}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::supervisor
