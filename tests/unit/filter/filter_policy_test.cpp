// What a filter policy lets through. Each case is one rule of SNS message filtering.

#include <bit>
#include <limits>
#include <string>

#include "tests/unit/filter/filter_fixture.hpp"

using remuda::FilterPolicy;
using remuda::FilterScope;
using remuda::test::FilterFixture;

BOOST_AUTO_TEST_SUITE(filter_policy)

// ---- worked examples

BOOST_FIXTURE_TEST_CASE(extraordinary_rides_have_a_high_fare_and_a_long_distance, FilterFixture) {
  filter_bodies_by(R"({"fare": [{"numeric": [">=", 50]}], "distance": [{"numeric": [">=", 20]}]})");
  BOOST_TEST(body_matches(R"({"fare": 256.50, "distance": 600, "customer": "cmr"})"));
  BOOST_TEST(body_matches(R"({"fare": 50, "distance": 20})"));
  BOOST_TEST(!body_matches(R"({"fare": 49.99, "distance": 20})"));
  BOOST_TEST(!body_matches(R"({"fare": 50, "distance": 19.999})"));
  BOOST_TEST(!body_matches(R"({"fare": 50})"));
}

BOOST_FIXTURE_TEST_CASE(the_same_rides_by_attributes, FilterFixture) {
  filter_attributes_by(R"({"fare": [{"numeric": [">=", 50]}], "distance": [{"numeric": [">=", 20]}]})");
  BOOST_TEST(attributes_match({{"fare", {"Number", "50"}}, {"distance", {"Number", "20"}}}));
  BOOST_TEST(!attributes_match({{"fare", {"Number", "49.99"}}, {"distance", {"Number", "20"}}}));
  BOOST_TEST(!attributes_match({{"fare", {"Number", "50"}}, {"distance", {"Number", "19.999"}}}));
}

BOOST_FIXTURE_TEST_CASE(the_label_of_a_type_changes_nothing, FilterFixture) {
  filter_attributes_by(R"({"fare": [{"numeric": [">=", 50]}]})");
  BOOST_TEST(attributes_match({{"fare", {"Number.euro", "50"}}}));
  BOOST_TEST(!attributes_match({{"fare", {"Number.euro", "49"}}}));
  filter_attributes_by(R"({"fare": ["50"]})");
  BOOST_TEST(attributes_match({{"fare", {"String.label", "50"}}}));
  BOOST_TEST(!attributes_match({{"fare", {"Binary.label", "50"}}}));
}

BOOST_FIXTURE_TEST_CASE(a_red_a_green_and_an_unfiltered_subscriber_receive_their_own_subsets, FilterFixture) {
  BOOST_TEST(body_matches(R"({"color": "red"})"));  // no policy yet
  filter_bodies_by(R"({"color": ["red"]})");
  BOOST_TEST(body_matches(R"({"color": "red"})"));
  BOOST_TEST(!body_matches(R"({"color": "green"})"));
  filter_bodies_by(R"({"color": ["green"]})");
  BOOST_TEST(!body_matches(R"({"color": "red"})"));
  BOOST_TEST(body_matches(R"({"color": "green"})"));
}

// ---- evaluation

BOOST_FIXTURE_TEST_CASE(no_policy_and_an_empty_policy_want_everything, FilterFixture) {
  for (const auto scope : {FilterScope::body, FilterScope::attributes}) {
    const auto empty = FilterPolicy::compile(" {} ", scope);
    BOOST_REQUIRE(empty.ok());
    BOOST_TEST(empty->matches_body("not even JSON"));
    BOOST_TEST(empty->matches_attributes(""));
  }
  BOOST_TEST(FilterPolicy{}.matches_body("\xc1"));
}

BOOST_FIXTURE_TEST_CASE(keys_are_anded_values_are_ored_and_other_keys_do_not_matter, FilterFixture) {
  filter_bodies_by(R"({"from": ["Berlin", "Bonn"], "to": ["Frankfurt"]})");
  BOOST_TEST(body_matches(R"({"from": "Berlin", "to": "Frankfurt", "fare": 12})"));
  BOOST_TEST(body_matches(R"({"to": "Frankfurt", "from": "Bonn"})"));
  BOOST_TEST(!body_matches(R"({"from": "Berlin", "to": "Bonn"})"));
  BOOST_TEST(!body_matches(R"({"from": "Berlin"})"));
}

BOOST_FIXTURE_TEST_CASE(names_and_text_are_compared_with_case, FilterFixture) {
  filter_bodies_by(R"({"Color": ["Red"]})");
  BOOST_TEST(body_matches(R"({"Color": "Red"})"));
  BOOST_TEST(!body_matches(R"({"Color": "red"})"));
  BOOST_TEST(!body_matches(R"({"color": "Red"})"));
}

BOOST_FIXTURE_TEST_CASE(attribute_scope_ignores_the_body_and_body_scope_the_attributes, FilterFixture) {
  remuda::Message message;
  message.id = "ride-1";
  message.body = R"({"color": "red"})";
  message.attributes["color"] = {"String", "green"};
  const std::string packed = pack(message);
  const auto view = remuda::view_message(packed);
  BOOST_REQUIRE(view.ok());
  filter_bodies_by(R"({"color": ["red"]})");
  BOOST_TEST(policy.matches(*view));
  filter_attributes_by(R"({"color": ["red"]})");
  BOOST_TEST(!policy.matches(*view));
  filter_attributes_by(R"({"color": ["green"]})");
  BOOST_TEST(policy.matches(*view));
}

BOOST_FIXTURE_TEST_CASE(a_binary_attribute_counts_as_absent, FilterFixture) {
  filter_attributes_by(R"({"key": ["x"]})");
  BOOST_TEST(attribute_matches("String", "x"));
  BOOST_TEST(!attribute_matches("Binary", "x"));
  filter_attributes_by(R"({"key": [{"exists": true}]})");
  BOOST_TEST(!attribute_matches("Binary", "x"));
  filter_attributes_by(R"({"key": [{"exists": false}]})");
  BOOST_TEST(attribute_matches("Binary", "x"));
}

BOOST_FIXTURE_TEST_CASE(one_element_of_a_string_array_is_enough, FilterFixture) {
  filter_attributes_by(R"({"key": ["soccer", 7, true, null]})");
  BOOST_TEST(attribute_matches("String.Array", R"(["rugby", "soccer"])"));
  BOOST_TEST(attribute_matches("String.Array", "[1, 7.0]"));
  BOOST_TEST(attribute_matches("String.Array", "[true]"));
  BOOST_TEST(attribute_matches("String.Array", "[null]"));
  BOOST_TEST(!attribute_matches("String.Array", R"(["rugby", 8, false])"));
  BOOST_TEST(!attribute_matches("String.Array", R"(["7", "true", "null"])"));
  BOOST_TEST(attribute_matches("String.Array", R"(["\u0073occer"])"));
  BOOST_TEST(attribute_matches("String.Array", R"([{"a": "rugby"}, "soccer"])"));
  BOOST_TEST(!attribute_matches("String.Array", R"([{"a": "soccer"}])"));
}

BOOST_FIXTURE_TEST_CASE(a_string_array_may_be_a_single_json_value, FilterFixture) {
  filter_attributes_by(R"({"key": [100]})");
  BOOST_TEST(attribute_matches("String.Array", "100"));
  BOOST_TEST(!attribute_matches("String.Array", "one hundred"));
}

BOOST_FIXTURE_TEST_CASE(a_string_array_that_is_empty_or_no_json_matches_nothing, FilterFixture) {
  for (const std::string text : {"[]", "['soccer']", "soccer", "[\"soccer\"", "", "[[]]"}) {
    for (const auto* rule : {R"({"key": ["soccer"]})", R"({"key": [{"anything-but": "x"}]})", R"({"key": [{"exists": true}]})",
                             R"({"key": [{"exists": false}]})"}) {
      filter_attributes_by(rule);
      BOOST_TEST(!attribute_matches("String.Array", text), rule << " on " << text);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(string_operators_look_at_each_element_of_a_string_array, FilterFixture) {
  const std::string sports = R"(["soccer", "rugby", "hockey"])";
  filter_attributes_by(R"({"key": [{"prefix": "soc"}]})");
  BOOST_TEST(attribute_matches("String.Array", sports));
  filter_attributes_by(R"({"key": [{"suffix": "gby"}]})");
  BOOST_TEST(attribute_matches("String.Array", sports));
  filter_attributes_by(R"({"key": [{"equals-ignore-case": "RuGbY"}]})");
  BOOST_TEST(attribute_matches("String.Array", sports));
  filter_attributes_by(R"({"key": [{"prefix": "base"}]})");
  BOOST_TEST(!attribute_matches("String.Array", sports));
}

BOOST_FIXTURE_TEST_CASE(a_body_that_is_no_json_object_matches_nothing, FilterFixture) {
  filter_bodies_by(R"({"color": [{"exists": false}]})");
  BOOST_TEST(policy.matches_body("{}"));
  BOOST_TEST(policy.matches_body(" \r\n\t{ }\n"));
  BOOST_TEST(policy.matches_body("\x80"));
  for (const std::string_view body : {"", "red", "\"red\"", "[]", "[{}]", "5", "null", "{", "{} {}", "{\"a\":}", "{'a': 1}"}) {
    BOOST_TEST(!policy.matches_body(body), body);
  }
}

BOOST_FIXTURE_TEST_CASE(a_packed_body_must_be_well_formed_to_its_end, FilterFixture) {
  filter_bodies_by(R"({"color": ["red"]})");
  const std::string good =
      "\x81\xa5"
      "color"
      "\xa3"
      "red";
  BOOST_TEST(policy.matches_body(good));
  BOOST_TEST(!policy.matches_body(good + '\x01'));
  for (std::size_t size = 0; size < good.size(); ++size) BOOST_TEST(!policy.matches_body(std::string_view{good}.substr(0, size)));
  BOOST_TEST(
      !policy.matches_body("\x82\xa5"
                           "color"
                           "\xa3"
                           "red"
                           "\xa1x\xc1"));
  using namespace std::string_view_literals;
  BOOST_TEST(!policy.matches_body("\xdf\xff\x00\x00\x00"sv));
  BOOST_TEST(
      !policy.matches_body("\x81\xa5"
                           "color" +
                           std::string(60'000, '\x91')));
}

BOOST_FIXTURE_TEST_CASE(keys_that_are_no_text_are_skipped, FilterFixture) {
  filter_bodies_by(R"({"color": ["red"]})");
  BOOST_TEST(
      policy.matches_body("\x82\x05\xa1x\xa5"
                          "color"
                          "\xa3"
                          "red"));
}

BOOST_FIXTURE_TEST_CASE(policies_nest_like_bodies, FilterFixture) {
  filter_bodies_by(
      R"({"object": {"key": [{"prefix": "auto-"}, "manual"], "nested": [{"exists": false}]}, "test": [{"exists": false}]})");
  BOOST_TEST(body_matches(R"({"object": {"key": "auto-1"}})"));
  BOOST_TEST(body_matches(R"({"object": {"key": "manual"}})"));
  BOOST_TEST(!body_matches(R"({"object": {"key": "test-auto"}})"));
  BOOST_TEST(!body_matches(R"({"object": {"key": "auto-1"}, "test": "there"})"));
  BOOST_TEST(!body_matches(R"({"object": {"key": "auto-1", "nested": "there"}})"));
  BOOST_TEST(!body_matches(R"({"object": {"test": "auto-1"}})"));
  BOOST_TEST(!body_matches(R"({"object": "auto-1"})"));
}

BOOST_FIXTURE_TEST_CASE(arrays_are_looked_through_at_any_depth, FilterFixture) {
  filter_bodies_by(R"({"f1": {"f2": {"f3": {"f4": ["v1"]}}}})");
  BOOST_TEST(body_matches(R"({"f1": {"f2": {"f3": {"f4": "v1"}}}})"));
  BOOST_TEST(body_matches(R"({"f1": {"f2": {"f3": {"f4": ["v0", "v1"]}}}})"));
  BOOST_TEST(body_matches(R"({"f1": {"f2": {"f3": {"f4": [["v0"], [["v1"]]]}}}})"));
  BOOST_TEST(body_matches(R"({"f1": [{"f2": [{"f3": {"f4": "v1"}}]}]})"));
  BOOST_TEST(body_matches(R"({"f1": [{"f2": [[{"f3": {"f4": "v2"}}, {"f3": {"f4": "v1"}}]]}]})"));
  BOOST_TEST(!body_matches(R"({"f1": [{"f2": [[{"f3": {"f4": "v2"}}, {"f3": {"f4": "v3"}}]]}]})"));
  BOOST_TEST(!body_matches(R"({"f1": [{"f2": {"fx": {"f4": "v1"}}}]})"));
  BOOST_TEST(!body_matches(R"({"f1": ["v1"]})"));
}

BOOST_FIXTURE_TEST_CASE(two_keys_are_satisfied_by_the_same_element_of_an_array, FilterFixture) {
  filter_bodies_by(
      R"({"Records": {"s3": {"object": {"key": [{"prefix": "auto-"}]}}, "eventName": [{"prefix": "ObjectCreated:"}]}})");
  BOOST_TEST(body_matches(
      R"({"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": [[{"key": "auto-1"}]]}},
                      {"eventName": "ObjectRemoved:Delete", "s3": {"object": {"key": "home-1"}}}]})"));
  BOOST_TEST(!body_matches(
      R"({"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "home-1"}}},
                      {"eventName": "ObjectRemoved:Delete", "s3": {"object": {"key": "auto-1"}}}]})"));
}

BOOST_FIXTURE_TEST_CASE(values_of_an_array_are_independent_of_each_other, FilterFixture) {
  filter_bodies_by(R"({"$or": [{"tags": ["a"]}, {"none": ["x"]}], "tags": ["b"]})");
  BOOST_TEST(body_matches(R"({"tags": ["a", "b"]})"));
  BOOST_TEST(!body_matches(R"({"tags": ["a"]})"));
}

BOOST_FIXTURE_TEST_CASE(keys_with_dots_and_nested_keys_are_the_same, FilterFixture) {
  for (const auto* spelling :
       {R"({"a.b.c": ["x"]})", R"({"a": {"b.c": ["x"]}})", R"({"a.b": {"c": ["x"]}})", R"({"a": {"b": {"c": ["x"]}}})"}) {
    filter_bodies_by(spelling);
    BOOST_TEST(body_matches(R"({"a": {"b": {"c": "x"}}})"));
    BOOST_TEST(body_matches(R"({"a.b.c": "x"})"));
    BOOST_TEST(body_matches(R"({"a.b": {"c": "x"}})"));
    BOOST_TEST(body_matches(R"({"a": {"b.c": "x"}})"));
    BOOST_TEST(body_matches(R"({"a": [{"b.c": ["y", "x"]}]})"));
    BOOST_TEST(!body_matches(R"({"a": {"b": {"c": "y"}}})"));
    BOOST_TEST(!body_matches(R"({"a": {"bc": "x"}, "ab": {"c": "x"}})"));
  }
  filter_bodies_by(R"({"a.b": ["x"], "a.c": ["y"]})");
  BOOST_TEST(body_matches(R"({"a.b": "x", "a": {"c": "y"}})"));
}

BOOST_FIXTURE_TEST_CASE(dots_in_attribute_names_are_ordinary_characters, FilterFixture) {
  filter_attributes_by(R"({"ride.color": ["red"]})");
  BOOST_TEST(attributes_match({{"ride.color", {"String", "red"}}}));
  BOOST_TEST(!attributes_match({{"ride", {"String", "red"}}}));
}

BOOST_FIXTURE_TEST_CASE(a_nested_object_without_keys_asks_for_nothing, FilterFixture) {
  filter_bodies_by(R"({"a": {}})");
  BOOST_TEST(body_matches(R"({"b": 1})"));
}

// ---- values

BOOST_FIXTURE_TEST_CASE(numbers_are_compared_by_value_not_by_spelling, FilterFixture) {
  filter_bodies_by(R"({"n": [4, 3.015e2]})");
  BOOST_TEST(body_matches(R"({"n": 4.0})"));
  BOOST_TEST(body_matches(R"({"n": 0.4e1})"));
  BOOST_TEST(body_matches(R"({"n": 301.5})"));
  BOOST_TEST(body_matches(R"({"n": 3015E-1})"));
  BOOST_TEST(!body_matches(R"({"n": 4.00001})"));
  BOOST_TEST(policy.matches_body(std::string("\x81\xa1n\xca\x40\x80\x00\x00", 8)));  // 4 as a packed float
  filter_attributes_by(R"({"key": [301.5]})");
  BOOST_TEST(attribute_matches("Number", "3.015e2"));
  BOOST_TEST(attribute_matches("Number", "+301.50"));
  BOOST_TEST(!attribute_matches("Number", "301.49999"));
}

BOOST_FIXTURE_TEST_CASE(whole_numbers_beyond_two_to_the_53rd_are_compared_exactly, FilterFixture) {
  filter_bodies_by(R"({"n": [9007199254740993, 18446744073709551615, -9223372036854775808]})");
  BOOST_TEST(body_matches(R"({"n": 9007199254740993})"));
  BOOST_TEST(body_matches(R"({"n": 9007199254740993.0})"));
  BOOST_TEST(!body_matches(R"({"n": 9007199254740992})"));
  BOOST_TEST(!body_matches(R"({"n": 9007199254740994})"));
  BOOST_TEST(body_matches(R"({"n": 18446744073709551615})"));
  BOOST_TEST(!body_matches(R"({"n": 18446744073709551614})"));
  BOOST_TEST(!body_matches(R"({"n": 18446744073709551616})"));
  BOOST_TEST(body_matches(R"({"n": -9223372036854775808})"));
  BOOST_TEST(!body_matches(R"({"n": -9223372036854775807})"));
}

BOOST_FIXTURE_TEST_CASE(numbers_above_a_billion_and_tiny_differences_are_taken, FilterFixture) {
  filter_bodies_by(R"({"n": [{"numeric": [">", 1000000000, "<=", 1e300]}]})");
  BOOST_TEST(!body_matches(R"({"n": 1000000000})"));
  BOOST_TEST(body_matches(R"({"n": 1000000000.00001})"));
  BOOST_TEST(body_matches(R"({"n": 1e300})"));
  BOOST_TEST(!body_matches(R"({"n": 1e301})"));
  BOOST_TEST(!body_matches(R"({"n": 1e999})"));
}

BOOST_FIXTURE_TEST_CASE(numbers_and_text_never_equal_each_other, FilterFixture) {
  filter_bodies_by(R"({"n": ["5"]})");
  BOOST_TEST(body_matches(R"({"n": "5"})"));
  BOOST_TEST(!body_matches(R"({"n": 5})"));
  filter_bodies_by(R"({"n": [5]})");
  BOOST_TEST(body_matches(R"({"n": 5})"));
  BOOST_TEST(!body_matches(R"({"n": "5"})"));
  filter_attributes_by(R"({"key": [5]})");
  BOOST_TEST(attribute_matches("Number", "5.0"));
  BOOST_TEST(!attribute_matches("String", "5"));
  filter_attributes_by(R"({"key": ["5"]})");
  BOOST_TEST(attribute_matches("String", "5"));
  BOOST_TEST(!attribute_matches("Number", "5"));
}

BOOST_FIXTURE_TEST_CASE(a_number_attribute_that_is_no_number_matches_nothing, FilterFixture) {
  for (const std::string value : {"five", "", " 5", "0x5", "nan", "inf", "5,0", "1e", "."}) {
    for (const auto* rule :
         {R"({"key": [{"numeric": ["<", 1000]}]})", R"({"key": [{"anything-but": 1}]})", R"({"key": [{"exists": false}]})"}) {
      filter_attributes_by(rule);
      BOOST_TEST(!attribute_matches("Number", value), value);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(true_false_and_null_match_the_literals_only, FilterFixture) {
  filter_bodies_by(R"({"a": [true, null]})");
  BOOST_TEST(body_matches(R"({"a": true})"));
  BOOST_TEST(body_matches(R"({"a": null})"));
  BOOST_TEST(!body_matches(R"({"a": false})"));
  BOOST_TEST(!body_matches(R"({"a": "true"})"));
  BOOST_TEST(!body_matches(R"({"a": "null"})"));
  BOOST_TEST(!body_matches(R"({"a": 1})"));
  BOOST_TEST(!body_matches(R"({"b": 1})"));  // null is not absence
  filter_attributes_by(R"({"key": [true]})");
  BOOST_TEST(!attribute_matches("String", "true"));
}

BOOST_FIXTURE_TEST_CASE(packed_bytes_are_present_but_equal_nothing, FilterFixture) {
  const std::string body =
      "\x81\xa1"
      "a\xc4\x01x";
  filter_bodies_by(R"({"a": ["x", {"prefix": "x"}]})");
  BOOST_TEST(!policy.matches_body(body));
  filter_bodies_by(R"({"a": [{"exists": true}]})");
  BOOST_TEST(policy.matches_body(body));
}

// ---- operators

BOOST_FIXTURE_TEST_CASE(prefix_and_suffix_compare_text_only, FilterFixture) {
  filter_bodies_by(R"({"a": [{"prefix": "auto-"}]})");
  BOOST_TEST(body_matches(R"({"a": "auto-"})"));
  BOOST_TEST(body_matches(R"({"a": "auto-1"})"));
  BOOST_TEST(!body_matches(R"({"a": "auto"})"));
  BOOST_TEST(!body_matches(R"({"a": "Auto-1"})"));
  BOOST_TEST(!body_matches(R"({"b": "auto-1"})"));
  filter_bodies_by(R"({"a": [{"suffix": "1"}]})");
  BOOST_TEST(body_matches(R"({"a": "auto-1"})"));
  BOOST_TEST(!body_matches(R"({"a": "auto-12"})"));
  BOOST_TEST(!body_matches(R"({"a": 1})"));
  filter_bodies_by(R"({"a": [{"prefix": ""}]})");
  BOOST_TEST(body_matches(R"({"a": "anything"})"));
  BOOST_TEST(!body_matches(R"({"a": 5})"));
}

BOOST_FIXTURE_TEST_CASE(equals_ignore_case_knows_more_than_ascii, FilterFixture) {
  filter_bodies_by(R"({"a": [{"equals-ignore-case": "stra\u00dfe \u00c4\u03a3"}]})");
  BOOST_TEST(body_matches(R"({"a": "STRAße äσ"})"));
  BOOST_TEST(body_matches(R"({"a": "straße äς"})"));
  BOOST_TEST(!body_matches(R"({"a": "straße a"})"));
  BOOST_TEST(!body_matches(R"({"a": "straße"})"));
  BOOST_TEST(
      !policy.matches_body("\x81\xa1"
                           "a\xa3\xff\xc3x"));
  BOOST_TEST(!body_matches(R"({"b": "straße"})"));
}

BOOST_FIXTURE_TEST_CASE(anything_but_wants_a_value_that_is_not_listed, FilterFixture) {
  filter_bodies_by(R"({"a": [{"anything-but": ["x", "y"]}]})");
  BOOST_TEST(body_matches(R"({"a": "z"})"));
  BOOST_TEST(!body_matches(R"({"a": "x"})"));
  BOOST_TEST(body_matches(R"({"a": 5})"));
  BOOST_TEST(body_matches(R"({"a": null})"));
  BOOST_TEST(!body_matches(R"({"b": "z"})"));
  filter_bodies_by(R"({"a": [{"anything-but": [1, 2]}]})");
  BOOST_TEST(!body_matches(R"({"a": 1.0})"));
  BOOST_TEST(body_matches(R"({"a": 3})"));
  filter_bodies_by(R"({"a": [{"anything-but": "x"}]})");
  BOOST_TEST(!body_matches(R"({"a": "x"})"));
  filter_attributes_by(R"({"key": [{"anything-but": 100}]})");
  BOOST_TEST(!attribute_matches("Number", "1e2"));
  BOOST_TEST(attribute_matches("Number", "101"));
  BOOST_TEST(!attributes_match({}));
}

BOOST_FIXTURE_TEST_CASE(anything_but_on_an_array_wants_one_element_that_is_not_listed, FilterFixture) {
  filter_bodies_by(R"({"a": [{"anything-but": ["x", "y"]}]})");
  BOOST_TEST(body_matches(R"({"a": ["x", "z"]})"));
  BOOST_TEST(!body_matches(R"({"a": ["x", "y"]})"));
  BOOST_TEST(!body_matches(R"({"a": []})"));
}

BOOST_FIXTURE_TEST_CASE(two_anything_but_entries_exclude_nothing, FilterFixture) {
  filter_bodies_by(R"({"a": [{"anything-but": "x"}, {"anything-but": "y"}]})");
  BOOST_TEST(body_matches(R"({"a": "x"})"));
  BOOST_TEST(body_matches(R"({"a": "y"})"));
}

BOOST_FIXTURE_TEST_CASE(anything_but_a_prefix, FilterFixture) {
  filter_bodies_by(R"({"a": [{"anything-but": {"prefix": "auto-"}}]})");
  BOOST_TEST(body_matches(R"({"a": "home-1"})"));
  BOOST_TEST(!body_matches(R"({"a": "auto-1"})"));
  BOOST_TEST(body_matches(R"({"a": 5})"));
  BOOST_TEST(body_matches(R"({"a": ["auto-1", "home-1"]})"));
  BOOST_TEST(!body_matches(R"({"b": "home-1"})"));
}

BOOST_FIXTURE_TEST_CASE(numeric_compares_with_every_operator_on_both_sides_of_its_boundary, FilterFixture) {
  struct Row {
    const char* operation;
    bool below, at, above;
  };
  for (const Row& row : {Row{"=", false, true, false}, Row{"<", true, false, false}, Row{"<=", true, true, false},
                         Row{">", false, false, true}, Row{">=", false, true, true}}) {
    filter_bodies_by(std::string{R"({"n": [{"numeric": [")"} + row.operation + R"(", 300]}]})");
    BOOST_TEST(body_matches(R"({"n": 299.99999})") == row.below, row.operation);
    BOOST_TEST(body_matches(R"({"n": 300})") == row.at, row.operation);
    BOOST_TEST(body_matches(R"({"n": 300.00001})") == row.above, row.operation);
    BOOST_TEST(!body_matches(R"({"n": "300"})"));
    BOOST_TEST(!body_matches(R"({"n": true})"));
    BOOST_TEST(!body_matches(R"({})"));
  }
}

BOOST_FIXTURE_TEST_CASE(numeric_ranges_have_two_ends, FilterFixture) {
  filter_attributes_by(R"({"key": [{"numeric": [">", 0, "<=", 150]}]})");
  BOOST_TEST(!attribute_matches("Number", "0"));
  BOOST_TEST(attribute_matches("Number", "0.00001"));
  BOOST_TEST(attribute_matches("Number", "150"));
  BOOST_TEST(!attribute_matches("Number", "150.00001"));
  BOOST_TEST(!attribute_matches("Number", "-1"));
  BOOST_TEST(!attribute_matches("String", "5"));
  BOOST_TEST(attribute_matches("String.Array", "[200, 100]"));
}

BOOST_FIXTURE_TEST_CASE(a_packed_nan_is_in_no_range, FilterFixture) {
  filter_bodies_by(R"({"n": [{"numeric": ["<", 5]}, {"numeric": [">=", 5]}]})");
  std::string body = "\x81\xa1n\xcb";
  const auto bits = std::bit_cast<std::uint64_t>(std::numeric_limits<double>::quiet_NaN());
  for (int shift = 56; shift >= 0; shift -= 8) body += static_cast<char>(bits >> static_cast<unsigned>(shift));
  BOOST_TEST(!policy.matches_body(body));
}

BOOST_FIXTURE_TEST_CASE(exists_asks_for_presence_or_absence, FilterFixture) {
  filter_bodies_by(R"({"a": [{"exists": true}]})");
  for (const auto* there : {R"({"a": 1})", R"({"a": ""})", R"({"a": null})", R"({"a": false})", R"({"a": [1]})"})
    BOOST_TEST(body_matches(there));
  for (const auto* absent : {R"({})", R"({"b": 1})", R"({"a": {"b": 1}})", R"({"a": []})", R"({"a": [{"b": 1}]})"})
    BOOST_TEST(!body_matches(absent));
  filter_bodies_by(R"({"a": [{"exists": false}]})");
  for (const auto* there : {R"({"a": 1})", R"({"a": ""})", R"({"a": null})", R"({"a": [1]})"}) BOOST_TEST(!body_matches(there));
  for (const auto* absent : {R"({})", R"({"b": 1})", R"({"a": {"b": 1}})", R"({"a": []})"}) BOOST_TEST(body_matches(absent));
}

BOOST_FIXTURE_TEST_CASE(exists_in_attributes, FilterFixture) {
  filter_attributes_by(R"({"key": [{"exists": true}]})");
  BOOST_TEST(attribute_matches("Number", "99"));
  BOOST_TEST(!attributes_match({{"other", {"Number", "99"}}}));
  filter_attributes_by(R"({"key": [{"exists": false}]})");
  BOOST_TEST(!attribute_matches("String", "x"));
  BOOST_TEST(attributes_match({{"other", {"Number", "99"}}}));
  BOOST_TEST(attributes_match({}));
}

BOOST_FIXTURE_TEST_CASE(absence_or_a_value, FilterFixture) {
  filter_bodies_by(R"({"a": [{"exists": false}, "x"]})");
  BOOST_TEST(body_matches(R"({})"));
  BOOST_TEST(body_matches(R"({"a": "x"})"));
  BOOST_TEST(!body_matches(R"({"a": "y"})"));
}

BOOST_FIXTURE_TEST_CASE(absence_under_an_array_is_absence_in_one_element, FilterFixture) {
  filter_bodies_by(R"({"items": {"name": ["saddle"], "discount": [{"exists": false}]}})");
  BOOST_TEST(body_matches(R"({"items": [{"name": "saddle"}, {"name": "bridle", "discount": 5}]})"));
  BOOST_TEST(!body_matches(R"({"items": [{"name": "saddle", "discount": 5}, {"name": "bridle"}]})"));
}

BOOST_FIXTURE_TEST_CASE(cidr_wants_an_address_inside_the_block, FilterFixture) {
  filter_attributes_by(R"({"key": [{"cidr": "10.0.0.0/24"}]})");
  BOOST_TEST(attribute_matches("String", "10.0.0.0"));
  BOOST_TEST(attribute_matches("String", "10.0.0.255"));
  BOOST_TEST(!attribute_matches("String", "10.0.1.0"));
  BOOST_TEST(!attribute_matches("String", "9.255.255.255"));
  for (const std::string no_address : {"10.0.0.256", "10.0.0", "10.0.0.1 ", "::ffff:10.0.0.1", "x", ""})
    BOOST_TEST(!attribute_matches("String", no_address));
  BOOST_TEST(!attribute_matches("Number", "10"));
  BOOST_TEST(!attributes_match({}));
  filter_bodies_by(R"({"ip": [{"cidr": "10.0.0.128/25"}, {"cidr": "2001:db8::/33"}]})");
  BOOST_TEST(body_matches(R"({"ip": "10.0.0.128"})"));
  BOOST_TEST(!body_matches(R"({"ip": "10.0.0.127"})"));
  BOOST_TEST(body_matches(R"({"ip": "2001:db8:7fff::1"})"));
  BOOST_TEST(!body_matches(R"({"ip": "2001:db8:8000::1"})"));
  filter_bodies_by(R"({"ip": [{"cidr": "0.0.0.0/0"}]})");
  BOOST_TEST(body_matches(R"({"ip": "255.255.255.255"})"));
  BOOST_TEST(!body_matches(R"({"ip": "::1"})"));
  filter_bodies_by(R"({"ip": [{"cidr": "192.168.1.7/32"}]})");
  BOOST_TEST(body_matches(R"({"ip": "192.168.1.7"})"));
  BOOST_TEST(!body_matches(R"({"ip": "192.168.1.6"})"));
}

// ---- $or

BOOST_FIXTURE_TEST_CASE(or_wants_one_arm_in_addition_to_its_sibling_keys, FilterFixture) {
  filter_bodies_by(R"({"source": ["aws.cloudwatch"], "$or": [{"metricName": ["CPU"]}, {"namespace": ["EC2"]}]})");
  BOOST_TEST(body_matches(R"({"source": "aws.cloudwatch", "metricName": "CPU"})"));
  BOOST_TEST(body_matches(R"({"source": "aws.cloudwatch", "namespace": "EC2"})"));
  BOOST_TEST(!body_matches(R"({"source": "aws.cloudwatch"})"));
  BOOST_TEST(!body_matches(R"({"metricName": "CPU", "namespace": "EC2"})"));
}

BOOST_FIXTURE_TEST_CASE(or_groups_nest_and_two_groups_are_anded, FilterFixture) {
  filter_bodies_by(
      R"({"$or": [{"f1": ["v1", "v2"]}, {"f2": ["v3", "v4"]}], "f3": {"f4": ["v5"], "$or": [{"f5": ["v6"]}, {"f6": ["v7"]}]}})");
  BOOST_TEST(body_matches(R"({"f1": "v1", "f3": {"f4": "v5", "f5": "v6"}})"));
  BOOST_TEST(body_matches(R"({"f2": "v4", "f3": {"f4": "v5", "f6": "v7"}})"));
  BOOST_TEST(!body_matches(R"({"f1": "v3", "f3": {"f4": "v5", "f6": "v7"}})"));
  BOOST_TEST(!body_matches(R"({"f1": "v1", "f3": {"f4": "v6", "f6": "v7"}})"));
  BOOST_TEST(!body_matches(R"({"f1": "v1", "f3": {"f4": "v5"}})"));
  filter_attributes_by(R"({"f1": ["v1"], "$or": [{"f2": ["v2"]}, {"f3": ["v4"], "$or": [{"f4": ["v5"]}, {"f5": ["v7"]}]}]})");
  BOOST_TEST(attributes_match({{"f1", {"String", "v1"}}, {"f2", {"String", "v2"}}}));
  BOOST_TEST(attributes_match({{"f1", {"String", "v1"}}, {"f3", {"String", "v4"}}, {"f5", {"String", "v7"}}}));
  BOOST_TEST(!attributes_match({{"f1", {"String", "v1"}}, {"f3", {"String", "v4"}}}));
}

BOOST_FIXTURE_TEST_CASE(or_is_an_ordinary_key_unless_it_holds_two_objects_without_operator_words, FilterFixture) {
  filter_bodies_by(R"({"$or": [{"prefix": "a"}, {"suffix": "z"}]})");
  BOOST_TEST(body_matches(R"({"$or": "apple"})"));
  BOOST_TEST(body_matches(R"({"$or": "jazz"})"));
  BOOST_TEST(!body_matches(R"({"prefix": "a"})"));
  filter_bodies_by(R"({"$or": ["x", "y"]})");
  BOOST_TEST(body_matches(R"({"$or": "y"})"));
  filter_bodies_by(R"({"$or": {"a": [1]}})");
  BOOST_TEST(body_matches(R"({"$or": {"a": 1}})"));
  filter_bodies_by(R"({"$or": [{"prefix": "a"}]})");
  BOOST_TEST(body_matches(R"({"$or": "apple"})"));
}

BOOST_AUTO_TEST_SUITE_END()
