#include <boost/test/unit_test.hpp>

#include "cli/supervisor/log_record.hpp"
#include "cli/supervisor/log_store.hpp"
#include "common/log.hpp"
#include "tests/unit/cli/temporary_folder.hpp"

namespace remuda::supervisor {

using namespace std::chrono_literals;
using test::TemporaryFolder;

namespace {

struct LogFixture {
  ManualClock clock;
  TemporaryFolder folder;

  LogRecord record(const std::string& text, const std::string& node = "accounting", LogLevel level = LogLevel::info) const {
    return {clock.wall_now(), node, 0, level, text, {}};
  }
  std::vector<std::string> texts(const std::vector<LogRecord>& records) const {
    std::vector<std::string> result;
    for (const LogRecord& r : records) result.push_back(r.text);
    return result;
  }
};

const std::vector<std::string> none;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(logs, LogFixture)

BOOST_AUTO_TEST_CASE(a_line_of_our_own_log_keeps_level_sentence_and_fields) {
  const std::string line = json_log_line("accounting", LogLevel::error, 1, "ride refused", {{"ride", "r-1"}, {"fare", 5}});
  const LogRecord r = interpret_line(line, true, "accounting", 2, clock.wall_now());
  BOOST_TEST(r.text == "ride refused");
  BOOST_TEST((r.level == LogLevel::error));
  BOOST_TEST(r.replica == 2);
  BOOST_REQUIRE_EQUAL(r.fields.size(), 2U);
  BOOST_TEST((r.time == clock.wall_now()));  // one clock orders the lines of all processes
}

BOOST_AUTO_TEST_CASE(any_other_text_is_a_warning_on_stderr_and_information_on_stdout) {
  BOOST_TEST((interpret_line("segfault soon", true, "n", 0, clock.wall_now()).level == LogLevel::warning));
  BOOST_TEST((interpret_line("42", false, "n", 0, clock.wall_now()).level == LogLevel::info));
  BOOST_TEST(interpret_line(R"({"not": "a log line"})", false, "n", 0, clock.wall_now()).text == R"({"not": "a log line"})");
}

BOOST_AUTO_TEST_CASE(what_is_kept_is_read_back_and_a_cut_line_is_passed_over) {
  LogRecord r = record("ride refused", "accounting", LogLevel::error);
  r.fields = {{"ride", "r-1"}};
  const std::string line = to_json_line(r);
  const auto back = from_json_line(line);
  BOOST_REQUIRE(back);
  BOOST_TEST(back->text == r.text);
  BOOST_TEST((back->fields == r.fields));
  BOOST_TEST((from_unix_ms(to_unix_ms(r.time)) == back->time));
  for (std::size_t cut = 0; cut < line.size(); ++cut) BOOST_TEST(!from_json_line(line.substr(0, cut)));
}

BOOST_AUTO_TEST_CASE(control_characters_never_reach_the_terminal) {
  LogRecord r = record("red \x1b[31m alert\x07");
  r.fields = {{"key", "\x1b]0;title\x07"}};
  const std::string shown = render(r, 10, false);
  BOOST_TEST(shown.find('\x1b') == std::string::npos);
  BOOST_TEST(shown.find('\x07') == std::string::npos);
  BOOST_TEST(shown.find("accounting |") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(pieces_become_lines_and_an_endless_line_is_cut) {
  LineSplitter splitter;
  BOOST_TEST(splitter.add("one\ntw") == std::vector<std::string>{"one"}, boost::test_tools::per_element());
  BOOST_TEST(splitter.add("o\r\n") == std::vector<std::string>{"two"}, boost::test_tools::per_element());
  BOOST_TEST(splitter.add("rest") == none, boost::test_tools::per_element());
  BOOST_TEST(splitter.rest() == "rest");
  const auto lines = splitter.add(std::string(LineSplitter::line_size_max + 5, 'x'));
  BOOST_REQUIRE_EQUAL(lines.size(), 1U);
  BOOST_TEST(lines[0].size() == LineSplitter::line_size_max);
  BOOST_TEST(splitter.rest() == "xxxxx");
}

BOOST_AUTO_TEST_CASE(lines_of_all_processes_are_merged_by_time) {
  LogWriter writer{folder.path()};
  writer.write(record("first", "gateway"));
  clock.advance(1ms);
  writer.write(record("second", "accounting"));
  clock.advance(1ms);
  writer.write(record("third", "gateway"));
  LogReader reader{folder.path()};
  BOOST_TEST(texts(reader.read({})) == (std::vector<std::string>{"first", "second", "third"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(filters_choose_by_node_level_age_and_text) {
  LogWriter writer{folder.path()};
  writer.write(record("old"));
  clock.advance(10min);
  writer.write(record("new"));
  writer.write(record("bad", "gateway", LogLevel::error));
  LogReader reader{folder.path()};
  LogFilter filter;
  filter.since = clock.wall_now() - 1min;
  BOOST_TEST(reader.read(filter).size() == 2U);
  filter.nodes = {"gateway/0"};
  BOOST_TEST(texts(reader.read(filter)) == std::vector<std::string>{"bad"}, boost::test_tools::per_element());
  filter = {};
  filter.level = LogLevel::warning;
  BOOST_TEST(texts(reader.read(filter)) == std::vector<std::string>{"bad"}, boost::test_tools::per_element());
  filter = {};
  filter.pattern.emplace("^o.d$");
  BOOST_TEST(texts(reader.read(filter)) == std::vector<std::string>{"old"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_follower_gets_each_new_line_once_also_across_a_rotation) {
  LogWriter writer{folder.path(), 300};
  LogReader reader{folder.path()};
  std::vector<std::string> seen = texts(reader.read({}));
  std::vector<std::string> written;
  for (int i = 0; i < 20; ++i) {
    written.push_back("line " + std::to_string(i));
    writer.write(record(written.back()));
    for (std::string& text : texts(reader.read_new({}))) seen.push_back(std::move(text));
  }
  BOOST_TEST(seen == written, boost::test_tools::per_element());
  BOOST_TEST(std::filesystem::exists(folder.path() + "/accounting.log.1"));
  BOOST_TEST(writer.lost() == 0U);
}

BOOST_AUTO_TEST_CASE(a_watched_folder_announces_new_lines) {
  LogWriter writer{folder.path()};
  LogReader reader{folder.path()};
  BOOST_REQUIRE(reader.watch() >= 0);
  static_cast<void>(reader.read({}));
  writer.write(record("new"));
  reader.drain_watch();
  BOOST_TEST(reader.read_new({}).size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::supervisor
