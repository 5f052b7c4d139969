// Small messages of one turn share frames on direct channels: what that saves, and that nobody pays for it.

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <vector>

#include "common/channels/direct_input.hpp"
#include "common/channels/pipe.hpp"
#include "common/channels/pubsub.hpp"
#include "tests/conformance/channels/channel_kinds.hpp"

using namespace remuda;
using namespace remuda::test;
using namespace std::chrono_literals;

namespace {

/// A pipe or a direct topic whose other end is a bare socket, so that frames can be looked at.
struct BareEnds {
  Context context;
  SystemClock clock;
  std::string endpoint = fresh_endpoint();
  std::unique_ptr<OutputChannel> output;
  std::unique_ptr<Socket> reader;
  std::vector<int> confirmed;
  int sent = 0;

  void send(int count, const std::string& body = "ride") {
    for (int i = 0; i < count; ++i) {
      const auto packed = pack(ride(sent, body));
      const std::array<std::string_view, 1> messages{packed};
      output->send(messages, [this, number = sent](const Result<void>& done) {
        if (done.ok()) confirmed.push_back(number);
      });
      ++sent;
    }
  }
  /// The next frame, decoded: number of its first message, how many.
  std::pair<std::uint64_t, std::size_t> next_frame() {
    std::array items{reader->poll_item()};
    BOOST_REQUIRE(poll(items, 20'000) == 1);
    BOOST_REQUIRE(reader->receive(frame));
    const auto decoded = direct::decode_messages(frame.bytes());
    BOOST_REQUIRE(decoded.ok());
    return {decoded->first_sequence, decoded->messages.size()};
  }
  bool nothing_more() { return !reader->receive(frame); }
  Frame frame;
};

struct BarePipe : BareEnds {
  BarePipe() {
    reader = std::make_unique<Socket>(context, SocketKind::pull);
    BOOST_REQUIRE(reader->listen(endpoint).ok());
    auto pipe = std::make_unique<PipeOutput>(context, std::vector{endpoint});
    // Connected once it asks for nothing any more.
    send_first(*pipe);
    output = std::move(pipe);
  }
  void send_first(PipeOutput& pipe) {
    bool gone = false;
    const auto packed = pack(ride(-1));
    const std::array<std::string_view, 1> messages{packed};
    pipe.send(messages, [&](const Result<void>&) { gone = true; });
    BOOST_REQUIRE(pump_until({&pipe}, clock, [&] { return gone; }));
    BOOST_TEST(next_frame().second == 1U);
  }
  static constexpr std::uint64_t first = 2;  ///< number of the next message
};

struct BareTopic : BareEnds {
  BareTopic() {
    auto topic = std::make_unique<PubSubOutput>(context, std::vector{endpoint}, "ticks", 1, clock);
    reader = std::make_unique<Socket>(context, SocketKind::sub);
    reader->subscribe(direct::subscription_to({}));
    BOOST_REQUIRE(reader->connect(endpoint).ok());
    BOOST_REQUIRE(pump_until({topic.get()}, clock, [&] { return topic->subscribers() == 1; }));
    output = std::move(topic);
  }
  static constexpr std::uint64_t first = 1;
};

using BareKinds = boost::mpl::list<BarePipe, BareTopic>;
using Portion = std::pair<std::uint64_t, std::size_t>;

}  // namespace

BOOST_AUTO_TEST_SUITE(gathered)

BOOST_AUTO_TEST_CASE_TEMPLATE(what_one_turn_sends_shares_frames_and_a_single_message_waits_for_nobody, Ends, BareKinds) {
  Ends ends;
  ends.send(1);
  ends.output->flush();
  BOOST_TEST((ends.next_frame() == Portion{Ends::first, 1}));
  ends.send(150);
  BOOST_TEST(ends.nothing_more());
  BOOST_TEST(ends.confirmed.size() == 1U);
  ends.output->flush();
  BOOST_TEST((ends.next_frame() == Portion{Ends::first + 1, 64}));
  BOOST_TEST((ends.next_frame() == Portion{Ends::first + 65, 64}));
  BOOST_TEST((ends.next_frame() == Portion{Ends::first + 129, 22}));
  std::vector<int> all(151);
  std::iota(all.begin(), all.end(), 0);
  BOOST_TEST(ends.confirmed == all, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_frame_that_is_shared_stays_small_and_a_large_message_travels_alone, Ends, BareKinds) {
  Ends ends;
  ends.send(1);
  ends.send(1, std::string(100'000, 'x'));
  ends.send(3, std::string(30'000, 'x'));
  ends.output->flush();
  for (const std::size_t messages : {1U, 1U, 2U, 1U}) {
    BOOST_TEST(ends.next_frame().second == messages);
    if (messages > 1) BOOST_TEST(ends.frame.bytes().size() < direct::Gathered::bytes_max + 100);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(who_sends_again_at_each_confirm_does_not_keep_the_turn_from_ending, Ends, BareKinds) {
  Ends ends;
  int told = 0;
  std::function<void(const Result<void>&)> again = [&](const Result<void>&) {
    if (++told == 10) return;
    const auto packed = pack(ride(told));
    const std::array<std::string_view, 1> messages{packed};
    ends.output->send(messages, again);
  };
  again({});
  ends.output->flush();
  BOOST_TEST(told == 2);
  // The loop is told that there is more to do: by a deadline, or by a socket that can be written to.
  std::vector<zmq_pollitem_t> items;
  ends.output->append_poll_items(items);
  const bool writable = std::any_of(items.begin(), items.end(), [](const auto& item) { return (item.events & ZMQ_POLLOUT) != 0; });
  BOOST_TEST((writable || ends.output->next_deadline() == Instant::min()));
  BOOST_TEST(pump_until({ends.output.get()}, ends.clock, [&] { return told == 10; }));
}

BOOST_AUTO_TEST_CASE(a_burst_is_dealt_out_evenly_to_the_consumers_of_a_pipe) {
  Channel<Pipe> channel{2};
  channel.send({ride(0)});
  channel.pump([&] { return channel.confirmed == 1; });
  std::array<int, 2> got{};
  const auto take_all = [&] {
    for (std::size_t receiver = 0; receiver < 2; ++receiver) {
      for (Incoming incoming; channel.inputs[receiver]->take(incoming);) ++got.at(receiver);
    }
    return got[0] + got[1];
  };
  // Both are connected once both have had something.
  for (int number = 1; got[0] == 0 || got[1] == 0; ++number) {
    channel.send({ride(number)});
    channel.pump([&] { return take_all() == number + 1; });
  }
  got = {};
  for (int number = 0; number < 100; ++number) channel.send({ride(number)});
  channel.pump([&] { return take_all() == 100; });
  BOOST_TEST(got[0] == 50);
  BOOST_TEST(got[1] == 50);
}

BOOST_AUTO_TEST_CASE(a_consumer_that_stands_still_is_not_fed_and_the_other_gets_the_rest) {
  constexpr int rides = 40'000;
  Channel<Pipe> channel{2};
  auto* const idle = channel.inputs[1].get();
  const std::vector<EventSource*> awake{channel.output.get(), channel.inputs[0].get()};
  int sent = 0;
  int got = 0;
  BOOST_REQUIRE(pump_until(awake, channel.clock, [&] {
    for (int i = 0; i < 1'000 && sent < rides; ++i) channel.send({ride(sent++, std::string(256, 'x'))});
    for (Incoming incoming; channel.inputs[0]->take(incoming);) ++got;
    return channel.confirmed == rides;
  }));
  int held = 0;
  BOOST_REQUIRE(pump_until({idle, channel.inputs[0].get()}, channel.clock, [&] {
    for (Incoming incoming; channel.inputs[0]->take(incoming);) ++got;
    for (Incoming incoming; idle->take(incoming);) ++held;
    return got + held == rides;
  }));
  BOOST_TEST_MESSAGE(held << " of " << rides << " waited at the consumer that stood still");
  BOOST_TEST(held < 10'000);
}

BOOST_AUTO_TEST_CASE(a_subscriber_that_is_too_slow_knows_how_many_messages_it_missed) {
  constexpr std::uint64_t rides = 300'000;
  BareTopic ends;
  auto& publisher = static_cast<PubSubOutput&>(*ends.output);
  for (std::uint64_t sent = 0; sent < rides; sent += 1'000) {
    ends.send(1'000);
    publisher.flush();
  }
  BOOST_TEST(ends.confirmed.size() == rides);
  // What it still gets, until one comes that was sent after it had caught up.
  direct::GapCounter gaps;
  std::uint64_t got = 0;
  std::uint64_t last = 0;
  const auto read_all = [&] {
    while (ends.reader->receive(ends.frame)) {
      const auto messages = direct::decode_messages(ends.frame.bytes());
      BOOST_REQUIRE(messages.ok());
      gaps.observe(messages->sender, messages->first_sequence, messages->messages.size());
      got += messages->messages.size();
      last = messages->first_sequence + messages->messages.size() - 1;
    }
  };
  BOOST_REQUIRE(pump_until({&publisher}, ends.clock, [&] {
    read_all();
    if (last <= rides) ends.send(1);
    return last > rides;
  }));
  BOOST_TEST(gaps.missed() > 0U);
  BOOST_TEST(got + gaps.missed() == last);
}

BOOST_AUTO_TEST_SUITE_END()
