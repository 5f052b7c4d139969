// What is refused when a definition is read, each provoked once.

#include <algorithm>

#include "tests/unit/saga/saga_fixture.hpp"

namespace remuda::saga {

namespace {

std::vector<std::string> codes(std::string_view text) {
  std::vector<std::string> found;
  for (const Problem& problem : read_definition(text).problems) found.push_back(problem.code);
  return found;
}

/// The codes of the problems of a state beside an `E` that ends the machine.
bool refuses(std::string_view code, std::string_view state) {
  const auto found = codes(R"({"StartAt": "S", "States": {"S": )" + std::string{state} + R"(, "E": {"Type": "Succeed"}}})");
  return std::find(found.begin(), found.end(), code) != found.end();
}

bool refuses_retrier(std::string_view code, std::string_view retrier) {
  return refuses(code, R"({"Type": "Task", "Resource": "task:t", "Next": "E", "Retry": [)" + std::string{retrier} + "]}");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(saga_definitions)

BOOST_AUTO_TEST_CASE(starts_and_transitions_lead_somewhere) {
  BOOST_TEST((codes(R"({"States": {"E": {"Type": "Succeed"}}})") == std::vector<std::string>{"S101"}));
  BOOST_TEST((codes(R"({"StartAt": "no", "States": {"E": {"Type": "Succeed"}}})") == std::vector<std::string>{"S101"}));
  BOOST_TEST(refuses("S104", R"({"Type": "Pass", "Next": "no"})"));
  BOOST_TEST(
      refuses("S104", R"({"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": true, "Next": "E"}], "Default": "no"})"));
  BOOST_TEST(
      refuses("S104", R"({"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": true, "Next": "no"}], "Default": "E"})"));
  BOOST_TEST(refuses("S104", R"({"Type": "Task", "Resource": "r", "Next": "E", "Catch": [{"ErrorEquals": ["A"], "Next": "no"}]})"));
  BOOST_TEST(refuses(
      "S104",
      R"({"Type": "Parallel", "Next": "E", "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Pass", "Next": "E"}}}]})"));
  BOOST_TEST((codes(R"({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "A"}}})") == std::vector<std::string>{"S105"}));
}

BOOST_AUTO_TEST_CASE(states_have_what_they_need) {
  BOOST_TEST(refuses("S001", R"({"Type": "Sleep", "Next": "E"})"));
  BOOST_TEST(refuses("S006", R"({"Type": "Pass"})"));
  BOOST_TEST(refuses("S006", R"({"Type": "Pass", "Next": "E", "End": true})"));
  BOOST_TEST(refuses("S004", R"({"Type": "Task", "Next": "E"})"));
  BOOST_TEST(refuses("S003", R"({"Type": "Choice", "Choices": [], "Default": "E"})"));
  BOOST_TEST(refuses("S004", R"({"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": true}], "Default": "E"})"));
  BOOST_TEST(refuses("S005", R"({"Type": "Choice", "Choices": [{"Variable": "$.a", "Next": "E"}]})"));
  BOOST_TEST(
      refuses("S005", R"({"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": true, "IsString": true, "Next": "E"}]})"));
  BOOST_TEST(refuses("S002",
                     R"({"Type": "Choice", "Choices": [{"Not": {"Variable": "$.a", "IsNull": true, "Next": "E"}, "Next": "E"}]})"));
  BOOST_TEST(refuses("S204", R"({"Type": "Choice", "Choices": [{"Variable": "$.a", "NumericEquals": "1", "Next": "E"}]})"));
  BOOST_TEST(refuses("S004", R"({"Type": "Task", "Resource": "r", "Next": "E", "Catch": [{"ErrorEquals": ["A"]}]})"));
  BOOST_TEST(refuses("S007", R"({"Type": "Wait", "Next": "E"})"));
  BOOST_TEST(refuses("S007", R"({"Type": "Wait", "Next": "E", "Seconds": 1, "SecondsPath": "$.a"})"));
  BOOST_TEST(refuses("S003", R"({"Type": "Parallel", "Next": "E"})"));
  BOOST_TEST(refuses("S004", R"({"Type": "Map", "Next": "E"})"));
}

BOOST_AUTO_TEST_CASE(a_pivot_is_a_state_of_the_outermost_machine) {
  BOOST_TEST(
      (codes(R"({"Pivot": "no", "StartAt": "E", "States": {"E": {"Type": "Succeed"}}})") == std::vector<std::string>{"S107"}));
  BOOST_TEST(codes(R"({"Pivot": "E", "StartAt": "E", "States": {"E": {"Type": "Succeed"}}})").empty());
}

BOOST_AUTO_TEST_CASE(fields_of_other_states_are_refused) {
  BOOST_TEST(refuses("S002", R"({"Type": "Fail", "Next": "E"})"));
  BOOST_TEST(refuses("S002", R"({"Type": "Pass", "Next": "E", "Retry": []})"));
  BOOST_TEST(refuses("S002", R"({"Type": "Wait", "Next": "E", "Seconds": 1, "Catch": []})"));
  BOOST_TEST(refuses("S002", R"({"Type": "Succeed", "End": true})"));
  BOOST_TEST(refuses("S205", R"({"Type": "Pass", "Next": "E", "QueryLanguage": "JSONata"})"));
}

BOOST_AUTO_TEST_CASE(retriers_and_error_names_are_in_order) {
  BOOST_TEST(refuses_retrier("S401", R"({"ErrorEquals": []})"));
  BOOST_TEST(refuses_retrier("S402", R"({"ErrorEquals": ["States.Nothing"]})"));
  BOOST_TEST(refuses_retrier("S403", R"({"ErrorEquals": ["States.ALL", "A"]})"));
  BOOST_TEST(refuses_retrier("S403", R"({"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["A"]})"));
  BOOST_TEST(refuses_retrier("S404", R"({"ErrorEquals": ["A"], "BackoffRate": 0.99})"));
  BOOST_TEST(!refuses_retrier("S404", R"({"ErrorEquals": ["A"], "BackoffRate": 1.0})"));
  BOOST_TEST(refuses_retrier("S202", R"({"ErrorEquals": ["A"], "IntervalSeconds": 0})"));
  BOOST_TEST(refuses_retrier("S202", R"({"ErrorEquals": ["A"], "MaxAttempts": -1})"));
  BOOST_TEST(refuses_retrier("S404", R"({"ErrorEquals": ["A"], "IntervalSeconds": 5, "MaxDelaySeconds": 5})"));
  BOOST_TEST(refuses_retrier("S202", R"({"ErrorEquals": ["A"], "MaxDelaySeconds": 31622400})"));
  BOOST_TEST(refuses_retrier("S404", R"({"ErrorEquals": ["A"], "JitterStrategy": "SOME"})"));
  BOOST_TEST(refuses("S206", R"({"Type": "Task", "Resource": "r", "Next": "E", "TimeoutSeconds": 5, "HeartbeatSeconds": 5})"));
  BOOST_TEST(refuses("S402", R"({"Type": "Fail", "Error": "States.Mine"})"));
}

BOOST_AUTO_TEST_CASE(paths_and_templates_are_read_at_once) {
  BOOST_TEST(refuses("S301", R"({"Type": "Pass", "Next": "E", "InputPath": "a.b"})"));
  BOOST_TEST(refuses("S302", R"({"Type": "Pass", "Next": "E", "ResultPath": "$.a[*]"})"));
  BOOST_TEST(refuses("S302", R"({"Type": "Pass", "Next": "E", "ResultPath": "$$.a"})"));
  BOOST_TEST(refuses("S303", R"({"Type": "Pass", "Next": "E", "Parameters": {"a.$": "plain"}})"));
  BOOST_TEST(refuses("S303", R"j({"Type": "Pass", "Next": "E", "Parameters": {"a": {"b.$": "States.Nothing()"}}})j"));
  BOOST_TEST(refuses("S303", R"j({"Type": "Pass", "Next": "E", "Parameters": {"a.$": "States.MathAdd(1)"}})j"));
}

BOOST_AUTO_TEST_CASE(all_problems_come_in_one_pass_each_with_its_place) {
  const std::string text =
      "{\"StartAt\": \"A\", \"States\": {\n  \"A\": {\"Type\": \"Pass\", \"Next\": \"B\"},\n  \"E\": {\"Type\": \"Fail\", "
      "\"Caus\": 1}}}";
  const Json problems = describe_problems(read_definition(text).problems, text);
  std::vector<std::string> places;
  for (const Json& problem : problems) {
    if (problem["severity"] == "error") places.push_back(problem["at"]);
  }
  BOOST_TEST(places.size() == 2U);  // and nothing that only follows from these
  BOOST_TEST(std::count(places.begin(), places.end(), "/States/A/Next") == 1);
  BOOST_TEST(std::count(places.begin(), places.end(), "/States/E/Caus") == 1);
  const auto next =
      std::find_if(problems.begin(), problems.end(), [](const Json& problem) { return problem["at"] == "/States/A/Next"; });
  BOOST_TEST((*next)["line"] == 2);
  BOOST_TEST((*next)["column"] == 33);
}

BOOST_AUTO_TEST_CASE(a_line_whose_definition_is_refused_says_so) {
  const Json report = rehearse(R"({"States": {}})");
  BOOST_TEST(report["status"] == "REJECTED");
  BOOST_TEST(!report["problems"].empty());
  BOOST_TEST(json(rehearse_line("nonsense"))["status"] == "REJECTED");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::saga
