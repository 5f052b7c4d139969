// When the router keeps looking, and when it goes to sleep.

#include <boost/test/unit_test.hpp>

#include "common/zmtp/busy_wait.hpp"

using namespace remuda;
using namespace std::chrono_literals;
using zmtp::BusyWait;

namespace {

constexpr Duration limit = 300us;

BusyWait after_gaps(std::initializer_list<Duration> gaps) {
  BusyWait wait{limit};
  for (const Duration gap : gaps) wait.waited(gap);
  return wait;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(busy_wait)

BOOST_AUTO_TEST_CASE(a_broker_that_nobody_asked_yet_sleeps) {
  BOOST_TEST((BusyWait{limit}.budget() == 0us));
}

BOOST_AUTO_TEST_CASE(requests_one_by_one_and_close_together_are_looked_for) {
  BusyWait wait{limit};
  int requests = 0;
  for (; wait.budget() == 0us; ++requests) {
    BOOST_REQUIRE(requests < 20);
    wait.waited(100us);
  }
  BOOST_TEST(requests > 3);
  BOOST_TEST((wait.budget() == limit));
}

BOOST_AUTO_TEST_CASE(one_long_silence_ends_it) {
  BusyWait wait = after_gaps({50us, 50us, 50us, 50us, 50us, 50us, 50us, 50us, 50us, 50us, 50us});
  BOOST_REQUIRE((wait.budget() == limit));
  wait.waited(1s);
  BOOST_TEST((wait.budget() == 0us));
}

BOOST_AUTO_TEST_CASE(requests_further_apart_than_the_limit_are_slept_for) {
  BusyWait wait = after_gaps({50us, 50us, 50us, 50us, 50us, 50us, 50us, 50us, 50us, 50us, 50us});
  for (int i = 0; i < 20; ++i) wait.waited(1ms);
  BOOST_TEST((wait.budget() == 0us));
}

BOOST_AUTO_TEST_CASE(after_a_large_turn_nobody_needs_to_hurry) {
  BusyWait wait = after_gaps({50us, 50us, 50us, 50us, 50us, 50us, 50us, 50us, 50us, 50us, 50us});
  wait.turned(BusyWait::small_bytes + 1);
  BOOST_TEST((wait.budget() == 0us));
  wait.turned(300);
  BOOST_TEST((wait.budget() == limit));
}

BOOST_AUTO_TEST_CASE(a_limit_of_zero_always_sleeps) {
  BusyWait wait{0us};
  for (int i = 0; i < 20; ++i) wait.waited(0us);
  BOOST_TEST((wait.budget() == 0us));
}

BOOST_AUTO_TEST_SUITE_END()
