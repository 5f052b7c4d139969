// A queue or stream whose topic another broker has: the outbox, the forwarder, and the one arrow that people see.

#include <algorithm>

#include "common/declarations.hpp"
#include "common/topology/config_view.hpp"
#include "common/topology/definitions.hpp"
#include "common/topology/graph.hpp"
#include "tests/unit/topology/launch_fixture.hpp"

namespace remuda::topology {
namespace {

using testing::LaunchFixture;
using namespace std::chrono_literals;

struct OutboxFixture : LaunchFixture {
  /// Two brokers, a topic on the first, and what is said besides.
  void chain(const std::string& body, const std::string& hosts = "") { write(hosts + "[topics.done]\nbroker = \"east\"\n" + body); }
  static constexpr const char* here = "[brokers.east]\n[brokers.west]\n";
  static constexpr const char* two_hosts = R"(
[hosts.e]
address = "10.0.0.1"
keys    = "/etc/keys-e"
[hosts.w]
address = "10.0.0.2"
keys    = "/etc/keys-w"
[brokers.east]
host = "e"
[brokers.west]
host = "w"
)";
  static constexpr const char* rides = R"(
[queues.rides]
broker = "west"
from   = "done"
filter = { fare = [{ numeric = [">=", 50] }] }
fifo   = { group_by = "body.customer" }
max_message_size = "64KiB"
)";
  [[nodiscard]] std::string definitions(const std::string& broker) const { return render_definitions(topology.plan, broker); }
  [[nodiscard]] bool has_process(const std::string& name) const {
    return std::any_of(topology.plan.processes.begin(), topology.plan.processes.end(),
                       [&](const auto& each) { return each.node == name; });
  }
};

BOOST_FIXTURE_TEST_SUITE(outboxes, OutboxFixture)

BOOST_AUTO_TEST_CASE(what_the_queue_wants_waits_on_the_topics_broker_and_the_queue_is_chained_to_nothing) {
  chain(rides, here);
  wired();
  const QueuePlan& outbox = queue("rides-outbox");
  BOOST_TEST(outbox.broker == "east");
  BOOST_TEST(outbox.from_topic == "done");
  BOOST_TEST(outbox.filter_policy == R"({"fare":[{"numeric":[">=",50]}]})");
  BOOST_TEST(!outbox.fifo.has_value());  // it is read in order, whatever the queue is
  BOOST_TEST(!outbox.relaxed);
  BOOST_TEST(outbox.retention.count() == std::chrono::milliseconds{14 * 24h}.count());
  BOOST_TEST(outbox.max_message_size_bytes == 64U * 1024U);  // so the publisher is told, as on one broker
  BOOST_TEST(outbox.dead_letter_queue == "rides-outbox-dlq");
  BOOST_TEST(queue("rides-outbox-dlq").broker == "east");
  BOOST_TEST(queue("rides").outbox == "rides-outbox");
  const wire::DeclareQueue declared = declaration_of(queue("rides"));
  BOOST_TEST(declared.from_topic == "");
  BOOST_TEST(declared.selection.filter_policy == "");
  BOOST_TEST(definitions("west").find("from") == std::string::npos);
  BOOST_TEST(definitions("east").find("\"done\"") != std::string::npos);
  for (const char* broker : {"east", "west"}) BOOST_TEST(read_definitions(definitions(broker), "definitions", broker).ok());
}

BOOST_AUTO_TEST_CASE(one_forwarder_for_each_pair_of_brokers_runs_on_the_topics_host_with_its_keys) {
  chain(std::string{rides} +
            "[queues.copies]\nbroker = \"west\"\nfrom = \"done\"\n[streams.log]\nbroker = \"west\"\nfrom = \"done\"\n",
        two_hosts);
  wired();
  const ProcessPlan& forwarder = process("east-to-west");
  BOOST_TEST(forwarder.exec == "forwarder");
  BOOST_TEST(forwarder.host == "e");
  BOOST_TEST(forwarder.implied);
  BOOST_TEST(forwarder.start_rank == 1);
  BOOST_TEST(forwarder.environment.at("REMUDA_KEYS") == "/etc/keys-e");
  BOOST_TEST((forwarder.restart.when == RestartPolicy::When::always));
  BOOST_TEST(parameter("east-to-west", "from") == "\"ipc://@remuda/story-00000000/east\"");
  BOOST_TEST(parameter("east-to-west", "to") == "\"tcp://10.0.0.2:5550\"");
  BOOST_TEST(parameter("east-to-west", "outboxes") ==
             R"({ rides-outbox = { queue = "rides" }, copies-outbox = { queue = "copies" }, log-outbox = { stream = "log" } })");
  BOOST_TEST(std::count_if(topology.plan.processes.begin(), topology.plan.processes.end(),
                           [](const auto& each) { return each.implied; }) == 1);
}

BOOST_AUTO_TEST_CASE(it_is_wired_the_same_where_no_executable_can_be_asked) {
  chain(rides, two_hosts);
  wired();
  const std::string to = parameter("east-to-west", "to");
  surroundings.describe = {};
  launch();
  BOOST_TEST(parameter("east-to-west", "to") == to);
}

BOOST_AUTO_TEST_CASE(on_one_broker_nothing_is_added) {
  chain("[queues.rides]\nbroker = \"east\"\nfrom = \"done\"\n[queues.more]\nfrom = \"done\"\n", here);
  wired();
  BOOST_TEST(topology.plan.queues.size() == 2U);
  BOOST_TEST(topology.plan.processes.size() == 2U);
  BOOST_TEST(queue("rides").outbox == "");
}

BOOST_AUTO_TEST_CASE(nothing_is_warned_of_and_nodes_that_nobody_wrote_make_no_queue_unread) {
  chain(rides, here);
  BOOST_TEST(found() == "");
}

BOOST_AUTO_TEST_CASE(a_topic_without_a_broker_is_still_refused) {
  write(std::string{here} + "[topics.done]\n" + rides);
  BOOST_TEST(found().find("T307") != std::string::npos);
  BOOST_TEST(!has_process("east-to-west"));
}

BOOST_AUTO_TEST_CASE(a_name_that_is_taken_is_an_error_for_each_thing_that_comes_of_itself) {
  for (const char* taken : {"[queues.rides-outbox]\nbroker = \"east\"\n", "[streams.rides-outbox-dlq]\nbroker = \"east\"\n",
                            "[pipes.rides-outbox]\n", "[brokers.east-to-west]\n"}) {
    chain(std::string{rides} + taken, here);
    BOOST_TEST_CONTEXT(taken) {
      BOOST_TEST(found().find("T107") != std::string::npos);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_name_that_becomes_too_long_is_an_error) {
  chain("[queues." + std::string(69, 'q') + "]\nbroker = \"west\"\nfrom = \"done\"\n", here);
  BOOST_TEST(found() == "");
  chain("[queues." + std::string(70, 'q') + "]\nbroker = \"west\"\nfrom = \"done\"\n", here);
  BOOST_TEST(found() == "T008");
}

BOOST_AUTO_TEST_CASE(a_fifo_name_of_amazon_keeps_its_ending_to_itself) {
  chain("[queues.\"orders.fifo\"]\nbroker = \"west\"\nfrom = \"done\"\nfifo = true\n", here);
  wired();
  BOOST_TEST(queue("orders-outbox").outbox_of == "orders.fifo");
}

BOOST_AUTO_TEST_CASE(included_files_may_bring_the_queue_and_the_brokers_know_it_by_its_prefix) {
  files["part.toml"] = "schema = 1\nname = \"part\"\n[queues.rides]\nbroker = \"west\"\nfrom = \"done\"\n";
  chain("", std::string{"include = { file = \"part.toml\", prefix = \"eu\" }\n"} + here);
  wired();
  BOOST_TEST(queue("eu-rides-outbox").outbox_of == "eu-rides");
}

BOOST_AUTO_TEST_CASE(people_see_one_arrow_that_crosses_and_none_of_its_parts) {
  chain(rides, here);
  wired();
  const Graph graph = graph_of(topology.plan);
  BOOST_TEST(graph.vertices.size() == 2U);
  BOOST_REQUIRE_EQUAL(graph.edges.size(), 1U);
  BOOST_TEST(graph.edges[0].crossing == "east ⇒ west, over rides-outbox");
  BOOST_TEST(graph_as_text(graph) == R"(story

  (done)
   └═▶ [rides]
        east ⇒ west, over rides-outbox
        if fare >= 50

  (topic)  [queue]  ═▶ to another broker
)");
  BOOST_TEST(graph_as_dot(graph).find("style=bold") != std::string::npos);
  BOOST_TEST(graph_as_svg(graph).find("east ⇒ west, over rides-outbox") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_resolved_file_says_what_was_written_and_comes_to_the_same_plan) {
  chain(rides, two_hosts);
  wired();
  const std::string hash = topology.plan.hash;
  const std::string config = config_as_toml(topology.file, topology.plan);
  BOOST_TEST(config.find("outbox") == std::string::npos);
  files["main.toml"] = config;
  wired();
  BOOST_TEST(topology.plan.hash == hash);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace remuda::topology
