// Where a running topology keeps what it has.

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "cli/supervisor/topology_folder.hpp"
#include "tests/unit/cli/temporary_folder.hpp"

using namespace remuda;
using remuda::test::TemporaryFolder;
using namespace remuda::supervisor;

namespace {

struct FolderFixture {
  TemporaryFolder temporary;
  TopologyFolder folder{temporary.path() + "/.remuda/rides"};
  topology::Plan plan;

  FolderFixture() {
    plan.brokers.resize(1);
    plan.brokers.front().name = "main";
    plan.processes.resize(2);
    plan.processes[0].kind = topology::ProcessPlan::Kind::broker;
    plan.processes[0].node = "main";
    plan.processes[1].node = "accounting";
  }
  static bool is_private_folder(const std::string& path) {
    struct stat found {};
    return ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode) && (found.st_mode & 0777U) == 0700U;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(topology_folder, FolderFixture)

BOOST_AUTO_TEST_CASE(it_holds_a_private_folder_for_each_process_and_the_definitions_of_each_broker) {
  BOOST_REQUIRE(folder.prepare(plan).ok());
  for (const topology::ProcessPlan& process : plan.processes) BOOST_TEST(is_private_folder(folder.data_of(process, plan)));
  BOOST_TEST(std::filesystem::exists(folder.definitions_of("main")));
}

BOOST_AUTO_TEST_CASE(a_broker_may_keep_its_data_elsewhere_and_still_finds_its_definitions) {
  plan.brokers.front().data_folder = temporary.path() + "/disk";
  BOOST_REQUIRE(folder.prepare(plan).ok());
  BOOST_TEST(folder.data_of(plan.processes.front(), plan) == temporary.path() + "/disk");
  BOOST_TEST(is_private_folder(temporary.path() + "/disk"));
  BOOST_TEST(std::filesystem::exists(folder.definitions_of("main")));
}

BOOST_AUTO_TEST_CASE(a_folder_that_cannot_be_made_is_an_error) {
  const TopologyFolder impossible{"/proc/remuda"};
  BOOST_TEST(!impossible.prepare(plan).ok());
}

BOOST_AUTO_TEST_SUITE_END()
