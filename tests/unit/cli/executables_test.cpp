#include "cli/executables.hpp"

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>

#include "tests/unit/cli/temporary_folder.hpp"

namespace remuda::cli {

namespace {

struct ExecutablesFixture {
  test::TemporaryFolder first;
  test::TemporaryFolder second;
  test::TemporaryFolder launch_folder;
  Executables executables{{first.path(), second.path()}, launch_folder.path()};

  static std::string program(const test::TemporaryFolder& folder, const std::string& name, const std::string& script = "exit 0",
                             unsigned mode = 0755) {
    const std::string path = folder.write(name, "#!/bin/sh\n" + script + "\n");
    chmod(path.c_str(), mode);
    return path;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(executables, ExecutablesFixture)

BOOST_AUTO_TEST_CASE(a_name_is_found_in_the_folders_in_their_order) {
  const std::string later = program(second, "gateway");
  BOOST_TEST(*executables.find("gateway") == later);
  const std::string earlier = program(first, "gateway");
  BOOST_TEST(*executables.find("gateway") == earlier);
  BOOST_TEST(executables.known() == std::vector<std::string>{"gateway"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_relative_path_begins_at_the_launch_file_and_PATH_is_not_searched) {
  const std::string own = program(launch_folder, "mine");
  BOOST_TEST(*executables.find("./mine") == own);
  BOOST_TEST(*executables.find(own) == own);
  BOOST_TEST(executables.find("sh").error().code == "no_such_executable");
}

BOOST_AUTO_TEST_CASE(what_others_may_change_or_nobody_may_run_is_refused) {
  program(first, "open", "exit 0", 0757);
  BOOST_TEST(executables.find("open").error().code == "unsafe_executable");
  program(first, "plain", "exit 0", 0644);
  BOOST_TEST(executables.find("plain").error().code == "no_such_executable");
}

BOOST_AUTO_TEST_CASE(a_description_is_what_the_program_prints_when_it_succeeds) {
  program(first, "good", "test \"$1\" = --describe && echo '{}'");
  program(first, "bad", "echo '{}'; exit 1");
  executables.prefetch({"good", "bad", "missing"});
  BOOST_TEST(executables.describe("good").value_or("none") == "{}\n");
  BOOST_TEST(!executables.describe("bad").has_value());
  BOOST_TEST(!executables.describe("missing").has_value());
}

BOOST_AUTO_TEST_CASE(a_program_that_prints_for_ever_is_cut_off) {
  program(first, "endless", "yes");
  BOOST_TEST(!executables.describe("endless").has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::cli
