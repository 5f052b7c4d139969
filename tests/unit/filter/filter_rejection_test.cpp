// What SNS refuses when a policy is set, and so do we; with a text that helps and the place in the policy.

#include <string>

#include "tests/unit/filter/filter_fixture.hpp"

using remuda::FilterScope;
using remuda::test::FilterFixture;

namespace {

/// `["v0", "v1", ...]`
std::string values(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += (i == 0 ? "[" : ", ") + ("\"v" + std::to_string(i) + "\"");
  return text + "]";
}

bool mentions(const remuda::FilterPolicyError& error, std::string_view text) {
  return error.message.find(text) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(filter_rejection)

BOOST_FIXTURE_TEST_CASE(a_policy_must_be_a_json_object, FilterFixture) {
  for (const auto* text : {"", "   ", "{", "[]", "\"x\"", "5", "null", "{\"a\": [\"x\"],}", "{a: [1]}", "{\"a\": [01]}",
                           "{\"a\": [\"\\q\"]}", "{} x", "{\"a\": [\"\x01\"]}", "{\"a\": [\"\xff\"]}"}) {
    refused(text);
  }
}

BOOST_FIXTURE_TEST_CASE(a_key_given_twice_is_refused, FilterFixture) {
  const auto error = refused(R"({"a": [1], "a": [2]})");
  BOOST_TEST(mentions(error, "'a' is given twice"));
  BOOST_TEST(error.offset == 11U);
}

BOOST_FIXTURE_TEST_CASE(the_value_of_a_key_must_be_an_array_or_an_object, FilterFixture) {
  for (const auto* value : {"\"x\"", "5", "true", "null"}) {
    const auto error = refused(std::string{R"({"a": )"} + value + "}");
    BOOST_TEST(mentions(error, "'a'"));
    BOOST_TEST(error.offset == 6U);
  }
  BOOST_TEST(mentions(refused(R"({"a": {"prefix": "x"}})"), "'a.prefix'"));
}

BOOST_FIXTURE_TEST_CASE(empty_arrays_and_arrays_inside_the_array_are_refused, FilterFixture) {
  refused(R"({"a": []})");
  refused(R"({"$or": []})");
  refused(R"({"a": [["x"]]})");
}

BOOST_FIXTURE_TEST_CASE(an_object_in_the_array_holds_exactly_one_known_operator, FilterFixture) {
  refused(R"({"a": [{"suffix": "x", "prefix": "y"}]})");
  refused(R"({"a": [{}]})");
  const auto error = refused(R"({"a": {"b": ["x", {"prefx": "y"}]}})");
  BOOST_TEST(mentions(error, "'a.b'"));
  BOOST_TEST(mentions(error, "'prefx'"));
  BOOST_TEST(mentions(error, "equals-ignore-case"));
  BOOST_TEST(error.offset == 19U);
  refused(R"({"a": [{"wildcard": "x*"}]})");  // an operator of the bus, not of topics
  refused(R"({"$or": [{"numeric": 123}, {"prefix": "abc"}]})");
  refused(R"({"$or": [{"a": ["x"]}]})");
  refused(R"({"$or": [{"a": ["x"]}, "y"]})");
}

BOOST_FIXTURE_TEST_CASE(text_operators_need_one_text, FilterFixture) {
  for (const std::string name : {"prefix", "suffix", "equals-ignore-case"}) {
    for (const auto* operand : {"null", "100", "[]", R"(["x", "y"])", "true", R"({"equals-ignore-case": "x"})"}) {
      BOOST_TEST(mentions(refused(R"({"a": [{")" + name + "\": " + operand + "}]}"), name));
    }
  }
}

BOOST_FIXTURE_TEST_CASE(anything_but_needs_texts_numbers_or_a_prefix, FilterFixture) {
  for (const auto* operand : {R"({"suffix": "x"})", R"({"exists": false})", R"({"wrong": null})", R"({"prefix": false})",
                              R"({"prefix": ["x"]})", R"({"prefix": ""})", R"({"prefix": "x", "suffix": "y"})", "{}", "[]", "null",
                              "true", R"(["x", 5])", "[null]", "[true]", R"([["x"]])", R"([{"prefix": "x"}])"}) {
    refused(std::string{R"({"a": [{"anything-but": )"} + operand + "}]}");
  }
}

BOOST_FIXTURE_TEST_CASE(exists_needs_true_or_false, FilterFixture) {
  for (const auto* operand : {"null", "\"no\"", "1", "[true]", "{}"})
    refused(std::string{R"({"a": [{"exists": )"} + operand + "}]}");
}

BOOST_FIXTURE_TEST_CASE(numeric_needs_one_comparison_or_a_range, FilterFixture) {
  for (const auto* operand : {"[]",
                              "5",
                              "\"=5\"",
                              R"(["operator"])",
                              R"(["operator", 5])",
                              R"([1, "<="])",
                              R"(["=", "000"])",
                              R"(["=", true])",
                              R"(["=", null])",
                              R"([">="])",
                              R"(["<", 100, ">", 10])",
                              R"([">=", 1, ">", 2])",
                              R"(["=", 1, "<", 2])",
                              R"([">", 1, "=", 2])",
                              R"([">", 3, "<", 1])",
                              R"([">=", 5, "<=", 5])",
                              R"([">", 20, "<="])",
                              R"([">", 20, 30])",
                              R"([">", 20, "test"])",
                              R"([">", "20", "<", "30"])",
                              R"([">", 20, "<", "30"])",
                              R"([">", 20, "<", 30, "<", 50])",
                              R"(["==", 5])",
                              R"(["!=", 5])",
                              R"(["=", 1e999])"}) {
    refused(std::string{R"({"a": [{"numeric": )"} + operand + "}]}");
  }
  BOOST_TEST(accepted(R"({"a": [{"numeric": [">=", 5, "<=", 5.00001]}]})"));
}

BOOST_FIXTURE_TEST_CASE(cidr_needs_an_address_one_slash_and_whole_mask_bits, FilterFixture) {
  for (const auto* operand : {"\"10.0.0.0\"", "\"10.0.0.0/8/8\"", "\"10.0.0.0/x\"", "\"10.0.0.0/\"", "\"10.0.0.0/8.5\"",
                              "\"10.0.0.0/-8\"", "\"10.0.0.0/33\"", "\"::/129\"", "\"10.0.0/8\"", "\"10.0.0.256/8\"", "\"xx/11\"",
                              "\"/8\"", "8", "null", "[\"10.0.0.0/8\"]"}) {
    refused(std::string{R"({"a": [{"cidr": )"} + operand + "}]}");
  }
  BOOST_TEST(accepted(R"({"a": [{"cidr": "10.0.0.0/32"}, {"cidr": "::/128"}, {"cidr": "10.0.0.1/8"}]})"));
}

BOOST_FIXTURE_TEST_CASE(a_policy_has_at_most_five_top_level_keys, FilterFixture) {
  const std::string five = R"("a": [1], "b": [1], "c": [1], "d": [1], "e": {"x": [1], "y": [1]})";
  BOOST_TEST(accepted("{" + five + "}"));
  const auto error = refused("{" + five + R"(, "f": [1]})");
  BOOST_TEST(mentions(error, "6 keys"));
  BOOST_TEST(error.offset == five.size() + 3);
  refused("{" + five + R"(, "$or": [{"x": [1]}, {"y": [1]}]})");
}

BOOST_FIXTURE_TEST_CASE(attributes_cannot_be_nested, FilterFixture) {
  BOOST_TEST(accepted(R"({"a": {"b": [1]}})", FilterScope::body));
  refused(R"({"a": {"b": [1]}})", FilterScope::attributes);
  refused(R"({"$or": [{"a": {"b": [1]}}, {"c": [1]}]})", FilterScope::attributes);
  BOOST_TEST(accepted(R"({"a.b": [1]})", FilterScope::attributes));
}

BOOST_FIXTURE_TEST_CASE(combinations_multiply_values_and_depth_up_to_150, FilterFixture) {
  BOOST_TEST(accepted(R"({"a": )" + values(150) + "}"));
  refused(R"({"a": )" + values(151) + "}");
  BOOST_TEST(accepted(R"({"a": )" + values(12) + R"(, "b": )" + values(12) + "}"));
  BOOST_TEST(mentions(refused(R"({"a": )" + values(13) + R"(, "b": )" + values(12) + "}"), "156"));
  BOOST_TEST(accepted(R"({"a": {"b": {"c": )" + values(50) + "}}}"));
  BOOST_TEST(mentions(refused(R"({"a": {"b": {"c": )" + values(51) + "}}}"), "153"));
  // 3 x 4 x 2 x 3 x 1 x 3
  BOOST_TEST(mentions(
      refused(R"({"a": {"b": {"c": )" + values(4) + R"(}}, "d": {"e": )" + values(3) + R"(}, "f": )" + values(3) + "}"), "216"));
}

BOOST_FIXTURE_TEST_CASE(the_arms_of_or_are_added_and_multiplied_with_the_rest, FilterFixture) {
  const auto nested_arms = [](int source, int last) {
    return R"({"source": )" + values(source) + R"(, "$or": [{"metricName": )" + values(6) + R"(}, {"metricType": )" + values(4) +
           R"(, "$or": [{"metricId": )" + values(4) + R"(}, {"spaceId": )" + values(last) + "}]}]}";
  };
  BOOST_TEST(accepted(nested_arms(3, 7)));                  // 3*6 + 3*4*4 + 3*4*7 = 150
  BOOST_TEST(mentions(refused(nested_arms(4, 4)), "152"));  // 4*6 + 4*4*4 + 4*4*4
  // (3 + 2) * 2*2 * (1*2 + 3*2)
  BOOST_TEST(mentions(refused(R"({"$or": [{"m": )" + values(3) + R"(}, {"n": )" + values(2) + R"(}], "d": {"s": )" + values(2) +
                              R"(, "$or": [{"x": )" + values(1) + R"(}, {"y": )" + values(3) + "}]}}"),
                      "160"));
}

BOOST_FIXTURE_TEST_CASE(a_count_too_large_for_any_integer_is_still_refused, FilterFixture) {
  std::string arms = "[1]";
  for (int i = 0; i < 12; ++i) arms = R"([{"a": )" + values(100) + R"(, "$or": )" + arms + R"(}, {"b": )" + values(100) + "}]";
  BOOST_TEST(mentions(refused(R"({"$or": )" + arms + "}"), "far too many"));
}

BOOST_FIXTURE_TEST_CASE(a_policy_has_at_most_256_kilobytes, FilterFixture) {
  const std::string text = R"({"a": [1]})";
  BOOST_TEST(accepted(text + std::string(256 * 1024 - text.size(), ' ')));
  refused(text + std::string(256 * 1024 + 1 - text.size(), ' '));
}

BOOST_FIXTURE_TEST_CASE(an_alternative_names_at_most_64_keys, FilterFixture) {
  const auto arm = [](int keys) {
    std::string text;
    for (int i = 0; i < keys; ++i) text += (i == 0 ? "{\"k" : ", \"k") + std::to_string(i) + "\": [1]";
    return text + "}";
  };
  filter_bodies_by(R"({"$or": [)" + arm(64) + R"(, {"x": [1]}]})");
  std::string body = arm(64);
  BOOST_TEST(body_matches(body));
  body.replace(body.rfind("[1]"), 3, "[2]");
  BOOST_TEST(!body_matches(body));
  refused(R"({"$or": [)" + arm(65) + R"(, {"x": [1]}]})");
}

BOOST_FIXTURE_TEST_CASE(deep_nesting_is_refused_not_followed, FilterFixture) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "{\"a\":";
  BOOST_TEST(mentions(refused(text), "nested too deeply"));
  refused(std::string(10'0000, '['));
}

BOOST_FIXTURE_TEST_CASE(messages_quote_long_keys_only_in_part, FilterFixture) {
  std::string key;
  for (int i = 0; i < 1000; ++i) key += "ä";
  BOOST_TEST(refused("{\"" + key + "\": 5}").message.size() < 400U);
}

BOOST_AUTO_TEST_SUITE_END()
