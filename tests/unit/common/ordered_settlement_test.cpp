// What becomes of messages that are settled in the order in which they were taken, as a stream's are: nothing overtakes, and a failure takes
// back what came after it.

#include <boost/test/unit_test.hpp>

#include <set>

#include "tests/unit/common/runtime_fixture.hpp"

using namespace remuda;
using namespace remuda::test;
using namespace std::chrono_literals;

namespace {

/// A queue that behaves as a stream's partition: one line, of which everything behind a failure comes again.
class OrderedInput final : public InputChannel {
 public:
  OrderedInput(BrokerConnection& connection, std::string queue) : queue_{connection, std::move(queue), 64} {}

  void turn(Instant now) override { queue_.turn(now); }
  bool take(Incoming& incoming) override {
    if (!queue_.take(incoming)) return false;
    taken_.push_back(incoming.ticket);
    return true;
  }
  [[nodiscard]] BrokerConnection* broker() const override { return queue_.broker(); }
  [[nodiscard]] bool settles_in_order() const override { return true; }
  [[nodiscard]] bool holds(const std::string& ticket) const override { return lost_.count(ticket) == 0; }
  void add_settlement(std::span<const std::string_view> tickets, const Outcome& outcome, Transaction& transaction) const override {
    queue_.add_settlement(tickets, outcome, transaction);
  }
  void keep(std::span<const std::string_view> tickets, std::chrono::milliseconds time) override { queue_.keep(tickets, time); }
  void settled(const std::string& ticket, const Settlement& settlement) override {
    settlements.emplace_back(settlement);
    if (settlement.stale || settlement.outcome.kind() == Outcome::Kind::retry_later) {
      const auto after = std::find(taken_.begin(), taken_.end(), ticket);
      lost_.insert(after, taken_.end());
    }
    queue_.settled(ticket, settlement);
  }

  std::vector<Settlement> settlements;

 private:
  QueueInput queue_;
  std::vector<std::string> taken_;
  std::set<std::string> lost_;
};

struct OrderedFixture : RuntimeFixture {
  OrderedInput line{home, "line"};

  OrderedFixture() {
    home.declare("line");
    ports.inputs = {{"line", false, &line}};
    ports.sources = {&home, &abroad, &line};
    runtime = std::make_unique<NodeRuntime>(node, NodeIdentity{"copier", 0, "/nowhere"}, parameters, ports, clock);
    runtime->start();
  }
  void comes(const std::string& id, const std::string& body = "ride") { home.send("line", ride(id, body)); }
  [[nodiscard]] std::vector<std::string> copies(const MemoryBroker& broker) const {
    std::vector<std::string> bodies;
    for (const auto& message : broker.messages("copies")) bodies.push_back(message.body);
    return bodies;
  }
};

using Bodies = std::vector<std::string>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(ordered_settlement, OrderedFixture)

BOOST_AUTO_TEST_CASE(what_has_no_output_elsewhere_does_not_overtake_what_has_one) {
  on_ride([](const Message& message, Outbox& out) { return copying_to(message.body == "far" ? "elsewhere" : "copy")(message, out); });
  abroad.set_reachable(false);
  comes("ride-1", "near");
  comes("ride-2", "far");
  comes("ride-3", "near");
  run();
  BOOST_TEST(copies(home) == Bodies{"near"});  // of the first; the third is handled, and waits for the second
  BOOST_TEST(node.handled.size() == 3U);
  BOOST_TEST(line.settlements.size() == 1U);
  abroad.set_reachable(true);
  run();
  BOOST_TEST(copies(abroad) == Bodies{"far"});
  BOOST_TEST((copies(home) == Bodies{"near", "near"}));
  BOOST_TEST(line.settlements.size() == 3U);
  BOOST_TEST(home.stored("line").empty());
}

BOOST_AUTO_TEST_CASE(a_failure_drops_what_was_handled_after_it_and_not_what_came_before) {
  on_ride([](const Message& message, Outbox& out) {
    if (message.id == "ride-2") return Outcome::retry_later.because("the books are closed");
    return copying_to("copy")(message, out);
  });
  for (const auto* id : {"ride-1", "ride-2", "ride-3", "ride-4"}) comes(id, id);
  run();
  BOOST_TEST(copies(home) == Bodies{"ride-1"});
  BOOST_REQUIRE(line.settlements.size() == 4U);
  BOOST_TEST(!line.settlements[0].stale);
  BOOST_TEST((line.settlements[1].outcome.kind() == Outcome::Kind::retry_later));
  BOOST_TEST((line.settlements[2].stale && line.settlements[3].stale));
  BOOST_REQUIRE(home.stored("line").size() == 3U);
  BOOST_TEST(home.stored("line").front().attempts == std::vector<std::string>{"the books are closed"});
}

BOOST_AUTO_TEST_CASE(a_failure_elsewhere_drops_what_is_behind_it_too) {
  on_ride([](const Message& message, Outbox& out) { return copying_to(message.id == "ride-1" ? "elsewhere" : "copy")(message, out); });
  abroad.limit_bodies(3);
  comes("ride-1", "too large");
  comes("ride-2", "fits");
  run();
  BOOST_TEST(copies(abroad) == Bodies{});
  BOOST_TEST(copies(home) == Bodies{});
  BOOST_TEST(home.stored("line").size() == 2U);
  BOOST_TEST(runtime->held_back() == "");
}

BOOST_AUTO_TEST_CASE(where_something_is_full_all_behind_it_wait_and_go_in_their_order) {
  on_ride(copying_to("copy"));
  home.limit_messages("copies", 1);
  for (const auto* id : {"ride-1", "ride-2", "ride-3"}) comes(id, id);
  run();
  BOOST_TEST(runtime->held_back() != "");
  Bodies arrived;
  for (int i = 0; i < 3; ++i) {
    advance(Settler::retry_interval_max);
    const auto now_there = copies(home);
    arrived.insert(arrived.end(), now_there.begin(), now_there.end());
    home.consume("copies", now_there.size());
  }
  advance(Settler::retry_interval_max);
  for (const auto& body : copies(home)) arrived.push_back(body);
  BOOST_TEST((arrived == Bodies{"ride-1", "ride-2", "ride-3"}));
  BOOST_TEST(home.stored("line").empty());
  BOOST_TEST(runtime->held_back() == "");
}

BOOST_AUTO_TEST_SUITE_END()
