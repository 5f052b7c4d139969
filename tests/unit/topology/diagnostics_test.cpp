// The form of what `remuda check` prints.

#include <boost/test/unit_test.hpp>

#include "common/topology/diagnostics.hpp"

namespace remuda::topology {
namespace {

struct DiagnosticsFixture {
  Diagnostics diagnostics;
  std::uint32_t file = diagnostics.add_source("rides.toml", "schema = 1\nports = { ride = \"x\" }\n");

  void error(int line, int column, int length) {
    diagnostics.error({file, line, column, length}, "T110", "there is no port 'ride'", "did you mean 'rides'?");
  }
};

BOOST_AUTO_TEST_SUITE(diagnostics)

BOOST_FIXTURE_TEST_CASE(an_error_shows_its_place_its_line_and_what_was_meant, DiagnosticsFixture) {
  error(2, 11, 4);
  BOOST_TEST(render(diagnostics) ==
             "rides.toml:2:11: error[T110]: there is no port 'ride'\n"
             " 2 | ports = { ride = \"x\" }\n"
             "   |           ^^^^ did you mean 'rides'?\n"
             "1 error\n");
}

BOOST_FIXTURE_TEST_CASE(the_last_line_counts_errors_and_warnings, DiagnosticsFixture) {
  BOOST_TEST(render(diagnostics) == "");
  error(2, 11, 4);
  error(1, 1, 6);
  diagnostics.warning({file, 1, 10, 1}, "T305", "one is few");
  const std::string text = render(diagnostics);
  BOOST_TEST(text.substr(text.rfind("\n", text.size() - 2) + 1) == "2 errors, 1 warning\n");
  BOOST_TEST(text.find("rides.toml:1:1") < text.find("rides.toml:1:10"));
  BOOST_TEST(text.find("rides.toml:1:10") < text.find("rides.toml:2:11"));
}

BOOST_FIXTURE_TEST_CASE(the_same_finding_is_told_once, DiagnosticsFixture) {
  error(2, 11, 4);
  error(2, 11, 4);
  BOOST_TEST(diagnostics.errors() == 1U);
}

BOOST_FIXTURE_TEST_CASE(the_caret_never_passes_the_end_of_its_line, DiagnosticsFixture) {
  error(2, 18, 10'000);
  error(2, 90, 3);
  error(77, 1, 1);
  for (const auto& found : diagnostics.sorted()) BOOST_TEST(found.length >= 1);
  BOOST_TEST(diagnostics.sorted().front().length == 5);
}

BOOST_FIXTURE_TEST_CASE(colour_is_only_paint, DiagnosticsFixture) {
  error(2, 11, 4);
  std::string painted = render(diagnostics, {true, 80});
  BOOST_TEST(painted.find("\x1b[1;31merror[T110]") != std::string::npos);
  for (std::size_t at = painted.find('\x1b'); at != std::string::npos; at = painted.find('\x1b'))
    painted.erase(at, painted.find('m', at) - at + 1);
  BOOST_TEST(painted == render(diagnostics, {false, 80}));
}

BOOST_FIXTURE_TEST_CASE(the_json_form_says_the_same, DiagnosticsFixture) {
  const auto part = diagnostics.add_source("part.toml", "x = 1\n", Place{file, 1, 1, 6});
  diagnostics.warning({part, 1, 1, 1}, "T302", "nobody");
  BOOST_TEST(
      render_json(diagnostics) ==
      R"({"file":"part.toml","line":1,"column":1,"length":1,"severity":"warning","code":"T302","text":"nobody","suggestion":"",)"
      R"("included_from":[{"file":"rides.toml","line":1,"column":1}]})"
      "\n");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace remuda::topology
