// What a process says while one at the other end of its direct channels is swapped, and when.

#include "common/runtime/handover.hpp"

#include <boost/test/unit_test.hpp>

using namespace remuda;
using namespace std::chrono_literals;

namespace {

const std::string lane = "ipc://@x/lane.0";
const std::string other_lane = "ipc://@x/lane.1";

/// Both ends of direct channels, as a test wants them.
class ScriptedChannel final : public EventSource {
 public:
  std::vector<std::string> held;
  bool replaced = false;
  std::size_t unanswered = 0;
  std::vector<SentUpTo> sent_up_to;
  std::uint64_t has_arrived = 0;
  std::size_t waits = 0;

  void hold(std::span<const std::string> endpoints) override { held.assign(endpoints.begin(), endpoints.end()); }
  void resume(std::span<const std::string>, bool was_replaced) override {
    held.clear();
    replaced = was_replaced;
  }
  [[nodiscard]] std::size_t unanswered_while_held() const override { return unanswered; }
  void append_sent(std::vector<SentUpTo>& sent) const override { sent.insert(sent.end(), sent_up_to.begin(), sent_up_to.end()); }
  [[nodiscard]] std::uint64_t missing_of(const SentUpTo& sent) const override {
    return sent.sequence > has_arrived ? sent.sequence - has_arrived : 0;
  }
  [[nodiscard]] std::uint64_t arrived() const override { return has_arrived; }
  [[nodiscard]] std::size_t waiting() const override { return waits; }
};

struct HandoverFixture {
  ScriptedChannel channel;
  std::vector<EventSource*> sources{&channel};
  std::vector<ControlMessage> said;
  Handover handover{sources, [this](ControlMessage message) { said.push_back(std::move(message)); }};
  ManualClock clock;

  void turn() { handover.turn(clock.now()); }
  void await_up_to(std::uint64_t sequence, bool handled = false) {
    handover.await({5, handled, {{lane, "", "sender", sequence}}}, clock.now());
    turn();
  }
  void advance(Duration by) {
    clock.advance(by);
    turn();
  }
  [[nodiscard]] bool said_only(const ControlMessage& message) const { return said == std::vector{message}; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(handover, HandoverFixture)

BOOST_AUTO_TEST_CASE(who_is_told_to_hold_says_how_far_it_has_sent_that_way) {
  channel.sent_up_to = {{lane, "", "sender", 40}, {other_lane, "", "sender", 7}};
  handover.hold({3, {lane}});
  BOOST_TEST(channel.held == std::vector{lane});
  turn();
  BOOST_TEST(said_only(ControlHeld{3, {{lane, "", "sender", 40}}}));
  turn();
  BOOST_TEST(said.size() == 1U);
}

BOOST_AUTO_TEST_CASE(it_says_so_only_when_every_answer_has_come) {
  channel.unanswered = 1;
  handover.hold({3, {lane}});
  turn();
  BOOST_TEST(said.empty());
  channel.unanswered = 0;
  turn();
  BOOST_TEST(said_only(ControlHeld{3, {}}));
}

BOOST_AUTO_TEST_CASE(it_goes_on_when_it_is_told_to_and_by_no_other_number) {
  handover.hold({3, {lane}});
  handover.resume({2, true});
  BOOST_TEST(!channel.held.empty());
  handover.resume({3, true});
  BOOST_TEST(channel.held.empty());
  BOOST_TEST(channel.replaced);
}

BOOST_AUTO_TEST_CASE(what_was_sent_is_awaited_until_the_last_message) {
  channel.has_arrived = 39;
  await_up_to(40);
  BOOST_TEST(said.empty());
  channel.has_arrived = 40;
  turn();
  BOOST_TEST(said_only(ControlArrived{5, 0}));
}

BOOST_AUTO_TEST_CASE(and_until_its_handler_has_it_where_that_is_asked_for) {
  channel.has_arrived = 40;
  channel.waits = 1;
  await_up_to(40, true);
  advance(1h);
  BOOST_TEST(said.empty());
  channel.waits = 0;
  turn();
  BOOST_TEST(said_only(ControlArrived{5, 0}));
}

BOOST_AUTO_TEST_CASE(what_does_not_come_for_a_second_is_counted_and_waited_for_no_more) {
  channel.has_arrived = 37;
  await_up_to(40);
  advance(Handover::quiet_time - 1ms);
  channel.has_arrived = 38;  // one came: it counts anew
  turn();
  advance(Handover::quiet_time - 1ms);
  BOOST_TEST(said.empty());
  BOOST_TEST((handover.next_deadline() == clock.now() + 1ms));
  advance(1ms);
  BOOST_TEST(said_only(ControlArrived{5, 2}));
}

BOOST_AUTO_TEST_CASE(while_something_waits_for_its_handler_it_is_not_quiet) {
  channel.has_arrived = 39;
  channel.waits = 4'096;  // the channel reads no more until these are handled
  await_up_to(40);
  advance(1h);
  BOOST_TEST(said.empty());
}

BOOST_AUTO_TEST_CASE(who_has_finished_says_how_far_it_has_sent_everywhere) {
  channel.sent_up_to = {{lane, "", "sender", 40}, {other_lane, "", "sender", 7}};
  handover.finished(9);
  BOOST_TEST(said_only(ControlHeld{9, channel.sent_up_to}));
}

BOOST_AUTO_TEST_SUITE_END()
