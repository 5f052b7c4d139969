// What may be submitted as a ride, and that a ride stays the same ride on its way.

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "nodes/wild_rydes/questions.hpp"
#include "nodes/wild_rydes/ride.hpp"

using namespace remuda::rides;

namespace {

struct SubmissionFixture {
  nlohmann::ordered_json body{{"customer", "cmr"}, {"from", "Berlin"}, {"to", "Frankfurt"},
                              {"distance", 600},   {"duration", 420},  {"fare", 256.5}};

  static std::string submitted(std::string_view json) {
    const auto ride = read_submitted_ride(json);
    if (ride) return "accepted";
    std::string wrong;
    for (const auto& error : ride.error().errors) wrong += (wrong.empty() ? "" : "; ") + error.field + " " + error.message;
    return wrong.empty() ? "not a ride: " + ride.error().detail : wrong;
  }
  std::string submitted_with(const std::string& field, const nlohmann::json& value) {
    auto changed = body;
    changed[field] = value;
    return submitted(changed.dump());
  }
  /// The body with the literal text `value` as `field`.
  static std::string submitted_with_literal(const std::string& field, const std::string& value) {
    return submitted(R"({"customer":"c","from":"a","to":"b",)" + std::string{field == "distance" ? "" : "\"distance\":1,"} +
                     (field == "duration" ? "" : "\"duration\":1,") + (field == "fare" ? "" : "\"fare\":1,") + "\"" + field +
                     "\":" + value + "}");
  }
  Ride ride() const { return *read_submitted_ride(body.dump()); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(submitted_rides, SubmissionFixture)

BOOST_AUTO_TEST_CASE(a_ride_has_a_customer_two_places_a_distance_a_duration_and_a_fare) {
  const Ride got = ride();
  BOOST_TEST(got.customer == "cmr");
  BOOST_TEST(got.from == "Berlin");
  BOOST_TEST(got.to == "Frankfurt");
  BOOST_TEST(got.distance.text() == "600");
  BOOST_TEST(got.duration.text() == "420");
  BOOST_TEST(got.fare.text() == "256.50");
}

BOOST_AUTO_TEST_CASE(numbers_may_come_as_text) {
  body.update({{"distance", "1200"}, {"duration", "3000"}, {"fare", "899.99"}});
  BOOST_TEST(ride().fare.text() == "899.99");
  BOOST_TEST(ride().distance.text() == "1200");
}

BOOST_AUTO_TEST_CASE(numbers_are_read_from_their_digits_not_from_a_double) {
  BOOST_TEST(submitted_with_literal("fare", "0.29") == "accepted");
  BOOST_TEST(submitted_with_literal("fare", "899999999.99") == "accepted");
  BOOST_TEST(submitted_with_literal("fare", "0.290000000000000001") ==
             "fare must not have more than 6 decimals");  // the same double as 0.29
  BOOST_TEST(submitted_with_literal("fare", "0.295") == "fare must not have more than two decimals");
  BOOST_TEST(submitted_with_literal("distance", "19.999") == "accepted");
}

BOOST_AUTO_TEST_CASE(places_may_come_as_one_text) {
  const auto places = [&](const std::string& text) -> std::string {
    body.erase("from");
    body.erase("to");
    body["from-to"] = text;
    const auto got = read_submitted_ride(body.dump());
    return got ? got->from + "|" + got->to : got.error().errors.at(0).field;
  };
  BOOST_TEST(places("Berlin-Frankfurt") == "Berlin|Frankfurt");
  BOOST_TEST(places("Berlin - Frankfurt") == "Berlin|Frankfurt");
  BOOST_TEST(places("Stratford-upon-Avon - London") == "Stratford-upon-Avon|London");
  BOOST_TEST(places("Stratford-upon-Avon-London") == "from-to");
  BOOST_TEST(places("Berlin") == "from-to");
  BOOST_TEST(places("-Berlin") == "from-to");
  BOOST_TEST(places(" - ") == "from-to");
}

BOOST_AUTO_TEST_CASE(places_are_given_in_one_way) {
  BOOST_TEST(submitted_with("from-to", "Berlin-Frankfurt") == "from-to must not be given together with 'from' or 'to'");
}

BOOST_AUTO_TEST_CASE(every_wrong_field_is_named) {
  BOOST_TEST(submitted("{}") ==
             "customer is missing; from is missing; to is missing; distance is missing; duration is missing; fare is missing");
  BOOST_TEST(submitted(R"({"customer":7,"from":"","to":"  ","distance":-1,"duration":"soon","fare":null})") ==
             "customer must be text; from must not be empty; to must not be empty; distance must not be negative; duration must be "
             "a number; fare must be a number");
}

BOOST_AUTO_TEST_CASE(negative_and_non_finite_numbers_are_wrong) {
  BOOST_TEST(submitted_with_literal("fare", "-0.01") == "fare must not be negative");
  BOOST_TEST(submitted_with_literal("fare", "0") == "accepted");
  BOOST_TEST(submitted_with_literal("fare", "-0.0") == "accepted");
  BOOST_TEST(submitted_with_literal("fare", "\"NaN\"") == "fare must be a number");
  BOOST_TEST(submitted_with_literal("fare", "\"Infinity\"") == "fare must be a number");
  BOOST_TEST(submitted_with_literal("distance", "1000000000") == "distance must not be larger than 999999999");
}

BOOST_AUTO_TEST_CASE(a_number_beyond_every_double_does_not_hide_the_fields_behind_it) {
  BOOST_TEST(submitted(R"({"fare":1e999,"distance":-1e400,"duration":true,"customer":"c","from":"a","to":"b"})") ==
             "distance must be a number; duration must be a number; fare must be a number");
}

BOOST_AUTO_TEST_CASE(texts_have_a_largest_size) {
  BOOST_TEST(submitted_with("customer", std::string(128, 'x')) == "accepted");
  BOOST_TEST(submitted_with("customer", std::string(129, 'x')) == "customer must not be longer than 128 bytes");
  BOOST_TEST(submitted_with("to", std::string(256, 'x')) == "accepted");
  BOOST_TEST(submitted_with("to", std::string(257, 'x')) == "to must not be longer than 256 bytes");
  BOOST_TEST(submitted_with("to", "a\nb") == "to must be UTF-8 text without control characters");
}

BOOST_AUTO_TEST_CASE(a_field_given_twice_is_wrong_and_an_unknown_one_is_overlooked) {
  BOOST_TEST(submitted(R"({"customer":"c","from":"a","to":"b","distance":1,"duration":1,"fare":1,"fare":2})") ==
             "fare is given twice");
  BOOST_TEST(submitted_with("colour", {{"fare", -1}}) == "accepted");
}

BOOST_AUTO_TEST_CASE(what_is_no_json_object_is_no_ride) {
  for (const std::string_view json : {"", "{", "[]", "7", "null", "\"ride\"", "{\"fare\":NaN}", "{\"fare\":01}", "{'fare':1}",
                                      "{}{}", "{\"customer\":\"\xFF\"}"}) {
    BOOST_TEST_CONTEXT(json) {
      BOOST_TEST(submitted(json).starts_with("not a ride: "));
    }
  }
}

BOOST_AUTO_TEST_CASE(nesting_has_a_limit) {
  const auto nested = [](std::size_t depth) { return "{\"x\":" + std::string(depth, '[') + std::string(depth, ']') + "}"; };
  BOOST_TEST(submitted(nested(31)).starts_with("customer is missing"));
  BOOST_TEST(submitted(nested(32)).starts_with("not a ride: "));
  BOOST_TEST(submitted(nested(500'000)).starts_with("not a ride: "));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(completed_ride_messages, SubmissionFixture)

BOOST_AUTO_TEST_CASE(a_ride_survives_its_journey_as_a_message) {
  Ride sent = ride();
  sent.id = "7";
  sent.distance = *Decimal::parse("19.999");
  sent.fare = Money{29};
  sent.completed_ms = 1'700'000'000'000;
  const remuda::Message message = ride_completed(sent, "completed-rides");
  BOOST_TEST(message.id == "7");
  BOOST_TEST(message.attributes.at("fare").value == "0.29");
  BOOST_TEST(message.attributes.at("distance").value == "19.999");
  const auto got = ride_of(*remuda::unpack_message(remuda::pack(message)));
  BOOST_REQUIRE(got.ok());
  BOOST_TEST((*got == sent));
}

BOOST_AUTO_TEST_CASE(a_ride_may_come_as_json) {
  remuda::Message message;
  message.datacontenttype = "application/json";
  body["id"] = "7";
  message.body = body.dump();
  BOOST_TEST(ride_of(message)->fare.text() == "256.50");
}

BOOST_AUTO_TEST_CASE(a_message_that_is_no_ride_says_why) {
  remuda::Message message;
  message.body = "\xC1";
  BOOST_TEST(ride_of(message).error().code == "malformed_ride");
  message.body = "\x80";
  BOOST_TEST(ride_of(message).error().message.starts_with("id is missing; customer is missing"));
}

BOOST_AUTO_TEST_CASE(clients_get_exact_numbers_and_a_link) {
  Ride got = ride();
  got.id = "7";
  BOOST_TEST(
      representation(got) ==
      R"({"id":"7","customer":"cmr","from":"Berlin","to":"Frankfurt","distance":600,"duration":420,"fare":256.50,"links":{"self":"/rides/7"}})");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(questions)

BOOST_AUTO_TEST_CASE(a_page_has_limits_and_every_wrong_one_is_named) {
  remuda::http::RoutedRequest question;
  BOOST_TEST(page_of(question)->limit == 100);
  question.query = {{"after", "7"}, {"limit", "1000"}};
  BOOST_TEST(page_of(question)->after == 7);
  BOOST_TEST(page_of(question)->limit == 1'000);
  question.query = {{"after", "-1"}, {"limit", "1001"}};
  BOOST_TEST(page_of(question).error().size() == 2U);
  question.query = {{"limit", "0"}};
  BOOST_TEST(page_of(question).error().at(0).field == "limit");
}

BOOST_AUTO_TEST_CASE(a_full_page_links_to_the_next) {
  BOOST_TEST(page_json("rides", {"{}", "{}"}, 9, {0, 2}, "/rides") ==
             R"({"rides":[{},{}],"links":{"self":"/rides","next":"/rides?after=9&limit=2"}})");
  BOOST_TEST(page_json("rides", {}, 0, {0, 2}, "/rides") == R"({"rides":[],"links":{"self":"/rides"}})");
}

BOOST_AUTO_TEST_CASE(questions_may_come_from_elsewhere_than_http) {
  remuda::Message message;
  message.body =
      "\x81\xA8"
      "customer\xA3"
      "cmr";
  BOOST_TEST(customer_of(*question_of(message)) == "cmr");
  message.datacontenttype = "application/json";
  message.body = R"({"customer":"json"})";
  BOOST_TEST(customer_of(*question_of(message)) == "json");
  message.body = "[]";
  BOOST_TEST(question_of(message).error().code == "malformed_request");
}

BOOST_AUTO_TEST_SUITE_END()
