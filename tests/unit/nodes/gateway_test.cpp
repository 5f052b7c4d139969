// The gateway decides what travels and what it answers itself.

#include <boost/test/unit_test.hpp>

#include "common/http/http_messages.hpp"
#include "nodes/gateway/gateway.hpp"
#include "tests/unit/nodes/fake_context.hpp"

using namespace remuda;

namespace {

struct GatewayRulesFixture {
  http::Router router =
      *http::Router::make({{"POST /submit-ride-completion", "submit"}, {"GET /customers/{customer}/account", "accounting"}});
  http::Request request{"POST", "/submit-ride-completion", {{"Content-Type", "application/json"}}, "{}", true, true};

  int refused() {
    const auto decided = route_request(router, request, 7);
    const auto* refusal = std::get_if<RefusedRequest>(&decided);
    return refusal == nullptr ? 0 : refusal->problem.status;
  }
  Message sent() {
    auto decided = route_request(router, request, 7);
    BOOST_REQUIRE(std::holds_alternative<OutgoingRequest>(decided));
    return std::get<OutgoingRequest>(decided).message;
  }
  void set(std::string name, std::string value) { request.fields = {{std::move(name), std::move(value)}}; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(gateway_rules, GatewayRulesFixture)

BOOST_AUTO_TEST_CASE(a_request_travels_with_all_that_a_node_needs) {
  request.method = "HEAD";
  request.target = "/customers/c%20m/account?full=1";
  request.body.clear();
  const auto routed = http::routed_request(sent());
  BOOST_REQUIRE(routed.ok());
  BOOST_TEST(routed->method == "GET");
  BOOST_TEST(routed->route == "/customers/{customer}/account");
  BOOST_TEST(routed->path.at("customer") == "c m");
  BOOST_TEST(routed->query.at("full") == "1");
}

BOOST_AUTO_TEST_CASE(an_idempotency_key_is_the_messages_id) {
  set("Idempotency-Key", "fleet-1");
  BOOST_TEST(sent().id == "fleet-1");
  set("X", "y");
  BOOST_TEST(sent().id != sent().id);
  set("Idempotency-Key", std::string(128, 'k'));
  BOOST_TEST(refused() == 0);
  for (const auto& key : {std::string(129, 'k'), std::string{"a b"}, std::string{"\xC3\xA4"}}) {
    set("Idempotency-Key", key);
    BOOST_TEST(refused() == 400);
  }
}

BOOST_AUTO_TEST_CASE(bodies_are_json) {
  for (const auto* type : {"application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"}) {
    set("Content-Type", type);
    BOOST_TEST(refused() == 0);
  }
  for (const auto* type : {"text/plain", "application/x-www-form-urlencoded", "application/jsonp", "+json"}) {
    set("Content-Type", type);
    BOOST_TEST_CONTEXT(type) {
      BOOST_TEST(refused() == 415);
    }
  }
  set("Content-Encoding", "gzip");
  BOOST_TEST(refused() == 415);
}

BOOST_AUTO_TEST_CASE(unknown_paths_and_methods_are_refused_here) {
  request.target = "/nowhere";
  BOOST_TEST(refused() == 404);
  request.target = "/submit-ride-completion";
  request.method = "GET";
  const auto decided = route_request(router, request, 7);
  BOOST_TEST(std::get<RefusedRequest>(decided).problem.status == 405);
  BOOST_TEST(std::get<RefusedRequest>(decided).allow == "POST");
}

BOOST_AUTO_TEST_CASE(what_does_not_decode_is_refused_here) {
  request.target = "/submit-ride-completion?x=%zz";
  BOOST_TEST(refused() == 400);
  request.target = "/customers/%FF/account";
  BOOST_TEST(refused() == 400);
}

BOOST_AUTO_TEST_CASE(a_request_without_an_answer_says_what_to_do) {
  BOOST_TEST(problem_of({"timed_out", "", false}).status == 504);
  BOOST_TEST(problem_of({"unreachable", "", false}).status == 503);
  BOOST_TEST(problem_of({"retry_later", "", true}).status == 503);
  BOOST_TEST(problem_of({"overloaded", "queue rides is full", true}).status == 503);
  BOOST_TEST(http::to_response(problem_of({"overloaded", "queue rides is full", true})).fields.at(0).first == "Retry-After");
  BOOST_TEST(problem_of({"rejected", "no", true}).status == 502);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(gateway_start)

std::string start_with(const std::vector<std::pair<std::string, std::string>>& parameters) {
  FakeContext context;
  Gateway gateway;
  context.values = *Parameters::make(gateway.describe().parameters, parameters);
  try {
    gateway.start(context);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  gateway.stop();
  return {};
}

BOOST_AUTO_TEST_CASE(the_gateway_does_not_listen_beyond_this_machine_by_accident) {
  BOOST_TEST(start_with({{"listen", "\"127.0.0.1:0\""}}) == "");
  BOOST_TEST(start_with({{"listen", "\"0.0.0.0:0\""}}).find("remuda keys token add") != std::string::npos);
  const auto with_proxy = start_with({{"listen", "\"0.0.0.0:0\""}, {"behind_proxy", "true"}});
  BOOST_TEST(with_proxy.find("remuda keys token add") != std::string::npos);
  BOOST_TEST(with_proxy.find("openssl") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(wrong_routes_end_the_start) {
  BOOST_TEST(start_with({{"listen", "\"127.0.0.1:0\""}, {"routes", "{ \"rides\" = \"submit\" }"}}).find("route 'rides'") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
