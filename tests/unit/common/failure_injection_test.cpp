// Failing on purpose: repeatable, and only as often as asked.

#include <boost/test/unit_test.hpp>

#include "common/failure_injection.hpp"

using namespace remuda;

namespace {

Parameters with(const std::string& fail) {
  return Parameters::make({FailureInjection::parameter()}, {{"fail", fail}}).value();
}

Message ride(int number) {
  Message message;
  message.id = "ride-" + std::to_string(number);
  message.body =
      "\x82\xa8"
      "customer\xa6poison\xa4"
      "fare\x0a";
  return message;
}

int strikes_of(const FailureInjection& fail, int rides, std::uint32_t receive_count = 1) {
  int strikes = 0;
  for (int number = 0; number < rides; ++number) strikes += fail.strikes(ride(number), {receive_count, 0}) ? 1 : 0;
  return strikes;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(failure_injection)

BOOST_AUTO_TEST_CASE(nothing_fails_unless_asked) {
  BOOST_TEST(strikes_of(FailureInjection{}, 1'000) == 0);
  const auto defaults = Parameters::make({FailureInjection::parameter()}, {});
  BOOST_TEST(strikes_of(FailureInjection{*defaults}, 1'000) == 0);
}

BOOST_AUTO_TEST_CASE(the_asked_share_fails) {
  BOOST_TEST(strikes_of(FailureInjection{with("{ probability = 1.0 }")}, 100) == 100);
  const auto some = strikes_of(FailureInjection{with("{ probability = 0.1, seed = 7 }")}, 10'000);
  BOOST_TEST(some > 900);
  BOOST_TEST(some < 1'100);
}

BOOST_AUTO_TEST_CASE(the_same_seed_fails_the_same_deliveries) {
  const FailureInjection one{with("{ probability = 0.5, seed = 7 }")};
  const FailureInjection same{with("{ probability = 0.5, seed = 7 }")};
  const FailureInjection other{with("{ probability = 0.5, seed = 8 }")};
  int differences = 0;
  for (int number = 0; number < 100; ++number) {
    BOOST_TEST(one.strikes(ride(number)).has_value() == same.strikes(ride(number)).has_value());
    differences += one.strikes(ride(number)).has_value() != other.strikes(ride(number)).has_value() ? 1 : 0;
  }
  BOOST_TEST(differences > 20);
}

BOOST_AUTO_TEST_CASE(a_random_failure_heals_with_a_redelivery) {
  const FailureInjection fail{with("{ probability = 0.5, seed = 7 }")};
  int number = 0;
  while (!fail.strikes(ride(number), {1, 0})) ++number;
  std::uint32_t receive_count = 2;
  while (fail.strikes(ride(number), {receive_count, 0})) ++receive_count;
  BOOST_TEST(receive_count < 30U);
}

BOOST_AUTO_TEST_CASE(a_matching_text_or_policy_fails_every_delivery) {
  for (const auto* match : {"{ match = \"poison\" }", "{ match = '{\"customer\": [\"poison\"]}' }"}) {
    const FailureInjection fail{with(match)};
    for (std::uint32_t count = 1; count <= 5; ++count) BOOST_TEST(strikes_of(fail, 3, count) == 3, match);
  }
  BOOST_TEST(strikes_of(FailureInjection{with("{ match = \"honey\" }")}, 3) == 0);
  BOOST_TEST(strikes_of(FailureInjection{with("{ match = '{\"fare\": [{\"numeric\": [\">\", 10]}]}' }")}, 3) == 0);
}

BOOST_AUTO_TEST_CASE(wrong_tables_are_refused_at_the_start) {
  for (const auto* wrong : {"{ probability = 1.5 }", "{ probability = \"often\" }", "{ seed = 0.5 }", "{ match = 5 }",
                            "{ chance = 0.5 }", "{ match = '{broken' }"}) {
    BOOST_CHECK_THROW(FailureInjection{with(wrong)}, std::invalid_argument);
  }
}

BOOST_AUTO_TEST_SUITE_END()
