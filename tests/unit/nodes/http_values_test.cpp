// The small values around HTTP: encoded texts, responses, deadlines, metrics, and requests as messages.

#include <boost/test/unit_test.hpp>

#include "common/http/deadlines.hpp"
#include "common/http/endpoint.hpp"
#include "common/http/http_messages.hpp"
#include "common/http/metrics.hpp"
#include "common/http/response_writer.hpp"
#include "common/http/url.hpp"

using namespace remuda::http;
using namespace std::chrono_literals;

namespace {

std::string written(const Response& response, const ResponseFraming& framing = {}) {
  std::string out;
  write_response(response, framing, "Thu, 01 Jan 2026 00:00:00 GMT", out);
  return out;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

struct PhaseFixture {
  remuda::ManualClock clock;
  PhaseClock phases{Deadlines{}, clock.now()};
  void enter(Phase phase) { phases.enter(phase, clock.now()); }
  bool over_after(std::chrono::milliseconds time) {
    clock.advance(time - 1ms);
    const bool too_early = phases.is_over(clock.now());
    clock.advance(1ms);
    return !too_early && phases.is_over(clock.now());
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(http_values)

BOOST_AUTO_TEST_CASE(a_response_states_its_length_and_its_kind) {
  const auto text = written({201, "application/json", "{}", {{"Location", "/rides/7"}}});
  BOOST_TEST(
      text ==
      "HTTP/1.1 201 Created\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
      "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nLocation: /rides/7\r\nConnection: keep-alive\r\n\r\n{}");
}

BOOST_AUTO_TEST_CASE(a_response_to_head_has_the_length_and_not_the_body) {
  const auto text = written({200, "application/json", "{}", {}}, {true, true});
  BOOST_TEST(contains(text, "Content-Length: 2\r\n"));
  BOOST_TEST(text.ends_with("\r\n\r\n"));
}

BOOST_AUTO_TEST_CASE(nobody_splits_a_response_through_a_field) {
  const auto text = written({201, "text/plain\r\nEvil: 1", "x", {{"Location", "/a\r\nSet-Cookie: b"}, {"Fine", "1"}}});
  BOOST_TEST(!contains(text, "Evil"));
  BOOST_TEST(!contains(text, "Set-Cookie"));
  BOOST_TEST(contains(text, "Fine: 1\r\n"));
}

BOOST_AUTO_TEST_CASE(dates_are_english_whatever_the_locale) {
  BOOST_TEST(http_date(remuda::from_unix_ms(784111777000)) == "Sun, 06 Nov 1994 08:49:37 GMT");
}

BOOST_AUTO_TEST_CASE(a_problem_names_every_wrong_field) {
  const Problem problem{400, "some fields are wrong", {{"fare", "is missing"}, {"to", "must be text"}}};
  BOOST_TEST(
      to_json(problem) ==
      R"({"type":"about:blank","title":"Bad Request","status":400,"detail":"some fields are wrong","errors":[{"field":"fare","message":"is missing"},{"field":"to","message":"must be text"}]})");
  BOOST_TEST(to_response({503, {}, {}}).fields.at(0).first == "Retry-After");
  BOOST_TEST(contains(to_json({400, "not UTF-8: \xFF", {}}), "not UTF-8"));
}

BOOST_AUTO_TEST_CASE(encoded_texts_decode_or_are_refused) {
  BOOST_TEST(percent_decode("a%20b+c").value() == "a b+c");
  const std::map<std::string, std::string> expected{{"a", "2"}, {"b", "x y"}, {"c", ""}};
  BOOST_TEST((parse_query("a=1&b=x+y&c&a=2").value() == expected));
  BOOST_TEST(!parse_query("a=%zz").has_value());
  BOOST_TEST(percent_encode("a b/\xC3\xA4") == "a%20b%2F%C3%A4");
}

BOOST_AUTO_TEST_CASE(only_well_formed_utf8_is_text) {
  for (const std::string_view good : {"", "ride", "M\xC3\xBCnchen", "\xE2\x82\xAC", "\xF0\x9F\xA6\x84"})
    BOOST_TEST(is_printable_utf8(good));
  for (const std::string_view bad :
       {"\x7F", "a\nb", "\xC3", "\x80", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80"}) {
    BOOST_TEST(!is_printable_utf8(bad));
  }
}

BOOST_AUTO_TEST_CASE(endpoints_are_addresses_with_a_port) {
  BOOST_TEST(parse_endpoint("localhost:8080")->text() == "127.0.0.1:8080");
  BOOST_TEST(parse_endpoint("[::1]:0")->text() == "[::1]:0");
  BOOST_TEST(parse_endpoint("127.0.0.1:1")->is_loopback());
  BOOST_TEST(!parse_endpoint("0.0.0.0:80")->is_loopback());
  for (const std::string_view wrong :
       {"8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "example.net:80", "::1:80", "[127.0.0.1]:80"}) {
    BOOST_TEST_CONTEXT(wrong) {
      BOOST_TEST(parse_endpoint(wrong).ok() == false);
    }
  }
}

BOOST_AUTO_TEST_CASE(metrics_count_by_route_and_status) {
  RequestMetrics metrics;
  metrics.record("POST", "/rides", 201, 1ms);
  metrics.record("POST", "/rides", 201, 3s);
  metrics.record("POST", "/rides", 400, 1ms);
  const auto text = metrics.render();
  BOOST_TEST(contains(text, "remuda_http_requests_total{route=\"/rides\",method=\"POST\",status=\"201\"} 2\n"));
  BOOST_TEST(contains(text, "remuda_http_requests_total{route=\"/rides\",method=\"POST\",status=\"400\"} 1\n"));
  BOOST_TEST(contains(text, "_bucket{route=\"/rides\",le=\"0.001\"} 2\n"));
  BOOST_TEST(contains(text, "_bucket{route=\"/rides\",le=\"5\"} 3\n"));
  BOOST_TEST(contains(text, "_count{route=\"/rides\"} 3\n"));
}

BOOST_AUTO_TEST_CASE(an_answer_travels_as_a_message) {
  const auto response = response_of(response_message(201, "{}", "/rides/7"));
  BOOST_TEST(response.status == 201);
  BOOST_TEST(response.body == "{}");
  BOOST_TEST(response.fields.at(0).second == "/rides/7");
  BOOST_TEST(response_of(response_message({404, "no such ride", {}})).content_type == "application/problem+json");
}

BOOST_AUTO_TEST_CASE(an_answer_without_a_believable_status_is_a_bad_gateway) {
  remuda::Message message;
  BOOST_TEST(response_of(message).status == 200);
  for (const std::string_view status : {"99", "600", "1e3", "201 ", "-1", ""}) {
    message.attributes["status"] = {"Number", std::string{status}};
    BOOST_TEST_CONTEXT(status) {
      BOOST_TEST(response_of(message).status == 502);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(deadlines, PhaseFixture)

BOOST_AUTO_TEST_CASE(a_new_connection_owes_a_header_within_5_seconds) {
  BOOST_TEST(over_after(5s));
}

BOOST_AUTO_TEST_CASE(a_byte_now_and_then_does_not_move_the_deadline) {
  for (int i = 0; i < 4; ++i) {
    clock.advance(1s);
    enter(Phase::header);
  }
  BOOST_TEST(over_after(1s));
}

BOOST_AUTO_TEST_CASE(a_body_has_10_seconds_from_the_first_byte_of_its_request) {
  enter(Phase::idle);
  clock.advance(20s);
  enter(Phase::header);
  clock.advance(4s);
  enter(Phase::body);
  BOOST_TEST(over_after(6s));
}

BOOST_AUTO_TEST_CASE(a_connection_may_idle_for_30_seconds) {
  enter(Phase::idle);
  BOOST_TEST(over_after(30s));
}

BOOST_AUTO_TEST_CASE(a_client_has_10_seconds_to_take_its_answer) {
  enter(Phase::handling);
  clock.advance(3s);
  enter(Phase::writing);
  BOOST_TEST(over_after(10s));
}

BOOST_FIXTURE_TEST_CASE(a_later_request_whose_header_comes_whole_has_as_long_for_its_body_as_the_first, PhaseFixture) {
  enter(Phase::handling);
  enter(Phase::idle);
  clock.advance(20s);
  enter(Phase::body);
  BOOST_TEST(over_after(10s));
}

BOOST_AUTO_TEST_SUITE_END()
