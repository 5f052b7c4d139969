// Sagas as people see them: the timeline and the state machine.

#include <boost/test/unit_test.hpp>

#include "cli/saga_story.hpp"

namespace remuda::cli {

namespace {

const char* const definition = R"({"StartAt": "Charge", "States": {
  "Charge": {"Type": "Task", "Resource": "task:charge", "Next": "Done", "Catch": [{"ErrorEquals": ["Declined", "Busy"], "Next": "Refund"}]},
  "Refund": {"Type": "Task", "Comment": "Undoes Charge: it may have been charged.", "Resource": "task:refund", "Next": "Mark"},
  "Mark": {"Type": "Task", "Resource": "task:mark", "Next": "Failed"},
  "Done": {"Type": "Succeed"}, "Failed": {"Type": "Fail", "Error": "E"}}})";

saga::Json story() {
  saga::Json entries = saga::Json::parse(R"([
    {"at_ms": 1000, "what": "started"},
    {"at_ms": 1000, "what": "entered", "state": "Charge", "frame": 1},
    {"at_ms": 1000, "what": "asked", "state": "Charge", "task": "charge", "attempt": 1, "key": "s/1"},
    {"at_ms": 1250, "what": "failed", "key": "s/1", "attempt": 1, "error": "Busy", "cause": "later"},
    {"at_ms": 1250, "what": "retry", "state": "Charge", "in_ms": 2000, "error": "Busy", "cause": "later"},
    {"at_ms": 3250, "what": "asked", "state": "Charge", "task": "charge", "attempt": 2, "key": "s/1"},
    {"at_ms": 3300, "what": "failed", "key": "s/1", "attempt": 2, "error": "Declined", "cause": "no"},
    {"at_ms": 3300, "what": "left", "state": "Charge", "frame": 1, "error": "Declined", "cause": "no"},
    {"at_ms": 3300, "what": "entered", "state": "Refund", "frame": 1},
    {"at_ms": 3300, "what": "asked", "state": "Refund", "task": "refund", "attempt": 1, "key": "s/2"},
    {"at_ms": 3400, "what": "retried", "by": "ada", "note": "it is back"}])");
  return {{"id", "fare<1>"},
          {"definition", "fare"},
          {"definition_hash", "0123456789abcdef"},
          {"status", "running"},
          {"states", "Refund"},
          {"started_ms", 1000},
          {"input", {{"fare", 20}}},
          {"definition_text", definition},
          {"history", std::move(entries)}};
}

bool has(const std::string& text, const std::string& piece) {
  const bool found = text.find(piece) != std::string::npos;
  if (!found) BOOST_TEST_MESSAGE(piece << " is not in\n" << text);
  return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(saga_stories)

BOOST_AUTO_TEST_CASE(a_timeline_tells_what_happened_when_which_attempt_and_what_was_undone) {
  const std::string text = timeline_as_text(story(), 100, false);
  BOOST_TEST(has(text, "fare<1>  fare  running"));
  BOOST_TEST(has(text, "started 1970-01-01 00:00:01.000 UTC, is in Refund"));
  BOOST_TEST(has(text, "+0.000s  started with {\"fare\":20}"));
  BOOST_TEST(has(text, "+0.250s    attempt 1 failed: Busy: later"));
  BOOST_TEST(has(text, "+0.250s    tries again in 2.000s (Busy: later)"));
  BOOST_TEST(has(text, "+2.250s    asks charge, attempt 2"));
  BOOST_TEST(has(text, "+2.300s    leaves Charge with Declined: no"));
  BOOST_TEST(has(text, "+2.300s  Refund  (undoes Charge)"));
  BOOST_TEST(has(text, "+2.400s  retried by ada: it is back"));
  BOOST_TEST(has(text, "not undone yet: Charge by Refund"));
  BOOST_TEST(text.find("\nundone: ") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_undone_is_told_apart_from_what_else_follows_an_error) {
  const auto ended = [](const char* how) {
    saga::Json saga = story();
    saga["status"] = "failed";
    saga["ended_ms"] = 3700;
    const saga::Json rest = saga::Json::parse(std::string{"["} + how + R"(,
      {"at_ms": 3500, "what": "left", "state": "Refund", "frame": 1},
      {"at_ms": 3500, "what": "entered", "state": "Mark", "frame": 1},
      {"at_ms": 3500, "what": "asked", "state": "Mark", "task": "mark", "attempt": 1, "key": "s/3"},
      {"at_ms": 3600, "what": "answered", "key": "s/3", "output": null},
      {"at_ms": 3600, "what": "left", "state": "Mark", "frame": 1},
      {"at_ms": 3600, "what": "entered", "state": "Failed", "frame": 1},
      {"at_ms": 3600, "what": "left", "state": "Failed", "frame": 1, "error": "E", "cause": ""},
      {"at_ms": 3600, "what": "ended", "status": "failed", "error": "E", "cause": ""}])");
    for (const saga::Json& entry : rest) saga["history"].push_back(entry);
    return timeline_as_text(saga, 100, false);
  };
  const std::string text = ended(R"({"at_ms": 3500, "what": "answered", "key": "s/2", "output": null})");
  BOOST_TEST(has(text, "\nundone: Charge by Refund\n"));
  BOOST_TEST(has(text, "+2.500s  Mark  (after the error)"));
  BOOST_TEST(has(text, "\nafter the error: Mark\n"));
  BOOST_TEST(text.find("not undone yet") == std::string::npos);
  BOOST_TEST(has(ended(R"({"at_ms": 3500, "what": "skip", "by": "ada"})"), "undone: Charge by Refund (skipped by hand)"));
}

BOOST_AUTO_TEST_CASE(a_picture_shows_the_way_that_was_taken_and_where_it_is) {
  const auto picture = picture_of(story());
  BOOST_REQUIRE(picture);
  const std::string text = picture_as_text(*picture, false);
  BOOST_TEST(has(text, "● Charge  Task charge\n    ╌▷ Done\n    ━▶ Refund  (Declined, Busy)"));
  BOOST_TEST(has(text, "▶ Refund  Task refund\n    ╌▷ Mark"));
  BOOST_TEST(has(text, "○ Done  Succeed"));
  BOOST_TEST(has(picture_as_dot(*picture), "[label=\"Refund\\nTask refund\", color=orange]"));
  const std::string svg = picture_as_svg(*picture);
  BOOST_TEST(has(svg, "fare&lt;1&gt;"));
  BOOST_TEST(has(svg, "class=\"way taken error\""));
  BOOST_TEST(has(svg, "class=\"box now\""));
}

BOOST_AUTO_TEST_CASE(a_story_without_a_definition_is_refused) {
  BOOST_TEST(!picture_of(saga::Json{{"definition_text", "nonsense"}}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::cli
