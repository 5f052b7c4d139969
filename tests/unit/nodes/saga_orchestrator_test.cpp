// The saga orchestrator: what it sends and when, and what it stands: kills at any moment, repetitions, late answers, new definitions.

#include <boost/test/unit_test.hpp>

#include "nodes/saga_orchestrator/saga_orchestrator.hpp"
#include "tests/unit/nodes/fake_context.hpp"
#include "tests/unit/nodes/temporary_folder.hpp"

using namespace std::chrono_literals;
using remuda::Message;
using remuda::Outcome;
using remuda::saga::Json;

namespace {

const std::string charge_and_credit = R"({"StartAt": "Charge", "States": {
  "Charge": {"Type": "Task", "Resource": "task:charge", "TimeoutSeconds": 30, "ResultPath": "$.charge", "Next": "Credit",
             "Retry": [{"ErrorEquals": ["Busy", "States.Timeout"], "MaxAttempts": 2}],
             "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}]},
  "Credit": {"Type": "Task", "Resource": "task:credit", "ResultPath": "$.credit", "Next": "Notify",
             "Catch": [{"ErrorEquals": ["Refused", "Saga.Stopped"], "ResultPath": "$.error", "Next": "Refund"}]},
  "Notify": {"Type": "Task", "Resource": "publish:notices", "ResultPath": null, "End": true,
             "Parameters": {"Message.$": "$.fare", "MessageAttributes": {"IsSuccessful": "true"}}},
  "Refund": {"Type": "Task", "Resource": "task:refund", "ResultPath": null, "Next": "Failed"},
  "Failed": {"Type": "Fail", "Error": "FareFailed"}}})";

struct OrchestratorFixture {
  TemporaryFolder folder;
  FakeContext context;
  std::unique_ptr<remuda::saga::SagaOrchestrator> node;
  std::vector<std::pair<std::string, std::string>> values{{"reply_to", "\"saga-replies\""}};
  std::string definition = charge_and_credit;
  FakeOutbox last;  ///< what the last message led to
  int messages = 0;

  OrchestratorFixture() {
    context.sending_ports = {"charge", "credit", "refund", "notices", "ended"};
    restart();
  }
  /// As after kill -9: what was not committed is gone, and so is what had not left.
  void restart() {
    node.reset();
    context.timers.clear();
    context.sent.clear();
    context.asked.clear();
    context.folder = folder.path;
    node = std::make_unique<remuda::saga::SagaOrchestrator>();
    auto given = values;
    given.emplace_back("definitions", "{ fare = '''" + definition + "''' }");
    context.values = *remuda::Parameters::make(node->describe().parameters, given);
    node->start(context);
  }
  Outcome::Kind receive(const std::string& port, const Message& message, std::uint32_t receive_count = 1, bool commits = true) {
    last.sent.clear();
    last.replies.clear();
    last.the_delivery.receive_count = receive_count;
    const Outcome outcome = node->on_message(port, message, last);
    if (commits) node->commit();
    return outcome.kind();
  }
  Message start_message(const std::string& id, const std::string& fare = "20") {
    Message message;
    message.id = "message-" + std::to_string(++messages);
    message.correlation_id = id;
    message.datacontenttype = "application/json";
    message.body = R"({"fare": )" + fare + "}";
    return message;
  }
  Outcome::Kind start(const std::string& id, const std::string& fare = "20") { return receive("start", start_message(id, fare)); }

  /// The task that the last message led to; it has to be one of that kind.
  Message asked(const std::string& port) {
    BOOST_REQUIRE_EQUAL(last.sent.size(), 1U);
    BOOST_TEST(last.sent.front().first == port);
    return last.sent.front().second;
  }
  static Message reply_to(const Message& task, const std::string& body, const std::string& type = "charge.done") {
    Message reply;
    reply.id = task.id + "-reply";
    reply.correlation_id = task.correlation_id;
    reply.type = type;
    reply.datacontenttype = "application/json";
    reply.body = body;
    return reply;
  }
  void succeed(const Message& task, const std::string& body = R"({"ok": true})") { receive("replies", reply_to(task, body)); }
  void fail(const Message& task, const std::string& error) {
    receive("replies", reply_to(task, R"({"Error": ")" + error + R"(", "Cause": "because"})", "task.failed"));
  }
  void advance(std::chrono::milliseconds by) {
    context.manual_clock.advance(by);
    context.run_timers();
  }
  Json ask(const Json& question) {
    Message message;
    message.id = "question-" + std::to_string(++messages);
    message.body = question.dump();
    message.datacontenttype = "application/json";
    receive("sagas", message);
    return Json::parse(last.replies.at(0).body);
  }
  std::string status(const std::string& id) { return ask({{"verb", "show"}, {"id", id}}).value("status", "none"); }
  /// Brings a saga to its second task.
  Message charged(const std::string& id) {
    start(id);
    succeed(asked("charge"), R"({"chargeId": "ch_1"})");
    return asked("credit");
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(saga_orchestrator, OrchestratorFixture)

BOOST_AUTO_TEST_CASE(a_task_says_where_its_answer_goes_and_carries_a_key_that_stays) {
  start("fare-1");
  const Message task = asked("charge");
  BOOST_TEST(task.type == "charge");
  BOOST_TEST(task.reply_to == "saga-replies");
  BOOST_TEST(task.correlation_id == "fare-1/1#1");
  BOOST_TEST(task.attributes.at("idempotency-key").value == "fare-1/1");
  BOOST_TEST(task.body == R"({"fare":20})");

  fail(task, "Busy");
  BOOST_TEST(last.sent.empty());
  advance(1s);
  const Message again = context.sent.at(0).message;
  BOOST_TEST(again.attributes.at("idempotency-key").value == "fare-1/1");
  BOOST_TEST(again.correlation_id == "fare-1/1#2");
  BOOST_TEST(again.id != task.id);
}

BOOST_AUTO_TEST_CASE(a_saga_runs_to_its_end_and_tells_so_once) {
  const Message credit = charged("fare-1");
  BOOST_TEST(credit.body == R"({"charge":{"chargeId":"ch_1"},"fare":20})");
  succeed(credit);
  const auto notice = context.sent.at(0);
  BOOST_TEST(notice.port == "notices");
  BOOST_TEST(notice.message.body == "20");
  BOOST_TEST(notice.message.attributes.at("IsSuccessful").value == "true");
  BOOST_TEST(status("fare-1") == "running");
  context.confirm();
  BOOST_TEST(status("fare-1") == "completed");
  BOOST_TEST(context.sent.at(0).port == "ended");
  BOOST_TEST(context.sent.at(0).message.attributes.at("status").value == "completed");
  context.confirm();
  succeed(credit);
  BOOST_TEST(last.sent.empty());
  BOOST_TEST(context.counts["late_replies"] == 1);
}

BOOST_AUTO_TEST_CASE(a_start_counts_once_and_with_another_input_it_is_refused) {
  start("fare-1");
  BOOST_TEST(last.sent.size() == 1U);
  BOOST_TEST((start("fare-1") == Outcome::Kind::done));
  BOOST_TEST(last.sent.empty());
  BOOST_TEST((start("fare-1", "21") == Outcome::Kind::reject));
  BOOST_TEST((start("fare-2") == Outcome::Kind::done));
  BOOST_TEST(context.counts["started"] == 2);
}

BOOST_AUTO_TEST_CASE(what_was_committed_and_had_not_left_leaves_with_the_redelivery) {
  const Message message = start_message("fare-1");
  receive("start", message);
  const Message task = asked("charge");
  restart();
  receive("start", message, 2);
  BOOST_TEST(asked("charge").id == task.id);
  const Message reply = reply_to(task, "{}");
  receive("replies", reply);
  const Message credit = asked("credit");
  restart();
  receive("replies", reply, 2);
  BOOST_TEST((asked("credit") == credit));
}

BOOST_AUTO_TEST_CASE(what_was_not_committed_never_happened) {
  const Message message = start_message("fare-1");
  receive("start", message, 1, false);
  restart();
  BOOST_TEST(status("fare-1") == "none");
  receive("start", message, 2);
  asked("charge");
}

BOOST_AUTO_TEST_CASE(timers_are_part_of_the_history) {
  start("fare-1");
  advance(29s);
  restart();
  BOOST_TEST(context.sent.empty());
  advance(1s);  // the timeout: a retry is due a second later
  restart();
  advance(999ms);
  BOOST_TEST(context.sent.empty());
  advance(1ms);
  BOOST_REQUIRE_EQUAL(context.sent.size(), 1U);
  BOOST_TEST(context.sent.at(0).message.correlation_id == "fare-1/1#2");
  const std::string id = context.sent.at(0).message.id;
  restart();  // before it was confirmed: it goes again, under the same id
  BOOST_REQUIRE_EQUAL(context.sent.size(), 1U);
  BOOST_TEST(context.confirm() == id);
  advance(20ms);
  restart();
  BOOST_TEST(context.sent.empty());
}

BOOST_AUTO_TEST_CASE(a_notice_that_was_not_confirmed_goes_again_after_a_restart) {
  succeed(charged("fare-1"));
  const std::string id = context.sent.at(0).message.id;
  restart();
  BOOST_TEST(context.confirm() == id);
  BOOST_TEST(status("fare-1") == "completed");
}

BOOST_AUTO_TEST_CASE(a_saga_runs_under_the_definition_it_was_started_with) {
  const Message credit = charged("fare-1");
  definition = R"({"StartAt": "Other", "States": {"Other": {"Type": "Task", "Resource": "task:refund", "End": true}}})";
  restart();
  start("fare-2");
  BOOST_TEST(asked("refund").correlation_id == "fare-2/1#1");
  fail(credit, "Refused");
  BOOST_TEST(asked("refund").correlation_id == "fare-1/3#1");
  const Json story = ask({{"verb", "show"}, {"id", "fare-1"}});
  BOOST_TEST(story["definition_text"] == charge_and_credit);
}

BOOST_AUTO_TEST_CASE(a_failed_step_is_compensated_before_the_saga_ends) {
  fail(charged("fare-1"), "Refused");
  const Message refund = asked("refund");
  BOOST_TEST(status("fare-1") == "running");
  succeed(refund);
  BOOST_TEST(last.sent.at(0).first == "ended");
  BOOST_TEST(status("fare-1") == "failed");
}

BOOST_AUTO_TEST_CASE(an_error_that_nobody_catches_makes_it_stuck_until_somebody_decides) {
  const Message credit = charged("fare-1");
  fail(credit, "Broken");
  BOOST_TEST(status("fare-1") == "stuck");
  BOOST_TEST(ask({{"verb", "ls"}, {"status", "stuck"}})["sagas"][0]["error"] == "Broken: because");
  restart();
  BOOST_TEST(ask({{"verb", "ls"}})["counts"]["stuck"] == 1);

  BOOST_TEST(ask({{"verb", "retry"}, {"id", "fare-1"}, {"by", "ada"}, {"note", "the ledger is back"}})["status"] == "running");
  BOOST_TEST(asked("credit").correlation_id == "fare-1/2#2");
  fail(asked("credit"), "Broken");
  BOOST_TEST(ask({{"verb", "skip"}, {"id", "fare-1"}, {"output", "booked by hand"}})["status"] == "running");
  context.confirm();
  const Json story = ask({{"verb", "show"}, {"id", "fare-1"}});
  BOOST_TEST(story["status"] == "completed");
  const auto& history = story["history"];
  const auto by_ada =
      std::find_if(history.begin(), history.end(), [](const Json& entry) { return entry.value("by", "") == "ada"; });
  BOOST_REQUIRE(by_ada != history.end());
  BOOST_TEST((*by_ada)["what"] == "retried");
  BOOST_TEST((*by_ada)["note"] == "the ledger is back");
}

BOOST_AUTO_TEST_CASE(a_stop_compensates_or_is_refused_unless_forced) {
  charged("fare-1");
  ask({{"verb", "stop"}, {"id", "fare-1"}});
  BOOST_TEST(last.sent.at(0).first == "refund");
  BOOST_TEST(ask({{"verb", "stop"}, {"id", "fare-1"}})["error"] == "not_caught");
  BOOST_TEST(status("fare-1") == "running");
  BOOST_TEST(ask({{"verb", "stop"}, {"id", "fare-1"}, {"force", true}})["status"] == "failed");
  BOOST_TEST(ask({{"verb", "retry"}, {"id", "fare-1"}})["error"] == "saga_ended");
  BOOST_TEST(ask({{"verb", "retry"}, {"id", "nobody"}})["error"] == "no_such_saga");
  BOOST_TEST(ask({{"verb", "dance"}})["error"] == "malformed_request");
}

BOOST_AUTO_TEST_CASE(after_the_pivot_a_stop_is_refused_unless_forced) {
  definition.insert(1, R"("Pivot": "Charge", )");
  restart();
  charged("fare-1");
  BOOST_TEST(ask({{"verb", "stop"}, {"id", "fare-1"}})["error"] == "passed_pivot");
  BOOST_TEST(status("fare-1") == "running");
  BOOST_TEST(ask({{"verb", "stop"}, {"id", "fare-1"}, {"force", true}})["status"] == "failed");
}

BOOST_AUTO_TEST_CASE(a_late_failure_of_an_earlier_attempt_says_nothing_of_the_present_one) {
  start("fare-1");
  const Message first = asked("charge");
  fail(first, "Busy");
  advance(1s);
  fail(first, "Declined");
  BOOST_TEST(last.sent.empty());
  BOOST_TEST(status("fare-1") == "running");
  succeed(first);  // a success does: all attempts have one key
  asked("credit");
}

BOOST_AUTO_TEST_CASE(a_task_over_a_request_channel_is_answered_where_it_was_asked) {
  context.sending_ports.erase("charge");
  start("fare-1");
  BOOST_TEST(last.sent.empty());
  BOOST_REQUIRE_EQUAL(context.asked.size(), 1U);
  restart();  // the answer to an earlier life is lost: it is asked again with the same key
  BOOST_REQUIRE_EQUAL(context.asked.size(), 1U);
  BOOST_TEST(context.asked.at(0).message.attributes.at("idempotency-key").value == "fare-1/1");
  Message answer;
  answer.body = R"({"chargeId": "ch_1"})";
  answer.datacontenttype = "application/json";
  context.asked.at(0).handler(answer);
  BOOST_TEST(context.sent.at(0).message.type == "credit");
  context.confirm();

  start("fare-2");
  context.asked.at(1).handler(remuda::fail("rejected", "no"));
  BOOST_TEST(status("fare-2") == "failed");
}

BOOST_AUTO_TEST_CASE(sagas_that_are_not_in_memory_are_read_when_something_happens_to_them) {
  values.emplace_back("cache", "1");
  restart();
  const Message first = charged("fare-1");
  const Message second = charged("fare-2");
  fail(first, "Refused");
  asked("refund");
  succeed(second);
  BOOST_TEST(context.sent.at(0).message.correlation_id == "fare-2");
  BOOST_TEST(status("fare-1") == "running");
}

BOOST_AUTO_TEST_CASE(what_happens_in_one_batch_is_one_transaction) {
  values.emplace_back("cache", "1");
  restart();
  const Message first = start_message("fare-1");
  receive("start", first, 1, false);
  const Message charge = asked("charge");
  receive("start", start_message("fare-2"), 1, false);
  BOOST_TEST((receive("start", start_message("fare-1", "21"), 1, false) == Outcome::Kind::reject));
  receive("replies", reply_to(charge, "{}"), 1, false);
  asked("credit");
  restart();
  BOOST_TEST(status("fare-1") == "none");
  BOOST_TEST(status("fare-2") == "none");

  receive("start", first, 2, false);
  receive("start", start_message("fare-2"), 2, false);
  receive("replies", reply_to(charge, "{}"), 2, false);
  BOOST_TEST(ask({{"verb", "ls"}})["counts"]["running"] == 2);  // and it is committed
  restart();
  const Json history = ask({{"verb", "show"}, {"id", "fare-1"}})["history"];
  BOOST_TEST(history.front()["what"] == "started");
  BOOST_TEST(history.back()["task"] == "task:credit");
  succeed(charge);
  BOOST_TEST(last.sent.empty());
}

BOOST_AUTO_TEST_CASE(a_task_that_is_tried_very_often_makes_its_saga_stuck_and_is_still_tried) {
  values.emplace_back("stuck_after", "1");
  restart();
  start("fare-1");
  fail(asked("charge"), "Busy");
  BOOST_TEST(status("fare-1") == "running");
  advance(1s);
  BOOST_TEST(status("fare-1") == "stuck");
  BOOST_TEST(ask({{"verb", "ls"}})["sagas"][0]["error"] == "Busy: because");
  succeed(context.sent.at(0).message);
  BOOST_TEST(status("fare-1") == "running");
}

BOOST_AUTO_TEST_CASE(answers_that_belong_to_nothing_change_nothing) {
  Message reply;
  reply.id = "r";
  reply.correlation_id = "nobody/1#1";
  BOOST_TEST((receive("replies", reply) == Outcome::Kind::done));
  BOOST_TEST(context.counts["foreign_replies"] == 1);
  reply.correlation_id = "nonsense";
  BOOST_TEST((receive("replies", reply) == Outcome::Kind::reject));
}

BOOST_AUTO_TEST_CASE(ended_sagas_are_forgotten_in_time) {
  values.emplace_back("keep_ended", "\"1h\"");
  restart();
  start("fare-1");
  fail(asked("charge"), "Declined");
  context.manual_clock.advance(59min);
  for (int i = 0; i < 50; ++i) context.run_timers();
  BOOST_TEST(status("fare-1") == "failed");
  context.manual_clock.advance(2min);
  for (int i = 0; i < 50; ++i) context.run_timers();
  restart();
  BOOST_TEST(status("fare-1") == "none");
}

BOOST_AUTO_TEST_CASE(a_definition_that_is_wrong_or_has_no_port_refuses_to_start) {
  definition = R"({"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:lambda", "End": true}}})";
  BOOST_CHECK_THROW(restart(), std::invalid_argument);
  definition = R"({"StartAt": "B", "States": {"A": {"Type": "Succeed"}}})";
  BOOST_CHECK_THROW(restart(), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
