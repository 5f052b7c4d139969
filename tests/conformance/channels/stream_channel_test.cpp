// What a stream promises beyond what every channel does: independent groups, partitions that replicas compete for, order across
// failures, and a batch that is confirmed in the transaction of what came of it.

#include <boost/test/unit_test.hpp>

#include <map>
#include <set>

#include "common/channels/memory.hpp"
#include "tests/conformance/channels/channel_kinds.hpp"
#include "tests/unit/common/runtime_fixture.hpp"

using namespace remuda;
using namespace remuda::test;
using namespace std::chrono_literals;

namespace {

const std::string definitions = R"([queues.copies]
[queues.dead]
[queues.small]
max_message_size = "1KiB"
[streams.rides]
dead_letter = { queue = "dead", max_receives = 5 }
[streams.wide]
partitions = 4
[streams.out]
)";

Message booking(int number, const std::string& customer = {}) {
  Message message = remuda::test::ride(number);
  message.group_id = customer;
  return message;
}

/// A node that reads stream `rides`; ports `copy` (queue copies), `small` and `again` (stream out) are on the same broker, `direct` is
/// not.
struct StreamFixture {
  SystemClock clock;
  BrokerProcess process{definitions};
  std::unique_ptr<BrokerConnection> broker = connect_broker(process.endpoint(), {"reader", "here"}, clock);
  BlockingBrokerClient user{process.endpoint(), {"user", "here"}, 20s};
  BrokerOutput copy{*broker, BrokerOutput::Kind::queue, "copies"};
  BrokerOutput small{*broker, BrokerOutput::Kind::queue, "small"};
  BrokerOutput again{*broker, BrokerOutput::Kind::stream, "out"};
  MemoryOutput direct;
  PortTable ports;
  Parameters parameters;
  ScriptedNode node;
  std::unique_ptr<StreamInput> input;
  std::unique_ptr<NodeRuntime> runtime;

  StreamFixture() {
    ports.outputs["copy"] = {&copy};
    ports.outputs["small"] = {&small};
    ports.outputs["again"] = {&again};
    ports.outputs["direct"] = {&direct};
    ports.brokers = {broker.get()};
  }
  ~StreamFixture() {
    runtime.reset();
    input.reset();
  }
  void start(const std::string& stream = "rides") {
    input = std::make_unique<StreamInput>(*broker, StreamReader{stream, "copier"});
    ports.inputs = {{"rides", false, input.get()}};
    ports.sources = {broker.get(), input.get()};
    runtime = std::make_unique<NodeRuntime>(node, NodeIdentity{"copier", 0, "/nowhere"}, parameters, ports, clock);
    runtime->start();
  }
  void given(int count, const std::string& stream = "rides") {
    for (int number = 0; number < count; ++number) BOOST_REQUIRE(user.append(stream, booking(number)));
  }
  void run_until(const std::function<bool()>& happened) {
    const Instant end = clock.now() + 20s;
    std::vector<zmq_pollitem_t> items;
    while (!happened()) {
      BOOST_REQUIRE_MESSAGE(clock.now() < end, "it does not happen");
      if (runtime->turn()) continue;
      items.clear();
      broker->append_poll_items(items);
      poll(items, 20);
    }
  }
  std::uint64_t behind(const std::string& stream = "rides") {
    const auto info = user.stream_info(stream);
    return info && !info->groups.empty() ? info->behind(info->groups.front()) : 1;
  }
  void run_until_confirmed() {
    run_until([&] { return runtime->unsettled() == 0 && behind() == 0; });
  }
  std::vector<std::string> bodies_in(const std::string& queue) {
    wire::Peek peek;
    peek.queue = queue;
    peek.max = 1'000;
    std::vector<std::string> bodies;
    const auto found = user.peek(peek);
    BOOST_REQUIRE(found);
    for (const auto& one : *found) bodies.push_back(unpack_message(one.message)->body);
    return bodies;
  }
};

/// Sends the id of the ride to `port`.
Outcome tell(const Message& ride, Outbox& out, const std::string& port) {
  Message told;
  told.body = ride.id;
  out.send(port, std::move(told));
  return Outcome::done;
}
std::vector<std::string> rides(int count) {
  std::vector<std::string> ids;
  for (int number = 0; number < count; ++number) ids.push_back(booking(number).id);
  return ids;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(stream_channel)

BOOST_FIXTURE_TEST_CASE(a_record_tells_its_place, StreamFixture) {
  std::vector<std::uint64_t> offsets;
  node.handler = [&](const Message&, Outbox& out) {
    BOOST_REQUIRE(out.delivery().place);
    offsets.push_back(out.delivery().place->offset);
    return Outcome::done;
  };
  given(3);
  start();
  run_until_confirmed();
  BOOST_TEST(offsets == (std::vector<std::uint64_t>{0, 1, 2}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(outputs_and_positions_go_together_to_queues_and_streams_in_order, StreamFixture) {
  node.handler = [](const Message& ride, Outbox& out) {
    static_cast<void>(tell(ride, out, "again"));
    return tell(ride, out, "copy");
  };
  given(600);
  start();
  run_until_confirmed();
  BOOST_TEST(bodies_in("copies") == rides(600), boost::test_tools::per_element());
  BOOST_TEST(user.stream_info("out")->records() == 600U);
}

BOOST_FIXTURE_TEST_CASE(order_holds_across_a_failure_and_nothing_is_doubled, StreamFixture) {
  int failures = 0;
  node.handler = [&](const Message& ride, Outbox& out) -> Outcome {
    if (ride.id == "ride-3" && ++failures <= 2) return Outcome::retry_later.because("not yet").after(0ms);
    return tell(ride, out, "copy");
  };
  given(10);
  start();
  run_until_confirmed();
  BOOST_TEST(failures == 3);
  BOOST_TEST(bodies_in("copies") == rides(10), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_rejected_record_is_a_dead_letter_and_the_others_go_on, StreamFixture) {
  node.handler = [](const Message& ride, Outbox& out) -> Outcome {
    if (ride.id == "ride-1") return Outcome::reject.because("no good");
    return tell(ride, out, "copy");
  };
  given(4);
  start();
  run_until_confirmed();
  BOOST_TEST(bodies_in("copies") == (std::vector<std::string>{"ride-0", "ride-2", "ride-3"}), boost::test_tools::per_element());
  BOOST_TEST(user.queue_info("dead")->visible == 1U);
}

BOOST_FIXTURE_TEST_CASE(an_output_that_can_never_be_stored_is_a_failure_of_its_record_alone, StreamFixture) {
  node.handler = [](const Message& ride, Outbox& out) {
    Message told;
    told.body = ride.id == "ride-2" ? std::string(5'000, 'x') : ride.id;
    out.send("small", std::move(told));
    return Outcome::done;
  };
  given(5);
  start();
  // It is retried, in its place, until it has failed too often; the pause between is the visibility timeout, so only the first
  // failure is waited for.
  run_until([&] {
    return user.stream_info("rides")->groups.size() == 1 && user.stream_info("rides")->groups[0].shares[0].attempts == 1;
  });
  BOOST_TEST(user.stream_info("rides")->groups[0].shares[0].next == 2U);
  BOOST_TEST(bodies_in("small") == (std::vector<std::string>{"ride-0", "ride-1"}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(what_waits_elsewhere_is_not_confirmed_nor_overtaken, StreamFixture) {
  direct.hold();
  node.handler = [](const Message& ride, Outbox& out) { return tell(ride, out, ride.id == "ride-0" ? "direct" : "copy"); };
  given(3);
  start();
  run_until([&] { return direct.sent.size() == 1 && node.handled.size() == 3; });
  BOOST_TEST(behind() == 3U);
  BOOST_TEST(user.queue_info("copies")->visible == 0U);
  direct.answer({});
  run_until_confirmed();
  BOOST_TEST(bodies_in("copies") == (std::vector<std::string>{"ride-1", "ride-2"}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_drained_reader_gives_the_rest_back, StreamFixture) {
  given(5);
  start();
  node.handler = [&](const Message&, Outbox&) {
    runtime->begin_drain();
    return Outcome::done;
  };
  run_until([&] { return runtime->drained(); });
  const auto batch = user.take({"rides", "copier", 10});
  BOOST_REQUIRE(batch);
  BOOST_TEST(batch->records.size() == 5U - node.handled.size());
  BOOST_TEST(batch->attempts == 0U);
}

BOOST_FIXTURE_TEST_CASE(kill_9_of_the_broker_repeats_at_most_what_was_not_confirmed, StreamFixture) {
  node.handler = [](const Message& ride, Outbox& out) { return tell(ride, out, "copy"); };
  given(300);
  start();
  run_until([&] { return node.handled.size() >= 100; });
  process.kill_now();
  process.start();
  run_until_confirmed();
  BOOST_TEST(bodies_in("copies") == rides(300), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(each_group_gets_everything) {
  Channel<Stream> channel{0};
  channel.join("lake");
  channel.join("audit");
  channel.send({ride(0), ride(1)});
  for (const std::size_t group : {0U, 1U}) {
    for (int number = 0; number < 2; ++number) {
      const auto incoming = channel.take(group);
      BOOST_TEST(incoming.message.id == ride(number).id);
      channel.settle(incoming, Outcome::done, group);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(replicas_share_the_partitions_and_keep_the_order_of_each_key, StreamFixture) {
  constexpr int customers = 12;
  constexpr int bookings = 20;
  for (int number = 0; number < bookings; ++number) {
    for (int customer = 0; customer < customers; ++customer) {
      Message message = booking(number, "customer-" + std::to_string(customer));
      message.id = message.group_id + "/" + std::to_string(number);
      BOOST_REQUIRE(user.append("wide", message));
    }
  }
  std::vector<std::unique_ptr<StreamInput>> replicas;
  std::vector<EventSource*> sources{broker.get()};
  for (int replica = 0; replica < 3; ++replica) {
    replicas.push_back(std::make_unique<StreamInput>(*broker, StreamReader{"wide", "copier", false, 16}));
    sources.push_back(replicas.back().get());
  }
  std::map<std::string, int> next;
  std::set<std::size_t> busy;
  int taken = 0;
  BOOST_REQUIRE(pump_until(sources, clock, [&] {
    for (std::size_t r = 0; r < replicas.size(); ++r) {
      for (Incoming incoming; replicas[r]->take(incoming);) {
        const auto& message = incoming.message;
        BOOST_TEST(message.id == message.group_id + "/" + std::to_string(next[message.group_id]++));
        busy.insert(r);
        ++taken;
        Transaction transaction;
        const std::array<std::string_view, 1> ticket{incoming.ticket};
        replicas[r]->add_settlement(ticket, Outcome::done, transaction);
        broker->transact(transaction, [](const Result<Unit>& answer) { BOOST_TEST(answer.ok()); });
        replicas[r]->settled(incoming.ticket, {});
      }
    }
    return taken == customers * bookings;
  }));
  BOOST_TEST(busy.size() == replicas.size());
}

BOOST_AUTO_TEST_SUITE_END()
