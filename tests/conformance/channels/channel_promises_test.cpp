// What the kinds of channel promise differently: who gets a message, what becomes of it when nobody is there, what
// the sender hears.

#include <boost/test/unit_test.hpp>

#include <set>

#include "tests/conformance/channels/channel_kinds.hpp"

using namespace remuda;
using namespace remuda::test;
using namespace std::chrono_literals;

namespace {

const LiveFilter far_or_dear{R"({"fare": [{"numeric": [">=", 50]}], "distance": [{"numeric": [">=", 20]}]})", false};

Message ride_of(int number, int fare, int distance) {
  return ride(number, "{\"fare\": " + std::to_string(fare) + ", \"distance\": " + std::to_string(distance) + "}");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(promises)

BOOST_AUTO_TEST_CASE_TEMPLATE(with_two_receivers_one_gets_it_or_both_do, Kind, Kinds) {
  Channel<Kind> channel{2};
  constexpr int rides = 20;
  std::array<std::multiset<std::string>, 2> got;
  for (int number = 0; number < rides; ++number) channel.send({ride(number)});
  channel.pump([&] {
    for (std::size_t receiver = 0; receiver < 2; ++receiver) {
      for (Incoming incoming; channel.inputs[receiver]->take(incoming);) {
        got.at(receiver).insert(incoming.message.id);
        channel.settle(incoming, Outcome::done, receiver);
      }
    }
    return got[0].size() + got[1].size() == (Kind::to_all ? 2 * rides : rides);
  });
  std::set<std::string> different{got[0].begin(), got[0].end()};
  different.insert(got[1].begin(), got[1].end());
  BOOST_TEST(different.size() == rides);
  if (Kind::to_all) BOOST_TEST((got[0] == got[1]));
  channel.pump([&] { return channel.confirmed == rides; });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_sent_while_nobody_is_there_is_kept_or_waits_or_is_lost_or_refused, Kind, Kinds) {
  Channel<Kind> channel{0};
  channel.send({ride(1)});
  switch (Kind::absence) {
    case Absence::kept:
      channel.pump([&] { return channel.confirmed == 1; });
      channel.join();
      BOOST_TEST(channel.take().message.id == "ride-1");
      break;
    case Absence::waits:
      for (auto* source : channel.sources) source->turn(channel.clock.now());
      BOOST_TEST(channel.confirmed == 0);
      channel.join();
      BOOST_TEST(channel.take().message.id == "ride-1");
      BOOST_TEST(channel.confirmed == 1);
      break;
    case Absence::lost:
      channel.pump([&] { return channel.confirmed == 1; });
      channel.join();
      channel.send({ride(2)});
      BOOST_TEST(channel.take().message.id == "ride-2");  // who joins late hears what comes from then on
      BOOST_TEST(channel.input->missed() == 0U);          // and is told of no gap: it was not there
      break;
    case Absence::refused:
      channel.pump([&] { return !channel.refused.empty(); });
      BOOST_TEST(channel.refused.front() == "unreachable");
      BOOST_TEST(channel.confirmed == 0);
      break;
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(only_a_sender_that_waits_for_handling_hears_of_a_failure, Kind, Kinds) {
  Channel<Kind> channel;
  BOOST_TEST(channel.output->waits_for_handling() == Kind::waits_for_handling);
  channel.send({ride(1)});
  if (!Kind::waits_for_handling) channel.pump([&] { return channel.confirmed == 1; });  // before anybody has handled it
  const auto first = channel.take();
  BOOST_TEST(channel.confirmed == (Kind::waits_for_handling ? 0 : 1));
  channel.settle(first, Outcome::retry_later.because("the books are closed").after(0ms));
  BOOST_TEST(channel.refused.empty());
  if (!Kind::waits_for_handling) return;
  channel.pump([&] { return channel.refused.size() == 1; });
  channel.send({ride(2)});
  channel.settle(channel.take(), Outcome::reject.because("the fare is negative"));
  channel.pump([&] { return channel.refused.size() == 2; });
  BOOST_TEST(channel.refused == (std::vector<std::string>{"failed", "rejected"}));
  BOOST_TEST(channel.confirmed == 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_live_filter_lets_through_what_it_wants_and_nobody_else_notices, Kind, LiveKinds) {
  Channel<Kind> channel{0};
  channel.join(far_or_dear);
  channel.join();
  // From a fare of 50 and a distance of 20 on, both sides of both.
  channel.send({ride_of(1, 50, 20), ride_of(2, 49, 20), ride_of(3, 50, 19), ride_of(4, 900, 1'200)});
  channel.send({ride_of(5, 1, 1)});
  channel.send({ride_of(6, 51, 21)});
  for (const auto* wanted : {"ride-1", "ride-4", "ride-6"}) BOOST_TEST(channel.take(0).message.id == wanted);
  for (int number = 1; number <= 6; ++number) BOOST_TEST(channel.take(1).message.id == ride(number).id);
  Incoming none;
  BOOST_TEST(!channel.inputs[0]->take(none));
  for (const auto& input : channel.inputs) {
    BOOST_TEST(input->missed() == 0U);  // what it does not want it has not missed
    BOOST_TEST(input->malformed() == 0U);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_live_filter_may_look_at_attributes, Kind, LiveKinds) {
  Channel<Kind> channel{0};
  channel.join({R"({"colour": ["red"]})", true});
  for (const auto* colour : {"green", "red", "blue"}) {
    Message message = ride(1);
    message.id = colour;
    message.attributes["colour"] = {"String", colour};
    channel.send({message});
  }
  BOOST_TEST(channel.take().message.id == "red");
}

BOOST_AUTO_TEST_CASE(a_publisher_takes_filters_from_strangers_and_bears_nonsense) {
  Channel<PubSub> channel{0};
  channel.join();
  Socket stranger{channel.context, SocketKind::sub};
  const std::array<std::string, 5> nonsense{"", "body ", std::string{"body {\"a\": 1}\0", 15}, std::string{"attributes \0", 12},
                                            std::string(100'000, 'x')};
  for (const auto& prefix : nonsense) stranger.subscribe(prefix);
  BOOST_REQUIRE(stranger.connect(channel.endpoint).ok());
  const auto& publisher = static_cast<const PubSubOutput&>(*channel.output);
  channel.pump([&] { return publisher.subscribers() == 1 + nonsense.size(); });
  channel.send({ride(1)});
  BOOST_TEST(channel.take().message.id == "ride-1");
  BOOST_TEST(channel.confirmed == 1);
}

BOOST_AUTO_TEST_SUITE_END()
