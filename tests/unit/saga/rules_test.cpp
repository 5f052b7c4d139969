// What a saga needs beyond the language: it parks instead of giving up, and is aborted so that it compensates.

#include "common/saga/execution.hpp"
#include "tests/unit/saga/saga_fixture.hpp"

namespace remuda::saga {

namespace {

constexpr std::string_view charge_and_credit = R"({"TimeoutSeconds": 100, "Pivot": "Credit", "StartAt": "Charge", "States": {
  "Charge": {"Type": "Task", "Resource": "task:charge", "TimeoutSeconds": 1000, "Next": "Credit", "Retry": [{"ErrorEquals": ["Busy"]}],
             "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Refund"}]},
  "Credit": {"Type": "Task", "Resource": "task:credit", "Next": "Notify", "Catch": [{"ErrorEquals": ["Refused"], "Next": "Refund"}]},
  "Notify": {"Type": "Task", "Resource": "task:notify", "End": true},
  "Refund": {"Type": "Task", "Resource": "task:refund", "Next": "Failed", "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2}]},
  "Failed": {"Type": "Fail", "Error": "Refunded"}}})";

/// A saga that is driven by hand, by the names of its tasks.
struct DrivenSaga {
  Reading reading = read_definition(charge_and_credit);
  Execution execution{*reading.definition, {"saga-1", "m"}, {.parks = true, .aborts_at_deadline = true}};
  Time now{};
  std::map<std::string, RequestTask> asked;
  std::optional<Ended> ended;
  std::vector<std::string> parked;

  DrivenSaga() { apply(Start{Json::object()}); }
  void apply(const Event& event) {
    for (Effect& effect : execution.apply(event, now)) {
      if (auto* request = std::get_if<RequestTask>(&effect)) asked[request->resource.substr(5)] = *request;
      if (auto* last = std::get_if<Ended>(&effect)) ended = *last;
      if (auto* stays = std::get_if<Parked>(&effect)) parked.push_back(stays->state + ": " + stays->error.error);
    }
  }
  void succeed(const std::string& task) { apply(TaskSucceeded{asked.at(task).key, task}); }
  void fail(const std::string& task, const std::string& error) {
    apply(TaskFailed{asked.at(task).key, asked.at(task).attempt, error, ""});
  }
  void advance(int seconds) {
    now += std::chrono::seconds{seconds};
    apply(TimePassed{});
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(saga_rules, DrivenSaga)

BOOST_AUTO_TEST_CASE(an_error_that_nobody_catches_parks_the_saga_until_somebody_decides) {
  succeed("charge");
  fail("credit", "Broken");
  BOOST_TEST((parked == std::vector<std::string>{"Credit: Broken"}));
  BOOST_TEST(execution.is_parked());
  BOOST_TEST((execution.next_deadline() == Time{std::chrono::seconds{100}}));  // the task's own is over
  BOOST_TEST(!ended);
  const auto key = asked["credit"].key;
  apply(RetryNow{});
  BOOST_TEST(asked["credit"].key == key);
  BOOST_TEST(asked["credit"].attempt == 2);
  fail("credit", "Broken");
  apply(Skip{"by hand"});
  BOOST_TEST(!execution.is_parked());
  succeed("notify");
  BOOST_TEST(ended->succeeded);
}

BOOST_AUTO_TEST_CASE(what_waits_to_be_retried_can_be_skipped_too) {
  fail("charge", "Busy");
  apply(Skip{"by hand"});
  BOOST_TEST((execution.current_states() == std::vector<std::string>{"Credit"}));
  BOOST_TEST((execution.next_deadline() == Time{std::chrono::seconds{60}}));
}

BOOST_AUTO_TEST_CASE(a_late_success_ends_the_parking) {
  succeed("charge");
  advance(60);
  BOOST_TEST((parked == std::vector<std::string>{"Credit: States.Timeout"}));
  succeed("credit");
  BOOST_TEST((execution.current_states() == std::vector<std::string>{"Notify"}));
}

BOOST_AUTO_TEST_CASE(a_compensation_that_fails_for_good_parks_and_a_fail_state_does_not) {
  fail("charge", "Declined");
  for (const int delay : {1, 2}) {
    fail("refund", "Away");
    advance(delay);
  }
  BOOST_TEST(execution.attempts_most() == 3);
  fail("refund", "Away");
  BOOST_TEST((parked == std::vector<std::string>{"Refund: Away"}));
  apply(RetryNow{});
  succeed("refund");
  BOOST_TEST(ended->error.error == "Refunded");
  BOOST_TEST(parked.size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_abort_is_not_retried_and_goes_to_the_catcher) {
  fail("charge", "Busy");
  apply(Abort{"Stopped", "by hand"});
  BOOST_TEST((execution.current_states() == std::vector<std::string>{"Refund"}));
  succeed("refund");
  BOOST_TEST(ended->error.error == "Refunded");
}

BOOST_AUTO_TEST_CASE(an_abort_is_not_retried_even_under_the_name_of_an_error_that_is) {
  apply(Abort{"Busy", "by hand"});
  BOOST_TEST((execution.current_states() == std::vector<std::string>{"Refund"}));
}

BOOST_AUTO_TEST_CASE(the_deadline_aborts_once_and_the_compensation_has_all_the_time_it_needs) {
  advance(100);
  BOOST_TEST((execution.current_states() == std::vector<std::string>{"Refund"}));
  advance(59);
  BOOST_TEST(!ended);
  succeed("refund");
  BOOST_TEST(ended->error.error == "Refunded");
}

BOOST_AUTO_TEST_CASE(after_the_pivot_there_is_no_way_back) {
  succeed("charge");
  BOOST_TEST(!execution.passed_pivot());
  succeed("credit");
  BOOST_TEST(execution.passed_pivot());
  apply(Abort{"Stopped", "by hand"});
  advance(40);
  BOOST_TEST((execution.current_states() == std::vector<std::string>{"Notify"}));
}

BOOST_AUTO_TEST_CASE(a_token_fails_whichever_attempt_runs) {
  apply(TaskFailed{asked["charge"].key, 0, "Declined", ""});
  BOOST_TEST((execution.current_states() == std::vector<std::string>{"Refund"}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::saga
