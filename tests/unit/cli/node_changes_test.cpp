// Which nodes of a running topology a changed launch file would start, stop or change.

#include "cli/apply/node_changes.hpp"

#include <boost/test/unit_test.hpp>
#include <sstream>

#include "common/topology/config_view.hpp"

using namespace remuda;
using namespace remuda::cli;

namespace {

struct NodesFixture {
  static topology::ProcessPlan process(const std::string& node, int replica = 0, const std::string& argument = "--name") {
    topology::ProcessPlan plan;
    plan.node = node;
    plan.replica = replica;
    plan.exec = node;
    plan.arguments = {argument};
    return plan;
  }
  std::vector<topology::ProcessPlan> before{process("accounting"), process("loyalty", 0), process("loyalty", 1)};
  std::vector<topology::ProcessPlan> after = before;

  std::string told() {
    std::ostringstream out;
    for (const NodeChange& change : node_changes(before, after)) out << change.what << ' ' << change.node << ';';
    return out.str();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(node_changes_of_a_launch_file, NodesFixture)

BOOST_AUTO_TEST_CASE(the_same_plan_changes_nothing) {
  BOOST_TEST(told() == "");
}

BOOST_AUTO_TEST_CASE(nodes_come_go_and_change) {
  after[0].arguments.push_back("--param");
  after.erase(after.begin() + 1, after.end());
  after.push_back(process("billing"));
  BOOST_TEST(told() == "change accounting;add billing;remove loyalty;");
}

BOOST_AUTO_TEST_CASE(another_limit_changes_its_node_and_survives_the_plan_as_json) {
  after[0].limits = {.memory_max_bytes = 64U << 20U, .nofile = 64, .nice = 5};
  BOOST_TEST(told() == "change accounting;");
  topology::Plan plan;
  plan.processes = after;
  before = processes_from_json(topology::plan_as_json(plan));
  BOOST_TEST(told() == "");
}

BOOST_AUTO_TEST_CASE(one_replica_more_changes_its_node) {
  after.push_back(process("loyalty", 2));
  BOOST_TEST(told() == "change loyalty;");
}

BOOST_AUTO_TEST_CASE(environment_and_restart_count_too_but_not_the_order_of_starting) {
  after[0].start_rank = 7;
  BOOST_TEST(told() == "");
  after[0].environment["TZ"] = "UTC";
  after[1].restart.max_restarts = 99;
  BOOST_TEST(told() == "change accounting;change loyalty;");
}

BOOST_AUTO_TEST_CASE(a_plan_is_read_back_from_its_json) {
  topology::Plan plan;
  before[0].environment["TZ"] = "UTC";
  before[1].restart.when = topology::RestartPolicy::When::always;
  plan.processes = before;
  after = processes_from_json(topology::plan_as_json(plan));
  BOOST_REQUIRE(after.size() == 3U);
  BOOST_TEST(told() == "");
}

BOOST_AUTO_TEST_CASE(what_is_no_plan_has_no_processes) {
  for (const auto* text : {"", "[]", "{", R"({"processes": 5})", R"({"processes": [{"kind": "node"}]})"})
    BOOST_TEST(processes_from_json(text).empty(), text);
}

BOOST_AUTO_TEST_SUITE_END()
