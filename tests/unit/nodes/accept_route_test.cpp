// Routes of the gateway that accept: from a request to a message on a channel, with nobody behind it that answers.

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "common/http/task.hpp"
#include "nodes/gateway/gateway.hpp"
#include "tests/unit/nodes/fake_context.hpp"

using namespace remuda;
using namespace std::chrono_literals;

namespace {

Result<AcceptRoute> route_from(const char* json) {
  return AcceptRoute::from_json(nlohmann::json::parse(json));
}

struct AcceptFixture {
  AcceptRoute route = *route_from(
      R"({"send": "submissions", "task": "/prebookings/{id}", "type": "prebooking.submit", "eta": "3s", "required": ["customer", "when"]})");
  Message request;
  AcceptFixture() {
    request.id = "key-1";
    request.time_ms = 7;
    request.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    request.body = R"({"customer": "ada", "when": "tonight", "colour": "red"})";
  }
};

/// Starts a gateway with these routes; the refusal's text, or nothing.
std::string refusal_of(const std::string& routes, std::set<std::string, std::less<>> sending_ports) {
  Gateway gateway;
  FakeContext context;
  context.sending_ports = std::move(sending_ports);
  context.values = *Parameters::make(gateway.describe().parameters, {{"listen", "127.0.0.1:0"}, {"routes", routes}});
  try {
    gateway.start(context);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  gateway.stop();
  return {};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(accept_routes, AcceptFixture)

BOOST_AUTO_TEST_CASE(the_body_travels_as_it_came_under_the_tasks_id) {
  const auto message = route.accept(request, "gateway");
  BOOST_REQUIRE(message.ok());
  BOOST_TEST(message->id == http::task_id("key-1"));
  BOOST_TEST(message->body == request.body);
  BOOST_TEST(message->type == "prebooking.submit");
  BOOST_TEST(message->source == "gateway");
  BOOST_TEST(message->datacontenttype == "application/json");
  BOOST_TEST(message->traceparent == request.traceparent);
  BOOST_TEST(message->time_ms == 7);
}

BOOST_AUTO_TEST_CASE(the_client_gets_a_task_to_ask_for) {
  const auto response = route.answer("7");
  BOOST_TEST(response.status == 202);
  BOOST_TEST(response.body == R"({"id":"7","links":{"refresh":"/prebookings/7"},"status":"running","eta":3})");
  BOOST_TEST(response.fields.at(0).first == "Location");
  BOOST_TEST(response.fields.at(0).second == "/prebookings/7");
}

BOOST_AUTO_TEST_CASE(what_is_no_object_or_lacks_a_field_is_refused_and_every_field_named) {
  for (const auto* body : {"", "[]", "7", "{"}) {
    request.body = body;
    BOOST_TEST(route.accept(request, "gateway").error().status == 400);
  }
  request.body = R"({"customer": "  "})";
  const auto refused = route.accept(request, "gateway");
  BOOST_TEST(refused.error().errors == (std::vector<http::FieldError>{{"customer", "must not be empty"}, {"when", "is missing"}}));
}

BOOST_AUTO_TEST_CASE(a_route_that_accepts_is_checked_at_the_start) {
  BOOST_TEST(route_from("7").error().message.starts_with("must name a port"));
  BOOST_TEST(route_from(R"({"task": "/p/{id}"})").error().message.starts_with("does not say where to"));
  BOOST_TEST(route_from(R"({"send": "a"})").error().message.starts_with("does not say where its task"));
  BOOST_TEST(route_from(R"({"send": "a", "task": "/p"})").error().message.starts_with("does not say where its task"));
  BOOST_TEST(route_from(R"({"send": "a", "task": "/p/{id}", "eta": "soon"})").error().message.starts_with("has an 'eta'"));
  BOOST_TEST(route_from(R"({"send": "a", "task": "/p/{id}", "sned": "a"})").error().message.starts_with("has no key 'sned'"));
  BOOST_TEST(refusal_of(R"({ "POST /p" = "a" })", {}) == "");
  BOOST_TEST(refusal_of(R"({ "POST /p" = "a" })", {"a"}).find("needs a request channel") != std::string::npos);
  BOOST_TEST(refusal_of(R"({ "POST /p" = { send = "a", task = "/p/{id}" } })", {"a"}) == "");
  BOOST_TEST(refusal_of(R"({ "POST /p" = { send = "a", task = "/p/{id}" } })", {}).find("must not be wired to a request") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
