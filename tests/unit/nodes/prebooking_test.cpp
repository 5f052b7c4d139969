// Prebookings: accepted at once or later, each made once, and readable from the moment its task is known.

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "common/http/http_messages.hpp"
#include "common/http/task.hpp"
#include "nodes/prebooking_preprocessor/prebooking_preprocessor.hpp"
#include "nodes/prebooking_processor/prebooking_processor.hpp"
#include "tests/unit/nodes/fake_context.hpp"
#include "tests/unit/nodes/temporary_folder.hpp"

using namespace remuda::rides;
using remuda::Message;
using remuda::Outcome;
namespace http = remuda::http;

namespace {

const std::string ada = R"({"customer":"ada","from":"Berlin","to":"Potsdam","when":"2026-12-24T18:00:00Z"})";

Message request(const std::string& id, const std::string& body, const std::string& method = "POST") {
  Message message;
  message.id = id;
  message.type = http::request_type;
  message.datacontenttype = "application/json";
  message.attributes["http-method"] = {"String", method};
  message.body = body;
  return message;
}

template <class Node>
struct NodeFixture {
  TemporaryFolder folder;
  FakeContext context;
  Node node;
  FakeOutbox out;

  NodeFixture() { context.folder = folder.path; }
  void start(const std::vector<std::pair<std::string, std::string>>& parameters = {}) {
    context.values = *remuda::Parameters::make(node.describe().parameters, parameters);
    node.start(context);
  }
  Outcome::Kind handle(const std::string& port, const Message& message) {
    out.sent.clear();
    out.replies.clear();
    return node.on_message(port, message, out).kind();
  }
  [[nodiscard]] int status() const { return http::response_of(out.replies.at(0)).status; }
  [[nodiscard]] nlohmann::json answer() const { return nlohmann::json::parse(out.replies.at(0).body); }
};

struct ProcessorFixture : NodeFixture<PrebookingProcessor> {
  void ask(const std::string& id) {
    auto question = request("q", "", "GET");
    question.attributes["path.id"] = {"String", id};
    BOOST_TEST((handle("query", question) == Outcome::Kind::done));
  }
  static Message booked(const std::string& id) {
    auto booking = *read_prebooking(ada);
    booking.id = id;
    return prebooking_submitted(booking, "test");
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(prebookings)

BOOST_AUTO_TEST_CASE(a_prebooking_survives_its_way_as_an_event) {
  auto booking = *read_prebooking(ada);
  booking.id = "7";
  BOOST_TEST((*prebooking_of(prebooking_submitted(booking, "test")) == booking));
  Message as_json = request("7", ada);
  BOOST_TEST((*prebooking_of(as_json) == booking));
}

BOOST_AUTO_TEST_CASE(every_wrong_field_is_named) {
  for (const auto* body : {"", "[]", "\x81"}) BOOST_TEST(read_prebooking(body).error().status == 400);
  const auto refused = read_prebooking(R"({"customer": 7, "from": " ", "to": "a\u0000b"})");
  BOOST_TEST(refused.error().errors == (std::vector<http::FieldError>{{"customer", "must be text"},
                                                                      {"from", "must not be empty"},
                                                                      {"to", "must be UTF-8 text without control characters"},
                                                                      {"when", "is missing"}}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(prebooking_preprocessor, NodeFixture<PrebookingPreprocessor>)

BOOST_AUTO_TEST_CASE(who_asks_gets_a_task_and_the_event_has_its_id) {
  start({{"eta", "9s"}});
  BOOST_TEST((handle("submit", request("key-1", ada)) == Outcome::Kind::done));
  const auto id = http::task_id("key-1");
  BOOST_TEST(status() == 202);
  BOOST_TEST(answer() ==
             (nlohmann::json{{"id", id}, {"links", {{"refresh", "/prebookings/" + id}}}, {"status", "running"}, {"eta", 9}}));
  BOOST_REQUIRE_EQUAL(out.sent.size(), 1U);
  BOOST_TEST(out.sent[0].first == "bookings");
  BOOST_TEST(out.sent[0].second.id == id);
}

BOOST_AUTO_TEST_CASE(from_a_queue_nobody_is_answered_and_the_task_is_the_messages) {
  start();
  const auto id = remuda::new_message_id();
  BOOST_TEST((handle("submissions", request(id, ada)) == Outcome::Kind::done));
  BOOST_TEST(out.replies.empty());
  BOOST_TEST(out.sent.at(0).second.id == id);
}

BOOST_AUTO_TEST_CASE(a_wrong_submission_is_answered_or_dead_lettered_and_goes_no_further) {
  start();
  BOOST_TEST((handle("submit", request("key-1", "{}")) == Outcome::Kind::done));
  BOOST_TEST(status() == 400);
  BOOST_TEST(out.sent.empty());
  BOOST_TEST((handle("submissions", request("key-1", "{}")) == Outcome::Kind::reject));
  BOOST_TEST(out.sent.empty());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(prebooking_processor, ProcessorFixture)

BOOST_AUTO_TEST_CASE(at_once_the_client_gets_its_prebooking) {
  start();
  BOOST_TEST((handle("submit", request("key-1", ada)) == Outcome::Kind::done));
  BOOST_TEST(status() == 201);
  const std::string id = answer()["id"];
  BOOST_TEST(out.replies[0].attributes.at("location").value == "/prebookings/" + id);
  ask(id);
  BOOST_TEST(status() == 200);
  BOOST_TEST(answer()["status"] == "done");
  BOOST_TEST(answer()["customer"] == "ada");
}

BOOST_AUTO_TEST_CASE(making_one_takes_its_time_and_making_it_again_none) {
  start({{"work", "5ms"}});
  const auto began = context.clock().now();
  handle("bookings", booked("7"));
  BOOST_TEST((context.clock().now() - began == std::chrono::milliseconds{5}));
  handle("bookings", booked("7"));
  BOOST_TEST((context.clock().now() - began == std::chrono::milliseconds{5}));
}

BOOST_AUTO_TEST_CASE(the_same_key_is_the_same_prebooking_and_must_be) {
  start();
  handle("submit", request("key-1", ada));
  const auto first = answer();
  handle("submit", request("key-1", ada));
  BOOST_TEST(answer() == first);
  handle("submit", request("key-1", R"({"customer":"bob","from":"Berlin","to":"Potsdam","when":"now"})"));
  BOOST_TEST(status() == 422);
}

BOOST_AUTO_TEST_CASE(an_event_is_made_a_prebooking_once_however_often_it_comes) {
  start();
  const auto id = http::task_id("key-1");
  BOOST_TEST((handle("bookings", booked(id)) == Outcome::Kind::done));
  BOOST_TEST((handle("bookings", booked(id)) == Outcome::Kind::done));
  node.commit();
  auto question = request("q", "", "GET");
  question.attributes["http-query"] = {"String", "totals=1"};
  handle("query", question);
  BOOST_TEST(answer()["prebookings"] == 1);
  BOOST_TEST(answer()["repeated"] == 1);
  BOOST_TEST((handle("bookings", request("7", "{}")) == Outcome::Kind::reject));
}

BOOST_AUTO_TEST_CASE(one_that_is_on_its_way_is_running_and_one_that_nobody_submitted_is_not_found) {
  start();
  ask(http::task_id("key-1"));
  BOOST_TEST(status() == 200);
  BOOST_TEST(answer()["status"] == "running");
  BOOST_TEST(answer()["eta"] == 5);
  BOOST_TEST(!answer().contains("customer"));
  handle("bookings", booked(http::task_id("key-1")));
  ask(http::task_id("key-1"));
  BOOST_TEST(answer()["status"] == "done");
  BOOST_TEST(!answer().contains("eta"));
  for (const auto* stranger : {"7", "", "3f2504e0-4f89-41d3-9a0c-0305e82c3301"}) {
    ask(stranger);
    BOOST_TEST(status() == 404);
  }
}

BOOST_AUTO_TEST_SUITE_END()
