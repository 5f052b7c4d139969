// Paths, payload templates and intrinsic functions.

#include "tests/unit/saga/saga_fixture.hpp"

namespace remuda::saga {

namespace {

constexpr std::string_view shop =
    R"({"books": [{"t": "a", "p": 5}, {"t": "b", "p": 15}, {"t": "c", "p": 25, "x": 1}], "a b": 1, "n": null})";

}  // namespace

BOOST_AUTO_TEST_SUITE(saga_expressions)

BOOST_AUTO_TEST_CASE(a_path_selects_one_value) {
  BOOST_TEST(evaluate("$.books[1].t", shop) == "b");
  BOOST_TEST(evaluate("$['books'][-1]['t']", shop) == "c");
  BOOST_TEST(evaluate("$['a b']", shop) == 1);
  BOOST_TEST(evaluate("$.n", shop) == nullptr);
  BOOST_TEST(evaluate("$.books[3]", shop) == errors::parameter_path);
  BOOST_TEST(evaluate("$.books.t", shop) == errors::parameter_path);
}

BOOST_AUTO_TEST_CASE(wildcards_slices_and_filters_select_an_array_even_an_empty_one) {
  BOOST_TEST(evaluate("$.books[*].t", shop) == json(R"(["a","b","c"])"));
  BOOST_TEST(evaluate("$.books[0,2].t", shop) == json(R"(["a","c"])"));
  BOOST_TEST(evaluate("$.books[1:].p", shop) == json("[15,25]"));
  BOOST_TEST(evaluate("$.books[:-1].p", shop) == json("[5,15]"));
  BOOST_TEST(evaluate("$..p", shop) == json("[5,15,25]"));
  BOOST_TEST(evaluate("$.books[?(@.p > 5 && @.t != 'c')].t", shop) == json(R"(["b"])"));
  BOOST_TEST(evaluate("$.books[?(@.x)].t", shop) == json(R"(["c"])"));
  BOOST_TEST(evaluate("$.books[?(!(@.p >= 15) || @.p == $.books[2].p)].t", shop) == json(R"(["a","c"])"));
  BOOST_TEST(evaluate("$.books[?(@.p > 100)]", shop) == Json::array());
}

BOOST_AUTO_TEST_CASE(format_fills_braces_and_takes_escaped_ones_as_they_are) {
  BOOST_TEST(evaluate("States.Format('{} owes {}', $.who, 7)", R"({"who": "cmr"})") == "cmr owes 7");
  BOOST_TEST(evaluate(R"(States.Format('it\'s \{{}\}', $.x))", R"({"x": true})") == "it's {true}");
  BOOST_TEST(evaluate("States.Format('{}')") == errors::intrinsic);
  BOOST_TEST(evaluate("States.Format('x', 1)") == errors::intrinsic);
}

BOOST_AUTO_TEST_CASE(json_and_text_become_one_another) {
  BOOST_TEST(evaluate("States.StringToJson($.s)", R"({"s": "{\"a\": [1]}"})") == json(R"({"a": [1]})"));
  BOOST_TEST(evaluate("States.StringToJson('nonsense')") == errors::intrinsic);
  BOOST_TEST(evaluate("States.JsonToString($)", R"({"a": 1})") == R"({"a":1})");
  BOOST_TEST(evaluate("States.JsonMerge($.a, $.b, false)", R"({"a": {"x": {"k": 1}, "y": 1}, "b": {"x": {"m": 2}}})") ==
             json(R"({"x": {"m": 2}, "y": 1})"));
  BOOST_TEST(evaluate("States.JsonMerge($, $, true)") == errors::intrinsic);
}

BOOST_AUTO_TEST_CASE(arrays_are_made_searched_and_split) {
  BOOST_TEST(evaluate("States.Array(1, 'x', null)") == json(R"([1, "x", null])"));
  BOOST_TEST(evaluate("States.Array()") == Json::array());
  BOOST_TEST(evaluate("States.ArrayPartition($.a, 2)", R"({"a": [1,2,3]})") == json("[[1,2],[3]]"));
  BOOST_TEST(evaluate("States.ArrayContains($.a, 2)", R"({"a": [1,2,3]})") == true);
  BOOST_TEST(evaluate("States.ArrayRange(1, 9, 2)") == json("[1,3,5,7,9]"));
  BOOST_TEST(evaluate("States.ArrayRange(3, 1, -1)") == json("[3,2,1]"));
  BOOST_TEST(evaluate("States.ArrayRange(1, 1000, 1)").size() == 1000U);
  BOOST_TEST(evaluate("States.ArrayRange(1, 1001, 1)") == errors::intrinsic);
  BOOST_TEST(evaluate("States.ArrayGetItem($.a, 1)", R"({"a": [1,2]})") == 2);
  BOOST_TEST(evaluate("States.ArrayGetItem($.a, 2)", R"({"a": [1,2]})") == errors::intrinsic);
  BOOST_TEST(evaluate("States.ArrayLength($.a)", R"({"a": [1,2]})") == 2);
  BOOST_TEST(evaluate("States.ArrayUnique($.a)", R"({"a": [2,1,2]})") == json("[2,1]"));
}

BOOST_AUTO_TEST_CASE(texts_are_encoded_hashed_and_split) {
  BOOST_TEST(evaluate("States.Base64Encode('Data to encode')") == "RGF0YSB0byBlbmNvZGU=");
  BOOST_TEST(evaluate("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')") == "Data to encode");
  BOOST_TEST(evaluate("States.Base64Decode('/w==')") == errors::intrinsic);
  BOOST_TEST(evaluate("States.Hash('input data', 'SHA-1')") == "aaff4a450a104cd177d28d18d74485e8cae074b7");
  BOOST_TEST(evaluate("States.Hash('', 'MD5')") == "d41d8cd98f00b204e9800998ecf8427e");
  BOOST_TEST(evaluate("States.Hash('x', 'CRC')") == errors::intrinsic);
  BOOST_TEST(evaluate("States.StringSplit('This.is+a,test=string', '.+,=')") == json(R"(["This","is","a","test","string"])"));
}

BOOST_AUTO_TEST_CASE(sums_and_chance) {
  BOOST_TEST(evaluate("States.MathAdd(111, -1)") == 110);
  BOOST_TEST(evaluate("States.MathAdd(2147483647, 1)") == errors::intrinsic);
  const Json drawn = evaluate("States.MathRandom(1, 3)");
  BOOST_TEST((drawn == 1 || drawn == 2));
  BOOST_TEST(evaluate("States.MathRandom(1, 999, 7)") == evaluate("States.MathRandom(1, 999, 7)"));
  const auto uuid = evaluate("States.UUID()").get<std::string>();
  BOOST_TEST(uuid.size() == 36U);
  BOOST_TEST(uuid[14] == '4');
}

BOOST_AUTO_TEST_CASE(the_context_object_says_what_runs) {
  BOOST_TEST(evaluate("$$.State.Name") == "S");
  BOOST_TEST(evaluate("$$.State.RetryCount") == 0);
  BOOST_TEST(evaluate("$$.Execution.Input.a", R"({"a": 5})") == 5);
  BOOST_TEST(evaluate("$$.Execution.StartTime") == "2026-01-01T00:00:00.000Z");
  BOOST_TEST(evaluate("$$.Execution.Id") == "rehearsal");
  BOOST_TEST(evaluate("$$.Execution.Name") == "rehearsal");
  BOOST_TEST(evaluate("$$.Execution.RoleArn") == "");
  BOOST_TEST(evaluate("$$.StateMachine.Id").is_string());
  BOOST_TEST(evaluate("$$.StateMachine.Name") == evaluate("$$.StateMachine.Id"));
  BOOST_TEST(evaluate("$$.State.EnteredTime") == "2026-01-01T00:00:00.000Z");
  BOOST_TEST(evaluate("$$.Task.Token") == errors::parameter_path);
  BOOST_TEST(evaluate("$$.Map.Item.Index") == errors::parameter_path);
}

BOOST_AUTO_TEST_CASE(the_context_object_counts_the_retries_of_the_present_stay) {
  const Json report = rehearse_state(R"({"Type": "Task", "Resource": "task:t", "End": true, "Retry": [{"ErrorEquals": ["E"]}],
      "Parameters": {"tried.$": "$$.State.RetryCount"}})",
                                     "{}", R"({"t": [{"error": "E"}, {"error": "E"}, {"echo": true}]})");
  BOOST_TEST(report["output"] == json(R"({"tried": 2})"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::saga
