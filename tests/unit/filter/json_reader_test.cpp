#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "common/filter/json_document.hpp"
#include "common/filter/json_reader.hpp"
#include "common/filter/json_to_msgpack.hpp"

using remuda::filter::JsonReader;
using remuda::filter::parse_json;

namespace {

bool is_json(std::string_view text) {
  JsonReader reader{text};
  while (true) {
    const auto token = reader.next();
    if (token.kind == JsonReader::Kind::end) return true;
    if (token.kind == JsonReader::Kind::invalid) return false;
  }
}

std::string decoded(std::string_view text) {
  return std::string{JsonReader{text}.next().text};
}

std::string packed(std::string_view json) {
  std::string out;
  BOOST_REQUIRE(remuda::json_to_msgpack(json, out));
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(json_reader)

BOOST_AUTO_TEST_CASE(json_is_accepted_and_nothing_else) {
  for (const auto* good :
       {"{}", "[]", " [ 1 , -2.5e+3 , \"x\" , true , false , null , { \"a\" : [ ] } ] ", "0", "-0", "\"\"", "1E5"})
    BOOST_TEST(is_json(good), good);
  for (const auto* bad : {"",
                          " ",
                          "{",
                          "[",
                          "]",
                          "}",
                          "[1,]",
                          "{\"a\":1,}",
                          "{,}",
                          "[,1]",
                          "{\"a\"}",
                          "{\"a\":}",
                          "{\"a\" 1}",
                          "[1 2]",
                          "{1:2}",
                          "01",
                          "-",
                          "1.",
                          ".5",
                          "+1",
                          "1e",
                          "tru",
                          "nul",
                          "NaN",
                          "Infinity",
                          "'a'",
                          "\"",
                          "\"\\",
                          "\"\\u12\"",
                          "\"\\x\"",
                          "\"\t\"",
                          "[}",
                          "{]",
                          "1 1",
                          "[1]]",
                          "//",
                          "\xef\xbb\xbf{}"}) {
    BOOST_TEST(!is_json(bad), bad);
  }
}

BOOST_AUTO_TEST_CASE(escapes_are_decoded) {
  BOOST_TEST(decoded(R"("a\"\\\/\b\f\n\r\tz")") == "a\"\\/\b\f\n\r\tz");
  BOOST_TEST(decoded(R"("\u0041\u00e4\u20AC\ud83e\udd84")") == "Aä€🦄");
  BOOST_TEST(decoded(R"("\u0000")") == std::string(1, '\0'));
  for (const auto* bad : {R"("\ud83e")", R"("\ud83ex")", R"("\ud83e\u0041")", R"("\udd84")"}) BOOST_TEST(!is_json(bad), bad);
}

BOOST_AUTO_TEST_CASE(text_must_be_utf8) {
  BOOST_TEST(is_json("\"ä€🦄\""));
  for (const auto* bad : {"\"\xff\"", "\"\xc3\"", "\"\xc0\x80\"", "\"\xe0\x80\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"",
                          "\"\xf0\x80\x80\x80\"", "\"\x80\""}) {
    BOOST_TEST(!is_json(bad));
  }
}

BOOST_AUTO_TEST_CASE(depth_is_bounded) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  BOOST_TEST(is_json(nested(JsonReader::depth_max)));
  BOOST_TEST(!is_json(nested(JsonReader::depth_max + 1)));
}

BOOST_AUTO_TEST_CASE(tokens_and_values_know_their_place) {
  const auto document = parse_json(R"({"a": [1, "xy"], "b": {}})");
  BOOST_REQUIRE(document.ok());
  BOOST_TEST(document->end == 25U);
  const auto& a = document->members[0];
  BOOST_TEST(a.offset == 1U);
  BOOST_TEST(a.value.begin == 6U);
  BOOST_TEST(a.value.end == 15U);
  BOOST_TEST(a.value.elements[1].begin == 10U);
  BOOST_TEST(a.value.elements[1].end == 14U);
  BOOST_TEST(parse_json(R"({"a": tru})").error().offset == 6U);
  BOOST_TEST(parse_json("[1, 2] 3").error().offset == 7U);
}

BOOST_AUTO_TEST_CASE(json_is_packed_with_the_smallest_numbers_that_keep_its_value) {
  BOOST_TEST(packed("4.0") == "\x04");
  BOOST_TEST(packed("-1") == "\xff");
  BOOST_TEST(packed("18446744073709551615") == "\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
  BOOST_TEST(packed("0.5") == std::string("\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00", 9));
  BOOST_TEST(packed(R"({"a": [null, true, "x"]})") == std::string("\xdf\x00\x00\x00\x01\xa1"
                                                                  "a\xdd\x00\x00\x00\x03\xc0\xc3\xa1x",
                                                                  16));
}

BOOST_AUTO_TEST_SUITE_END()
