// The processor: a ride that got a 201 is stored and will be heard of; one that did not is nowhere.

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/http/http_messages.hpp"
#include "nodes/completed_rides/completed_rides.hpp"
#include "tests/unit/nodes/fake_context.hpp"
#include "tests/unit/nodes/temporary_folder.hpp"

using namespace remuda::rides;
namespace http = remuda::http;

namespace {

struct ProcessorFixture {
  TemporaryFolder folder;
  std::optional<FakeContext> context;
  std::optional<CompletedRides> node;

  ProcessorFixture() { start(); }
  void start(const std::vector<std::pair<std::string, std::string>>& parameters = {}) {
    node.reset();
    context.emplace();
    context->folder = folder.path;
    context->name = "completed-rides";
    node.emplace();
    context->values = *remuda::Parameters::make(node->describe().parameters, parameters);
    node->start(*context);
  }
  std::vector<std::pair<std::string, remuda::Message>> told;  ///< by the last request, to be taken before it is answered

  remuda::Message handle(const remuda::Message& request) {
    FakeOutbox out;
    const auto outcome = node->on_message("submit", request, out);
    BOOST_REQUIRE((outcome.kind() == remuda::Outcome::Kind::done));
    BOOST_REQUIRE_EQUAL(out.replies.size(), 1U);
    told = std::move(out.sent);
    return out.replies.front();
  }
  static remuda::Message request(std::string method, std::string id, std::string body) {
    remuda::Message message;
    message.id = std::move(id);
    message.type = http::request_type;
    message.datacontenttype = "application/json";
    message.attributes["http-method"] = {"String", std::move(method)};
    message.body = std::move(body);
    return message;
  }
  static std::string ride(const std::string& fare = "256.50") {
    return R"({"customer":"cmr","from":"Berlin","to":"Frankfurt","distance":600,"duration":420,"fare":)" + fare + "}";
  }
  remuda::Message submit(const std::string& key, const std::string& body) { return handle(request("POST", key, body)); }
  remuda::Message get(const std::string& id) {
    auto message = request("GET", "get", "");
    message.attributes["path.id"] = {"String", id};
    return handle(message);
  }
  static int status(const remuda::Message& reply) { return http::response_of(reply).status; }
  static nlohmann::json body(const remuda::Message& reply) { return nlohmann::json::parse(reply.body); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(completed_rides, ProcessorFixture)

BOOST_AUTO_TEST_CASE(with_answer_heard_each_try_of_a_client_tells_everybody_before_it_is_answered) {
  start({{"answer", "heard"}});
  const auto first = submit("key-1", ride());
  node->commit();
  BOOST_REQUIRE_EQUAL(told.size(), 1U);
  BOOST_TEST(told[0].first == "completed");
  BOOST_TEST(told[0].second.id == std::string{body(first)["id"]});
  BOOST_TEST(context->sent.empty());  // nothing is left to the outbox
  const auto event = told[0].second;
  BOOST_TEST(submit("key-1", ride()).body == first.body);
  BOOST_REQUIRE_EQUAL(told.size(), 1U);
  BOOST_TEST(told[0].second == event);
}

BOOST_AUTO_TEST_CASE(answer_is_stored_or_heard) {
  BOOST_CHECK_THROW(start({{"answer", "perhaps"}}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_submitted_ride_is_answered_stored_and_published) {
  const auto reply = submit("key-1", ride());
  BOOST_TEST(context->sent.empty());
  node->commit();
  BOOST_TEST(status(reply) == 201);
  const std::string id = body(reply)["id"];
  BOOST_TEST(reply.attributes.at("location").value == "/rides/" + id);
  BOOST_TEST(status(get(id)) == 200);
  BOOST_TEST(get(id).body == reply.body);
  BOOST_REQUIRE_EQUAL(context->sent.size(), 1U);
  BOOST_TEST(context->sent[0].port == "completed");
  BOOST_TEST(context->sent[0].message.id == id);
  BOOST_TEST(ride_of(context->sent[0].message)->fare.text() == "256.50");
}

BOOST_AUTO_TEST_CASE(a_wrong_ride_is_answered_with_every_wrong_field_and_leaves_nothing) {
  const auto reply = submit("key-1", R"({"customer":"cmr","fare":-1})");
  node->commit();
  BOOST_TEST(status(reply) == 400);
  BOOST_TEST(body(reply)["errors"].size() == 5U);
  BOOST_TEST(context->sent.empty());
  BOOST_TEST(status(submit("key-2", "not JSON")) == 400);
}

BOOST_AUTO_TEST_CASE(a_repeated_request_is_the_same_ride) {
  const auto first = submit("key-1", ride());
  BOOST_TEST(submit("key-1", ride()).body == first.body);
  node->commit();
  start();
  BOOST_TEST(submit("key-1", ride("256.5")).body == first.body);
  node->commit();
  BOOST_TEST(context->sent.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_key_belongs_to_one_ride) {
  submit("key-1", ride());
  BOOST_TEST(status(submit("key-1", ride("1.00"))) == 422);
}

BOOST_AUTO_TEST_CASE(a_ride_without_a_commit_is_nowhere) {
  const auto reply = submit("key-1", ride());
  start();
  BOOST_TEST(status(get(body(reply)["id"])) == 404);
  BOOST_TEST(context->sent.empty());
}

BOOST_AUTO_TEST_CASE(an_event_that_was_not_confirmed_is_published_again_after_a_restart) {
  const auto reply = submit("key-1", ride());
  node->commit();
  start();
  BOOST_REQUIRE_EQUAL(context->sent.size(), 1U);
  BOOST_TEST(context->sent[0].message.id == std::string{body(reply)["id"]});
}

BOOST_AUTO_TEST_CASE(rides_are_taken_while_the_broker_is_away) {
  for (int i = 0; i < 3'000; ++i) {
    BOOST_REQUIRE_EQUAL(status(submit("key-" + std::to_string(i), ride())), 201);
    if (i % 100 == 99) node->commit();
  }
  BOOST_TEST(context->sent.size() == OutboxRelay::in_flight_max);
  std::size_t published = 0;
  for (; !context->sent.empty(); ++published) context->confirm();
  BOOST_TEST(published == 3'000U);
}

BOOST_AUTO_TEST_CASE(rides_come_and_are_asked_for_outside_http_too) {
  remuda::Message message;
  message.id = "call-1";
  message.type = "ride.submit";
  message.datacontenttype = "application/json";
  message.body = ride();
  const auto reply = handle(message);
  BOOST_TEST(status(reply) == 201);
  message.type = "ride.get";
  message.body = R"({"id":")" + std::string{body(reply)["id"]} + R"("})";
  BOOST_TEST(handle(message).body == reply.body);
}

BOOST_AUTO_TEST_SUITE_END()
