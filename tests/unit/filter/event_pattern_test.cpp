// What an event pattern lets through, and what is refused as one. Each case is one rule of EventBridge.

#include <string>

#include "common/filter/event_pattern.hpp"
#include "common/filter/filter_test.hpp"
#include "tests/unit/filter/filter_fixture.hpp"

using remuda::EventPattern;

namespace {

struct BusFixture {
  /// Asks twice, about the JSON text of the event and about its packed form.
  static bool matches(std::string_view pattern, std::string_view event) {
    const auto compiled = EventPattern::compile(pattern);
    BOOST_REQUIRE_MESSAGE(compiled.ok(), pattern << " was refused: " << (compiled.ok() ? "" : compiled.error().message));
    std::string packed;
    BOOST_REQUIRE(remuda::json_to_msgpack(event, packed));
    BOOST_TEST(compiled->matches(event) == compiled->matches(packed));
    return compiled->matches(event);
  }
  /// The rules in the array behind the key `a`, against its value.
  static bool value_matches(const std::string& rules, const std::string& value) {
    return matches(R"({"a": [)" + rules + "]}", R"({"a": )" + value + "}");
  }
  static std::string refused(std::string_view pattern) {
    const auto compiled = EventPattern::compile(pattern);
    BOOST_REQUIRE_MESSAGE(!compiled.ok(), "accepted: " << pattern);
    BOOST_TEST(compiled.error().code == "invalid_event_pattern");
    return compiled.error().message;
  }
  static void rule_refused(const std::string& rule) { refused(R"({"a": [)" + rule + "]}"); }
};

constexpr auto ride = R"({"version": "0", "id": "e1", "detail-type": "ride.completed", "source": "rides", "account": "1",
  "time": "2026-11-26T10:00:00Z", "region": "local", "resources": ["unicorn/7"],
  "detail": {"customer": "cmr", "fare": 256.5, "from": "Berlin", "to": "Frankfurt", "stops": []}})";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(event_pattern, BusFixture)

BOOST_AUTO_TEST_CASE(a_pattern_looks_at_the_envelope_and_at_the_detail) {
  BOOST_TEST(matches(R"({"source": ["rides"], "detail": {"fare": [{"numeric": [">=", 50]}]}})", ride));
  BOOST_TEST(matches(R"({"resources": [{"prefix": "unicorn/"}]})", ride));
  BOOST_TEST(!matches(R"({"source": ["rides"], "detail": {"fare": [{"numeric": ["<", 50]}]}})", ride));
  BOOST_TEST(!matches(R"({"source": ["Rides"]})", ride));
}

BOOST_AUTO_TEST_CASE(plain_values_are_equal_by_type_and_numbers_by_value) {
  BOOST_TEST(value_matches("null", "null"));
  BOOST_TEST(!matches(R"({"a": [null]})", "{}"));
  BOOST_TEST(value_matches("true, 5", "5.0"));
  BOOST_TEST(!value_matches("\"5\"", "5"));
  BOOST_TEST(!value_matches("\"true\"", "true"));
  BOOST_TEST(value_matches("\"\"", "\"\""));
}

BOOST_AUTO_TEST_CASE(a_wildcard_is_any_run_of_characters) {
  BOOST_TEST(value_matches(R"({"wildcard": "hello"})", "\"hello\""));
  BOOST_TEST(value_matches(R"({"wildcard": "*"})", "\"\""));
  BOOST_TEST(value_matches(R"({"wildcard": "Frank*"})", "\"Frank\""));
  BOOST_TEST(value_matches(R"({"wildcard": "*.jpg"})", "\"unicorn.jpg\""));
  BOOST_TEST(!value_matches(R"({"wildcard": "*.jpg"})", "\"unicorn.jpg.exe\""));
  BOOST_TEST(value_matches(R"({"wildcard": "a*b*c"})", "\"a-b-b-c\""));
  BOOST_TEST(!value_matches(R"({"wildcard": "a*ba"})", "\"aba-\""));
  BOOST_TEST(!value_matches(R"({"wildcard": "ab*ba"})", "\"aba\""));  // no character serves twice
  BOOST_TEST(!value_matches(R"({"wildcard": "*"})", "5"));
  BOOST_TEST(value_matches(R"({"wildcard": "a\\*b"})", "\"a*b\""));
  BOOST_TEST(!value_matches(R"({"wildcard": "a\\*b"})", "\"axb\""));
  BOOST_TEST(value_matches(R"({"wildcard": "\\\\*"})", R"("\\x")"));
}

BOOST_AUTO_TEST_CASE(wrong_wildcards_are_refused) {
  for (const auto* text : {R"("**")", R"("a**b")", R"("a\\b")", R"("a\\")", "5", "null", R"(["a"])"})
    rule_refused(std::string{R"({"wildcard": )"} + text + "}");
}

BOOST_AUTO_TEST_CASE(beginnings_and_ends_may_be_compared_without_case) {
  BOOST_TEST(value_matches(R"({"prefix": {"equals-ignore-case": "FRA"}})", "\"frankfurt\""));
  BOOST_TEST(!value_matches(R"({"prefix": {"equals-ignore-case": "FRA"}})", "\"fr\""));
  BOOST_TEST(value_matches(R"({"suffix": {"equals-ignore-case": ".PNG"}})", "\"unicorn.Png\""));
  BOOST_TEST(value_matches(R"({"suffix": {"equals-ignore-case": "\u00c9"}})", "\"caf\u00e9\""));
  BOOST_TEST(!value_matches(R"({"suffix": {"equals-ignore-case": ".PNG"}})", "\"png\""));
  for (const auto* operand : {R"({"equals-ignore-case": 5})", R"({"equals-ignore-case": ["x"]})", R"({"prefix": "x"})", "{}"}) {
    rule_refused(std::string{R"({"prefix": )"} + operand + "}");
    rule_refused(std::string{R"({"suffix": )"} + operand + "}");
  }
}

BOOST_AUTO_TEST_CASE(anything_but_takes_operators_with_a_text_or_a_list) {
  BOOST_TEST(value_matches(R"({"anything-but": ["x", "y"]})", "\"z\""));
  BOOST_TEST(!value_matches(R"({"anything-but": [1, 2]})", "2.0"));
  BOOST_TEST(!value_matches(R"({"anything-but": {"prefix": ["a", "b"]}})", "\"beta\""));
  BOOST_TEST(value_matches(R"({"anything-but": {"prefix": ["a", "b"]}})", "\"gamma\""));
  BOOST_TEST(!value_matches(R"({"anything-but": {"suffix": ".jpg"}})", "\"x.jpg\""));
  BOOST_TEST(value_matches(R"({"anything-but": {"suffix": [".jpg", ".png"]}})", "\"x.txt\""));
  BOOST_TEST(!value_matches(R"({"anything-but": {"equals-ignore-case": ["AB"]}})", "\"ab\""));
  BOOST_TEST(!value_matches(R"({"anything-but": {"wildcard": "*/lib/*"}})", "\"/usr/lib/x\""));
  BOOST_TEST(value_matches(R"({"anything-but": {"wildcard": ["*/lib/*", "*.o"]}})", "\"/usr/bin/x\""));
  BOOST_TEST(!matches(R"({"a": [{"anything-but": {"prefix": "x"}}]})", "{}"));
  BOOST_TEST(value_matches(R"({"anything-but": "x"})", R"(["x", "y"])"));
  BOOST_TEST(value_matches(R"({"anything-but": "x"}, {"anything-but": "y"})", "\"x\""));  // two exclude nothing
}

BOOST_AUTO_TEST_CASE(anything_but_wants_a_value_of_whatever_type) {
  for (const auto* value : {"5", "null", "true", "\"y\""}) BOOST_TEST(value_matches(R"({"anything-but": "x"})", value), value);
  BOOST_TEST(value_matches(R"({"anything-but": 5})", "\"5\""));
  BOOST_TEST(!value_matches(R"({"anything-but": 5})", "5.0"));
  BOOST_TEST(!value_matches(R"({"anything-but": "x"})", "[]"));
  BOOST_TEST(!matches(R"({"a": [{"anything-but": "x"}]})", "{}"));
}

BOOST_AUTO_TEST_CASE(absence_below_a_value_that_is_no_object_is_absence) {
  constexpr auto pattern = R"({"a": {"b": [{"exists": false}]}})";
  for (const auto* event : {"{}", R"({"a": "x"})", R"({"a": {}})", R"({"a": {"c": 1}})"})
    BOOST_TEST(matches(pattern, event), event);
  BOOST_TEST(!matches(pattern, R"({"a": {"b": null}})"));
  BOOST_TEST(matches(R"({"a": ["x", {"exists": false}]})", "{}"));
}

BOOST_AUTO_TEST_CASE(an_escaped_star_is_a_star_beside_one_that_is_not) {
  BOOST_TEST(value_matches(R"({"wildcard": "a*\\**b"})", "\"aq*zb\""));
  BOOST_TEST(!value_matches(R"({"wildcard": "a*\\**b"})", "\"aqzb\""));
  BOOST_TEST(!value_matches(R"({"wildcard": "5*"})", "55"));
  rule_refused(R"({"wildcard": "a\\"})");
}

BOOST_AUTO_TEST_CASE(blocks_of_one_family_hold_no_address_of_the_other) {
  BOOST_TEST(!value_matches(R"({"cidr": "0.0.0.0/0"})", "\"::1\""));
  BOOST_TEST(value_matches(R"({"cidr": "10.0.0.5/24"})", "\"10.0.0.255\""));
  BOOST_TEST(value_matches(R"({"cidr": "10.0.0.0/32"})", "\"10.0.0.0\""));
  rule_refused(R"({"cidr": "10.0.0.0/33"})");
}

BOOST_AUTO_TEST_CASE(wrong_operands_of_anything_but_are_refused) {
  for (const auto* operand :
       {R"(["x", 5])", "true", "null", "[true]", "[null]", "[]", "{}", R"({"prefix": ""})", R"({"suffix": ""})",
        R"({"prefix": []})", R"({"prefix": ["a", ""]})", R"({"prefix": ["a", 1]})", R"({"exists": false})",
        R"({"numeric": ["=", 1]})", R"({"cidr": "10.0.0.0/8"})", R"({"prefix": "a", "suffix": "b"})",
        R"({"prefix": {"equals-ignore-case": 5}})", R"({"wildcard": "a**"})"})
    rule_refused(std::string{R"({"anything-but": )"} + operand + "}");
}

BOOST_AUTO_TEST_CASE(numbers_are_doubles_and_only_numbers) {
  BOOST_TEST(value_matches(R"({"numeric": [">", 0, "<=", 5]})", "5"));
  BOOST_TEST(!value_matches(R"({"numeric": [">", 0, "<=", 5]})", "0"));
  BOOST_TEST(!value_matches(R"({"numeric": ["=", 5]})", "\"5\""));
  BOOST_TEST(value_matches(R"({"numeric": ["=", 3.018e2]})", "301.8"));
  BOOST_TEST(value_matches(R"({"numeric": ["=", 9007199254740993]})", "9007199254740992"));
  BOOST_TEST(value_matches("9007199254740992", "9007199254740993"));
  BOOST_TEST(value_matches(R"({"numeric": [">", 5e12]})", "6e12"));
  for (const auto* operand : {"[]", R"(["=="])", R"(["=", "5"])", R"(["=", null])", R"([">", 5, ">", 6])", R"(["<", 5, ">", 1])",
                              R"([">", 5, "<", 5])", R"([">", 6, "<", 5])", R"([">", 1, "<", 5, "<", 7])", "5", R"([5])"})
    rule_refused(std::string{R"({"numeric": )"} + operand + "}");
}

BOOST_AUTO_TEST_CASE(existence_is_about_leaves) {
  BOOST_TEST(value_matches(R"({"exists": true})", "null"));
  BOOST_TEST(!value_matches(R"({"exists": true})", R"({"b": 1})"));
  BOOST_TEST(value_matches(R"({"exists": false})", R"({"b": 1})"));
  BOOST_TEST(value_matches(R"({"exists": false})", "[]"));
  BOOST_TEST(!value_matches(R"({"exists": false})", "[1]"));
  BOOST_TEST(matches(R"({"detail": {"stops": [{"exists": false}], "fare": [{"exists": true}]}})", ride));
  for (const auto* operand : {"null", "1", "\"true\"", "[true]"}) rule_refused(std::string{R"({"exists": )"} + operand + "}");
}

BOOST_AUTO_TEST_CASE(addresses_lie_in_blocks) {
  BOOST_TEST(value_matches(R"({"cidr": "10.0.0.0/24"})", "\"10.0.0.255\""));
  BOOST_TEST(!value_matches(R"({"cidr": "10.0.0.0/24"})", "\"10.0.1.0\""));
  BOOST_TEST(value_matches(R"({"cidr": "2001:db8::/32"})", "\"2001:db8::1\""));
  rule_refused(R"({"cidr": "10.0.0.0"})");
}

BOOST_AUTO_TEST_CASE(one_element_of_an_array_must_satisfy_all_keys_below_it) {
  constexpr auto pattern = R"({"stops": {"city": ["Bonn"], "minutes": [{"numeric": ["<", 5]}]}})";
  BOOST_TEST(matches(pattern, R"({"stops": [{"city": "Mainz", "minutes": 9}, {"city": "Bonn", "minutes": 2}]})"));
  BOOST_TEST(!matches(pattern, R"({"stops": [{"city": "Bonn", "minutes": 9}, {"city": "Mainz", "minutes": 2}]})"));
  BOOST_TEST(matches(R"({"tags": ["b"]})", R"({"tags": ["a", ["b"]]})"));
  BOOST_TEST(matches(R"({"a": ["x"], "b": ["y"]})", R"({"a": ["x", "z"], "b": ["z", "y"]})"));  // different arrays
}

BOOST_AUTO_TEST_CASE(groups_are_alternatives_beside_their_sibling_keys) {
  constexpr auto pattern =
      R"({"source": ["rides"], "$or": [{"detail": {"to": ["Bonn"]}}, {"detail": {"fare": [{"numeric": [">", 99]}]}}]})";
  BOOST_TEST(matches(pattern, ride));
  BOOST_TEST(!matches(pattern, R"({"source": "rides", "detail": {"fare": 9, "to": "Mainz"}})"));
  BOOST_TEST(!matches(pattern, R"({"source": "bikes", "detail": {"fare": 999}})"));
  BOOST_TEST(matches(R"({"detail": {"$or": [{"x": [1]}, {"$or": [{"y": [2]}, {"fare": [256.5]}]}]}})", ride));
}

BOOST_AUTO_TEST_CASE(groups_of_one_of_no_objects_and_of_operators_are_refused) {
  refused(R"({"$or": [{"a": [1]}]})");
  refused(R"({"$or": []})");
  refused(R"({"$or": [{"a": [1]}, "b"]})");
  refused(R"({"$or": ["a", "b"]})");
  refused(R"({"$or": [{"prefix": ["a"]}, {"b": [1]}]})");
  refused(R"({"$or": [{"a": [1]}, {}]})");
}

BOOST_AUTO_TEST_CASE(empty_objects_values_and_unknown_operators_are_refused) {
  for (const auto* pattern :
       {"{}", R"({"a": {}})", R"({"a": {"b": {}}})", R"({"a": []})", R"({"a": "x"})", R"({"a": 5})", R"({"a": [[1]]})",
        R"({"a": [{}]})", R"({"a": [{"prefix": "x", "suffix": "y"}]})", R"({"a": [{"like": "x"}]})", "[]", "5", "{"})
    refused(pattern);
}

BOOST_AUTO_TEST_CASE(a_pattern_may_have_many_keys_but_not_be_long) {
  std::string keys;
  for (int i = 0; i < 30; ++i) keys += "\"k" + std::to_string(i) + "\": [1, 2, 3, 4, 5, 6], ";
  BOOST_TEST(EventPattern::compile("{" + keys + R"("z": [1]})").ok());
  const std::string text = R"({"a": [""]})";
  const auto filled = [&](std::size_t letters) {
    std::string pattern = text;
    for (std::size_t i = 0; i < letters; ++i) pattern.insert(8, "\xc3\xa4");
    return pattern;
  };
  BOOST_TEST(EventPattern::compile(filled(EventPattern::size_max - text.size())).ok());
  refused(filled(EventPattern::size_max - text.size() + 1));
}

BOOST_AUTO_TEST_CASE(groups_that_multiply_without_bound_are_refused) {
  std::string pattern;
  for (int i = 0; i < 12; ++i)
    pattern += (i == 0 ? "{" : ", ") + ("\"k" + std::to_string(i)) + R"(": {"$or": [{"a": [1]}, {"b": [1]}]})";
  BOOST_TEST(refused(pattern + "}").find("1000 alternatives") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_no_object_matches_nothing) {
  const auto pattern = EventPattern::compile(R"({"a": [{"exists": false}]})");
  BOOST_TEST(pattern->matches("{}"));
  for (const auto* event : {"", "[]", "5", "null", "{", "not JSON"}) BOOST_TEST(!pattern->matches(event));
}

BOOST_AUTO_TEST_CASE(a_line_of_json_tries_a_pattern_on_an_event) {
  BOOST_TEST(remuda::pattern_test_line(R"({"pattern": {"a": [1]}, "event": {"a": 1}})") == R"({"match": true})");
  BOOST_TEST(remuda::pattern_test_line(R"({"pattern": "{\"a\": [1]}", "event": "{\"a\": 2}"})") == R"({"match": false})");
  for (const auto* line : {"", "{}", R"({"pattern": {}, "event": {}})", R"({"pattern": {"a": [1]}})", R"({"policy": {"a": [1]}})"})
    BOOST_TEST(remuda::pattern_test_line(line).starts_with("{\"error\": \""));
}

BOOST_AUTO_TEST_SUITE_END()
