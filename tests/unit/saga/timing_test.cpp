// Waits, timeouts and heartbeats; answers that come late or twice.

#include "common/saga/execution.hpp"
#include "tests/unit/saga/saga_fixture.hpp"

namespace remuda::saga {

namespace {

Json rehearse_delay(std::string_view limits, int delay) {
  return rehearse_state(R"({"Type": "Task", "Resource": "task:t", "End": true)" + std::string{limits} + "}", R"({"n": 7})",
                        R"({"t": [{"return": 1, "delay_seconds": )" + std::to_string(delay) + "}]}");
}

/// One task state, driven by hand.
struct OneTask {
  Definition definition;
  Execution execution;
  Time now{};

  explicit OneTask(std::string_view limits)
      : definition{std::move(
            *read_definition(R"({"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "task:t", "End": true, )" +
                             std::string{limits} + "}}}")
                 .definition)},
        execution{definition, {"saga-1", "m"}} {}

  Effects apply(const Event& event) { return execution.apply(event, now); }
  template <class Wanted>
  static std::optional<Wanted> find(const Effects& effects) {
    for (const Effect& effect : effects) {
      if (const auto* found = std::get_if<Wanted>(&effect)) return *found;
    }
    return std::nullopt;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(saga_timing)

BOOST_AUTO_TEST_CASE(a_wait_lasts_seconds_or_until_a_time) {
  BOOST_TEST(rehearse_state(R"({"Type": "Wait", "Seconds": 3600, "End": true})")["waits_seconds"] == json("[3600]"));
  BOOST_TEST(rehearse_state(R"({"Type": "Wait", "SecondsPath": "$.n", "End": true})", R"({"n": 7})")["waits_seconds"] ==
             json("[7]"));
  BOOST_TEST(rehearse_state(R"({"Type": "Wait", "Timestamp": "2026-01-01T00:01:00Z", "End": true})")["waits_seconds"] ==
             json("[60]"));
  BOOST_TEST(rehearse_state(R"({"Type": "Wait", "TimestampPath": "$.t", "End": true})",
                            R"({"t": "2016-01-01T00:00:00Z"})")["waits_seconds"] == json("[0]"));
  BOOST_TEST(rehearse_state(R"({"Type": "Wait", "SecondsPath": "$.n", "End": true})", R"({"n": "7"})")["error"] == errors::runtime);
}

BOOST_AUTO_TEST_CASE(an_answer_at_the_last_moment_counts_and_one_later_does_not) {
  BOOST_TEST(rehearse_delay(R"(, "TimeoutSeconds": 5)", 5)["status"] == "SUCCEEDED");
  BOOST_TEST(rehearse_delay(R"(, "TimeoutSeconds": 5)", 6)["error"] == errors::timeout);
  BOOST_TEST(rehearse_delay(R"(, "TimeoutSecondsPath": "$.n")", 8)["error"] == errors::timeout);
  BOOST_TEST(rehearse_delay("", 60)["status"] == "SUCCEEDED");
  BOOST_TEST(rehearse_delay("", 61)["error"] == errors::timeout);
}

BOOST_AUTO_TEST_CASE(a_missed_heartbeat_is_an_error_of_its_own) {
  BOOST_TEST(rehearse_delay(R"(, "TimeoutSeconds": 20, "HeartbeatSeconds": 5)", 6)["error"] == errors::heartbeat_timeout);
}

BOOST_AUTO_TEST_CASE(heartbeats_keep_a_task_alive_until_its_timeout) {
  OneTask task{R"("TimeoutSeconds": 20, "HeartbeatSeconds": 6)"};
  const auto request = OneTask::find<RequestTask>(task.apply(Start{Json::object()}));
  BOOST_REQUIRE(request);
  for (int beat = 0; beat < 3; ++beat) {
    task.now += std::chrono::seconds{5};
    BOOST_TEST(task.apply(TaskHeartbeat{request->key}).empty());
  }
  BOOST_TEST((task.execution.next_deadline() == Time{std::chrono::seconds{20}}));
  task.now = Time{std::chrono::seconds{20}};
  BOOST_TEST(OneTask::find<Ended>(task.apply(TimePassed{}))->error.error == errors::timeout);
}

BOOST_AUTO_TEST_CASE(who_holds_a_token_fails_succeeds_or_shows_that_it_lives) {
  const std::string limits = R"("TimeoutSeconds": 20, "HeartbeatSeconds": 6)";
  const auto waiting = [&](OneTask& task) {
    task.definition.machine.states.at("T").waits_for_token = true;
    return OneTask::find<RequestTask>(task.apply(Start{Json::object()}))->key;
  };
  OneTask failing{limits};
  BOOST_TEST(OneTask::find<Ended>(failing.apply(TaskFailed{waiting(failing), 0, "Refused", "no"}))->error.error == "Refused");
  OneTask succeeding{limits};
  BOOST_TEST(OneTask::find<Ended>(succeeding.apply(TaskSucceeded{waiting(succeeding), 5}))->output == 5);
  OneTask silent{limits};
  const std::string token = waiting(silent);
  silent.now += std::chrono::seconds{5};
  silent.apply(TaskHeartbeat{token});
  silent.now += std::chrono::seconds{5};
  BOOST_TEST(!OneTask::find<Ended>(silent.apply(TimePassed{})));
  silent.now += std::chrono::seconds{1};
  BOOST_TEST(OneTask::find<Ended>(silent.apply(TimePassed{}))->error.error == errors::heartbeat_timeout);
}

BOOST_AUTO_TEST_CASE(the_timeout_is_of_each_attempt_and_the_whole_execution_has_its_own) {
  const Json report =
      rehearse_delay(R"(, "TimeoutSeconds": 5, "Retry": [{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 1}])", 9);
  BOOST_TEST(report["invocations"].size() == 2U);
  BOOST_TEST(
      rehearse(
          R"({"TimeoutSeconds": 9, "StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 10, "End": true}}})")["error"] ==
      errors::timeout);
}

BOOST_AUTO_TEST_CASE(every_attempt_carries_the_same_key) {
  OneTask task{R"("Retry": [{"ErrorEquals": ["States.ALL"]}])"};
  const auto first = OneTask::find<RequestTask>(task.apply(Start{Json::object()}));
  task.apply(TaskFailed{first->key, 1, "E", ""});
  task.now += std::chrono::seconds{1};
  const auto second = OneTask::find<RequestTask>(task.apply(TimePassed{}));
  BOOST_REQUIRE(second);
  BOOST_TEST(second->key == first->key);
  BOOST_TEST(second->attempt == 2);
  // The first attempt's failure comes once more, late: it says nothing about the second. Its success would.
  BOOST_TEST(task.apply(TaskFailed{first->key, 1, "E", ""}).empty());
  BOOST_TEST(OneTask::find<Ended>(task.apply(TaskSucceeded{first->key, 5}))->output == 5);
  BOOST_TEST(task.apply(TaskSucceeded{first->key, 6}).empty());
}

BOOST_AUTO_TEST_CASE(equal_events_give_equal_effects) {
  const auto run = [] {
    OneTask task{R"("Retry": [{"ErrorEquals": ["E"], "JitterStrategy": "FULL"}])"};
    const auto request = OneTask::find<RequestTask>(task.apply(Start{Json::object()}));
    return OneTask::find<RetryScheduled>(task.apply(TaskFailed{request->key, 1, "E", ""}))->delay;
  };
  BOOST_TEST((run() == run()));
}

BOOST_AUTO_TEST_CASE(a_stopped_execution_ends_once) {
  OneTask task{R"("Comment": "")"};
  const auto request = OneTask::find<RequestTask>(task.apply(Start{Json::object()}));
  const Effects effects = task.apply(Stop{"Stopped", "by hand"});
  BOOST_TEST(OneTask::find<CancelTask>(effects)->key == request->key);
  BOOST_TEST(OneTask::find<Ended>(effects)->error.error == "Stopped");
  BOOST_TEST(task.apply(Stop{"Stopped", "again"}).empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::saga
