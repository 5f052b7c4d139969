// `remuda filter test`, one line at a time.

#include <boost/test/unit_test.hpp>

#include <string>

#include "common/filter/filter_test.hpp"

using remuda::filter_test_line;

namespace {

const std::string match = R"({"match": true})";
const std::string no_match = R"({"match": false})";

bool is_error(std::string_view line) {
  return filter_test_line(line).starts_with(R"({"error": ")");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(filter_test_lines)

BOOST_AUTO_TEST_CASE(a_policy_is_tried_on_a_body) {
  BOOST_TEST(filter_test_line(
                 R"({"policy": {"fare": [{"numeric": [">=", 50]}]}, "scope": "MessageBody", "body": "{\"fare\": 50}"})") == match);
  BOOST_TEST(
      filter_test_line(R"({"policy": {"fare": [{"numeric": [">=", 50]}]}, "scope": "MessageBody", "body": "{\"fare\": 49.99}"})") ==
      no_match);
  BOOST_TEST(filter_test_line(R"({"policy": {"fare": [50]}, "scope": "MessageBody", "body": {"fare": 50.0}})") == match);
  BOOST_TEST(filter_test_line(R"({"policy": {"fare": [50]}, "scope": "MessageBody", "body": "plain text"})") == no_match);
  BOOST_TEST(filter_test_line(R"({"policy": {"fare": [50]}, "scope": "MessageBody"})") == no_match);
}

BOOST_AUTO_TEST_CASE(a_policy_is_tried_on_attributes) {
  BOOST_TEST(
      filter_test_line(
          R"({"policy": {"a": ["x"]}, "scope": "MessageAttributes", "attributes": {"a": {"Type": "String", "Value": "x"}}, "body": "y"})") ==
      match);
  BOOST_TEST(
      filter_test_line(
          R"({"policy": {"a": ["x"]}, "scope": "MessageAttributes", "attributes": {"a": {"Type": "String", "Value": "y"}}})") ==
      no_match);
  BOOST_TEST(
      filter_test_line(
          R"({"policy": {"a": [5]}, "scope": "MessageAttributes", "attributes": {"a": {"Type": "Number", "Value": 5.0}}})") ==
      match);
  BOOST_TEST(filter_test_line(R"({"policy": {"a": [5]}, "attributes": {"a": {"Type": "String.Array", "Value": "[4, 5]"}}})") ==
             match);
  BOOST_TEST(filter_test_line(
                 R"({"policy": {"a": [{"exists": false}]}, "attributes": {"a": {"Type": "Binary", "Value": "AAEC"}}})") == match);
  BOOST_TEST(filter_test_line(R"({"policy": {"a": [{"exists": false}]}, "attributes": {}})") == match);
}

BOOST_AUTO_TEST_CASE(a_policy_may_be_given_as_text) {
  BOOST_TEST(filter_test_line(R"({"policy": "{\"a\": [\"x\"]}", "scope": "MessageBody", "body": "{\"a\": \"x\"}"})") == match);
  BOOST_TEST(is_error(R"({"policy": "{\"a\": ", "scope": "MessageBody", "body": "{}"})"));
}

BOOST_AUTO_TEST_CASE(without_a_policy_everything_matches) {
  for (const auto* line : {R"({"scope": "MessageBody", "body": "x"})", R"({"policy": {}, "body": "x"})", R"({"policy": null})",
                           R"({"policy": ""})", "{}"}) {
    BOOST_TEST(filter_test_line(line) == match);
  }
}

BOOST_AUTO_TEST_CASE(a_refused_policy_is_an_error_with_its_reason) {
  BOOST_TEST(
      filter_test_line(R"({"policy": {"a": "x"}, "scope": "MessageBody", "body": "{}"})") ==
      R"({"error": "filter policy: key 'a': the value must be an array of allowed values such as [\"red\"], or an object"})");
}

BOOST_AUTO_TEST_CASE(bad_samples_are_errors_not_crashes) {
  for (const auto* line : {"",
                           "x",
                           "[]",
                           "{",
                           "5",
                           "{} {}",
                           R"({"policy": {}, "scope": "Body"})",
                           R"({"policy": {}, "scope": 5})",
                           R"({"policy": 5})",
                           R"({"policy": []})",
                           R"({"policy": {"a": [1]}, "body": 5})",
                           R"({"attributes": []})",
                           R"({"attributes": {"a": "x"}})",
                           R"({"attributes": {"a": {"Type": "String"}}})",
                           R"({"attributes": {"a": {"Value": "x"}}})",
                           R"({"attributes": {"a": {"Type": "Text", "Value": "x"}}})",
                           R"({"attributes": {"a": {"Type": "String", "Value": null}}})",
                           R"({"attributes": {"a": {"Type": "String", "Value": 5}}})",
                           R"({"polcy": {}})",
                           "\xff",
                           "{\"policy\": \"\xff\"}"}) {
    BOOST_TEST(is_error(line), line);
  }
}

BOOST_AUTO_TEST_CASE(errors_are_valid_json_whatever_they_quote) {
  BOOST_TEST(filter_test_line(R"({"a\"\\\n\u0001": 1})") ==
             R"({"error": "unknown key 'a\"\\\u000a\u0001'; allowed are policy, scope, attributes, body"})");
}

BOOST_AUTO_TEST_SUITE_END()
