#include <boost/test/unit_test.hpp>

#include <cmath>

#include "common/filter/number.hpp"

using remuda::filter::Number;
using remuda::filter::parse_number;

BOOST_AUTO_TEST_SUITE(number)

BOOST_AUTO_TEST_CASE(decimal_text_is_read_by_value) {
  BOOST_TEST((parse_number("301.5") == Number{301.5L}));
  BOOST_TEST((parse_number("3.015e2") == parse_number("301.5")));
  BOOST_TEST((parse_number("-4.0") == Number{-4}));
  BOOST_TEST((parse_number("+4.") == parse_number("4")));
  BOOST_TEST((parse_number(".5") == Number{0.5L}));
  BOOST_TEST((parse_number("-0") == Number{0}));
  BOOST_TEST((parse_number("0.1") == static_cast<Number>(0.1)));  // what a packed double holds
}

BOOST_AUTO_TEST_CASE(whole_numbers_of_64_bits_are_exact_in_every_spelling) {
  BOOST_TEST((parse_number("18446744073709551615") == Number{18446744073709551615ULL}));
  BOOST_TEST((parse_number("1844674407370955161.5e1") == Number{18446744073709551615ULL}));
  BOOST_TEST((parse_number("18446744073709551616") == Number{0x1p64L}));
  BOOST_TEST((parse_number("-9223372036854775807") == Number{-9223372036854775807LL}));
  BOOST_TEST((parse_number("-9223372036854775809") == Number{-0x1p63L}));  // a packed body has only the double
}

BOOST_AUTO_TEST_CASE(numbers_beyond_double_are_infinite_or_zero) {
  BOOST_TEST(std::isinf(*parse_number("1e400")));
  BOOST_TEST(std::isinf(*parse_number("0.1e401")));
  BOOST_TEST((*parse_number("-1e400") < 0));
  BOOST_TEST((parse_number("1e-400") == Number{0}));
  BOOST_TEST(std::isinf(*parse_number(std::string(400, '9'))));
}

BOOST_AUTO_TEST_CASE(anything_else_is_no_number) {
  for (const auto* text :
       {"", "-", "+", ".", "e5", "5e", "5e+", "--5", "+-5", "5 ", " 5", "0x5", "inf", "-inf", "nan", "1_000", "1,5", "5f"}) {
    BOOST_TEST(!parse_number(text).has_value(), text);
  }
}

BOOST_AUTO_TEST_SUITE_END()
