// The two forms of a log line.

#include <boost/test/unit_test.hpp>

#include <string>

#include "common/log.hpp"

using namespace remuda;

BOOST_AUTO_TEST_CASE(a_json_line_is_one_object_with_typed_fields) {
  const std::string line =
      json_log_line("broker", LogLevel::warning, 1'700'000'000'123, "a \"slow\" client\n",
                    {{"queue", "rides"}, {"wait_ms", 5}, {"share", 0.5}, {"relaxed", true}, {"size_bytes", std::size_t{7}}});
  BOOST_TEST(
      line ==
      R"({"time_ms":1700000000123,"level":"warning","name":"broker","event":"a \"slow\" client\n","queue":"rides","wait_ms":5,"share":0.5,"relaxed":true,"size_bytes":7})");
}

BOOST_AUTO_TEST_CASE(a_text_line_quotes_what_would_be_misread_and_never_carries_control_characters) {
  const std::string line = text_log_line("broker", LogLevel::info, 1'700'000'000'123, "ready",
                                         {{"queue", "rides"}, {"reason", "a\x1b[31m b"}, {"n", 5}}, false);
  BOOST_TEST(line.substr(8) == ".123 info    broker ready queue=rides reason=\"a\\u001b[31m b\" n=5");
}

BOOST_AUTO_TEST_CASE(names_of_levels_and_formats_are_read_or_refused) {
  BOOST_TEST((*parse_log_level("debug") == LogLevel::debug));
  BOOST_TEST(parse_log_level("loud").error().code == "invalid_log_level");
  BOOST_TEST((*parse_log_format("json") == LogFormat::json));
  BOOST_TEST(parse_log_format("xml").error().code == "invalid_log_format");
}
