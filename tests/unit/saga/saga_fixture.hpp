#pragma once
// Definitions run as `remuda saga test` runs them: participants are scripted, time is virtual.

#include <boost/test/unit_test.hpp>
#include <string>

#include "common/saga/rehearsal.hpp"

namespace remuda::saga {

inline Json json(std::string_view text) {
  auto value = read_json(text);
  BOOST_REQUIRE_MESSAGE(value, "no JSON: " << text);
  return std::move(*value);
}

inline Json rehearse(std::string_view definition, std::string_view input = "{}", std::string_view tasks = "{}") {
  const std::string line = "{\"definition\": " + std::string{definition} + ", \"input\": " + std::string{input} +
                           ", \"tasks\": " + std::string{tasks} + "}";
  return json(rehearse_line(line));
}

/// A machine of one state, which ends it.
inline Json rehearse_state(std::string_view state, std::string_view input = "{}", std::string_view tasks = "{}") {
  return rehearse(R"({"StartAt": "S", "States": {"S": )" + std::string{state} + "}}", input, tasks);
}

/// What a Pass state makes of `expression`: its value, or the error's name.
inline Json evaluate(std::string_view expression, std::string_view input = "{}") {
  const Json state{{"Type", "Pass"}, {"End", true}, {"Parameters", {{"v.$", expression}}}};
  const Json report = rehearse_state(state.dump(), input);
  return report["status"] == "SUCCEEDED" ? report["output"]["v"] : report.value("error", report);
}

}  // namespace remuda::saga
