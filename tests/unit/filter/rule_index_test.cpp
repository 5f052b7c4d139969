// The index over many rules says exactly what the matcher says of each: random rules and events, from a seed that is printed.

#include <random>
#include <set>

#include "common/filter/event_pattern.hpp"
#include "common/filter/json_to_msgpack.hpp"
#include "common/filter/policy_matcher.hpp"
#include "common/filter/rule_index.hpp"
#include "tests/unit/filter/filter_fixture.hpp"

using remuda::EventPattern;
using remuda::filter::CompiledPolicy;
using remuda::filter::RuleIndex;

namespace {

/// Few names, few values, so that rules and events meet.
struct Dice {
  std::mt19937 random;
  int below(int count) { return static_cast<int>(random() % static_cast<unsigned>(count)); }
  std::string number() { return std::to_string(below(8)) + (below(2) == 0 ? "" : ".5"); }
  std::string text() { return "\"" + std::string(1, static_cast<char>('x' + below(3))) + (below(2) == 0 ? "" : "y") + "\""; }
  std::string name() { return std::string{"\""} + static_cast<char>('a' + below(4)) + "\""; }
  std::string literal() {
    switch (below(6)) {
      case 0:
        return "true";
      case 1:
        return "null";
      case 2:
      case 3:
        return number();
      default:
        return text();
    }
  }
  std::string rule() {
    switch (below(9)) {
      case 0:
        return R"({"prefix": )" + text() + "}";
      case 1:
        return R"({"exists": )" + std::string{below(2) == 0 ? "true" : "false"} + "}";
      case 2:
        return R"({"anything-but": )" + text() + "}";
      case 3:
        return R"({"numeric": [">=", )" + number() + "]}";
      case 4:
        return R"({"numeric": [">", )" + number() + R"(, "<=", )" + std::to_string(9 + below(3)) + "]}";
      case 5:
        return R"({"numeric": ["<", )" + number() + "]}";
      default:
        return literal();
    }
  }
  std::string rules() {
    std::string text = "[" + rule();
    while (below(4) == 0) text += ", " + rule();
    return text + "]";
  }
  std::string pattern(int depth = 0) {
    std::string text = "{";
    std::set<std::string> names;
    for (int i = 0, count = 1 + below(3); i < count; ++i) {
      const auto key = name();
      if (!names.insert(key).second) continue;
      text += (text.size() == 1 ? "" : ", ") + key + ": " + (depth < 2 && below(4) == 0 ? pattern(depth + 1) : rules());
    }
    if (depth < 2 && below(6) == 0) text += R"(, "$or": [)" + pattern(2) + ", " + pattern(2) + "]";
    return text + "}";
  }
  std::string value(int depth) {
    const int kind = below(10);
    if (depth < 3 && kind == 0) return "[" + value(depth + 1) + ", " + value(depth + 1) + "]";
    if (depth < 3 && kind < 3) return event(depth + 1);
    return literal();
  }
  std::string event(int depth = 0) {
    std::string text = "{";
    for (int i = 0, count = below(5); i < count; ++i)
      text += (i == 0 ? "" : ", ") + (below(9) == 0 ? std::string{"\"a.b\""} : name()) + ": " + value(depth);
    return text + "}";
  }
};

std::shared_ptr<const CompiledPolicy> compiled(const std::string& pattern) {
  const auto made = EventPattern::compile(pattern);
  BOOST_REQUIRE_MESSAGE(made.ok(), pattern << ": " << (made.ok() ? "" : made.error().message));
  return made->compiled();
}

std::set<std::size_t> found(RuleIndex& index, const std::string& body) {
  std::vector<std::size_t> matching;
  index.match(body, matching);
  std::set<std::size_t> once{matching.begin(), matching.end()};
  BOOST_TEST(once.size() == matching.size());
  return once;
}

std::string packed(const std::string& json) {
  std::string bytes;
  BOOST_REQUIRE(remuda::json_to_msgpack(json, bytes));
  return bytes;
}

using Found = std::set<std::size_t>;

}  // namespace

BOOST_AUTO_TEST_SUITE(rule_index)

BOOST_AUTO_TEST_CASE(it_agrees_with_the_matcher_on_random_rules_and_events) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      Dice dice{std::mt19937{seed}};
      std::vector<std::string> patterns;
      std::vector<std::shared_ptr<const CompiledPolicy>> rules;
      for (int i = 0, count = 1 + dice.below(150); i < count; ++i) {
        patterns.push_back(dice.pattern());
        rules.push_back(compiled(patterns.back()));
      }
      RuleIndex index{rules};
      for (int i = 0; i < 30; ++i) {
        const std::string event = dice.event();
        const std::string body = packed(event);
        const auto here = found(index, body);
        for (std::size_t rule = 0; rule < rules.size(); ++rule) {
          const bool matches = remuda::filter::matches_packed_body(*rules[rule], body);
          BOOST_REQUIRE_MESSAGE(here.count(rule) == (matches ? 1U : 0U),
                                patterns[rule] << " and " << event << ": the matcher says " << matches);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(ranges_hold_their_ends_as_written) {
  std::vector<std::shared_ptr<const CompiledPolicy>> rules;
  for (int i = 0; i < 200; ++i)
    rules.push_back(
        compiled(R"({"fare": [{"numeric": [">=", )" + std::to_string(i) + R"(, "<", )" + std::to_string(i + 2) + "]}]}"));
  RuleIndex index{rules};
  BOOST_TEST((found(index, packed(R"({"fare": 100})")) == Found{99, 100}));
  BOOST_TEST((found(index, packed(R"({"fare": 100.5})")) == Found{99, 100}));
  BOOST_TEST((found(index, packed(R"({"fare": 0})")) == Found{0}));
  BOOST_TEST((found(index, packed(R"({"fare": 201})")) == Found{}));
  BOOST_TEST((found(index, packed(R"({"fare": "100"})")) == Found{}));
  BOOST_TEST((found(index, packed("{}")) == Found{}));
}

BOOST_AUTO_TEST_CASE(a_rule_without_a_policy_wants_everything_and_broken_bodies_match_nothing_else) {
  RuleIndex index{{nullptr, compiled(R"({"a": [{"exists": false}]})")}};
  BOOST_TEST((found(index, packed("{}")) == Found{0, 1}));
  BOOST_TEST((found(index, "\xc1") == Found{0}));
  BOOST_TEST((found(index, "") == Found{0}));
  BOOST_TEST((found(index, packed("{}") + "x") == Found{0}));
}

BOOST_AUTO_TEST_SUITE_END()
