#include "nodes/wild_rydes/decimal.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace remuda::rides {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes the digits at the front.
std::string_view take_digits(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

}  // namespace

Result<Decimal> Decimal::parse(std::string_view text) {
  const auto not_a_number = [] { return fail("not_a_number", "must be a number"); };
  const auto out_of_range = [] { return fail("out_of_range", "must not be larger than " + std::to_string(whole_max)); };
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const auto whole = take_digits(text);
  if (whole.empty() || (whole.size() > 1 && whole.front() == '0')) return not_a_number();
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits(text);
    if (fraction.empty()) return not_a_number();
  }
  std::int64_t exponent = 0;
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    const bool below_one = text.starts_with('-');
    if (below_one || text.starts_with('+')) text.remove_prefix(1);
    const auto digits = take_digits(text);
    if (digits.empty()) return not_a_number();
    for (const char c : digits) exponent = std::min<std::int64_t>(exponent * 10 + (c - '0'), 1'000'000'000);
    if (below_one) exponent = -exponent;
  }
  if (!text.empty()) return not_a_number();

  // value = digits * 10^exponent, with neither leading nor trailing zeros
  std::string digits = std::string{whole} + std::string{fraction};
  exponent -= static_cast<std::int64_t>(fraction.size());
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  while (digits.ends_with('0')) {
    digits.pop_back();
    ++exponent;
  }
  if (digits.empty()) return Decimal{};
  if (static_cast<std::int64_t>(digits.size()) + exponent > 9) return out_of_range();
  if (exponent < -scale_max) return fail("too_many_decimals", "must not have more than " + std::to_string(scale_max) + " decimals");
  // From here on at most 9 digits before and 6 after the point.
  digits.append(static_cast<std::size_t>(std::max<std::int64_t>(exponent, 0)), '0');
  Decimal decimal;
  std::from_chars(digits.data(), digits.data() + digits.size(), decimal.coefficient);
  if (negative) decimal.coefficient = -decimal.coefficient;
  decimal.scale = static_cast<int>(std::max<std::int64_t>(-exponent, 0));
  return decimal;
}

Result<Decimal> Decimal::from_double(double number) {
  if (!std::isfinite(number)) return fail("not_a_number", "must be a finite number");
  std::array<char, 64> text{};
  // The shortest text that reads back as the same double: the decimal it was made from.
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return fail("not_a_number", "must be a number");
  return parse({text.data(), static_cast<std::size_t>(end - text.data())});
}

std::string Decimal::text() const {
  std::string digits = std::to_string(coefficient < 0 ? -coefficient : coefficient);
  const auto decimals = static_cast<std::size_t>(scale);
  if (decimals > 0) {
    if (digits.size() <= decimals) digits.insert(0, decimals + 1 - digits.size(), '0');
    digits.insert(digits.size() - decimals, ".");
  }
  return coefficient < 0 ? "-" + digits : digits;
}

double Decimal::number() const {
  const std::string digits = text();
  double value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

Result<Money> Money::from(const Decimal& amount) {
  if (amount.scale > 2) return fail("too_many_decimals", "must not have more than two decimals");
  constexpr std::array<std::int64_t, 3> factor = {100, 10, 1};
  return Money{amount.coefficient * factor[static_cast<std::size_t>(amount.scale)]};
}

std::string Money::text() const {
  const std::uint64_t amount = cents < 0 ? 0 - static_cast<std::uint64_t>(cents) : static_cast<std::uint64_t>(cents);
  const std::string fraction = std::to_string(amount % 100);
  return (cents < 0 ? "-" : "") + std::to_string(amount / 100) + (fraction.size() == 1 ? ".0" : ".") + fraction;
}

}  // namespace remuda::rides
