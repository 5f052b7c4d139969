#include "cli/message_view.hpp"

#include <boost/test/unit_test.hpp>

#include <nlohmann/json.hpp>

#include "common/clock.hpp"

namespace remuda::cli {

namespace {

struct MessageFixture {
  ManualClock clock;
  MessageOptions options;

  Result<Message> made(const std::string& body) {
    options.body = body;
    return message_from(options, clock);
  }
  std::string shown(const std::string& body) { return body_as_json(body).dump(); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(message_view, MessageFixture)

BOOST_AUTO_TEST_CASE(a_json_body_travels_as_msgpack_and_is_shown_as_json) {
  const auto message = made(R"({"fare":52.5,"customer":"c-1"})");
  BOOST_REQUIRE(message);
  BOOST_TEST(message->body.size() < 30U);
  BOOST_TEST(shown(message->body) == R"({"fare":52.5,"customer":"c-1"})");
}

BOOST_AUTO_TEST_CASE(what_is_no_json_is_refused_unless_it_is_meant_so) {
  BOOST_TEST(made("{fare: 5}").error().code == "invalid_body");
  options.raw = true;
  const auto message = made("{fare: 5}");
  BOOST_REQUIRE(message);
  BOOST_TEST(message->body == "{fare: 5}");
  BOOST_TEST(message->datacontenttype == "text/plain");
}

BOOST_AUTO_TEST_CASE(bodies_of_others_are_shown_whatever_they_are) {
  BOOST_TEST(shown("plain text") == R"("plain text")");
  BOOST_TEST(shown(R"({"json": "text"})") == R"({"json":"text"})");
  BOOST_TEST(shown("7") == "7");
  BOOST_TEST(shown("") == R"("")");
  BOOST_TEST(shown("\xff\xfe") == R"({"base64":"//4="})");
  BOOST_TEST(shown(std::string("\x00\x01\x02", 3)) == R"({"base64":"AAEC"})");
}

BOOST_AUTO_TEST_CASE(a_bomb_is_only_bytes) {
  BOOST_TEST(shown("\xdf\xff\xff\xff\xff").starts_with(R"({"base64":)"));        // a map of 4 billion pairs
  BOOST_TEST(shown(std::string(100'000, '\x91')).starts_with(R"({"base64":)"));  // arrays, 100,000 deep
  BOOST_TEST(shown(std::string(100'000, '[')).starts_with(R"("[[[[)"));
  BOOST_TEST(made(std::string(100'000, '[')).error().code == "invalid_body");
}

BOOST_AUTO_TEST_CASE(attributes_have_a_type_and_text_is_the_default) {
  options.attributes = {"source=app", "fare:Number=12=0"};
  const auto message = made("{}");
  BOOST_REQUIRE(message);
  BOOST_TEST((message->attributes.at("source") == Attribute{"String", "app"}));
  BOOST_TEST((message->attributes.at("fare") == Attribute{"Number", "12=0"}));
  options.attributes = {"fare:Float=12"};
  BOOST_TEST(made("{}").error().code == "invalid_attribute");
  options.attributes = {"nothing"};
  BOOST_TEST(made("{}").error().code == "invalid_attribute");
}

BOOST_AUTO_TEST_CASE(every_message_has_an_id) {
  BOOST_TEST(!made("{}")->id.empty());
  options.id = "ride-1";
  BOOST_TEST(made("{}")->id == "ride-1");
}

BOOST_AUTO_TEST_CASE(a_receipt_handle_travels_as_hexadecimal_text) {
  const std::string handle{"\x00\xffq\n", 4};
  BOOST_TEST(handle_as_text(handle) == "00ff710a");
  BOOST_TEST(handle_from_text("00ff710a").value() == handle);
  for (const auto* wrong : {"", "0", "00f", "0g", "g0", "+1", "00 1"})
    BOOST_TEST(handle_from_text(wrong).error().code == "invalid_handle");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::cli
