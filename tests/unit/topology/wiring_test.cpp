// Launch file -> plan: endpoints, port bindings, order, hash.

#include <algorithm>

#include "common/topology/definitions.hpp"
#include "common/topology/graph.hpp"
#include "tests/unit/topology/launch_fixture.hpp"

namespace remuda::topology {
namespace {

using testing::LaunchFixture;

const std::string ticks = R"(
[nodes.clock]
exec  = "ticker"
ports = { ticks = "ticks" }
[nodes.wall]
exec     = "display"
ports    = { ticks = "ticks" }
replicas = 2
)";
const std::string questions = R"(
[queues.rides]
[requests.account]
timeout = "2s"
[nodes.gateway]
exec   = "gateway"
ports  = { ask = "account" }
params = { listen = "127.0.0.1:8080" }
[nodes.accounting]
exec     = "customer_accounting"
ports    = { rides = "rides", query = "account" }
replicas = 2
)";

BOOST_AUTO_TEST_SUITE(wiring)

BOOST_FIXTURE_TEST_CASE(one_word_changes_the_kind_of_a_channel_and_no_node, LaunchFixture) {
  write("[queues.ticks]\n" + ticks);
  wired();
  BOOST_TEST(port("clock", "ticks") == "queue:ipc://@remuda/story-00000000/main/ticks");
  BOOST_TEST(port("wall", "ticks", 1) == "queue:ipc://@remuda/story-00000000/main/ticks");

  write("[brokers.main]\n[topics.ticks]\nbroker = \"main\"\n" + ticks);
  wired();
  BOOST_TEST(port("clock", "ticks") == "topic:ipc://@remuda/story-00000000/main/ticks");

  write("[topics.ticks]\n" + ticks);
  wired();
  BOOST_TEST(port("clock", "ticks") == "pubsub:ipc://@remuda/story-00000000/ticks.0/ticks?subscribers=2");
  BOOST_TEST(port("wall", "ticks", 1) == "pubsub:ipc://@remuda/story-00000000/ticks.0/ticks");

  write("[pipes.ticks]\n" + ticks);
  wired();
  BOOST_TEST(port("clock", "ticks") == "pipe:ipc://@remuda/story-00000000/ticks.0,ipc://@remuda/story-00000000/ticks.1/ticks");
  BOOST_TEST(port("wall", "ticks", 1) == "pipe:ipc://@remuda/story-00000000/ticks.1/ticks");
}

BOOST_FIXTURE_TEST_CASE(a_stream_is_read_by_the_group_of_its_node_unless_it_says_another, LaunchFixture) {
  write("[streams.ticks]\npartitions = 2\n" + ticks);
  wired();
  BOOST_TEST(port("clock", "ticks") == "stream:ipc://@remuda/story-00000000/main/ticks");
  BOOST_TEST(port("wall", "ticks", 1) == "stream:ipc://@remuda/story-00000000/main/ticks?group=wall");
  write(R"([streams.ticks]
[nodes.clock]
exec = "ticker"
ports = { ticks = "ticks" }
[nodes.wall]
exec = "display"
ports = { ticks = { channel = "ticks", group = "lake", start = "latest", batch = 500, visibility_timeout = "1m" } }
)");
  wired();
  BOOST_TEST(port("wall", "ticks") ==
             "stream:ipc://@remuda/story-00000000/main/ticks?group=lake&start=latest&batch=500&visibility_timeout_ms=60000");
}

BOOST_FIXTURE_TEST_CASE(a_stream_feeds_on_a_topic_and_has_dead_letters_as_a_queue_has, LaunchFixture) {
  write(R"([brokers.main]
[topics.rides]
broker = "main"
[streams.lake]
from = "rides"
filter = { fare = [{ numeric = [">=", 50] }] }
partitions = 4
partition_by = "body.customer"
retention = "7d"
max_bytes = "1GiB"
max_receives = 3
)");
  wired();
  const StreamPlan& lake = topology.plan.streams.front();
  BOOST_TEST(lake.broker == "main");
  BOOST_TEST(lake.from_topic == "rides");
  BOOST_TEST(lake.filter_policy == R"({"fare":[{"numeric":[">=",50]}]})");
  BOOST_TEST(lake.partition_by == "body.customer");
  BOOST_TEST((lake.retention == std::chrono::hours{7 * 24}));
  BOOST_TEST(lake.max_bytes == 1U << 30U);
  BOOST_TEST(lake.dead_letter_queue == "lake-dlq");
  BOOST_TEST(queue("lake-dlq").broker == "main");
  const auto again = read_definitions(render_definitions(topology.plan, "main"), "main.toml", "main");
  BOOST_REQUIRE(again);
  BOOST_REQUIRE(again->streams.size() == 1U);
  BOOST_TEST(again->streams.front().partitions == 4);
  BOOST_TEST(again->streams.front().filter_policy == lake.filter_policy);
  BOOST_TEST(again->streams.front().max_receives == 3);
}

BOOST_FIXTURE_TEST_CASE(more_replicas_than_partitions_are_a_warning, LaunchFixture) {
  write("[streams.ticks]\n" + ticks);
  BOOST_TEST(found() == "T310");
}

BOOST_FIXTURE_TEST_CASE(a_parameter_that_names_a_broker_becomes_its_endpoint, LaunchFixture) {
  const std::string front = "[brokers.main]\n[nodes.front]\nexec = \"front_door\"\nparams = { broker = \"main\" }\n";
  write(front);
  wired();
  BOOST_TEST(parameter("front", "broker") == "\"ipc://@remuda/story-00000000/main\"");

  write("[hosts]\nedge = { address = \"127.0.0.1\" }\ncore = { address = \"127.0.0.2\", base_port = 7100 }\n" + front +
        "host = \"edge\"\n[defaults.broker]\nhost = \"core\"\n");
  wired();
  BOOST_TEST(parameter("front", "broker") == "\"tcp://127.0.0.2:7100\"");

  write("[brokers.main]\n[nodes.front]\nexec = \"front_door\"\nparams = { broker = \"mian\" }\n");
  BOOST_TEST(found() == "T103");
}

BOOST_FIXTURE_TEST_CASE(a_queue_or_topic_may_end_in_fifo_as_amazon_wants_it, LaunchFixture) {
  write("[brokers.main]\n[queues.\"orders.fifo\"]\nfifo = true\n");
  wired();
  BOOST_TEST(queue("orders.fifo").fifo.has_value());
  write("[brokers.main]\n[queues.\"orders.lifo\"]\n");
  BOOST_TEST(found() == "T008");
  write("[brokers.main]\n[queues.\".fifo\"]\n");
  BOOST_TEST(found() == "T008");
}

BOOST_FIXTURE_TEST_CASE(every_replica_that_answers_has_an_endpoint_and_who_asks_knows_all, LaunchFixture) {
  write(questions);
  wired();
  BOOST_TEST(port("accounting", "query", 1) == "request:ipc://@remuda/story-00000000/account.1/account");
  BOOST_TEST(port("gateway", "ask") ==
             "request:ipc://@remuda/story-00000000/account.0,ipc://@remuda/story-00000000/account.1/account?timeout_ms=2000");
}

BOOST_FIXTURE_TEST_CASE(a_request_over_queues_gives_each_asking_process_a_queue_for_its_answers, LaunchFixture) {
  write(R"([brokers.main]
[requests.account]
broker = "main"
timeout = "2m"
[nodes.accounting]
exec = "customer_accounting"
ports = { rides = "rides", query = "account" }
[queues.rides]
[nodes.gateway]
exec = "gateway"
replicas = 2
ports = { ask = "account" }
params = { listen = "127.0.0.1:8080" }
)");
  wired();
  BOOST_TEST(port("accounting", "query") == "queued-request:ipc://@remuda/story-00000000/main/account");
  BOOST_TEST(port("gateway", "ask", 1) ==
             "queued-request:ipc://@remuda/story-00000000/main/account?reply_to=account-replies-gateway-1");
  for (const auto* name : {"account", "account-replies-gateway-0", "account-replies-gateway-1"}) {
    BOOST_TEST((queue(name).visibility_timeout == std::chrono::minutes{2}));
    BOOST_TEST((queue(name).retention == std::chrono::minutes{2}));
  }
}

BOOST_FIXTURE_TEST_CASE(a_port_that_merely_sends_needs_no_request_over_queues, LaunchFixture) {
  write(
      "[brokers.main]\n[requests.ask]\nbroker = \"main\"\n[requests.lost]\nbroker = \"mian\"\n[nodes.a]\nexec = \"display\"\nports "
      "= { ticks = \"ask\" }\n");
  BOOST_TEST(found() == "T312 T312 T103 T112");
}

BOOST_FIXTURE_TEST_CASE(a_port_with_several_channels_is_given_once_for_each, LaunchFixture) {
  write("[queues.a]\n[queues.b]\n[nodes.wall]\nexec = \"display\"\nports = { ticks = [\"a\", \"b\"] }\n");
  wired();
  BOOST_TEST(port("wall", "ticks") == "queue:ipc://@remuda/story-00000000/main/a queue:ipc://@remuda/story-00000000/main/b");
}

BOOST_FIXTURE_TEST_CASE(who_answers_starts_before_who_asks_and_brokers_before_all, LaunchFixture) {
  write(questions);
  wired();
  BOOST_TEST(process("main").start_rank == 0);
  BOOST_TEST(process("accounting", 0).start_rank == 1);
  BOOST_TEST(process("accounting", 1).start_rank == 1);
  BOOST_TEST(process("gateway").start_rank == 2);
}

BOOST_FIXTURE_TEST_CASE(live_subscribers_start_before_their_publisher_unless_told_otherwise, LaunchFixture) {
  write("[topics.ticks]\n" + ticks);
  wired();
  BOOST_TEST(process("wall").start_rank == 0);
  BOOST_TEST(process("clock").start_rank == 1);
  write("[topics.ticks]\n" + ticks + "depends_on = [\"clock\"]\n");
  wired();
  BOOST_TEST(process("clock").start_rank == 0);
  BOOST_TEST(process("wall").start_rank == 1);
}

BOOST_FIXTURE_TEST_CASE(equal_files_give_equal_hashes_and_any_change_another, LaunchFixture) {
  write(questions);
  const std::string first = wired().hash;
  BOOST_TEST(first.size() == 16U);
  BOOST_TEST(wired().hash == first);
  write(questions + "stop_grace = \"9s\"\n");
  BOOST_TEST(wired().hash != first);
  write(questions);
  surroundings.plan.folder_hash = folder_hash("/home/ada/rides");  // where the data is differs from host to host
  BOOST_TEST(wired().hash == first);
  BOOST_TEST(port("accounting", "rides").find("/story-00000000/") == std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(two_hosts_talk_over_tcp_and_local_folds_them, LaunchFixture) {
  write("[hosts]\nedge = { address = \"127.0.0.1\", base_port = 7000 }\ncore = { address = \"127.0.0.2\", base_port = 7100 }\n" +
        questions + "host = \"core\"\n[defaults.node]\nhost = \"edge\"\n[defaults.broker]\nhost = \"core\"\n[brokers.main]\n");
  wired();
  BOOST_TEST(process("gateway").host == "edge");
  BOOST_TEST(port("gateway", "ask") == "request:tcp://127.0.0.2:7100,tcp://127.0.0.2:7101/account?timeout_ms=2000");
  BOOST_TEST(port("accounting", "rides") == "queue:ipc://@remuda/story-00000000/main/rides");
  surroundings.plan.local = true;
  wired();
  BOOST_TEST(process("gateway").host == "");
  BOOST_TEST(port("accounting", "query") == "request:ipc://@remuda/story-00000000/account.0/account");
}

BOOST_FIXTURE_TEST_CASE(hosts_that_others_can_reach_are_refused_without_keys, LaunchFixture) {
  write("[hosts]\nedge = {}\ncore = { address = \"10.0.0.7\" }\n" + questions + "host = \"core\"\n");
  BOOST_TEST(found().find("T401") != std::string::npos);
  surroundings.plan.local = true;
  BOOST_TEST(found() == "");
}

struct InventoryFixture : LaunchFixture {
  InventoryFixture() {
    write(R"([hosts]
front = { base_port = 7000 }
back = {}
[brokers.main]
host = "front"
[queues.rides]
[nodes.accounting]
exec = "customer_accounting"
host = "back"
ports = { rides = "rides" }
)");
    surroundings.load.inventory = "inventory.toml";
  }
  void inventory(const std::string& text) { files["inventory.toml"] = text; }
  std::string keys_of_broker() const {
    const auto& arguments = process("main").arguments;
    const auto at = std::find(arguments.begin(), arguments.end(), "--keys");
    return at == arguments.end() ? "" : *(at + 1);
  }
};

BOOST_FIXTURE_TEST_CASE(an_inventory_says_where_the_hosts_are_and_where_their_keys, InventoryFixture) {
  inventory(
      "[hosts]\nfront = { address = \"10.0.0.1\", keys = \"/front keys\" }\nback = { address = \"10.0.0.2\", keys = \"/back\" }\n");
  wired();
  BOOST_TEST(port("accounting", "rides") == "queue:tcp://10.0.0.1:7000/rides");  // the launch file's base_port stays
  BOOST_TEST(keys_of_broker() == "/front keys");
  BOOST_TEST(process("accounting").environment.at("REMUDA_KEYS") == "/back");
}

BOOST_FIXTURE_TEST_CASE(what_the_launch_file_says_itself_comes_before_the_keys_of_a_host, InventoryFixture) {
  files["main.toml"] += "env = { REMUDA_KEYS = \"/own\" }\n";
  inventory(
      "[hosts]\nfront = { address = \"10.0.0.1\", keys = \"/front\" }\nback = { address = \"10.0.0.2\", keys = \"/back\" }\n");
  wired();
  BOOST_TEST(process("accounting").environment.at("REMUDA_KEYS") == "/own");
}

BOOST_FIXTURE_TEST_CASE(without_an_inventory_or_with_local_all_hosts_are_this_machine, InventoryFixture) {
  surroundings.load.inventory.clear();
  wired();
  BOOST_TEST(port("accounting", "rides") == "queue:ipc://@remuda/story-00000000/main/rides");
  surroundings.load.inventory = "inventory.toml";
  inventory(
      "[hosts]\nfront = { address = \"10.0.0.1\", keys = \"/front\" }\nback = { address = \"10.0.0.2\", keys = \"/back\" }\n");
  surroundings.plan.local = true;
  wired();
  BOOST_TEST(port("accounting", "rides") == "queue:ipc://@remuda/story-00000000/main/rides");
  BOOST_TEST(keys_of_broker() == "");
  BOOST_TEST(process("accounting").environment.count("REMUDA_KEYS") == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_broker_that_listens_everywhere_is_reached_at_its_hosts_address, InventoryFixture) {
  const std::string broker = "[brokers.main]\n";
  auto& text = files["main.toml"];
  text.insert(text.find(broker) + broker.size(), "listen = [\"ipc://@here\", \"tcp://0.0.0.0:5550\"]\n");
  inventory("[hosts]\nfront = { address = \"front.example.net\", keys = \"/front\" }\nback = { address = \"10.0.0.2\" }\n");
  wired();
  BOOST_TEST(port("accounting", "rides") == "queue:tcp://front.example.net:5550/rides");
}

BOOST_FIXTURE_TEST_CASE(wrong_inventories_are_explained, InventoryFixture) {
  inventory("[hosts]\nfornt = { address = \"10.0.0.1\" }\nback = { adress = \"10.0.0.2\" }\n[queues.more]\n");
  BOOST_TEST(found() == "T102 T004 T004");
  BOOST_TEST(render(topology.diagnostics).find("did you mean 'front'?") != std::string::npos);
  inventory("[hosts\n");
  BOOST_TEST(found() == "T002");
  files.erase("inventory.toml");
  BOOST_TEST(found() == "T001");
  inventory("[hosts]\nfront = { address = \"10.0.0.1\" }\n");
  BOOST_TEST(found() == "T401");
}

BOOST_FIXTURE_TEST_CASE(an_explicit_endpoint_is_used_as_written, LaunchFixture) {
  write("[brokers.main]\nlisten = [\"tcp://127.0.0.1:5550\", \"ipc://@rides\"]\nstore = \"data\"\n" + questions);
  const Plan& plan = wired();
  BOOST_TEST(plan.brokers.front().data_folder == "data");
  BOOST_TEST(port("accounting", "rides") == "queue:tcp://127.0.0.1:5550/rides");
  const std::vector<std::string> expected{"--name", "main", "--listen", "tcp://127.0.0.1:5550", "--listen", "ipc://@rides"};
  BOOST_TEST(process("main").arguments == expected, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(the_memory_for_bodies_is_told_to_the_broker, LaunchFixture) {
  write("[brokers.main]\nlisten = [\"ipc://@rides\"]\nbody_cache = \"16MiB\"\n" + questions);
  wired();
  const std::vector<std::string> expected{"--name", "main", "--listen", "ipc://@rides", "--body-cache", "16777216B"};
  BOOST_TEST(process("main").arguments == expected, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(without_descriptions_ports_are_taken_as_they_are, LaunchFixture) {
  surroundings.describe = nullptr;
  write("[queues.rides]\n[nodes.anything]\nexec = \"unknown\"\nports = { what_ever = \"rides\" }\n");
  BOOST_TEST(found() == "");
  BOOST_TEST(port("anything", "what_ever") == "queue:ipc://@remuda/story-00000000/main/rides");
}

BOOST_FIXTURE_TEST_CASE(values_reach_the_argument_vector_byte_by_byte, LaunchFixture) {
  write(
      "[queues.rides]\n[nodes.accounting]\nexec = \"customer_accounting\"\nports = { rides = \"rides\" }\n"
      "params = { currency = \"; rm -rf / `x` $(y) \\\"z\\\" \\n -\" }\n");
  wired();
  BOOST_TEST(parameter("accounting", "currency") == "\"; rm -rf / `x` $(y) \\\"z\\\" \\n -\"");
}

BOOST_FIXTURE_TEST_CASE(a_broker_reads_back_the_definitions_it_was_given, LaunchFixture) {
  write(R"(
[brokers.main]
[brokers.other]
[topics.done]
broker = "main"
[topics.elsewhere]
broker = "other"
[queues.rides]
from = "done"
filter = { fare = [{ numeric = [">=", 50] }], city = ["Zürich", "St. \"G\""] }
delay = "10s"
durability = "relaxed"
max_receives = 7
[queues.plain]
broker = "other"
[queues.marked]
from = "done"
filter_policy = '{"kind": ["vip"]}'
filter_scope = "attributes"
max_message_size = "64KiB"
max_messages = 1000
max_bytes = "10MiB"
)");
  const Plan& plan = launch();
  const auto definitions = read_definitions(render_definitions(plan, "main"), "main.toml", "main");
  BOOST_REQUIRE(definitions.ok());
  BOOST_TEST(definitions->topics.size() == 1U);
  BOOST_REQUIRE(definitions->queues.size() == 3U);
  for (const auto& read : definitions->queues) {
    const QueuePlan& given = queue(read.name);
    BOOST_TEST(read.broker == "main");
    BOOST_TEST(read.from_topic == given.from_topic);
    BOOST_TEST(read.filter_policy == given.filter_policy);
    BOOST_TEST(read.filter_on_attributes == given.filter_on_attributes);
    BOOST_TEST(read.visibility_timeout.count() == given.visibility_timeout.count());
    BOOST_TEST(read.retention.count() == given.retention.count());
    BOOST_TEST(read.delay.count() == given.delay.count());
    BOOST_TEST(read.dead_letter_queue == given.dead_letter_queue);
    BOOST_TEST(read.max_receives == given.max_receives);
    BOOST_TEST(read.max_message_size_bytes == given.max_message_size_bytes);
    BOOST_TEST(read.max_messages == given.max_messages);
    BOOST_TEST(read.max_bytes == given.max_bytes);
    BOOST_TEST(read.relaxed == given.relaxed);
  }
}

BOOST_FIXTURE_TEST_CASE(what_makes_a_queue_fifo_reaches_its_broker, LaunchFixture) {
  write(R"(
[brokers.main]
[topics.rides]
broker = "main"
fifo = { dedup_by = "content" }
[queues.accounting]
from = "rides"
fifo = { group_by = "body.customer", on_dead = "block", dedup_scope = "message_group" }
max_receives = 3
tags = { team = "rides" }
[queues.plain]
broker = "main"
)");
  const Plan& plan = wired();
  FifoPlan by_customer;
  by_customer.group_by = "body.customer";
  by_customer.deduplication_scope = "message_group";
  by_customer.on_dead_letter = "block";
  FifoPlan of_dead_letters = by_customer;
  of_dead_letters.on_dead_letter = "skip";
  const auto definitions = read_definitions(render_definitions(plan, "main"), "main.toml", "main");
  BOOST_REQUIRE(definitions.ok());
  for (const auto& queues : {plan.queues, definitions->queues}) {
    BOOST_REQUIRE(queues.size() == 3U);
    BOOST_TEST((queues[0].fifo == by_customer));
    BOOST_TEST(queues[0].tags.at("team") == "rides");
    BOOST_TEST(!queues[1].fifo.has_value());
    BOOST_TEST(queues[2].name == "accounting-dlq");
    BOOST_TEST((queues[2].fifo == of_dead_letters));
  }
  BOOST_REQUIRE(definitions->topics.size() == 1U);
  BOOST_TEST(definitions->topics[0].fifo);
  BOOST_TEST(definitions->topics[0].deduplicate_by == "content");
}

BOOST_FIXTURE_TEST_CASE(fifo_by_default_can_be_taken_back, LaunchFixture) {
  write(R"(
[defaults.queue]
fifo = { group_by = "body.customer" }
[queues.ordered]
[queues.grouped]
fifo = { group_by = "attributes.ride" }
[queues.plain]
fifo = false
)");
  wired();
  BOOST_TEST(queue("ordered").fifo->group_by == "body.customer");
  BOOST_TEST(queue("grouped").fifo->group_by == "attributes.ride");
  BOOST_TEST(!queue("plain").fifo.has_value());
}

BOOST_AUTO_TEST_CASE(definitions_with_errors_are_refused_with_all_of_them) {
  const auto definitions = read_definitions("[queues.a]\nfrom = \"x\"\n[nodes.b]\n[queues.c]\ndelay = 5\n", "defs.toml", "main");
  BOOST_REQUIRE(!definitions.ok());
  BOOST_TEST(definitions.error().code == "invalid_definitions");
  for (const char* part : {"defs.toml:2:8: error[T105]", "defs.toml:3:2: error[T004]", "defs.toml:5:9: error[T006]", "3 errors"}) {
    BOOST_TEST(definitions.error().message.find(part) != std::string::npos, part);
  }
  BOOST_TEST(read_definitions("", "defs.toml", "main").ok());
}

BOOST_FIXTURE_TEST_CASE(circles_and_every_kind_of_channel_can_be_drawn, LaunchFixture) {
  write(R"(
[topics.ticks]
[pipes.jobs]
[queues.a]
max_receives = 2
[nodes.one]
exec  = "completed_rides"
ports = { completed = ["ticks", "jobs", "a"], submit = "ask" }
[requests.ask]
[nodes.two]
exec     = "customer_accounting"
replicas = 3
ports    = { rides = ["a", "ticks", "jobs"], query = "back" }
[requests.back]
[nodes.three]
exec   = "gateway"
ports  = { x = "ask", y = "back" }
params = { listen = "<&\">" }
)");
  const Graph graph = graph_of(wired());
  BOOST_TEST(graph.vertices.size() == 9U);
  const std::string svg = graph_as_svg(graph);
  for (const char* part : {"<svg ", "two × 3", "class=\"pipe\"", "after 2 receives", "</svg>"})
    BOOST_TEST(svg.find(part) != std::string::npos, part);
  BOOST_TEST(graph_as_dot(graph).find("digraph \"story\"") == 0U);
  Graph circle = graph;
  for (const auto& edge : graph.edges) circle.edges.push_back({edge.to, edge.from, Edge::Kind::flow, "back"});
  BOOST_TEST(graph_as_svg(circle).find("</svg>") != std::string::npos);
  BOOST_TEST(graph_as_text(circle).size() > 0U);
  BOOST_TEST(graph_as_svg(Graph{}).find("</svg>") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_port_that_is_reached_from_the_right_is_named_outside_its_box) {
  Graph graph;
  graph.vertices.resize(2);
  graph.vertices[0].name = "asker";
  graph.vertices[0].shape = Vertex::Shape::node;
  graph.vertices[1].name = "answers-to-asker";
  graph.vertices[1].shape = Vertex::Shape::queue;
  graph.edges.push_back({0, 1, Edge::Kind::flow, "asks"});
  graph.edges.push_back({1, 0, Edge::Kind::flow, "answers"});
  const std::string svg = graph_as_svg(graph);
  for (const char* port : {">asks</text>", ">answers</text>"}) {
    const auto label = svg.rfind("<text", svg.find(port));
    BOOST_TEST(svg.substr(label, svg.find(port) - label).find("text-anchor=\"start\"") != std::string::npos, port);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace remuda::topology
