#include "cli/supervisor/registry.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/unit/cli/temporary_folder.hpp"

namespace remuda::supervisor {

namespace {

struct RegistryFixture {
  test::TemporaryFolder folder;
  Registry registry{folder.path()};

  static TopologyEntry entry(const std::string& name) {
    TopologyEntry made;
    made.name = name;
    made.pid = 1;
    made.data_folder = "/data/" + name;
    made.brokers = {{"main", "ipc://@remuda/x/main"}};
    made.channels = {{"submit", "request", "", "", {"ipc://@remuda/x/submit.0"}}};
    made.ports = {{"gateway.submit", {"submit"}}};
    return made;
  }
  /// As if a topology of that name ran, until the result is gone.
  FileDescriptor run(const std::string& name) {
    Result<FileDescriptor> lock = registry.take(name);
    BOOST_REQUIRE(lock);
    BOOST_REQUIRE(registry.write(entry(name)));
    return std::move(*lock);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(registry, RegistryFixture)

BOOST_AUTO_TEST_CASE(the_only_topology_needs_no_name) {
  const FileDescriptor rides = run("rides");
  const auto chosen = registry.choose(std::nullopt);
  BOOST_REQUIRE(chosen);
  BOOST_TEST((*chosen == entry("rides")));
}

BOOST_AUTO_TEST_CASE(with_several_a_name_is_needed) {
  const FileDescriptor rides = run("rides");
  const FileDescriptor other = run("other");
  const auto unclear = registry.choose(std::nullopt);
  BOOST_REQUIRE(!unclear);
  BOOST_TEST(unclear.error().code == "wrong_usage");
  BOOST_TEST(unclear.error().message == "several topologies run (other, rides); say which with --topology NAME");
  BOOST_TEST(registry.choose("other")->name == "other");
}

BOOST_AUTO_TEST_CASE(a_name_that_does_not_run_is_named_with_those_that_do) {
  BOOST_TEST(registry.choose(std::nullopt).error().message == "no topology runs");
  const FileDescriptor rides = run("rides");
  BOOST_TEST(registry.choose("rids").error().message == "no topology 'rids' runs; these do: rides");
}

BOOST_AUTO_TEST_CASE(a_name_can_be_taken_once_until_its_owner_is_gone) {
  FileDescriptor first = run("rides");
  BOOST_TEST(registry.take("rides").error().code == "already_running");
  first.reset();
  BOOST_TEST(registry.take("rides").ok());
}

BOOST_AUTO_TEST_CASE(what_a_killed_supervisor_left_behind_is_passed_over) {
  run("rides").reset();
  BOOST_TEST(registry.running().empty());
}

BOOST_AUTO_TEST_CASE(an_entry_that_cannot_be_read_is_passed_over) {
  const FileDescriptor lock = run("rides");
  folder.write("rides.json", R"({"topology": "rides", "pid": )");
  BOOST_TEST(registry.running().empty());
}

BOOST_AUTO_TEST_CASE(a_plan_says_where_every_channel_is) {
  topology::Plan plan;
  plan.name = "rides";
  plan.brokers.push_back({"main", "", {"ipc://@remuda/r/main", "tcp://127.0.0.1:5550"}, ""});
  topology::QueuePlan queue;
  queue.name = "lake";
  queue.broker = "main";
  queue.from_topic = "completed";
  plan.queues.push_back(queue);
  plan.topics.push_back({"completed", "main", ""});
  plan.topics.push_back({"ticks", "", "ipc://@remuda/r/ticks.0"});
  topology::ProcessPlan gateway;
  gateway.node = "gateway";
  gateway.arguments = {"--port", "submit=request:ipc://@remuda/r/submit.0,ipc://@remuda/r/submit.1/submit?timeout_ms=2000",
                       "--port", "ticks=pubsub:ipc://@remuda/r/ticks.0/ticks?subscribers=3",
                       "--port", "nonsense"};
  plan.processes.push_back(gateway);

  const TopologyEntry made = entry_of(plan);
  BOOST_TEST(made.brokers.at("main") == "ipc://@remuda/r/main");
  BOOST_TEST((*made.find_channel("lake") == ChannelEntry{"lake", "queue", "main", "completed", {}}));
  BOOST_TEST((*made.find_channel("submit") ==
              ChannelEntry{"submit", "request", "", "", {"ipc://@remuda/r/submit.0", "ipc://@remuda/r/submit.1"}}));
  BOOST_TEST((*made.find_channel("ticks") == ChannelEntry{"ticks", "pubsub", "", "", {"ipc://@remuda/r/ticks.0"}}));
  BOOST_TEST(made.ports.at("gateway.submit").front() == "submit");
  BOOST_TEST((made == *topology_entry_from_json(to_json(made))));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::supervisor
