#include "cli/supervisor/restart_backoff.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

#include "common/clock.hpp"

namespace remuda::supervisor {

using namespace std::chrono_literals;

namespace {

struct BackoffFixture {
  ManualClock clock;
  topology::RestartPolicy policy{
      .when = topology::RestartPolicy::When::on_failure, .delay = 100ms, .max_delay = 800ms, .max_restarts = 10, .window = 10min};
  RestartBackoff backoff{policy, 1};

  std::optional<std::chrono::milliseconds> fail(Duration healthy_for = 0s) {
    return backoff.after_failure(clock.now(), healthy_for);
  }
  static bool within_a_quarter_below(std::chrono::milliseconds delay, std::chrono::milliseconds full) {
    return delay <= full && delay >= full - full / 4;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(restart_backoff, BackoffFixture)

BOOST_AUTO_TEST_CASE(the_delay_doubles_up_to_its_maximum) {
  for (const auto full : {100ms, 200ms, 400ms, 800ms, 800ms, 800ms}) {
    const auto delay = fail();
    BOOST_REQUIRE(delay);
    BOOST_TEST_CONTEXT("expected about " << full.count() << " ms, got " << delay->count()) {
      BOOST_TEST(within_a_quarter_below(*delay, full));
    }
  }
}

BOOST_AUTO_TEST_CASE(processes_that_die_together_do_not_come_back_together) {
  std::set<std::chrono::milliseconds::rep> delays;
  for (std::uint64_t seed = 1; seed <= 50; ++seed)
    delays.insert(RestartBackoff{policy, seed * 7919}.after_failure(clock.now(), 0s)->count());
  BOOST_TEST(delays.size() > 10U);
}

BOOST_AUTO_TEST_CASE(a_process_that_was_healthy_for_a_minute_begins_again_at_the_first_delay) {
  for (int i = 0; i < 4; ++i) static_cast<void>(fail());
  BOOST_TEST(!within_a_quarter_below(*fail(60s - 1ms), 100ms));
  BOOST_TEST(within_a_quarter_below(*fail(60s), 100ms));
}

BOOST_AUTO_TEST_CASE(more_failures_than_allowed_within_the_window_hold_it) {
  for (int i = 0; i < 10; ++i) BOOST_TEST(fail().has_value());
  BOOST_TEST(!fail().has_value());
  BOOST_TEST(backoff.recent_failures() == 11);
}

BOOST_AUTO_TEST_CASE(failures_count_until_the_window_is_over_and_no_longer) {
  for (int i = 0; i < 10; ++i) static_cast<void>(fail());
  clock.advance(10min - 1ms);
  BOOST_TEST(!fail().has_value());
  RestartBackoff other{policy, 1};
  for (int i = 0; i < 10; ++i) static_cast<void>(other.after_failure(clock.now(), 0s));
  clock.advance(10min);
  BOOST_TEST(other.after_failure(clock.now(), 0s).has_value());
}

BOOST_AUTO_TEST_CASE(somebody_who_starts_it_wipes_the_slate) {
  for (int i = 0; i < 11; ++i) static_cast<void>(fail());
  backoff.reset();
  const auto delay = fail();
  BOOST_REQUIRE(delay);
  BOOST_TEST(within_a_quarter_below(*delay, 100ms));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::supervisor
