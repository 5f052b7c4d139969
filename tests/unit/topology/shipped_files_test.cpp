// The launch files that ship: no errors, no warnings, and pictures and plans as recorded.

#include <boost/test/unit_test.hpp>

#include "common/topology/config_view.hpp"
#include "common/topology/definitions.hpp"
#include "common/topology/graph.hpp"
#include "common/topology/wiring.hpp"
#include "tests/unit/topology/executables.hpp"
#include "tests/unit/topology/golden.hpp"

namespace remuda::topology {
namespace {

namespace fs = std::filesystem;
const fs::path root{REMUDA_SOURCE_FOLDER};

struct ShippedFiles {
  Surroundings surroundings;

  ShippedFiles() {
    surroundings.read = [](const std::string& path) { return testing::read_text(root / "launch" / path); };
    surroundings.describe = testing::describe;
    surroundings.executables = testing::executables();
  }
  Topology load(const std::string& file) {
    Topology topology = resolve(file, surroundings);
    BOOST_TEST(render(topology.diagnostics) == "");
    return topology;
  }
  static void recorded(const std::string& text, const std::string& name) {
    testing::equals_golden(text, root / "tests/unit/topology/shipped" / name);
  }
};

BOOST_FIXTURE_TEST_CASE(ride_completion_is_wired_as_recorded, ShippedFiles) {
  const Topology topology = load("ride_completion_chained.toml");
  const Graph graph = graph_of(topology.plan);
  recorded(graph_as_text(graph), "ride_completion_chained.graph.txt");
  recorded(graph_as_dot(graph), "ride_completion_chained.graph.dot");
  recorded(graph_as_svg(graph), "ride_completion_chained.graph.svg");
  recorded(config_as_toml(topology.file, topology.plan), "ride_completion_chained.config.toml");
  recorded(plan_as_json(topology.plan), "ride_completion_chained.plan.json");
  recorded(render_definitions(topology.plan, "main"), "ride_completion_chained.definitions.toml");
}

BOOST_FIXTURE_TEST_CASE(the_variants_of_ride_completion_differ_in_their_channels_and_in_nothing_else, ShippedFiles) {
  const auto executables = [](const Topology& topology) {
    std::vector<std::string> names;
    for (const auto& process : topology.plan.processes) {
      if (process.kind == ProcessPlan::Kind::node && process.exec != "recipient_list") names.push_back(process.exec);
    }
    return names;
  };
  const auto chained = executables(load("ride_completion_chained.toml"));
  for (const std::string variant : {"rest", "recipient_list", "self_filtering", "topic", "filter"}) {
    const Topology topology = load("ride_completion_" + variant + ".toml");
    BOOST_TEST(executables(topology) == chained);
    recorded(graph_as_text(graph_of(topology.plan)), "ride_completion_" + variant + ".graph.txt");
  }
}

BOOST_FIXTURE_TEST_CASE(a_live_filter_travels_to_the_node_and_into_the_resolved_view, ShippedFiles) {
  surroundings.load.set = {{"min_fare", "75"}};
  const Topology topology = load("ride_completion_filter.toml");
  const auto& arguments = topology.plan.processes.back().arguments;
  BOOST_TEST(
      arguments[5].ends_with(R"(/ride-completion?filter={"fare":[{"numeric":[">=",75]}],"distance":[{"numeric":[">=",20]}]})"));
  recorded(graph_as_svg(graph_of(topology.plan)), "ride_completion_filter.graph.svg");
  const std::string resolved = config_as_toml(topology.file, topology.plan);
  surroundings.load.set.clear();
  surroundings.read = [&](const std::string&) -> Result<std::string> { return resolved; };
  BOOST_TEST(load("resolved.toml").plan.hash == topology.plan.hash);
}

BOOST_FIXTURE_TEST_CASE(wild_rydes_is_made_of_its_parts_under_one_name, ShippedFiles) {
  surroundings.load.set = {{"workers", "3"}, {"http", "127.0.0.1:8090"}};
  const Topology topology = load("wild_rydes.toml");
  BOOST_TEST(topology.plan.name == "wild-rydes");
  BOOST_TEST(topology.plan.processes.size() == 10U);  // a broker, seven nodes, two more replicas
  recorded(graph_as_text(graph_of(topology.plan)), "wild_rydes.graph.txt");
}

BOOST_FIXTURE_TEST_CASE(the_resolved_view_is_a_launch_file_of_the_same_plan, ShippedFiles) {
  const Topology first = load("ride_completion_chained.toml");
  const std::string resolved = config_as_toml(first.file, first.plan);
  surroundings.read = [&](const std::string&) -> Result<std::string> { return resolved; };
  const Topology second = load("resolved.toml");
  BOOST_TEST(second.plan.hash == first.plan.hash);
  BOOST_TEST(config_as_toml(second.file, second.plan) == resolved);
}

}  // namespace
}  // namespace remuda::topology
