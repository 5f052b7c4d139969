// What each type of state does with its input.

#include "tests/unit/saga/saga_fixture.hpp"

namespace remuda::saga {

BOOST_AUTO_TEST_SUITE(saga_states)

BOOST_AUTO_TEST_CASE(a_task_goes_through_all_five_fields_in_order) {
  const Json report = rehearse_state(R"({"Type": "Task", "Resource": "task:charge", "End": true, "InputPath": "$.fare",
      "Parameters": {"amount.$": "$.amount", "fixed": 1}, "ResultSelector": {"code.$": "$.c"}, "ResultPath": "$.a.b",
      "OutputPath": "$.a"})",
                                     R"({"fare": {"amount": 20}, "a": {"old": 0}})", R"({"charge": [{"return": {"c": 9}}]})");
  BOOST_TEST(report["status"] == "SUCCEEDED");
  BOOST_TEST(report["invocations"] == json(R"([{"task": "charge", "input": {"amount": 20, "fixed": 1}}])"));
  BOOST_TEST(report["output"] == json(R"({"old": 0, "b": {"code": 9}})"));
}

BOOST_AUTO_TEST_CASE(null_paths_mean_an_empty_object_and_a_dropped_result) {
  BOOST_TEST(rehearse_state(R"({"Type": "Pass", "InputPath": null, "End": true})", R"({"a": 1})")["output"] == Json::object());
  BOOST_TEST(rehearse_state(R"({"Type": "Pass", "OutputPath": null, "End": true})", R"({"a": 1})")["output"] == Json::object());
  BOOST_TEST(rehearse_state(R"({"Type": "Pass", "Result": 5, "ResultPath": null, "End": true})", R"({"a": 1})")["output"] ==
             json(R"({"a": 1})"));
}

BOOST_AUTO_TEST_CASE(a_result_path_creates_parents_but_does_not_replace_what_is_no_object) {
  BOOST_TEST(rehearse_state(R"({"Type": "Pass", "Result": 5, "ResultPath": "$.x.y", "End": true})", R"({"a": 1})")["output"] ==
             json(R"({"a": 1, "x": {"y": 5}})"));
  BOOST_TEST(rehearse_state(R"({"Type": "Pass", "Result": 5, "ResultPath": "$.a.y", "End": true})", R"({"a": 1})")["error"] ==
             errors::result_path);
}

BOOST_AUTO_TEST_CASE(without_any_field_the_whole_input_goes_in_and_the_result_replaces_it) {
  const Json report =
      rehearse_state(R"({"Type": "Task", "Resource": "task:t", "End": true})", R"({"a": 1})", R"({"t": [{"return": {"b": 2}}]})");
  BOOST_TEST(report["invocations"][0]["input"] == json(R"({"a": 1})"));
  BOOST_TEST(report["output"] == json(R"({"b": 2})"));
  BOOST_TEST(rehearse_state(R"({"Type": "Task", "Resource": "task:t", "InputPath": null, "ResultPath": "$.r", "End": true})",
                            R"({"a": 1})", R"({"t": [{"echo": true}]})")["output"] == json(R"({"a": 1, "r": {}})"));
}

BOOST_AUTO_TEST_CASE(the_result_goes_into_the_raw_input_and_not_into_what_the_work_got) {
  BOOST_TEST(
      rehearse_state(R"({"Type": "Pass", "InputPath": "$.x", "Parameters": {"p.$": "$.y"}, "ResultPath": "$.r", "End": true})",
                     R"({"x": {"y": 1}})")["output"] == json(R"({"x": {"y": 1}, "r": {"p": 1}})"));
}

BOOST_AUTO_TEST_CASE(data_beyond_256_kib_is_an_error_wherever_it_arises) {
  // Half of the limit twice: in the result, and only together with the input.
  const std::string half(130 * 1024, 'x');
  const std::string input = R"({"in": ")" + half + R"("})";
  const auto outcome = [&](std::string_view state, const std::string& returned) {
    return rehearse_state(state, input, R"({"t": [{"return": ")" + returned + R"("}]})").value("error", "none");
  };
  BOOST_TEST(outcome(R"({"Type": "Task", "Resource": "task:t", "End": true})", half) == "none");
  BOOST_TEST(outcome(R"({"Type": "Task", "Resource": "task:t", "End": true})", half + half) == errors::data_limit);
  BOOST_TEST(outcome(R"({"Type": "Task", "Resource": "task:t", "ResultPath": "$.r", "End": true})", half) == errors::data_limit);
  BOOST_TEST(outcome(R"({"Type": "Task", "Resource": "task:t", "ResultPath": null, "End": true})", half) == "none");
}

BOOST_AUTO_TEST_CASE(paths_that_select_nothing_fail_by_their_place) {
  BOOST_TEST(rehearse_state(R"({"Type": "Pass", "InputPath": "$.no", "End": true})")["error"] == errors::runtime);
  BOOST_TEST(rehearse_state(R"({"Type": "Pass", "OutputPath": "$.no", "End": true})")["error"] == errors::runtime);
  BOOST_TEST(rehearse_state(R"({"Type": "Pass", "Parameters": {"x.$": "$.no"}, "End": true})")["error"] == errors::parameter_path);
}

BOOST_AUTO_TEST_CASE(fail_names_its_error_fixed_or_by_a_path) {
  const Json fixed = rehearse_state(R"({"Type": "Fail", "Error": "E", "Cause": "c"})");
  BOOST_TEST(fixed["status"] == "FAILED");
  BOOST_TEST(fixed["error"] == "E");
  BOOST_TEST(fixed["cause"] == "c");
  BOOST_TEST(rehearse_state(R"j({"Type": "Fail", "ErrorPath": "$.e", "CausePath": "States.Format('of {}', $.e)"})j",
                            R"({"e": "X"})")["cause"] == "of X");
  BOOST_TEST(rehearse_state(R"({"Type": "Fail", "ErrorPath": "$.e"})")["error"] == errors::runtime);
}

BOOST_AUTO_TEST_CASE(succeed_ends_with_a_part_of_its_input) {
  BOOST_TEST(rehearse_state(R"({"Type": "Succeed", "InputPath": "$.a"})", R"({"a": {"b": 1}})")["output"] == json(R"({"b": 1})"));
}

BOOST_AUTO_TEST_CASE(a_token_is_handed_to_the_participant_that_calls_back) {
  const Json report = rehearse_state(
      R"({"Type": "Task", "Resource": "task:ask.waitForTaskToken", "Parameters": {"token.$": "$$.Task.Token"}, "End": true})", "{}",
      R"({"ask": [{"return": 1, "delay_seconds": 100000}]})");
  BOOST_TEST(report["output"] == 1);
  BOOST_TEST(report["invocations"][0]["input"]["token"] == "rehearsal/1");
}

BOOST_AUTO_TEST_CASE(a_machine_that_runs_in_circles_fails) {
  const Json report = rehearse(R"({"StartAt": "A", "States": {
      "A": {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsPresent": true, "Next": "E"}], "Default": "A"},
      "E": {"Type": "Succeed"}}})");
  BOOST_TEST(report["error"] == errors::runtime);
}

namespace {

/// Does a Choice with this rule, written without its Next, take it? Else the error's name.
std::string chosen(std::string_view rule, std::string_view input) {
  std::string with_next{rule};
  with_next.insert(1, R"("Next": "Yes", )");
  const Json report = rehearse(R"({"StartAt": "C", "States": {"C": {"Type": "Choice", "Choices": [)" + with_next +
                                   R"(], "Default": "No"}, "Yes": {"Type": "Pass", "Result": "yes", "End": true},
                                   "No": {"Type": "Pass", "Result": "no", "End": true}}})",
                               input);
  return report.value("output", report.value("error", report.dump()));
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_order_of_every_type) {
  struct Order {
    std::string name;
    bool below, equal, above;
  };
  for (const Order& order :
       {Order{"Equals", false, true, false}, Order{"LessThan", true, false, false}, Order{"LessThanEquals", true, true, false},
        Order{"GreaterThan", false, false, true}, Order{"GreaterThanEquals", false, true, true}}) {
    struct Values {
      std::string type, low, middle, high;
    };
    for (const Values& of :
         {Values{"Numeric", "1", "2.5", "3"}, Values{"String", "\"a\"", "\"b\"", "\"c\""},
          Values{"Timestamp", "\"2026-01-01T00:00:00Z\"", "\"2026-01-01T01:00:00Z\"", "\"2026-01-01T01:00:00-01:00\""}}) {
      BOOST_TEST_CONTEXT(of.type << order.name) {
        const std::string rule = R"({"Variable": "$.v", ")" + of.type + order.name + "\": " + of.middle + "}";
        const std::string by_path = R"({"Variable": "$.v", ")" + of.type + order.name + "Path\": \"$.w\"}";
        for (const auto& [value, expected] :
             {std::pair{of.low, order.below}, std::pair{of.middle, order.equal}, std::pair{of.high, order.above}}) {
          const std::string input = R"({"v": )" + value + ", \"w\": " + of.middle + "}";
          BOOST_TEST(chosen(rule, input) == (expected ? "yes" : "no"));
          BOOST_TEST(chosen(by_path, input) == (expected ? "yes" : "no"));
        }
        BOOST_TEST(chosen(rule, R"({"v": [1]})") == "no");
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_comparison_with_nothing_is_an_error_unless_presence_is_asked_for) {
  BOOST_TEST(chosen(R"({"Variable": "$.v", "NumericEquals": 1})", "{}") == errors::runtime);
  BOOST_TEST(chosen(R"({"Variable": "$.v", "NumericEqualsPath": "$.no"})", R"({"v": 1})") == errors::runtime);
  BOOST_TEST(chosen(R"({"Variable": "$.v", "IsPresent": true})", "{}") == "no");
  BOOST_TEST(chosen(R"({"Variable": "$.v", "IsPresent": false})", "{}") == "yes");
  BOOST_TEST(chosen(R"({"Variable": "$.v", "IsPresent": true})", R"({"v": null})") == "yes");
}

BOOST_AUTO_TEST_CASE(kinds_of_values_are_told_apart) {
  BOOST_TEST(chosen(R"({"Variable": "$.v", "IsNull": true})", R"({"v": null})") == "yes");
  BOOST_TEST(chosen(R"({"Variable": "$.v", "IsNumeric": true})", R"({"v": "1"})") == "no");
  BOOST_TEST(chosen(R"({"Variable": "$.v", "IsString": true})", R"({"v": "1"})") == "yes");
  BOOST_TEST(chosen(R"({"Variable": "$.v", "IsBoolean": false})", R"({"v": 1})") == "yes");
  BOOST_TEST(chosen(R"({"Variable": "$.v", "IsTimestamp": true})", R"({"v": "2026-02-30T00:00:00Z"})") == "no");
  BOOST_TEST(chosen(R"({"Variable": "$.v", "IsTimestamp": true})", R"({"v": "2026-02-28T00:00:00.5+01:00"})") == "yes");
  BOOST_TEST(chosen(R"({"Variable": "$.v", "BooleanEquals": true})", R"({"v": true})") == "yes");
  BOOST_TEST(chosen(R"({"Variable": "$.v", "BooleanEqualsPath": "$.w"})", R"({"v": true, "w": false})") == "no");
}

BOOST_AUTO_TEST_CASE(stars_stand_for_any_text_unless_escaped) {
  BOOST_TEST(chosen(R"({"Variable": "$.v", "StringMatches": "log-*.txt"})", R"({"v": "log-a.b.txt"})") == "yes");
  BOOST_TEST(chosen(R"({"Variable": "$.v", "StringMatches": "a\\*b"})", R"({"v": "a*b"})") == "yes");
  BOOST_TEST(chosen(R"({"Variable": "$.v", "StringMatches": "a\\*b"})", R"({"v": "axb"})") == "no");
  BOOST_TEST(chosen(R"({"Variable": "$.v", "StringMatches": "*aab"})", R"({"v": "aaab"})") == "yes");
}

BOOST_AUTO_TEST_CASE(rules_nest) {
  constexpr std::string_view rule = R"({"And": [{"Not": {"Variable": "$.a", "NumericEquals": 1}},
      {"Or": [{"Variable": "$.b", "NumericEquals": 1}, {"Variable": "$.b", "NumericEquals": 2}]}]})";
  BOOST_TEST(chosen(rule, R"({"a": 0, "b": 2})") == "yes");
  BOOST_TEST(chosen(rule, R"({"a": 1, "b": 2})") == "no");
  BOOST_TEST(chosen(rule, R"({"a": 0, "b": 3})") == "no");
}

BOOST_AUTO_TEST_CASE(the_first_rule_that_holds_is_taken) {
  const Json report = rehearse(R"({"StartAt": "C", "States": {"C": {"Type": "Choice", "Choices": [
      {"Variable": "$.a", "NumericEquals": 9, "Next": "No"}, {"Variable": "$.a", "NumericGreaterThan": 0, "Next": "First"},
      {"Variable": "$.a", "NumericEquals": 1, "Next": "No"}], "Default": "No"},
      "First": {"Type": "Pass", "Result": "first", "End": true}, "No": {"Type": "Fail"}}})",
                               R"({"a": 1})");
  BOOST_TEST(report["output"] == "first");
}

BOOST_AUTO_TEST_CASE(a_choice_hands_on_its_input_through_its_paths) {
  const Json report = rehearse(R"({"StartAt": "C", "States": {"C": {"Type": "Choice", "InputPath": "$.x", "OutputPath": "$.y",
      "Choices": [{"Variable": "$.y", "IsPresent": true, "Next": "E"}]}, "E": {"Type": "Succeed"}}})",
                               R"({"x": {"y": 5}})");
  BOOST_TEST(report["output"] == 5);
}

BOOST_AUTO_TEST_CASE(no_rule_and_no_default_is_an_error) {
  const Json report = rehearse(R"({"StartAt": "C", "States": {"E": {"Type": "Succeed"}, "C": {"Type": "Choice",
      "Choices": [{"Variable": "$.a", "NumericEquals": 1, "Next": "E"}]}}})",
                               R"({"a": 2})");
  BOOST_TEST(report["error"] == errors::no_choice);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::saga
