#include <boost/test/unit_test.hpp>
#include <random>

#include "nodes/wild_rydes/decimal.hpp"

using namespace remuda::rides;

namespace {

std::string parsed(std::string_view text) {
  const auto decimal = Decimal::parse(text);
  return decimal ? decimal->text() : decimal.error().code;
}

std::string money(std::string_view text) {
  const auto amount = Money::from(*Decimal::parse(text));
  return amount ? amount->text() : amount.error().code;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(decimals)

BOOST_AUTO_TEST_CASE(a_decimal_is_read_from_its_digits) {
  BOOST_TEST(parsed("600") == "600");
  BOOST_TEST(parsed("19.999") == "19.999");
  BOOST_TEST(parsed("-0.5") == "-0.5");
  BOOST_TEST(parsed("0.10") == "0.1");
  BOOST_TEST(parsed("0.000000") == "0");
  BOOST_TEST(parsed("-0") == "0");
}

BOOST_AUTO_TEST_CASE(exponents_are_exact_too) {
  BOOST_TEST(parsed("1.5e2") == "150");
  BOOST_TEST(parsed("25650E-2") == "256.5");
  BOOST_TEST(parsed("0e999999999999") == "0");
  BOOST_TEST(parsed("1e999999999999") == "out_of_range");
  BOOST_TEST(parsed("1e-999999999999") == "too_many_decimals");
}

BOOST_AUTO_TEST_CASE(what_json_does_not_call_a_number_is_none) {
  for (const std::string_view text : {"", "-", "+1", "1.", ".5", "01", "1e", "1e+", "0x10", "1,5", " 1", "1 ", "NaN", "inf",
                                      "Infinity", "1_000", "--1", "\xC2\xBD"}) {
    BOOST_TEST_CONTEXT(text) {
      BOOST_TEST(parsed(text) == "not_a_number");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_decimal_has_at_most_9_digits_before_and_6_after_the_point) {
  BOOST_TEST(parsed("999999999.999999") == "999999999.999999");
  BOOST_TEST(parsed("1000000000") == "out_of_range");
  BOOST_TEST(parsed("0.000001") == "0.000001");
  BOOST_TEST(parsed("0.0000001") == "too_many_decimals");
  BOOST_TEST(parsed("0.0000010") == "0.000001");
}

BOOST_AUTO_TEST_CASE(money_is_whole_cents) {
  BOOST_TEST(money("256.50") == "256.50");
  BOOST_TEST(money("50") == "50.00");
  BOOST_TEST(money("0.05") == "0.05");
  BOOST_TEST(money("-0.05") == "-0.05");
  BOOST_TEST(money("49.990") == "49.99");
  BOOST_TEST(money("49.999") == "too_many_decimals");
  BOOST_TEST(money("999999999.99") == "999999999.99");
}

BOOST_AUTO_TEST_CASE(every_amount_survives_the_double_in_a_message_body) {
  std::mt19937_64 random{42};
  for (int i = 0; i < 200'000; ++i) {
    const Money amount{static_cast<std::int64_t>(random() % 100'000'000'000U)};
    const auto back = Decimal::from_double(amount.number());
    BOOST_REQUIRE_MESSAGE(back.ok() && Money::from(*back).ok(), amount.text());
    BOOST_REQUIRE_EQUAL(*Money::from(*back), amount);
  }
}

BOOST_AUTO_TEST_CASE(every_distance_survives_the_double_in_a_message_body) {
  std::mt19937_64 random{43};
  for (int i = 0; i < 200'000; ++i) {
    const auto text = std::to_string(random() % 1'000'000'000U) + "." + std::to_string(random() % 1'000'000U);
    const auto distance = Decimal::parse(text);
    BOOST_REQUIRE_EQUAL(*Decimal::from_double(distance->number()), *distance);
  }
}

BOOST_AUTO_TEST_CASE(sums_of_money_are_exact) {
  Money sum;
  for (int i = 0; i < 1'000'000; ++i) sum += Money{10};  // a million times 0.10, which no double holds
  BOOST_TEST(sum.text() == "100000.00");
}

BOOST_AUTO_TEST_CASE(doubles_that_are_no_numbers_are_refused) {
  for (const double number : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                              -std::numeric_limits<double>::infinity()}) {
    BOOST_TEST(Decimal::from_double(number).error().code == "not_a_number");
  }
  BOOST_TEST(Decimal::from_double(std::numeric_limits<double>::max()).error().code == "out_of_range");
}

BOOST_AUTO_TEST_SUITE_END()
