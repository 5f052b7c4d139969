// Where in a message something is named.

#include <boost/test/unit_test.hpp>

#include "common/filter/json_to_msgpack.hpp"
#include "common/filter/selector.hpp"

using namespace remuda;

namespace {

/// What `selector` finds in a message whose body is this JSON, packed; "-" when nothing.
std::string found(std::string_view selector, std::string_view json, bool as_text = false) {
  Message message;
  message.id = "ride-1";
  message.group_id = "north";
  message.attributes["colour"] = {"String", "red"};
  message.attributes["photo"] = {"Binary", "\x01"};
  if (as_text) {
    message.body = json;
  } else {
    BOOST_REQUIRE(json_to_msgpack(json, message.body));
  }
  const std::string packed = pack(message);
  return Selector::compile(selector)->value(*view_message(packed)).value_or("-");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(selector)

BOOST_AUTO_TEST_CASE(headers_and_attributes) {
  BOOST_TEST(found("id", "{}") == "ride-1");
  BOOST_TEST(found("group_id", "{}") == "north");
  BOOST_TEST(found("dedup_id", "{}") == "-");
  BOOST_TEST(found("attributes.colour", "{}") == "red");
  BOOST_TEST(found("attributes.size", "{}") == "-");
  BOOST_TEST(found("attributes.photo", "{}") == "-");
}

BOOST_AUTO_TEST_CASE(values_of_the_body_packed_or_as_json_text) {
  for (const bool as_text : {false, true}) {
    const auto at = [&](std::string_view path) {
      return found(
          path,
          R"({"customer": "cmr", "ride": {"id": 7, "km": -3, "fare": 2.5, "vip": true, "stops": [1], "note": null}, "a.b": "dotted"})",
          as_text);
    };
    BOOST_TEST(at("body.customer") == "cmr");
    BOOST_TEST(at("body.ride.id") == "7");
    BOOST_TEST(at("body.ride.km") == "-3");
    BOOST_TEST(at("body.ride.fare") == "2.5");
    BOOST_TEST(at("body.ride.vip") == "true");
    BOOST_TEST(at("body.ride.stops") == "-");
    BOOST_TEST(at("body.ride.note") == "-");
    BOOST_TEST(at("body.ride") == "-");
    BOOST_TEST(at("body.ride.none") == "-");
    BOOST_TEST(at("body.customer.name") == "-");
    BOOST_TEST(at("body.a.b") == "dotted");
  }
}

BOOST_AUTO_TEST_CASE(a_body_that_is_no_map_has_no_values) {
  for (const std::string_view body : {"", " ", "[1]", "{broken", "\xc1", "plain words"})
    BOOST_TEST(found("body.customer", body, true) == "-");
}

BOOST_AUTO_TEST_CASE(what_names_no_place_is_refused) {
  for (const char* wrong : {"", "customer", "body", "body.", "attributes.", "Body.x", "header.id"}) {
    const auto refused = Selector::compile(wrong);
    BOOST_REQUIRE(!refused);
    BOOST_TEST(refused.error().code == "invalid_selector");
  }
}

BOOST_AUTO_TEST_SUITE_END()
