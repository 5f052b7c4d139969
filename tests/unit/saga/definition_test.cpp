// What is refused when a definition is read: each check of it is provoked, and says what is wrong at its place and nothing else.

#include <algorithm>
#include <array>
#include <set>

#include "tests/unit/saga/saga_fixture.hpp"

namespace remuda::saga {

namespace {

/// The errors of a definition, in the order of its text: `S104 /States/S/Next; S002 /States/E/Caus`.
std::string problems(std::string_view definition) {
  std::string found;
  for (const Problem& problem : read_definition(definition).problems) {
    if (problem.is_error) found += (found.empty() ? "" : "; ") + problem.code + " " + problem.pointer;
  }
  return found;
}

/// The errors of a state `S`; `E` stands beside it and ends the machine.
std::string of_state(std::string_view state) {
  return problems(R"({"StartAt": "S", "States": {"S": )" + std::string{state} + R"(, "E": {"Type": "Succeed"}}})");
}

std::string of_task(std::string_view fields) {
  return of_state(R"({"Type": "Task", "Resource": "task:t", "Next": "E", )" + std::string{fields} + "}");
}
std::string of_retriers(std::string_view retriers) {
  return of_task("\"Retry\": [" + std::string{retriers} + "]");
}
std::string of_rules(std::string_view rules) {
  return of_state(R"({"Type": "Choice", "Default": "E", "Choices": [)" + std::string{rules} + "]}");
}

constexpr std::string_view branch = R"({"StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}})";

/// A right state of each type, without its last brace.
struct Example {
  std::string_view type;
  std::string text;
};
const std::array examples{
    Example{"Task", R"({"Type": "Task", "Resource": "task:t", "Next": "E")"},
    Example{"Choice", R"({"Type": "Choice", "Default": "E", "Choices": [{"Variable": "$.a", "IsNull": true, "Next": "E"}])"},
    Example{"Parallel", R"({"Type": "Parallel", "Next": "E", "Branches": [)" + std::string{branch} + "]"},
    Example{"Map", R"({"Type": "Map", "Next": "E", "ItemProcessor": )" + std::string{branch}},
    Example{"Wait", R"({"Type": "Wait", "Seconds": 1, "Next": "E")"},
    Example{"Pass", R"({"Type": "Pass", "Next": "E")"},
    Example{"Succeed", R"({"Type": "Succeed")"},
    Example{"Fail", R"({"Type": "Fail")"}};

}  // namespace

BOOST_AUTO_TEST_SUITE(saga_definitions)

// ---- names and transitions

BOOST_AUTO_TEST_CASE(start_at_is_not_missing) {
  BOOST_TEST(problems(R"({"States": {"E": {"Type": "Succeed"}}})") == "S101 ");
}

BOOST_AUTO_TEST_CASE(start_at_names_a_state) {
  BOOST_TEST(problems(R"({"StartAt": "no", "States": {"E": {"Type": "Succeed"}}})") == "S101 /StartAt");
}

BOOST_AUTO_TEST_CASE(next_names_a_state) {
  BOOST_TEST(of_state(R"({"Type": "Pass", "Next": "no"})") == "S104 /States/S/Next");
}

BOOST_AUTO_TEST_CASE(the_next_of_a_rule_names_a_state) {
  BOOST_TEST(of_rules(R"({"Variable": "$.a", "IsNull": true, "Next": "no"})") == "S104 /States/S/Choices/0/Next");
}

BOOST_AUTO_TEST_CASE(default_names_a_state) {
  BOOST_TEST(of_state(R"({"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": true, "Next": "E"}], "Default": "no"})") ==
             "S104 /States/S/Default");
}

BOOST_AUTO_TEST_CASE(the_next_of_a_catcher_names_a_state) {
  BOOST_TEST(of_task(R"("Catch": [{"ErrorEquals": ["A"], "Next": "no"}])") == "S104 /States/S/Catch/0/Next");
}

BOOST_AUTO_TEST_CASE(a_transition_does_not_cross_the_border_of_a_branch) {
  constexpr std::string_view leaves = R"({"StartAt": "B", "States": {"B": {"Type": "Pass", "Next": "E"}}})";
  BOOST_TEST(of_state(R"({"Type": "Parallel", "Next": "E", "Branches": [)" + std::string{leaves} + "]}") ==
             "S104 /States/S/Branches/0/States/B/Next");
  BOOST_TEST(of_state(R"({"Type": "Map", "Next": "E", "ItemProcessor": )" + std::string{leaves} + "}") ==
             "S104 /States/S/ItemProcessor/States/B/Next");
  // Neither into a branch: its states are nobody else's.
  BOOST_TEST(of_state(R"({"Type": "Parallel", "Next": "B", "Branches": [)" + std::string{branch} + "]}") == "S104 /States/S/Next");
}

BOOST_AUTO_TEST_CASE(some_state_that_ends_the_machine_can_be_reached) {
  BOOST_TEST(problems(R"({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "A"}, "E": {"Type": "Succeed"}}})") ==
             "S105 /States");
  BOOST_TEST(of_state(R"({"Type": "Parallel", "Next": "E", "Branches": [
      {"StartAt": "B", "States": {"B": {"Type": "Wait", "Seconds": 1, "Next": "B"}}}]})") == "S105 /States/S/Branches/0/States");
}

BOOST_AUTO_TEST_CASE(a_pivot_is_a_state_of_the_outermost_machine) {
  BOOST_TEST(problems(R"({"Pivot": "no", "StartAt": "E", "States": {"E": {"Type": "Succeed"}}})") == "S107 /Pivot");
  BOOST_TEST(problems(R"({"Pivot": "E", "StartAt": "E", "States": {"E": {"Type": "Succeed"}}})") == "");
}

BOOST_AUTO_TEST_CASE(a_name_has_80_characters_at_most) {
  const auto named = [](const std::string& name) {
    return problems(R"({"StartAt": ")" + name + R"(", "States": {")" + name + R"(": {"Type": "Succeed"}}})");
  };
  std::string longest;
  for (int i = 0; i < 80; ++i) longest += "é";  // two bytes, one character
  BOOST_TEST(named(longest) == "");
  BOOST_TEST(named(longest + "x") == ("S102 /States/" + longest + "x"));
}

BOOST_AUTO_TEST_CASE(what_is_only_unusual_is_a_warning) {
  constexpr std::string_view text = R"({"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
      {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}]}, "Nowhere": {"Type": "Succeed"}}})";
  const Reading reading = read_definition(text);
  std::set<std::string> found;
  for (const Problem& problem : reading.problems) found.insert(problem.code + " " + problem.pointer);
  BOOST_TEST(reading.definition.has_value());
  BOOST_TEST((found == std::set<std::string>{"S103 /States/P/Branches/0/States/P", "S106 /States"}));
}

BOOST_AUTO_TEST_CASE(a_comment_may_say_which_state_this_one_undoes) {
  const auto read = [](const std::string& comment) {
    return read_definition(R"({"StartAt": "Do", "States": {"Do": {"Type": "Pass", "End": true},
        "Undo": {"Type": "Pass", "End": true, "Comment": ")" +
                           comment + R"("}}})");
  };
  const auto undone = [&](const std::string& comment) { return read(comment).definition->machine.states.at("Undo").undoes; };
  BOOST_TEST(undone("Undoes Do.") == "Do");
  BOOST_TEST(undone("Undoes Do: nobody has said whether it was done.") == "Do");
  BOOST_TEST(undone("Whoever undoes Do") == "");
  BOOST_TEST(undone("Undoes what was done") == "");
  const auto problems = read("Undoes Dont").problems;
  const auto warning = std::find_if(problems.begin(), problems.end(), [](const Problem& p) { return p.code == "S108"; });
  BOOST_REQUIRE(warning != problems.end());
  BOOST_TEST(!warning->is_error);
  BOOST_TEST(warning->pointer == "/States/Undo/Comment");
}

// ---- what a state has to have

BOOST_AUTO_TEST_CASE(a_state_of_each_type_is_accepted_as_it_is) {
  for (const Example& example : examples) BOOST_TEST_CONTEXT(example.type) {
      BOOST_TEST(of_state(example.text + "}") == "");
    }
}

BOOST_AUTO_TEST_CASE(an_unknown_type_is_refused) {
  BOOST_TEST(of_state(R"({"Type": "Sleep", "Next": "E"})") == "S001 /States/S/Type");
  BOOST_TEST(of_state(R"({"Type": "task", "Next": "E"})") == "S001 /States/S/Type");
  BOOST_TEST(of_state(R"({"Next": "E"})") == "S001 /States/S");
}

BOOST_AUTO_TEST_CASE(either_next_or_end) {
  for (const std::string_view type :
       {R"("Type": "Task", "Resource": "r")", R"("Type": "Wait", "Seconds": 1)", R"("Type": "Pass")"}) {
    BOOST_TEST_CONTEXT(type) {
      const std::string begin = "{" + std::string{type};
      BOOST_TEST(of_state(begin + "}") == "S006 /States/S");
      BOOST_TEST(of_state(begin + R"(, "End": false})") == "S006 /States/S");
      BOOST_TEST(of_state(begin + R"(, "Next": "E", "End": true})") == "S006 /States/S/End");
      BOOST_TEST(of_state(begin + R"(, "Next": "E", "End": false})") == "");
    }
  }
  BOOST_TEST(of_state(R"({"Type": "Parallel", "Branches": [)" + std::string{branch} + "]}") == "S006 /States/S");
  BOOST_TEST(of_state(R"({"Type": "Map", "ItemProcessor": )" + std::string{branch} + "}") == "S006 /States/S");
}

BOOST_AUTO_TEST_CASE(a_task_has_a_resource) {
  BOOST_TEST(of_state(R"({"Type": "Task", "Next": "E"})") == "S004 /States/S");
  BOOST_TEST(of_state(R"({"Type": "Task", "Resource": "", "Next": "E"})") == "S004 /States/S/Resource");
}

BOOST_AUTO_TEST_CASE(a_choice_has_choices) {
  BOOST_TEST(of_state(R"({"Type": "Choice", "Choices": [], "Default": "E"})") == "S003 /States/S/Choices");
  BOOST_TEST(of_state(R"({"Type": "Choice", "Default": "E"})") == "S003 /States/S");
}

BOOST_AUTO_TEST_CASE(a_rule_has_a_next) {
  BOOST_TEST(of_rules(R"({"Variable": "$.a", "IsNull": true})") == "S004 /States/S/Choices/0");
}

BOOST_AUTO_TEST_CASE(only_the_outermost_rule_has_a_next) {
  BOOST_TEST(of_rules(R"({"Not": {"Variable": "$.a", "IsNull": true, "Next": "E"}, "Next": "E"})") ==
             "S002 /States/S/Choices/0/Not/Next");
  BOOST_TEST(of_rules(R"({"And": [{"Variable": "$.a", "IsNull": true, "Next": "E"}], "Next": "E"})") ==
             "S002 /States/S/Choices/0/And/0/Next");
}

BOOST_AUTO_TEST_CASE(a_rule_compares_one_variable_in_one_way) {
  BOOST_TEST(of_rules(R"({"Variable": "$.a", "Next": "E"})") == "S005 /States/S/Choices/0");
  BOOST_TEST(of_rules(R"({"Variable": "$.a", "IsNull": true, "IsString": true, "Next": "E"})") == "S005 /States/S/Choices/0");
  BOOST_TEST(of_rules(R"({"IsNull": true, "Next": "E"})") == "S004 /States/S/Choices/0");
  BOOST_TEST(of_rules(R"({"Or": [], "Next": "E"})") == "S003 /States/S/Choices/0/Or");
  BOOST_TEST(of_rules(R"({"Not": [], "Next": "E"})") == "S003 /States/S/Choices/0/Not");
  BOOST_TEST(of_rules("5") == "S003 /States/S/Choices/0");
}

BOOST_AUTO_TEST_CASE(a_comparison_is_with_a_value_of_its_type) {
  const auto compares = [](std::string_view comparison) {
    return of_rules(R"({"Variable": "$.a", )" + std::string{comparison} + R"(, "Next": "E"})");
  };
  BOOST_TEST(compares(R"("NumericEquals": "1")") == "S204 /States/S/Choices/0/NumericEquals");
  BOOST_TEST(compares(R"("StringEquals": 1)") == "S204 /States/S/Choices/0/StringEquals");
  BOOST_TEST(compares(R"("BooleanEquals": 1)") == "S204 /States/S/Choices/0/BooleanEquals");
  BOOST_TEST(compares(R"("IsPresent": 1)") == "S204 /States/S/Choices/0/IsPresent");
  BOOST_TEST(compares(R"("TimestampEquals": "2026-02-30T00:00:00Z")") == "S204 /States/S/Choices/0/TimestampEquals");
  BOOST_TEST(compares(R"("NumericEqualsPath": "a")") == "S301 /States/S/Choices/0/NumericEqualsPath");
}

BOOST_AUTO_TEST_CASE(a_catcher_has_a_next) {
  BOOST_TEST(of_task(R"("Catch": [{"ErrorEquals": ["A"]}])") == "S004 /States/S/Catch/0");
}

BOOST_AUTO_TEST_CASE(a_wait_has_one_duration) {
  constexpr std::array ways{R"("Seconds": 1)", R"("SecondsPath": "$.a")", R"("Timestamp": "2026-01-31T12:00:00Z")",
                            R"("TimestampPath": "$.a")"};
  BOOST_TEST(of_state(R"({"Type": "Wait", "Next": "E"})") == "S007 /States/S");
  for (const std::string first : ways) {
    BOOST_TEST(of_state(R"({"Type": "Wait", "Next": "E", )" + first + "}") == "");
    for (const std::string second : ways) {
      if (first == second) continue;
      BOOST_TEST(of_state(R"({"Type": "Wait", "Next": "E", )" + first + ", " + second + "}") == "S007 /States/S");
    }
  }
  BOOST_TEST(of_state(R"({"Type": "Wait", "Next": "E", "Seconds": -1})") == "S202 /States/S/Seconds");
  BOOST_TEST(of_state(R"({"Type": "Wait", "Next": "E", "Timestamp": "tomorrow"})") == "S204 /States/S/Timestamp");
}

BOOST_AUTO_TEST_CASE(parallel_and_map_have_machines_of_their_own) {
  BOOST_TEST(of_state(R"({"Type": "Parallel", "Next": "E"})") == "S003 /States/S");
  BOOST_TEST(of_state(R"({"Type": "Parallel", "Next": "E", "Branches": []})") == "S003 /States/S/Branches");
  BOOST_TEST(of_state(R"({"Type": "Parallel", "Next": "E", "Branches": [{"StartAt": "B"}]})") == "S003 /States/S/Branches/0");
  BOOST_TEST(of_state(R"({"Type": "Map", "Next": "E"})") == "S004 /States/S");
  BOOST_TEST(of_state(R"({"Type": "Map", "Next": "E", "ItemProcessor": {"States": {"B": {"Type": "Succeed"}}}})") ==
             "S101 /States/S/ItemProcessor");
}

// ---- what a state must not have

BOOST_AUTO_TEST_CASE(what_ends_a_machine_has_no_next) {
  BOOST_TEST(of_state(R"({"Type": "Fail", "Next": "E"})") == "S002 /States/S/Next");
  BOOST_TEST(of_state(R"({"Type": "Fail", "End": true})") == "S002 /States/S/End");
  BOOST_TEST(of_state(R"({"Type": "Succeed", "Next": "E"})") == "S002 /States/S/Next");
  BOOST_TEST(of_state(R"({"Type": "Succeed", "End": true})") == "S002 /States/S/End");
  BOOST_TEST(of_state(examples[1].text + R"(, "Next": "E"})") == "S002 /States/S/Next");
}

BOOST_AUTO_TEST_CASE(retry_and_catch_stand_on_task_parallel_and_map_only) {
  for (const Example& example : examples) {
    const bool may = example.type == "Task" || example.type == "Parallel" || example.type == "Map";
    BOOST_TEST_CONTEXT(example.type) {
      BOOST_TEST(of_state(example.text + R"(, "Retry": [{"ErrorEquals": ["A"]}]})") == (may ? "" : "S002 /States/S/Retry"));
      BOOST_TEST(of_state(example.text + R"(, "Catch": [{"ErrorEquals": ["A"], "Next": "E"}]})") ==
                 (may ? "" : "S002 /States/S/Catch"));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_fail_state_has_no_paths_for_data) {
  for (const std::string path : {"InputPath", "OutputPath", "ResultPath"})
    BOOST_TEST(of_state(R"({"Type": "Fail", ")" + path + R"(": "$"})") == ("S002 /States/S/" + path));
}

BOOST_AUTO_TEST_CASE(a_field_that_nobody_knows_is_refused_and_the_nearest_named) {
  const auto found = read_definition(R"({"StartAt": "E", "States": {"E": {"Type": "Succeed", "OutputPaht": "$"}}})").problems;
  BOOST_REQUIRE(found.size() == 1U);
  BOOST_TEST(found[0].text.find("did you mean 'OutputPath'?") != std::string::npos);
  BOOST_TEST(problems(R"({"StartAt": "E", "Extra": 1, "States": {"E": {"Type": "Succeed"}}})") == "S002 /Extra");
  BOOST_TEST(of_retriers(R"({"ErrorEquals": ["A"], "Interval": 1})") == "S002 /States/S/Retry/0/Interval");
}

BOOST_AUTO_TEST_CASE(what_says_the_same_in_two_ways_is_refused) {
  BOOST_TEST(of_state(R"({"Type": "Fail", "Error": "A", "ErrorPath": "$.e"})") == "S203 /States/S/ErrorPath");
  BOOST_TEST(of_state(R"({"Type": "Fail", "Cause": "A", "CausePath": "$.e"})") == "S203 /States/S/CausePath");
  BOOST_TEST(of_task(R"("TimeoutSeconds": 1, "TimeoutSecondsPath": "$.t")") == "S203 /States/S/TimeoutSecondsPath");
  BOOST_TEST(of_state(examples[3].text + R"(, "Iterator": )" + std::string{branch} + "}") == "S203 /States/S/Iterator");
}

BOOST_AUTO_TEST_CASE(other_query_languages_and_modes_are_refused) {
  BOOST_TEST(of_state(R"({"Type": "Pass", "Next": "E", "QueryLanguage": "JSONata"})") == "S205 /States/S/QueryLanguage");
  BOOST_TEST(of_state(R"({"Type": "Map", "Next": "E", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"},
      "StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}}})") == "S205 /States/S/ItemProcessor/ProcessorConfig");
}

// ---- retriers, catchers, times

BOOST_AUTO_TEST_CASE(error_equals_is_not_empty) {
  BOOST_TEST(of_retriers(R"({"ErrorEquals": []})") == "S401 /States/S/Retry/0/ErrorEquals");
  BOOST_TEST(of_retriers("{}") == "S401 /States/S/Retry/0");
  BOOST_TEST(of_retriers(R"({"ErrorEquals": [1]})") == "S401 /States/S/Retry/0/ErrorEquals");
  BOOST_TEST(of_task(R"("Catch": [{"ErrorEquals": [], "Next": "E"}])") == "S401 /States/S/Catch/0/ErrorEquals");
}

BOOST_AUTO_TEST_CASE(names_that_begin_with_states_are_reserved) {
  BOOST_TEST(of_retriers(R"({"ErrorEquals": ["States.Nothing"]})") == "S402 /States/S/Retry/0/ErrorEquals");
  BOOST_TEST(of_task(R"("Catch": [{"ErrorEquals": ["States.Mine"], "Next": "E"}])") == "S402 /States/S/Catch/0/ErrorEquals");
  BOOST_TEST(of_state(R"({"Type": "Fail", "Error": "States.Mine"})") == "S402 /States/S/Error");
  BOOST_TEST(of_state(R"({"Type": "Fail", "Error": "States.Timeout"})") == "");
  for (const std::string name :
       {"ALL", "HeartbeatTimeout", "Timeout", "TaskFailed", "Permissions", "ResultPathMatchFailure", "ParameterPathFailure",
        "BranchFailed", "NoChoiceMatched", "IntrinsicFailure", "ExceedToleratedFailureThreshold", "ItemReaderFailed",
        "ResultWriterFailed", "Runtime", "DataLimitExceeded", "QueryEvaluationError"})
    BOOST_TEST(of_retriers(R"({"ErrorEquals": ["States.)" + name + R"("]})") == "");
}

BOOST_AUTO_TEST_CASE(states_all_stands_alone) {
  BOOST_TEST(of_retriers(R"({"ErrorEquals": ["States.ALL", "A"]})") == "S403 /States/S/Retry/0/ErrorEquals");
  BOOST_TEST(of_task(R"("Catch": [{"ErrorEquals": ["A", "States.ALL"], "Next": "E"}])") == "S403 /States/S/Catch/0/ErrorEquals");
}

BOOST_AUTO_TEST_CASE(states_all_stands_last) {
  BOOST_TEST(of_retriers(R"({"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["A"]})") == "S403 /States/S/Retry/0/ErrorEquals");
  BOOST_TEST(of_task(R"("Catch": [{"ErrorEquals": ["States.ALL"], "Next": "E"}, {"ErrorEquals": ["A"], "Next": "E"}])") ==
             "S403 /States/S/Catch/0/ErrorEquals");
  BOOST_TEST(of_retriers(R"({"ErrorEquals": ["A"]}, {"ErrorEquals": ["States.ALL"]})") == "");
}

BOOST_AUTO_TEST_CASE(a_backoff_rate_is_at_least_1) {
  BOOST_TEST(of_retriers(R"({"ErrorEquals": ["A"], "BackoffRate": 0.99})") == "S404 /States/S/Retry/0/BackoffRate");
  BOOST_TEST(of_retriers(R"({"ErrorEquals": ["A"], "BackoffRate": "2"})") == "S404 /States/S/Retry/0/BackoffRate");
  BOOST_TEST(of_retriers(R"({"ErrorEquals": ["A"], "BackoffRate": 1.0})") == "");
}

BOOST_AUTO_TEST_CASE(an_interval_is_at_least_a_second) {
  BOOST_TEST(of_retriers(R"({"ErrorEquals": ["A"], "IntervalSeconds": 0})") == "S202 /States/S/Retry/0/IntervalSeconds");
  BOOST_TEST(of_retriers(R"({"ErrorEquals": ["A"], "IntervalSeconds": 1.5})") == "S202 /States/S/Retry/0/IntervalSeconds");
  BOOST_TEST(of_retriers(R"({"ErrorEquals": ["A"], "IntervalSeconds": 1})") == "");
}

BOOST_AUTO_TEST_CASE(attempts_are_not_negative) {
  BOOST_TEST(of_retriers(R"({"ErrorEquals": ["A"], "MaxAttempts": -1})") == "S202 /States/S/Retry/0/MaxAttempts");
  BOOST_TEST(of_retriers(R"({"ErrorEquals": ["A"], "MaxAttempts": 0})") == "");
}

BOOST_AUTO_TEST_CASE(the_longest_delay_is_longer_than_the_interval_and_below_its_limit) {
  BOOST_TEST(of_retriers(R"({"ErrorEquals": ["A"], "IntervalSeconds": 5, "MaxDelaySeconds": 5})") ==
             "S404 /States/S/Retry/0/MaxDelaySeconds");
  BOOST_TEST(of_retriers(R"({"ErrorEquals": ["A"], "IntervalSeconds": 5, "MaxDelaySeconds": 6})") == "");
  BOOST_TEST(of_retriers(R"({"ErrorEquals": ["A"], "MaxDelaySeconds": 31622400})") == "S202 /States/S/Retry/0/MaxDelaySeconds");
  BOOST_TEST(of_retriers(R"({"ErrorEquals": ["A"], "MaxDelaySeconds": 31622399})") == "");
}

BOOST_AUTO_TEST_CASE(jitter_is_full_or_none) {
  BOOST_TEST(of_retriers(R"({"ErrorEquals": ["A"], "JitterStrategy": "SOME"})") == "S404 /States/S/Retry/0/JitterStrategy");
  BOOST_TEST(of_retriers(R"({"ErrorEquals": ["A"], "JitterStrategy": "NONE"})") == "");
}

BOOST_AUTO_TEST_CASE(a_heartbeat_is_shorter_than_the_timeout) {
  BOOST_TEST(of_task(R"("TimeoutSeconds": 5, "HeartbeatSeconds": 5)") == "S206 /States/S/HeartbeatSeconds");
  BOOST_TEST(of_task(R"("TimeoutSeconds": 5, "HeartbeatSeconds": 4)") == "");
  BOOST_TEST(of_task(R"("TimeoutSeconds": 0)") == "S202 /States/S/TimeoutSeconds");
}

// ---- values, paths, templates

BOOST_AUTO_TEST_CASE(fields_have_their_type) {
  BOOST_TEST(problems("[]") == "S003 ");
  BOOST_TEST(problems(R"({"StartAt": "E", "States": []})") == "S003 /States");
  BOOST_TEST(problems(R"({"StartAt": "E", "States": {}})") == "S003 /States");
  BOOST_TEST(problems(R"({"StartAt": "E", "States": {"E": 1}})") == ("S003 /States/E"));
  BOOST_TEST(of_state(R"({"Type": "Pass", "Next": "E", "End": "no"})") == "S201 /States/S/End");
  BOOST_TEST(of_state(R"({"Type": "Task", "Next": "E", "Resource": 5})") == "S201 /States/S/Resource");
  BOOST_TEST(of_task(R"("Retry": {})") == "S003 /States/S/Retry");
  BOOST_TEST(of_task(R"("Retry": [1])") == "S003 /States/S/Retry/0");
}

BOOST_AUTO_TEST_CASE(what_is_no_json_is_refused_where_it_breaks) {
  const std::string text = "{\"StartAt\": \"E\",\n \"States\": {\"E\": {\"Type\" \"Succeed\"}}}";
  const Json found = describe_problems(read_definition(text).problems, text);
  BOOST_TEST(found[0]["code"] == "S000");
  BOOST_TEST(found[0]["line"] == 2);
  BOOST_TEST(problems(R"({"StartAt": "E", "StartAt": "E", "States": {"E": {"Type": "Succeed"}}})") == "S000 ");
}

BOOST_AUTO_TEST_CASE(paths_and_templates_are_read_at_once) {
  BOOST_TEST(of_state(R"({"Type": "Pass", "Next": "E", "InputPath": "a.b"})") == "S301 /States/S/InputPath");
  BOOST_TEST(of_state(R"({"Type": "Pass", "Next": "E", "ResultPath": "$.a[*]"})") == "S302 /States/S/ResultPath");
  BOOST_TEST(of_state(R"({"Type": "Pass", "Next": "E", "ResultPath": "$$.a"})") == "S302 /States/S/ResultPath");
  BOOST_TEST(of_state(R"({"Type": "Pass", "Next": "E", "Parameters": {"a.$": "plain"}})") == "S303 /States/S/Parameters/a.$");
  BOOST_TEST(of_state(R"j({"Type": "Pass", "Next": "E", "Parameters": {"a": {"b.$": "States.Nothing()"}}})j") ==
             "S303 /States/S/Parameters/a/b.$");
  BOOST_TEST(of_state(R"j({"Type": "Pass", "Next": "E", "Parameters": {"a.$": "States.MathAdd(1)"}})j") ==
             "S303 /States/S/Parameters/a.$");
  BOOST_TEST(of_state(R"({"Type": "Fail", "ErrorPath": "e"})") == "S301 /States/S/ErrorPath");
}

// ---- all of them together

BOOST_AUTO_TEST_CASE(all_problems_come_in_one_pass_each_with_its_place) {
  const std::string text = R"({
  "StartAt": "A",
  "States": {
    "A": {"Type": "Task", "Next": "B", "TimeoutSeconds": 5, "HeartbeatSeconds": 9,
          "Retry": [{"ErrorEquals": ["States.ALL"], "BackoffRate": 0.5, "IntervalSeconds": 0, "MaxAttempts": -1},
                    {"ErrorEquals": []}],
          "Catch": [{"ErrorEquals": ["States.Odd"]}]},
    "C": {"Type": "Choice", "Choices": [], "Default": "Nowhere", "Retry": []},
    "W": {"Type": "Wait", "Seconds": 1, "SecondsPath": "$.s", "Next": "A", "End": true},
    "F": {"Type": "Fail", "Next": "A"},
    "P": {"Type": "Parallel", "End": true, "Branches": [{"States": {"Q": {"Type": "Pass", "Next": "A"}}}]},
    "X": {"Type": "Sleep"}
  }
})";
  std::string found;
  const Json described = describe_problems(read_definition(text).problems, text);
  for (const Json& problem : described) {
    if (problem["severity"] != "error") continue;
    found += problem["code"].get<std::string>() + " " + problem["at"].get<std::string>() + " " +
             std::to_string(problem["line"].get<int>()) + ":" + std::to_string(problem["column"].get<int>()) + "\n";
  }
  BOOST_TEST(found == R"(S004 /States/A 4:10
S104 /States/A/Next 4:35
S206 /States/A/HeartbeatSeconds 4:81
S403 /States/A/Retry/0/ErrorEquals 5:37
S404 /States/A/Retry/0/BackoffRate 5:68
S202 /States/A/Retry/0/IntervalSeconds 5:92
S202 /States/A/Retry/0/MaxAttempts 5:110
S401 /States/A/Retry/1/ErrorEquals 6:37
S004 /States/A/Catch/0 7:21
S402 /States/A/Catch/0/ErrorEquals 7:37
S003 /States/C/Choices 8:40
S104 /States/C/Default 8:55
S002 /States/C/Retry 8:66
S007 /States/W 9:10
S006 /States/W/End 9:83
S002 /States/F/Next 10:27
S101 /States/P/Branches/0 11:57
S104 /States/P/Branches/0/States/Q/Next 11:99
S001 /States/X/Type 12:19
)");
}

BOOST_AUTO_TEST_CASE(nothing_is_said_that_only_follows_from_something_else) {
  const std::string text =
      "{\"StartAt\": \"A\", \"States\": {\n  \"A\": {\"Type\": \"Pass\", \"Next\": \"B\"},\n  \"E\": {\"Type\": \"Fail\", "
      "\"Caus\": 1}}}";
  BOOST_TEST(problems(text) == "S104 /States/A/Next; S002 /States/E/Caus");
  const Json described = describe_problems(read_definition(text).problems, text);
  BOOST_TEST(described[0]["line"] == 2);
  BOOST_TEST(described[0]["column"] == 33);
}

BOOST_AUTO_TEST_CASE(a_line_whose_definition_is_refused_says_so) {
  const Json report = rehearse(R"({"States": {}})");
  BOOST_TEST(report["status"] == "REJECTED");
  BOOST_TEST(!report["problems"].empty());
  BOOST_TEST(json(rehearse_line("nonsense"))["status"] == "REJECTED");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::saga
