#include "cli/table.hpp"

#include <boost/test/unit_test.hpp>

#include <sstream>

namespace remuda::cli {

namespace {

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, display_width(line));
  return widest;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(table)

BOOST_AUTO_TEST_CASE(columns_line_up_and_lines_have_no_trailing_spaces) {
  Table table{{{"NODE"}, {"PID", true}, {"WHY"}}};
  table.add({{"a"}, {"7"}, {}});
  table.add({{"accounting"}, {"12345"}, {"died"}});
  BOOST_TEST(table.render(80, false) ==
             "NODE          PID  WHY\n"
             "a               7\n"
             "accounting  12345  died\n");
}

BOOST_AUTO_TEST_CASE(what_may_shrink_is_cut_to_fit_and_marked) {
  Table table{{{"QUEUE", false, true}, {"SENT", true}}};
  table.add({{std::string(100, 'q')}, {"12"}});
  const std::string text = table.render(40, false);
  BOOST_TEST(widest_line(text) == 40U);
  BOOST_TEST(text.find("…") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(colours_change_no_widths) {
  Table table{{{"STATE"}, {"PID", true}}};
  table.add({{"ready", Colour::green}, {"7"}});
  const std::string coloured = table.render(80, true);
  BOOST_TEST(coloured.find("\x1b[32mready\x1b[0m    7") != std::string::npos);
  BOOST_TEST(table.render(80, false).find('\x1b') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(text_of_others_stays_on_its_line) {
  Table table{{{"WHY"}}};
  table.add({{"two\nlines \x1b[31m"}});
  BOOST_TEST(table.render(80, false) == "WHY\ntwo lines ?[31m\n");
}

BOOST_AUTO_TEST_CASE(durations_and_numbers_are_short) {
  BOOST_TEST(brief_duration(0.85) == "850ms");
  BOOST_TEST(brief_duration(59.9) == "59s");
  BOOST_TEST(brief_duration(60) == "1m00s");
  BOOST_TEST(brief_duration(3600 * 3 + 300) == "3h05m");
  BOOST_TEST(brief_duration(86400 * 2 + 3600 * 4) == "2d04h");
  BOOST_TEST(grouped(999) == "999");
  BOOST_TEST(grouped(1000) == "1,000");
  BOOST_TEST(grouped(1234567) == "1,234,567");
  BOOST_TEST(shorten("häuser", 4) == "häu…");
  BOOST_TEST(shorten("haus", 4) == "haus");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::cli
