// The course of new replicas: when their neighbours hear of them, and when nobody does.

#include "cli/supervisor/join.hpp"

#include <boost/test/unit_test.hpp>
#include <sstream>

using namespace remuda;
using namespace remuda::supervisor;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t feeder = 1;
constexpr std::size_t first = 6;
constexpr std::size_t second = 7;

struct JoinFixture {
  ManualClock clock;
  Join join{{.processes = {first, second}, .ready_time = 3s, .rewire_time = 10s}};

  static std::string words(const JoinActions& actions) {
    std::ostringstream out;
    for (const JoinAction& action : actions) out << action << "; ";
    return out.str();
  }
  std::string begin() { return words(join.begin(clock.now())); }
  std::string ready(std::size_t process) { return words(join.ready(process, clock.now())); }
  std::string told(std::set<std::size_t> neighbours) { return words(join.told(std::move(neighbours), clock.now())); }
  std::string rewired(std::size_t process) { return words(join.rewired(process, clock.now())); }
  std::string ended(std::size_t process) { return words(join.ended(process, "exit 3", clock.now())); }
  std::string pass(Duration time) {
    clock.advance(time);
    return words(join.tick(clock.now()));
  }
  void expect(Join::Outcome outcome, const std::string& why) {
    BOOST_REQUIRE(join.is_over());
    BOOST_TEST(join.outcome() == outcome);
    BOOST_TEST(join.why() == why);
    BOOST_TEST(!join.next_deadline());
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(new_replicas, JoinFixture)

BOOST_AUTO_TEST_CASE(are_made_known_once_all_of_them_are_ready) {
  BOOST_TEST(begin() == "start 6 7; ");
  BOOST_TEST(ready(second) == "");
  BOOST_TEST(ready(feeder) == "");
  BOOST_TEST(ready(first) == "rewire 6 7; ");
  BOOST_TEST(told({feeder}) == "");
  BOOST_TEST(!join.is_over());
  BOOST_TEST(rewired(feeder) == "");
  expect(Join::Outcome::joined, "");
}

BOOST_AUTO_TEST_CASE(take_part_at_once_where_nobody_has_to_be_told) {
  begin(), ready(first), ready(second);
  told({});
  expect(Join::Outcome::joined, "");
}

BOOST_AUTO_TEST_CASE(end_again_when_one_of_them_ends_before_it_is_ready) {
  begin(), ready(first);
  BOOST_TEST(ended(second) == "stop 6 7; ");
  BOOST_TEST(!join.is_over());
  BOOST_TEST(ended(first) == "");
  expect(Join::Outcome::undone, "it ended before it was ready (exit 3)");
  BOOST_TEST((join.waited_for() == std::set{second}));
}

BOOST_AUTO_TEST_CASE(end_again_at_once_if_they_must_when_one_is_not_ready_in_time) {
  begin(), ready(first);
  BOOST_TEST(pass(3s - 1ms) == "");
  BOOST_TEST(pass(1ms) == "stop 6 7; ");
  BOOST_TEST(ready(second) == "");  // too late
  BOOST_TEST(ended(first) == "");
  BOOST_TEST(pass(1s - 1ms) == "");
  BOOST_TEST(pass(1ms) == "kill 7; ");
  BOOST_TEST(ended(second) == "");
  expect(Join::Outcome::undone, "not ready within 3 s");
  BOOST_TEST((join.waited_for() == std::set{second}));
}

BOOST_AUTO_TEST_CASE(wait_for_no_neighbour_that_ends_for_it_will_begin_with_them) {
  begin(), ready(first), ready(second);
  told({feeder});
  ended(feeder);
  expect(Join::Outcome::joined, "");
}

BOOST_AUTO_TEST_CASE(stay_when_a_neighbour_does_not_answer_and_it_is_named) {
  begin(), ready(first), ready(second);
  told({feeder});
  BOOST_TEST(pass(10s - 1ms) == "");
  BOOST_TEST(pass(1ms) == "");
  expect(Join::Outcome::joined, "not heard within 10 s that it sends to the new ones; a restart makes it so");
  BOOST_TEST((join.waited_for() == std::set{feeder}));
}

BOOST_AUTO_TEST_CASE(are_abandoned_when_everything_is_stopped) {
  begin();
  BOOST_TEST(words(join.abandon(clock.now())) == "");
  expect(Join::Outcome::undone, "everything is being stopped");
}

BOOST_AUTO_TEST_SUITE_END()
