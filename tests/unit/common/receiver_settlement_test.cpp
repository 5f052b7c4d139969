// What becomes of a message whose output must be handled by its receiver first: a port that sends, wired to a request channel.

#include <boost/test/unit_test.hpp>

#include "tests/unit/common/runtime_fixture.hpp"

using namespace remuda;
using namespace remuda::test;
using namespace std::chrono_literals;

namespace {

struct ReceiverFixture : RuntimeFixture {
  ReceiverFixture() {
    direct.handled_first = true;
    direct.hold();
    on_ride(copying_to("direct"));
  }
  void asked(const std::string& id) { ask.put(ride(id), "ticket-of-" + id); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(receiver_settlement, ReceiverFixture)

BOOST_AUTO_TEST_CASE(who_asked_is_answered_when_the_receiver_has_handled_it) {
  asked("ride-1");
  run();
  BOOST_TEST(direct.sent.size() == 1U);
  BOOST_TEST(ask.settlements.empty());
  direct.answer({});
  BOOST_REQUIRE(ask.settlements.size() == 1U);
  BOOST_TEST((ask.settlements[0].second.outcome.kind() == Outcome::Kind::done));
}

BOOST_AUTO_TEST_CASE(who_asked_hears_how_the_receiver_failed_and_nothing_is_tried_again) {
  for (const auto& error : {Error{"timed_out", "no answer came in time", false}, Error{"unreachable", "nobody is there", true},
                            Error{"failed", "the books are closed", true}}) {
    direct.hold();
    const auto sent_before = direct.sent.size();
    asked("ride-1");
    run();
    direct.answer(Failure<Error>{error});
    advance(1h);
    BOOST_TEST(ask.settlements.back().second.refusal == error.code);
    BOOST_TEST((ask.settlements.back().second.outcome.kind() == Outcome::Kind::retry_later));
    BOOST_TEST(direct.sent.size() == sent_before + 1);
    BOOST_TEST(runtime->held_back() == "");
  }
}

BOOST_AUTO_TEST_CASE(a_receiver_that_fails_costs_the_neighbours_nothing) {
  for (const auto* id : {"ride-1", "ride-2", "ride-3"}) asked(id);
  run();
  BOOST_TEST(direct.sent.size() == 3U);  // each by itself: nothing is sent twice to find out which it was
  direct.answer(Failure<Error>{Error{"failed", "the books are closed", true}});
  BOOST_TEST(direct.sent.size() == 3U);
  BOOST_TEST(ask.settlements.size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_message_from_a_queue_goes_back_to_it_with_the_failed_attempt_recorded) {
  given("ride-1");
  run();
  direct.answer(Failure<Error>{Error{"timed_out", "no answer came in time", false}});
  run();
  BOOST_REQUIRE(home.stored("rides").size() == 1U);
  BOOST_TEST(home.stored("rides")[0].attempts == std::vector<std::string>{"timed_out: no answer came in time"});
  direct.answer({});
  home.expire("rides");
  run();
  BOOST_TEST(home.stored("rides").empty());
  BOOST_TEST(direct.sent[0].id == direct.sent[1].id);  // the receiver recognises the repetition
}

BOOST_AUTO_TEST_SUITE_END()
