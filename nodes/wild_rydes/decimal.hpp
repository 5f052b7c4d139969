#pragma once
// Exact decimals: fares are cents and distances are decimal digits, from the text of the request to the sums in a ledger.
// Binary floating point appears only in message bodies, where filters compare numbers; every value within the limits here
// has at most 15 significant digits, so the nearest double gives it back exactly.

#include <compare>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

#include "common/result.hpp"

namespace remuda::rides {

/// coefficient / 10^scale, without trailing zeros in the fraction: equal values are equal members.
struct Decimal {
  static constexpr int scale_max = 6;
  static constexpr std::int64_t whole_max = 999'999'999;  ///< the largest whole part

  std::int64_t coefficient = 0;
  int scale = 0;  ///< 0 to scale_max

  /// Reads a JSON number, exponent included: "600", "19.999", "1.5e2". Errors (definite), whose messages follow a field's name:
  /// `not_a_number`, `out_of_range`, `too_many_decimals`.
  static Result<Decimal> parse(std::string_view text);
  /// The decimal whose nearest double is `number`. Errors: as parse; NaN and infinities are `not_a_number`.
  static Result<Decimal> from_double(double number);

  [[nodiscard]] bool is_negative() const { return coefficient < 0; }
  /// The shortest text: "600", "-0.5", "19.999".
  [[nodiscard]] std::string text() const;
  [[nodiscard]] double number() const;
  friend bool operator==(const Decimal&, const Decimal&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Decimal& decimal) { return out << decimal.text(); }
};

/// An amount of money in cents.
struct Money {
  std::int64_t cents = 0;

  /// Errors: `too_many_decimals` when `amount` is no whole number of cents.
  static Result<Money> from(const Decimal& amount);

  /// Always two decimals: "256.50", "-0.05".
  [[nodiscard]] std::string text() const;
  [[nodiscard]] double number() const { return static_cast<double>(cents) / 100.0; }
  Money& operator+=(Money other) {
    cents += other.cents;
    return *this;
  }
  friend auto operator<=>(const Money&, const Money&) = default;
  friend std::ostream& operator<<(std::ostream& out, Money money) { return out << money.text(); }
};

}  // namespace remuda::rides
