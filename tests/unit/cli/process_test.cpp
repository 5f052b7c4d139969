#include "cli/supervisor/process.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>

#include "common/clock.hpp"

namespace remuda::supervisor {

using namespace std::chrono_literals;
using topology::ProcessPlan;
using topology::RestartPolicy;

namespace {

using Effects = std::vector<Effect>;

struct ProcessFixture {
  ManualClock clock;
  ProcessPlan plan;
  std::optional<Process> made;

  ProcessFixture() {
    plan.node = "accounting";
    plan.stop_grace = 10s;
    plan.restart.delay = 100ms;
    plan.restart.max_restarts = 2;
  }
  Process& process() {
    if (!made) made.emplace(plan, 1);
    return *made;
  }
  /// Brings it to `ready`.
  void run() {
    static_cast<void>(process().start(clock.now()));
    process().spawned(4711, clock.now());
    process().said_ready(clock.now());
  }
  Effects die(Ending ending = {.exit_code = 1}) { return process().exited(ending, clock.now()); }
  Effects after(Duration time) {
    clock.advance(time);
    return process().tick(clock.now());
  }
  ProcessState state() { return process().state(); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(process, ProcessFixture)

BOOST_AUTO_TEST_CASE(it_is_spawned_once_and_ready_when_it_says_so) {
  BOOST_TEST(process().start(clock.now()) == Effects{Effect::spawn}, boost::test_tools::per_element());
  BOOST_TEST(process().start(clock.now()).empty());
  process().spawned(4711, clock.now());
  BOOST_TEST(state() == ProcessState::starting);
  BOOST_TEST(process().pid() == 4711);
  process().said_ready(clock.now());
  BOOST_TEST(state() == ProcessState::ready);
}

BOOST_AUTO_TEST_CASE(a_process_that_dies_is_started_again_after_its_delay_and_not_before) {
  run();
  BOOST_TEST(die().empty());
  BOOST_TEST(state() == ProcessState::backoff);
  BOOST_TEST(process().trouble() == "ended with exit 1");
  BOOST_REQUIRE(process().next_deadline());
  clock.advance(*process().next_deadline() - clock.now() - 1ms);
  BOOST_TEST(process().tick(clock.now()).empty());
  BOOST_TEST(after(1ms) == Effects{Effect::spawn}, boost::test_tools::per_element());
  BOOST_TEST(process().restarts() == 1);
  BOOST_TEST(state() == ProcessState::starting);
}

BOOST_AUTO_TEST_CASE(a_process_that_keeps_dying_is_held_until_somebody_starts_it) {
  run();
  for (int i = 0; i < 2; ++i) {
    static_cast<void>(die({.signal = SIGSEGV}));
    static_cast<void>(after(30s));
    process().spawned(4712, clock.now());
  }
  BOOST_TEST(die({.signal = SIGSEGV}).empty());
  BOOST_TEST(state() == ProcessState::failed);
  BOOST_TEST(process().trouble() == "ended with SIGSEGV; held after 3 failures");
  BOOST_TEST(after(24h).empty());
  BOOST_TEST(process().start(clock.now()) == Effects{Effect::spawn}, boost::test_tools::per_element());
  BOOST_TEST(process().trouble().empty());
}

BOOST_AUTO_TEST_CASE(a_stop_drains_and_kills_only_when_the_grace_is_over) {
  run();
  BOOST_TEST(process().stop(clock.now()) == Effects{Effect::drain}, boost::test_tools::per_element());
  BOOST_TEST(state() == ProcessState::draining);
  BOOST_TEST(after(10s - 1ms).empty());
  BOOST_TEST(after(1ms) == Effects{Effect::kill}, boost::test_tools::per_element());
  BOOST_TEST(die({.signal = SIGKILL}).empty());
  BOOST_TEST(state() == ProcessState::stopped);
  BOOST_TEST(!process().is_running());
}

BOOST_AUTO_TEST_CASE(a_process_that_was_asked_to_end_is_not_started_again) {
  run();
  static_cast<void>(process().stop(clock.now()));
  BOOST_TEST(die({.exit_code = 1}).empty());
  BOOST_TEST(state() == ProcessState::stopped);
  BOOST_TEST(after(24h).empty());
}

BOOST_AUTO_TEST_CASE(a_stop_during_the_birth_takes_effect_once_there_is_a_pid) {
  static_cast<void>(process().start(clock.now()));
  BOOST_TEST(process().stop(clock.now()).empty());
  process().spawned(4711, clock.now());
  BOOST_TEST(after(0s) == Effects{Effect::drain}, boost::test_tools::per_element());
  BOOST_TEST(after(10s) == Effects{Effect::kill}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_stop_takes_back_a_restart_that_was_to_come) {
  run();
  static_cast<void>(die());
  BOOST_TEST(process().stop(clock.now()).empty());
  BOOST_TEST(state() == ProcessState::stopped);
  BOOST_TEST(after(24h).empty());
}

BOOST_AUTO_TEST_CASE(a_restart_stops_it_and_then_starts_it) {
  run();
  BOOST_TEST(process().restart(clock.now()) == Effects{Effect::drain}, boost::test_tools::per_element());
  BOOST_TEST(die({.exit_code = 0}) == Effects{Effect::spawn}, boost::test_tools::per_element());
  BOOST_TEST(process().restarts() == 0);  // a planned one does not count
}

BOOST_AUTO_TEST_CASE(success_is_an_end_unless_the_policy_is_always) {
  run();
  BOOST_TEST(die({.exit_code = 0}).empty());
  BOOST_TEST(state() == ProcessState::stopped);
  plan.restart.when = RestartPolicy::When::always;
  made.reset();
  run();
  static_cast<void>(die({.exit_code = 0}));
  BOOST_TEST(state() == ProcessState::backoff);
}

BOOST_AUTO_TEST_CASE(the_policy_never_holds_it_at_its_first_failure) {
  plan.restart.when = RestartPolicy::When::never;
  run();
  static_cast<void>(die());
  BOOST_TEST(state() == ProcessState::failed);
}

BOOST_AUTO_TEST_CASE(a_broker_whose_storage_failed_is_started_once_more_and_no_more) {
  plan.kind = ProcessPlan::Kind::broker;
  run();
  static_cast<void>(die({.exit_code = Process::poisoned_exit_code}));
  BOOST_TEST(state() == ProcessState::backoff);
  static_cast<void>(after(1s));
  process().spawned(4712, clock.now());
  static_cast<void>(die({.exit_code = Process::poisoned_exit_code}));
  BOOST_TEST(state() == ProcessState::failed);
}

BOOST_AUTO_TEST_CASE(a_program_that_cannot_be_started_is_tried_again_like_one_that_died) {
  static_cast<void>(process().start(clock.now()));
  static_cast<void>(process().spawn_failed("cannot start accounting: Permission denied", clock.now()));
  BOOST_TEST(state() == ProcessState::backoff);
  BOOST_TEST(process().trouble() == "cannot start accounting: Permission denied");
}

BOOST_AUTO_TEST_CASE(five_seconds_without_a_heartbeat_are_too_long) {
  run();
  clock.advance(5s);
  BOOST_TEST(!process().is_unresponsive(clock.now()));
  clock.advance(1ms);
  BOOST_TEST(process().is_unresponsive(clock.now()));
  process().heartbeat(clock.now());
  BOOST_TEST(!process().is_unresponsive(clock.now()));
}

BOOST_AUTO_TEST_CASE(endings_have_the_names_that_people_know) {
  BOOST_TEST((Ending{.exit_code = 3}).text() == "exit 3");
  BOOST_TEST((Ending{.signal = SIGKILL}).text() == "SIGKILL");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::supervisor
