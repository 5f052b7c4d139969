// Retry and Catch.

#include "tests/unit/saga/saga_fixture.hpp"

namespace remuda::saga {

namespace {

/// A task `t` with these Retry and Catch, which go to `Caught`.
Json rehearse_task(std::string_view handlers, std::string_view outcomes) {
  return rehearse(R"({"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "task:t", "End": true, )" +
                      std::string{handlers} + R"(}, "Caught": {"Type": "Pass", "End": true}}})",
                  R"({"in": 1})", R"({"t": )" + std::string{outcomes} + "}");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(saga_errors)

BOOST_AUTO_TEST_CASE(retries_wait_longer_each_time_and_then_the_execution_fails) {
  const Json report = rehearse_task(R"("Retry": [{"ErrorEquals": ["E"]}])", R"([{"error": "E", "cause": "why"}])");
  BOOST_TEST(report["status"] == "FAILED");
  BOOST_TEST(report["error"] == "E");
  BOOST_TEST(report["cause"] == "why");
  BOOST_TEST(report["retry_delays_seconds"] == json("[1,2,4]"));
  BOOST_TEST(report["invocations"].size() == 4U);
}

BOOST_AUTO_TEST_CASE(delays_are_capped_and_no_attempts_means_none) {
  BOOST_TEST(rehearse_task(R"("Retry": [{"ErrorEquals": ["E"], "IntervalSeconds": 2, "BackoffRate": 3, "MaxAttempts": 4,
      "MaxDelaySeconds": 10}])",
                           R"([{"error": "E"}])")["retry_delays_seconds"] == json("[2,6,10,10]"));
  BOOST_TEST(rehearse_task(R"("Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 0}])", R"([{"error": "E"}])")["invocations"].size() ==
             1U);
}

BOOST_AUTO_TEST_CASE(jitter_draws_below_the_delay) {
  const Json delays = rehearse_task(R"("Retry": [{"ErrorEquals": ["E"], "IntervalSeconds": 100, "BackoffRate": 1, "MaxAttempts": 50,
      "JitterStrategy": "FULL"}])",
                                    R"([{"error": "E"}])")["retry_delays_seconds"];
  BOOST_TEST(delays.size() == 50U);
  BOOST_TEST(delays[0] != delays[1]);
  for (const Json& delay : delays) BOOST_TEST((delay >= 0 && delay <= 100));
}

BOOST_AUTO_TEST_CASE(each_retrier_counts_for_itself_and_the_first_that_names_the_error_applies) {
  const Json report = rehearse_task(R"("Retry": [{"ErrorEquals": ["A"], "MaxAttempts": 1, "IntervalSeconds": 10},
      {"ErrorEquals": ["States.ALL"], "MaxAttempts": 2, "IntervalSeconds": 20, "BackoffRate": 1}])",
                                    R"([{"error": "A"}, {"error": "B"}, {"error": "B"}, {"error": "A"}])");
  BOOST_TEST(report["retry_delays_seconds"] == json("[10,20,20]"));
  BOOST_TEST(report["error"] == "A");
}

BOOST_AUTO_TEST_CASE(a_catcher_gets_the_error_after_the_last_retry) {
  const Json report = rehearse_task(R"("Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 1}],
      "Catch": [{"ErrorEquals": ["Other"], "Next": "Caught"}, {"ErrorEquals": ["States.ALL"], "Next": "Caught"}])",
                                    R"([{"error": "E", "cause": "c"}])");
  BOOST_TEST(report["status"] == "SUCCEEDED");
  BOOST_TEST(report["output"] == json(R"({"Error": "E", "Cause": "c"})"));
  BOOST_TEST(report["invocations"].size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_catchers_result_path_places_or_drops_the_error) {
  BOOST_TEST(rehearse_task(R"("Catch": [{"ErrorEquals": ["E"], "Next": "Caught", "ResultPath": "$.err"}])",
                           R"([{"error": "E"}])")["output"] == json(R"({"in": 1, "err": {"Error": "E", "Cause": ""}})"));
  BOOST_TEST(rehearse_task(R"("Catch": [{"ErrorEquals": ["E"], "Next": "Caught", "ResultPath": null}])",
                           R"([{"error": "E"}])")["output"] == json(R"({"in": 1})"));
}

BOOST_AUTO_TEST_CASE(parameters_and_output_path_do_not_touch_what_a_catcher_hands_on) {
  BOOST_TEST(rehearse_task(R"("Parameters": {"p.$": "$.in"}, "OutputPath": "$.no", "ResultSelector": {"s.$": "$.no"},
      "Catch": [{"ErrorEquals": ["E"], "Next": "Caught", "ResultPath": "$.err"}])",
                           R"([{"error": "E"}])")["output"] == json(R"({"in": 1, "err": {"Error": "E", "Cause": ""}})"));
}

BOOST_AUTO_TEST_CASE(without_jitter_the_delay_is_not_drawn) {
  BOOST_TEST(rehearse_task(R"("Retry": [{"ErrorEquals": ["E"], "IntervalSeconds": 3, "MaxAttempts": 2, "JitterStrategy": "NONE"}])",
                           R"([{"error": "E"}])")["retry_delays_seconds"] == json("[3,6]"));
}

BOOST_AUTO_TEST_CASE(an_error_that_no_catcher_names_fails_the_execution_with_its_own_name_and_cause) {
  const Json report = rehearse_task(R"("Catch": [{"ErrorEquals": ["e"], "Next": "Caught"}])", R"([{"error": "E", "cause": "c"}])");
  BOOST_TEST(report["status"] == "FAILED");
  BOOST_TEST(report["error"] == "E");
  BOOST_TEST(report["cause"] == "c");
}

BOOST_AUTO_TEST_CASE(wildcards_stand_for_what_the_language_says) {
  const auto names = [](const char* name, const char* error) { return names_error({name}, error); };
  BOOST_TEST(names("States.ALL", "States.Timeout"));
  BOOST_TEST(!names("States.ALL", "States.Runtime"));
  BOOST_TEST(!names("States.ALL", "States.DataLimitExceeded"));
  BOOST_TEST(names("States.TaskFailed", "Anything"));
  BOOST_TEST(names("States.TaskFailed", "States.HeartbeatTimeout"));
  BOOST_TEST(!names("States.TaskFailed", "States.Timeout"));
  BOOST_TEST(names("States.TaskFailed", "States.DataLimitExceeded"));
  BOOST_TEST(names("States.Timeout", "States.HeartbeatTimeout"));
  BOOST_TEST(!names("anything", "Anything"));
  BOOST_TEST(names("States.Runtime", "States.Runtime"));
}

BOOST_AUTO_TEST_CASE(errors_of_the_state_itself_can_be_caught) {
  BOOST_TEST(rehearse_task(
                 R"("Parameters": {"x.$": "$.no"}, "Catch": [{"ErrorEquals": ["States.ParameterPathFailure"], "Next": "Caught"}])",
                 R"([{"echo": true}])")["output"]["Error"] == errors::parameter_path);
}

BOOST_AUTO_TEST_CASE(counts_start_again_when_the_state_is_entered_again) {
  const Json report = rehearse(R"({"StartAt": "T", "States": {
      "T": {"Type": "Task", "Resource": "task:t", "End": true, "Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 1}],
            "Catch": [{"ErrorEquals": ["E"], "Next": "W"}]},
      "W": {"Type": "Wait", "Seconds": 5, "Next": "T"}}})",
                               "{}", R"({"t": [{"error": "E"}, {"error": "E"}, {"error": "E"}, {"return": 1}]})");
  BOOST_TEST(report["output"] == 1);
  BOOST_TEST(report["retry_delays_seconds"] == json("[1,1]"));
  BOOST_TEST(report["waits_seconds"] == json("[5]"));
}

BOOST_AUTO_TEST_CASE(what_is_not_scripted_fails_and_cases_choose_by_a_field) {
  BOOST_TEST(rehearse_task(R"("Comment": "")", R"([])")["error"] == errors::runtime);
  BOOST_TEST(rehearse_task(R"("Comment": "")", R"({"by": "in", "cases": {"1": [{"return": "one"}]}})")["output"] == "one");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::saga
