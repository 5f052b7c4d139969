// Live subscribers: everything in order, nobody waited for, no gap without a sign.

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "broker/live_feed.hpp"
#include "broker/topics.hpp"
#include "common/wire.hpp"

using namespace remuda;
using namespace remuda::broker;

namespace {

struct FeedFixture {
  LiveFeed feed;
  struct Seen {
    ClientId client = 0;
    std::uint64_t sequence = 0;
    std::size_t messages = 0;
    friend bool operator==(const Seen&, const Seen&) = default;
  };
  std::vector<Seen> seen;
  bool reachable = true;

  void publish(int count, const std::string& body = "\x80") {
    Message message;
    message.id = "ride";
    message.body = body;
    const std::string packed = pack(message);
    for (int i = 0; i < count; ++i) feed.publish(*view_message(packed));
  }
  void flush() {
    seen.clear();
    feed.flush([this](ClientId client, std::string_view frame) {
      const auto reply = wire::decode_reply(frame);
      const auto& event = std::get<wire::Event>(*reply);
      if (reachable) seen.push_back({client, event.sequence, event.messages.size()});
      return reachable;
    });
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(events_of_a_turn_travel_in_one_frame_to_each_subscriber, FeedFixture) {
  feed.add(1, 10, {}, false, 1'024);
  feed.add(2, 20, {}, false, 1'024);
  publish(3);
  flush();
  BOOST_TEST((seen == std::vector<Seen>{{10, 1, 3}, {20, 1, 3}}));
  publish(1);
  flush();
  BOOST_TEST((seen == std::vector<Seen>{{10, 4, 1}, {20, 4, 1}}));
}

BOOST_FIXTURE_TEST_CASE(a_frame_has_at_most_256_events, FeedFixture) {
  feed.add(1, 10, {}, false, 1'024);
  publish(257);
  flush();
  BOOST_TEST((seen == std::vector<Seen>{{10, 1, 256}, {10, 257, 1}}));
}

BOOST_FIXTURE_TEST_CASE(a_filtered_subscriber_numbers_what_it_wants, FeedFixture) {
  feed.add(1, 10, *compile_filter(R"({"fare":[50]})", false), true, 1'024);
  publish(1,
          "\x81\xa4"
          "fare\x32");
  publish(1,
          "\x81\xa4"
          "fare\x31");
  publish(1,
          "\x81\xa4"
          "fare\x32");
  flush();
  BOOST_TEST((seen == std::vector<Seen>{{10, 1, 2}}));
}

BOOST_FIXTURE_TEST_CASE(a_subscriber_beyond_its_window_misses_events_until_it_credits, FeedFixture) {
  feed.add(1, 10, {}, false, 1'024);
  publish(1'024);
  flush();
  BOOST_TEST(seen.size() == 4U);
  publish(1);
  flush();
  BOOST_TEST(seen.empty());
  BOOST_TEST(feed.missed() == 1U);
  feed.credit(1, 10, 256);
  publish(1);
  flush();
  BOOST_TEST((seen == std::vector<Seen>{{10, 1'026, 1}}));  // the gap shows what was missed
}

BOOST_FIXTURE_TEST_CASE(nobody_credits_for_somebody_else, FeedFixture) {
  feed.add(1, 10, {}, false, 1'024);
  publish(1'024);
  flush();
  feed.credit(1, 99, 1'024);
  publish(1);
  flush();
  BOOST_TEST(seen.empty());
}

BOOST_FIXTURE_TEST_CASE(an_unreachable_subscriber_misses_and_holds_nobody_up, FeedFixture) {
  feed.add(1, 10, {}, false, 1'024);
  reachable = false;
  publish(5);
  flush();
  BOOST_TEST(feed.missed() == 5U);
  BOOST_TEST(feed.remove(1, 10));
  BOOST_TEST(feed.empty());
}

BOOST_AUTO_TEST_CASE(a_queue_is_chained_to_one_topic_and_its_definition_survives) {
  const ChainedChannel queue{"q", 1, 0, false};
  Topics topics;
  BOOST_TEST(topics.chain("a", queue, R"({"fare":[1]})", false)->size() == 1U);
  BOOST_TEST(topics.chain("a", queue, R"({"fare":[1]})", false)->empty());  // nothing new
  BOOST_TEST(topics.chain("b", queue, "", true)->size() == 2U);             // moved: both changed
  BOOST_TEST(topics.find("a")->chains.empty());
  BOOST_TEST(topics.chain_of("q").topic->name == "b");
  BOOST_TEST(topics.chain_of("r").topic == nullptr);
  const auto refused = topics.chain("b", queue, R"({"fare":1})", false);
  BOOST_REQUIRE(!refused);
  BOOST_TEST(refused.error().code == "invalid_filter_policy");

  Topics again;
  topics.find("b")->deduplicate_by = *Selector::compile("content");
  const auto find = [&](std::string_view name) { return name == "q" ? std::optional{queue} : std::nullopt; };
  BOOST_REQUIRE(again.restore("b", Topics::definition(*topics.find("b")), find));
  BOOST_REQUIRE_EQUAL(again.find("b")->chains.size(), 1U);
  BOOST_TEST(again.find("b")->chains.front().filter_on_attributes);
  BOOST_TEST(again.find("b")->deduplicate_by->text() == "content");
  BOOST_TEST(again.restore("c", "\xc1", find).error().code == "malformed_definition");
}
