// Parallel and Map.

#include "common/saga/execution.hpp"
#include "tests/unit/saga/saga_fixture.hpp"

namespace remuda::saga {

namespace {

std::string branch(std::string_view name) {
  return R"({"StartAt": ")" + std::string{name} + R"(", "States": {")" + std::string{name} +
         R"(": {"Type": "Task", "Resource": "task:)" + std::string{name} + R"(", "End": true}}})";
}

Json rehearse_two(std::string_view more, std::string_view tasks) {
  return rehearse(R"({"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [)" + branch("a") + "," +
                      branch("b") + "]" + std::string{more} + R"(}, "Caught": {"Type": "Pass", "End": true}}})",
                  R"({"in": 1})", tasks);
}

Json rehearse_map(std::string_view more, std::string_view input, std::string_view outcomes) {
  return rehearse_state(R"({"Type": "Map", "End": true, "ItemProcessor": )" + branch("t") + std::string{more} + "}", input,
                        R"({"t": )" + std::string{outcomes} + "}");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(saga_parallel)

BOOST_AUTO_TEST_CASE(each_branch_has_its_own_copy_and_the_output_is_in_branch_order) {
  const Json report = rehearse_two("", R"({"a": [{"return": "slow", "delay_seconds": 9}], "b": [{"echo": true}]})");
  BOOST_TEST(report["output"] == json(R"(["slow", {"in": 1}])"));
  BOOST_TEST(report["invocations"] == json(R"([{"task": "a", "input": {"in": 1}}, {"task": "b", "input": {"in": 1}}])"));
}

BOOST_AUTO_TEST_CASE(a_failing_branch_fails_the_state_under_its_own_error_and_stops_the_others) {
  const Json report = rehearse_two(R"(, "Catch": [{"ErrorEquals": ["E"], "Next": "Caught"}])",
                                   R"({"a": [{"return": 1, "delay_seconds": 50}], "b": [{"error": "E", "delay_seconds": 2}]})");
  BOOST_TEST(report["output"]["Error"] == "E");
}

BOOST_AUTO_TEST_CASE(what_the_other_branches_wait_for_is_given_up_when_one_has_failed) {
  const Reading reading = read_definition(R"({"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [)" +
                                          branch("a") + "," + branch("b") + "]}}}");
  Execution execution{*reading.definition, {"saga-1", "m"}};
  std::vector<std::string> keys;
  for (const Effect& effect : execution.apply(Start{Json::object()}, Time{})) {
    if (const auto* request = std::get_if<RequestTask>(&effect)) keys.push_back(request->key);
  }
  BOOST_REQUIRE_EQUAL(keys.size(), 2U);
  std::vector<std::string> cancelled;
  for (const Effect& effect : execution.apply(TaskFailed{keys[0], 1, "E", ""}, Time{})) {
    if (const auto* given_up = std::get_if<CancelTask>(&effect)) cancelled.push_back(given_up->key);
  }
  BOOST_TEST((cancelled == std::vector<std::string>{keys[1]}));
}

BOOST_AUTO_TEST_CASE(a_retry_runs_all_branches_again) {
  const Json report =
      rehearse_two(R"(, "Retry": [{"ErrorEquals": ["E"]}])", R"({"a": [{"return": 1}], "b": [{"error": "E"}, {"return": 2}]})");
  BOOST_TEST(report["output"] == json("[1,2]"));
  BOOST_TEST(report["invocations"].size() == 4U);
}

BOOST_AUTO_TEST_CASE(a_map_keeps_the_order_of_its_items_whatever_ends_first) {
  const Json report = rehearse_map(
      R"(, "ItemsPath": "$.l", "ItemSelector": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "n.$": "$.n"})",
      R"({"l": ["x", "y"], "n": 3})",
      R"({"by": "i", "cases": {"0": [{"echo": true, "delay_seconds": 9}], "1": [{"echo": true}]}})");
  BOOST_TEST(report["output"] == json(R"([{"i": 0, "v": "x", "n": 3}, {"i": 1, "v": "y", "n": 3}])"));
}

BOOST_AUTO_TEST_CASE(an_empty_map_does_nothing_and_what_is_no_array_fails) {
  BOOST_TEST(rehearse_map("", "[]", "[]")["output"] == Json::array());
  BOOST_TEST(rehearse_map("", "{}", "[]")["error"] == errors::runtime);
}

BOOST_AUTO_TEST_CASE(one_at_a_time_the_items_after_a_failure_are_never_started) {
  constexpr std::string_view outcomes = R"([{"return": 1}, {"error": "E"}, {"return": 3}])";
  const Json one = rehearse_map(R"(, "MaxConcurrency": 1)", "[1,2,3]", outcomes);
  BOOST_TEST(one["error"] == "E");
  BOOST_TEST(one["invocations"].size() == 2U);
  BOOST_TEST(rehearse_map("", "[1,2,3]", outcomes)["invocations"].size() == 3U);
  BOOST_TEST(rehearse_map(R"(, "MaxConcurrencyPath": "$[0]")", "[2,2,3]", outcomes)["invocations"].size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_map_may_go_on_without_some_of_its_items) {
  constexpr std::string_view outcomes = R"([{"return": 1}, {"error": "E", "cause": "c"}, {"return": 3}, {"error": "F"}])";
  const Json two = rehearse_map(R"(, "ToleratedFailureCount": 2)", "[1,2,3,4]", outcomes);
  BOOST_TEST(two["output"] == json(R"([1, {"Error": "E", "Cause": "c"}, 3, {"Error": "F", "Cause": ""}])"));
  BOOST_TEST(rehearse_map(R"(, "ToleratedFailureCount": 1)", "[1,2,3,4]", outcomes)["error"] == errors::too_many_failures);
  BOOST_TEST(rehearse_map(R"(, "ToleratedFailurePercentage": 50)", "[1,2,3,4]", outcomes)["status"] == "SUCCEEDED");
  BOOST_TEST(rehearse_map(R"(, "ToleratedFailurePercentage": 49)", "[1,2,3,4]", outcomes)["error"] == errors::too_many_failures);
}

BOOST_AUTO_TEST_CASE(a_map_is_retried_whole_and_caught_as_any_state) {
  const Json retried = rehearse_map(R"(, "Retry": [{"ErrorEquals": ["E"]}])", "[1,2]",
                                    R"([{"return": 1}, {"error": "E"}, {"return": 3}, {"return": 4}])");
  BOOST_TEST(retried["output"] == json("[3,4]"));
  BOOST_TEST(retried["retry_delays_seconds"] == json("[1]"));
  const Json caught =
      rehearse(R"({"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": )" + branch("t") +
                   R"(, "Catch": [{"ErrorEquals": ["E"], "Next": "Caught"}]}, "Caught": {"Type": "Pass", "End": true}}})",
               "[1]", R"({"t": [{"error": "E", "cause": "c"}]})");
  BOOST_TEST(caught["output"] == json(R"({"Error": "E", "Cause": "c"})"));
}

BOOST_AUTO_TEST_CASE(the_older_names_of_a_maps_fields_are_understood) {
  const Json report =
      rehearse_state(R"({"Type": "Map", "End": true, "Parameters": {"v.$": "$$.Map.Item.Value"}, "Iterator": )" + branch("t") + "}",
                     "[1]", R"({"t": [{"echo": true}]})");
  BOOST_TEST(report["output"] == json(R"([{"v": 1}])"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::saga
