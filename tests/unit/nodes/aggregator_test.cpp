// Aggregator: when an aggregate is closed, what is made of it, and what it stands: late, repeated and foreign
// answers, and restarts.

#include <boost/test/unit_test.hpp>

#include <nlohmann/json.hpp>

#include "nodes/aggregator/aggregator.hpp"
#include "tests/unit/nodes/fake_context.hpp"
#include "tests/unit/nodes/temporary_folder.hpp"

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;

namespace {

struct GatherFixture {
  TemporaryFolder folder;
  FakeContext context;
  std::unique_ptr<remuda::Aggregator> node;
  std::vector<std::pair<std::string, std::string>> values;
  int messages = 0;

  void start(std::vector<std::pair<std::string, std::string>> given) {
    values = std::move(given);
    restart();
  }
  /// As after kill -9: what was not committed is gone.
  void restart() {
    node.reset();
    context.timers.clear();
    context.sent.clear();
    context.folder = folder.path;
    node = std::make_unique<remuda::Aggregator>();
    context.values = *remuda::Parameters::make(node->describe().parameters, values);
    node->start(context);
  }
  void receive(const std::string& port, const std::string& id, const std::string& source, const std::string& body,
               const std::string& type = "quote") {
    remuda::Message message;
    message.id = "message-" + std::to_string(++messages);
    message.correlation_id = id;
    message.source = source;
    message.type = type;
    message.body = body;
    FakeOutbox out;
    BOOST_TEST((node->on_message(port, message, out).kind() == remuda::Outcome::Kind::done));
    node->commit();
  }
  void open(const std::string& id) { receive("requests", id, "intake", R"({"to": "Bonn"})"); }
  void answer(const std::string& id, const std::string& who, double quote) {
    receive("answers", id, who, Json{{"quote", quote}}.dump());
  }
  void advance(std::chrono::milliseconds by) {
    context.manual_clock.advance(by);
    context.run_timers();
  }
  /// The results published so far, each once.
  std::vector<Json> results() {
    std::vector<Json> all;
    for (const auto& sent : context.sent) all.push_back(Json::parse(sent.message.body));
    return all;
  }
};

using Values = std::vector<std::pair<std::string, std::string>>;
const Values three{{"expected", "3"}, {"combine", R"(["best", "condense", "collect"])"}, {"value", "\"quote\""}};

Values with(Values values, const std::string& name, const std::string& value) {
  values.emplace_back(name, value);
  return values;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(aggregator, GatherFixture)

BOOST_AUTO_TEST_CASE(all_answers_close_it_and_are_combined_in_three_ways) {
  start(three);
  open("a");
  answer("a", "x", 30);
  answer("a", "y", 10);
  BOOST_TEST(results().empty());
  answer("a", "z", 10);
  BOOST_REQUIRE(results().size() == 1U);
  const Json result = results().front();
  BOOST_TEST(result["reason"] == "complete");
  BOOST_TEST(result["request"]["to"] == "Bonn");
  BOOST_TEST(result["best"]["responder"] == "y");  // of equal ones the earlier
  BOOST_TEST(result["summary"].dump() == R"({"count":3,"sum":50.0,"mean":16.666666666666668})");
  BOOST_TEST(result["answers"].size() == 3U);
  BOOST_TEST(result["missing"] == 0);
}

BOOST_AUTO_TEST_CASE(the_timeout_closes_what_misses_an_answer_and_not_earlier) {
  start(three);
  open("a");
  answer("a", "x", 30);
  advance(10s - 1ms);
  BOOST_TEST(results().empty());
  advance(1ms);
  BOOST_REQUIRE(results().size() == 1U);
  BOOST_TEST(results().front()["reason"] == "timeout");
  BOOST_TEST(results().front()["missing"] == 2);
}

BOOST_AUTO_TEST_CASE(with_completeness_timeout_nothing_closes_it_earlier) {
  start(with(three, "complete", "\"timeout\""));
  open("a");
  for (const auto* who : {"x", "y", "z"}) answer("a", who, 1);
  BOOST_TEST(results().empty());
  advance(10s);
  BOOST_REQUIRE(results().size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_first_acceptable_answer_closes_it) {
  start(with(with(three, "complete", "\"first\""), "acceptable", R"({ quote = [{ numeric = ["<", 20] }] })"));
  open("a");
  answer("a", "x", 30);
  BOOST_TEST(results().empty());
  answer("a", "y", 19);
  BOOST_REQUIRE(results().size() == 1U);
  BOOST_TEST(results().front()["best"]["responder"] == "y");
  answer("a", "z", 1);
  BOOST_TEST(results().size() == 1U);
  BOOST_TEST(context.counts["late"] == 1);
}

BOOST_AUTO_TEST_CASE(a_score_overrides_the_timeout) {
  start(with(with(three, "complete", "\"score\""), "acceptable", R"({ quote = [{ numeric = ["<", 20] }] })"));
  open("a");
  open("b");
  answer("a", "x", 30);
  answer("b", "x", 5);
  BOOST_REQUIRE(results().size() == 1U);
  BOOST_TEST(results().front()["id"] == "b");
  advance(10s);
  BOOST_TEST(results().back()["id"] == "a");
}

BOOST_AUTO_TEST_CASE(an_event_from_outside_closes_it) {
  start(with(three, "complete", "\"event\""));
  open("a");
  answer("a", "x", 30);
  receive("close", "a", "operator", "{}");
  BOOST_REQUIRE(results().size() == 1U);
  BOOST_TEST(results().front()["reason"] == "event");
  receive("close", "unknown", "operator", "{}");
  BOOST_TEST(results().size() == 1U);
}

BOOST_AUTO_TEST_CASE(who_declines_is_not_waited_for) {
  start(three);
  open("a");
  answer("a", "x", 30);
  receive("answers", "a", "y", "{}", "quote.declined");
  receive("answers", "a", "z", "{}", "quote.declined");
  BOOST_REQUIRE(results().size() == 1U);
  BOOST_TEST(results().front()["answers"].size() == 1U);
  BOOST_TEST(results().front()["declined"] == 2);
}

BOOST_AUTO_TEST_CASE(late_repeated_and_foreign_answers_are_counted_and_change_nothing) {
  start(three);
  open("a");
  answer("a", "x", 30);
  answer("a", "x", 1);
  answer("strange", "x", 1);
  answer("", "x", 1);
  answer("a", "y", 40);
  answer("a", "z", 50);
  BOOST_TEST(results().front()["best"]["answer"]["quote"] == 30);
  answer("a", "x", 1);
  open("a");  // the request comes again: a closed aggregate stays closed
  advance(1h);
  BOOST_TEST(results().size() == 1U);
  BOOST_TEST(context.counts["duplicate"] == 1);
  BOOST_TEST(context.counts["foreign"] == 2);
  BOOST_TEST(context.counts["late"] == 1);
}

BOOST_AUTO_TEST_CASE(the_last_answer_of_a_responder_may_count_instead) {
  start(with(three, "keep", "\"last\""));
  open("a");
  answer("a", "x", 30);
  answer("a", "x", 1);
  answer("a", "y", 2);
  answer("a", "z", 3);
  BOOST_TEST(results().front()["best"]["answer"]["quote"] == 1);
}

BOOST_AUTO_TEST_CASE(answers_open_an_aggregate_when_configured) {
  start(with(three, "self_starting", "true"));
  for (const auto* who : {"x", "y", "z"}) answer("a", who, 1);
  BOOST_TEST(results().size() == 1U);
}

BOOST_AUTO_TEST_CASE(two_aggregates_never_mix) {
  start(three);
  open("a");
  open("b");
  for (const auto* who : {"x", "y", "z"}) {
    answer("a", who, 1);
    answer("b", who, 2);
  }
  BOOST_TEST(results()[0]["summary"]["sum"] == 3);
  BOOST_TEST(results()[1]["summary"]["sum"] == 6);
}

BOOST_AUTO_TEST_CASE(state_survives_a_restart_and_results_are_sent_until_confirmed) {
  start(three);
  open("a");
  answer("a", "x", 30);
  answer("a", "y", 20);
  restart();
  answer("a", "z", 10);
  BOOST_REQUIRE(results().size() == 1U);
  const auto id = context.sent.front().message.id;
  restart();
  BOOST_REQUIRE(context.sent.size() == 1U);
  BOOST_TEST(context.confirm() == id);
  context.run_timers();
  restart();
  BOOST_TEST(context.sent.empty());
}

BOOST_AUTO_TEST_CASE(closed_aggregates_are_forgotten_after_a_while) {
  start(with(three, "remember", "\"1m\""));
  open("a");
  advance(10s);
  answer("a", "x", 1);
  BOOST_TEST(context.counts["late"] == 1);
  context.manual_clock.advance(2min);
  for (int i = 0; i < 200; ++i) context.run_timers();
  answer("a", "x", 1);
  BOOST_TEST(context.counts["foreign"] == 1);
}

BOOST_AUTO_TEST_CASE(wrong_settings_are_refused_at_the_start) {
  BOOST_CHECK_THROW(start({}), std::invalid_argument);  // wait for all: how many?
  BOOST_CHECK_THROW(start({{"complete", "\"never\""}}), std::invalid_argument);
  BOOST_CHECK_THROW(start({{"expected", "3"}, {"timeout", "\"0s\""}}), std::invalid_argument);
  BOOST_CHECK_THROW(start({{"expected", "3"}, {"combine", R"(["best"])"}}), std::invalid_argument);
  BOOST_CHECK_THROW(start({{"expected", "3"}, {"combine", R"(["worst"])"}}), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
