#include "cli/completion.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>

#include "cli/verbs/verbs.hpp"
#include "tests/unit/cli/temporary_folder.hpp"

namespace remuda::cli {

namespace {

struct CompletionFixture {
  test::TemporaryFolder folder;
  std::string script = folder.write("remuda.bash", bash_completion(remuda_command()));

  /// What bash offers after these words; the last one is being typed.
  std::string offered(const std::string& words) {
    const std::string run =
        folder.write("run.bash", "source " + script + "\nCOMP_WORDS=(" + words +
                                     ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_remuda\nprintf '%s ' \"${COMPREPLY[@]}\"\n");
    const std::string command = "bash " + run + " > " + folder.path() + "/out 2>&1";
    BOOST_TEST(std::system(command.c_str()) == 0);
    return folder.read("out");
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(completion, CompletionFixture)

BOOST_AUTO_TEST_CASE(bash_reads_the_script_without_a_complaint) {
  const std::string command = "bash -n " + script;
  BOOST_TEST(std::system(command.c_str()) == 0);
}

BOOST_AUTO_TEST_CASE(verbs_subcommands_and_options_are_offered_where_they_belong) {
  BOOST_TEST(offered("remuda dow") == "down ");
  BOOST_TEST(offered("remuda queue pe") == "peek ");
  BOOST_TEST(offered("remuda queue peek --fil") == "--filter ");
  BOOST_TEST(offered("remuda queue peek rides-dlq --sc") == "--scope ");
  BOOST_TEST(offered("remuda keys token re") == "revoke ");
  BOOST_TEST(offered("remuda keys token add depot --fi") == "--file ");
  BOOST_TEST(offered("remuda ps --filter") == " ");
}

BOOST_AUTO_TEST_CASE(choices_of_an_option_are_offered_after_it) {
  BOOST_TEST(offered("remuda logs --level w") == "warning ");
  BOOST_TEST(offered("remuda completion ''").find("--help") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_only_for_ourselves_is_not_offered) {
  BOOST_TEST(offered("remuda up --rep") == " ");
  for (const std::string& text : {zsh_completion(remuda_command()), fish_completion(remuda_command())}) {
    BOOST_TEST(text.find("report-fd") == std::string::npos);
    BOOST_TEST(text.find("redrive") != std::string::npos);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::cli
