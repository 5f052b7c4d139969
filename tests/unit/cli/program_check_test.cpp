// Whether a program can take the place of a running node.

#include "cli/program_check.hpp"

#include <boost/test/unit_test.hpp>

#include "common/topology/config_view.hpp"

using namespace remuda;
using namespace remuda::cli;

namespace {

struct ProgramFixture {
  topology::ProcessPlan process;
  std::vector<topology::Link> links{{"copier", "rides", true, "rides", topology::ChannelKind::queue, ""},
                                    {"copier", "copies", false, "copies", topology::ChannelKind::queue, ""}};
  NodeDescription program;

  ProgramFixture() {
    process.node = "copier";
    process.arguments = {
        "--name",  "copier",  "--port", "rides=queue:ipc://@x/main/rides", "--port", "copies=queue:ipc://@x/main/copies",
        "--param", "factor=2"};
    program.name = "doubler";
    program.ports = {port("rides", Direction::input), port("copies", Direction::output)};
    program.parameters = {{"factor", ParameterType::integer, "1", "how many"}};
  }
  static PortDescription port(const std::string& name, Direction direction) {
    PortDescription made;
    made.name = name;
    made.direction = direction;
    return made;
  }
  /// Why it does not fit; empty: it does.
  std::string why() {
    const auto fits = check_program(program, process, links);
    if (fits) return "";
    BOOST_TEST(fits.error().code == "does_not_fit");
    return fits.error().message;
  }
  bool says(const std::string& part) { return why().find(part) != std::string::npos; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(a_program_for_a_running_node, ProgramFixture)

BOOST_AUTO_TEST_CASE(fits_when_it_has_the_ports_and_parameters_that_are_given) {
  BOOST_TEST(why() == "");
  program.ports.push_back(port("spare", Direction::output));
  program.ports.back().optional = true;
  BOOST_TEST(why() == "");
}

BOOST_AUTO_TEST_CASE(does_not_fit_without_a_port_that_is_wired) {
  program.ports.pop_back();
  BOOST_TEST(says("has no port `copies`"));
}

BOOST_AUTO_TEST_CASE(does_not_fit_with_a_port_that_goes_the_other_way) {
  program.ports[1].direction = Direction::input;
  BOOST_TEST(why() == "Port `copies` is an output of copier, and an input of doubler.");
}

BOOST_AUTO_TEST_CASE(does_not_fit_with_a_port_that_needs_a_channel_and_has_none) {
  program.ports.push_back(port("needed", Direction::input));
  BOOST_TEST(says("Port `needed` is not wired"));
}

BOOST_AUTO_TEST_CASE(does_not_fit_when_a_parameter_is_unknown_to_it_or_missing) {
  program.parameters.push_back({"unit", ParameterType::text, "", "required"});
  BOOST_TEST(says("unit"));
  program.parameters.clear();
  BOOST_TEST(says("factor"));
}

BOOST_AUTO_TEST_CASE(the_links_of_a_plan_survive_its_form_as_json) {
  topology::Plan plan;
  plan.links = links;
  const auto read = links_from_json(topology::plan_as_json(plan));
  BOOST_REQUIRE(read.size() == 2U);
  BOOST_TEST(read[0].port == "rides");
  BOOST_TEST(read[0].into_node);
  BOOST_TEST(!read[1].into_node);
  BOOST_TEST(links_from_json("nonsense").empty());
}

BOOST_AUTO_TEST_SUITE_END()
