#include <boost/test/unit_test.hpp>

#include <sstream>

#include "cli/command.hpp"

namespace remuda::cli {

using namespace std::chrono_literals;

namespace {

struct CommandLineFixture {
  std::ostringstream out;
  std::ostringstream err;
  std::istringstream in;
  Terminal terminal{.out = out, .err = err, .in = in};

  std::vector<std::string> settings;
  std::string file;
  std::optional<std::chrono::milliseconds> timeout;
  bool wait = false;
  int runs = 0;
  Command root = [this] {
    Command up{.name = "up", .summary = "Start"};
    up.options = {{"FILE", "The launch file", &file, true},
                  {"--set", "NAME=VALUE", &settings},
                  {"-w,--wait", "Wait", &wait},
                  {"--timeout", "How long", &timeout}};
    up.run = [this](Terminal&) {
      ++runs;
      return ExitCode::done;
    };
    Command ls{.name = "ls", .summary = "List"};
    ls.run = [this](Terminal&) {
      ++runs;
      return ExitCode::partly_done;
    };
    Command queue{.name = "queue", .summary = "Queues"};
    queue.subcommands = {ls};
    Command remuda{.name = "remuda", .summary = "Test"};
    remuda.subcommands = {up, queue};
    return remuda;
  }();

  ExitCode run(const std::vector<std::string>& words) { return run_command_line(root, words, terminal); }
  int code(const std::vector<std::string>& words) { return static_cast<int>(run(words)); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(command_line, CommandLineFixture)

BOOST_AUTO_TEST_CASE(options_and_positionals_may_stand_in_any_order) {
  BOOST_TEST(code({"up", "--set", "a=1", "rides.toml", "--set", "b=2", "-w", "--timeout", "1.5s"}) == 0);
  BOOST_TEST(file == "rides.toml");
  BOOST_TEST(settings == (std::vector<std::string>{"a=1", "b=2"}), boost::test_tools::per_element());
  BOOST_TEST(wait);
  BOOST_TEST((timeout == 1500ms));
}

BOOST_AUTO_TEST_CASE(the_exit_code_is_that_of_the_verb) {
  BOOST_TEST(code({"queue", "ls"}) == 3);
}

BOOST_AUTO_TEST_CASE(every_level_has_its_help) {
  BOOST_TEST(code({"--help"}) == 0);
  BOOST_TEST(out.str().find("queue") != std::string::npos);
  out.str("");
  BOOST_TEST(code({"queue", "ls", "-h"}) == 0);
  BOOST_TEST(out.str().find("List") != std::string::npos);
  BOOST_TEST(code({}) == 2);
  BOOST_TEST(runs == 0);
}

BOOST_AUTO_TEST_CASE(a_mistyped_verb_is_answered_with_the_one_that_was_meant) {
  BOOST_TEST(code({"qeue", "ls"}) == 2);
  BOOST_TEST(err.str() == "error: 'remuda' has no command 'qeue'; did you mean 'queue'?\n  next: remuda --help\n");
}

BOOST_AUTO_TEST_CASE(a_mistyped_option_is_answered_with_the_one_that_was_meant) {
  BOOST_TEST(code({"up", "rides.toml", "--wiat"}) == 2);
  BOOST_TEST(err.str() == "error: 'remuda up' has no option '--wiat'; did you mean '--wait'?\n  next: remuda up --help\n");
  BOOST_TEST(runs == 0);
}

BOOST_AUTO_TEST_CASE(a_noun_alone_says_what_it_can_be_followed_by) {
  BOOST_TEST(code({"queue"}) == 2);
  BOOST_TEST(err.str() == "error: 'remuda queue' needs one of: ls\n  next: remuda queue --help\n");
}

BOOST_AUTO_TEST_CASE(a_missing_argument_and_a_wrong_duration_are_usage_errors) {
  BOOST_TEST(code({"up"}) == 2);
  BOOST_TEST(err.str().find("FILE") != std::string::npos);
  err.str("");
  BOOST_TEST(code({"up", "rides.toml", "--timeout", "soon"}) == 2);
  BOOST_TEST(err.str().find("'soon' is not a duration") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(errors_stand_for_exit_codes) {
  BOOST_TEST(static_cast<int>(exit_code_of({"unreachable", "", true})) == 4);
  BOOST_TEST(static_cast<int>(exit_code_of({"timed_out", "", false})) == 5);
  BOOST_TEST(static_cast<int>(exit_code_of({"no_such_queue", "", true})) == 2);
  BOOST_TEST(static_cast<int>(exit_code_of({"storage_full", "", true})) == 1);
}

BOOST_AUTO_TEST_CASE(where_nobody_can_answer_nothing_is_destroyed) {
  BOOST_TEST(!terminal.confirm("delete 5 messages?", false));
  BOOST_TEST(err.str().find("--yes") != std::string::npos);
  BOOST_TEST(terminal.confirm("delete 5 messages?", true));
}

BOOST_AUTO_TEST_CASE(on_a_terminal_only_a_clear_yes_is_a_yes) {
  terminal.can_ask = true;
  for (const auto& [answer, agreed] : {std::pair{"y\n", true}, {"yes\n", true}, {"\n", false}, {"n\n", false}, {"", false}}) {
    in.clear();
    in.str(answer);
    BOOST_TEST_CONTEXT("answer " << answer) {
      BOOST_TEST(terminal.confirm("sure?", false) == agreed);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::cli
