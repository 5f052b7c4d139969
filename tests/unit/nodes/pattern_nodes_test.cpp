// Content router, schema validator, splitter and transform: what comes in, and what goes where.

#include <boost/test/unit_test.hpp>

#include <nlohmann/json.hpp>

#include "nodes/content_router/content_router.hpp"
#include "nodes/schema_validator/schema_validator.hpp"
#include "nodes/splitter/splitter.hpp"
#include "nodes/transform/transform.hpp"
#include "tests/unit/nodes/fake_context.hpp"

using Json = nlohmann::ordered_json;
using remuda::Message;
using Kind = remuda::Outcome::Kind;

namespace {

template <class Node>
struct NodeFixture {
  FakeContext context;
  Node node;
  std::vector<std::pair<std::string, Message>> sent;

  void start(const std::vector<std::pair<std::string, std::string>>& values) {
    auto made = remuda::Parameters::make(node.describe().parameters, values);
    BOOST_REQUIRE_MESSAGE(made.ok(), (made.ok() ? "" : made.error().message));
    context.values = *made;
    node.start(context);
  }
  static Message message(const std::string& type, const std::string& body) {
    Message message;
    message.id = "ride-1";
    message.source = "rides";
    message.type = type;
    message.body = body;
    return message;
  }
  remuda::Outcome receive(const Message& message) {
    FakeOutbox out;
    auto outcome = node.on_message("in", message, out);
    sent = out.sent;
    return outcome;
  }
  std::vector<std::string> ports() const {
    std::vector<std::string> ports;
    for (const auto& each : sent) ports.push_back(each.first);
    return ports;
  }
};

using Ports = std::vector<std::string>;
using RouterFixture = NodeFixture<remuda::ContentRouter>;
using ValidatorFixture = NodeFixture<remuda::SchemaValidator>;
using SplitterFixture = NodeFixture<remuda::Splitter>;
using TransformFixture = NodeFixture<remuda::Transform>;

}  // namespace

BOOST_AUTO_TEST_SUITE(pattern_nodes)

BOOST_FIXTURE_TEST_CASE(an_event_goes_to_the_targets_of_every_rule_that_wants_it, RouterFixture) {
  start(
      {{"rules",
        R"({ dear = { pattern = { detail = { fare = [{ numeric = [">=", 50] }] } }, to = ["billing", "alarms"] },)"
        R"( rides = { pattern = { source = ["rides"], detail-type = [{ prefix = "ride." }] }, to = ["billing", "archive"] } })"}});
  const auto dear = message("ride.completed", R"({"fare": 60})");
  BOOST_TEST((receive(dear).kind() == Kind::done));
  BOOST_TEST(ports() == (Ports{"billing", "alarms", "archive"}));  // billing once, though two rules say so
  BOOST_TEST(sent.front().second == dear);
  (void)receive(message("ride.completed", R"({"fare": 5})"));
  BOOST_TEST(ports() == (Ports{"billing", "archive"}));
  (void)receive(message("bike.completed", R"({"fare": 5})"));
  BOOST_TEST(ports() == Ports{"other"});
  BOOST_TEST(context.counts["unmatched"] == 1);
  BOOST_TEST((receive(message("x", "no JSON")).kind() == Kind::reject));
}

BOOST_FIXTURE_TEST_CASE(a_rule_may_hand_on_a_part_a_constant_or_a_text, RouterFixture) {
  start(
      {{"rules",
        R"({ a = { pattern = { source = ["rides"] }, to = ["a"], input = { part = "detail.fare" } },)"
        R"( b = { pattern = { source = ["rides"] }, to = ["b"], input = { constant = { alarm = true } } },)"
        R"( c = { pattern = { source = ["rides"] }, to = ["c"], input = { template = "<detail.customer> pays <detail.fare>!" } } })"}});
  (void)receive(message("ride.completed", R"({"fare": 60, "customer": "cmr"})"));
  BOOST_REQUIRE(sent.size() == 3U);
  BOOST_TEST(sent[0].second.body == "60");
  BOOST_TEST(sent[1].second.body == R"({"alarm":true})");
  BOOST_TEST(sent[2].second.body == "cmr pays 60!");
  BOOST_TEST(sent[2].second.correlation_id == "ride-1");
}

BOOST_FIXTURE_TEST_CASE(wrong_rules_are_refused_at_the_start, RouterFixture) {
  for (const auto* rule :
       {R"({ to = ["a"] })", R"({ pattern = {}, to = ["a"] })", R"({ pattern = { a = [1] }, to = "a" })",
        R"({ pattern = { a = [1] }, to = ["a"], input = { piece = "x" } })", R"({ pattern = { a = [1] }, to = [], priority = 1 })"})
    BOOST_CHECK_THROW(start({{"rules", std::string{"{ r = "} + rule + " }"}}), std::invalid_argument);
}

BOOST_FIXTURE_TEST_CASE(what_is_right_passes_and_what_is_not_stays_visible_with_the_reason, ValidatorFixture) {
  start(
      {{"schemas",
        R"({ "ride.completed" = { type = "object", required = ["fare"], properties = { fare = { type = "number", minimum = 0 } } } })"},
       {"size_max", "\"1KiB\""}});
  const auto refusal = [&](const Message& message) {
    BOOST_TEST((receive(message).kind() == Kind::done));
    BOOST_REQUIRE(sent.size() == 1U);
    return sent.front().first == "refused" ? sent.front().second.attributes.at("refusal").value : std::string{};
  };
  BOOST_TEST(refusal(message("ride.completed", R"({"fare": 60})")) == "");
  BOOST_TEST(sent.front().second == message("ride.completed", R"({"fare": 60})"));
  BOOST_TEST(refusal(message("ride.completed", "{}")).find("fare") != std::string::npos);
  BOOST_TEST(refusal(message("ride.completed", R"({"fare": -1})")) != "");
  BOOST_TEST(refusal(message("ride.completed", "<ride/>")) == "the body is neither JSON nor msgpack");
  BOOST_TEST(refusal(message("bike.completed", "{}")).find("no schema") != std::string::npos);
  BOOST_TEST(refusal(message("", "{}")) == "header 'type' is missing");
  BOOST_TEST(refusal(message("ride.completed", R"({"fare": 1, "note": ")" + std::string(1024, 'x') + "\"}")).find("1024") !=
             std::string::npos);
  BOOST_TEST(context.counts["refused"] == 6);
}

BOOST_FIXTURE_TEST_CASE(wrong_schemas_are_refused_at_the_start, ValidatorFixture) {
  BOOST_CHECK_THROW(start({{"schemas", R"({ x = { type = "ride" } })"}}), std::invalid_argument);
  BOOST_CHECK_THROW(start({{"headers", R"(["colour"])"}}), std::invalid_argument);
}

BOOST_FIXTURE_TEST_CASE(a_list_becomes_a_message_for_each_element, SplitterFixture) {
  start({{"list", "\"stops\""}});
  (void)receive(message("tour", R"({"stops": ["Bonn", {"city": "Mainz"}]})"));
  BOOST_REQUIRE(sent.size() == 2U);
  BOOST_TEST(sent[1].second.body == R"({"city":"Mainz"})");
  BOOST_TEST(sent[1].second.correlation_id == "ride-1");
  BOOST_TEST(sent[1].second.attributes.at("part").value == "1");
  BOOST_TEST(sent[1].second.attributes.at("parts").value == "2");
  BOOST_TEST((receive(message("tour", "{}")).kind() == Kind::reject));
}

BOOST_FIXTURE_TEST_CASE(a_filter_of_a_pipeline_keeps_renames_sets_and_drops, TransformFixture) {
  start({{"where", R"({ fare = [{ numeric = [">=", 50] }] })"},
         {"keep", R"(["fare", "customer"])"},
         {"rename", R"({ fare = "amount" })"},
         {"set", R"({ currency = "EUR" })"}});
  (void)receive(message("ride.completed", R"({"fare": 60, "customer": "cmr", "to": "Bonn"})"));
  BOOST_REQUIRE(sent.size() == 1U);
  BOOST_TEST(sent[0].second.body == R"({"amount":60,"customer":"cmr","currency":"EUR"})");
  (void)receive(message("ride.completed", R"({"fare": 6})"));
  BOOST_TEST(sent.empty());
  BOOST_TEST(context.counts["dropped"] == 1);
}

BOOST_AUTO_TEST_SUITE_END()
