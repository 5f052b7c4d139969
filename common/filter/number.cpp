#include "common/filter/number.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <system_error>

namespace remuda::filter {

namespace {

std::size_t count_digits(std::string_view text) {
  std::size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
  return count;
}

/// std::from_chars also takes `inf` and `nan`, which are no decimal numbers.
bool is_decimal(std::string_view text) {
  const std::size_t whole = count_digits(text);
  text.remove_prefix(whole);
  std::size_t fraction = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = count_digits(text);
    text.remove_prefix(fraction);
  }
  if (whole + fraction == 0) return false;
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    const std::size_t exponent = count_digits(text);
    if (exponent == 0) return false;
    text.remove_prefix(exponent);
  }
  return text.empty();
}

template <class T>
std::errc read(std::string_view text, T& value) {
  return std::from_chars(text.data(), text.data() + text.size(), value).ec;
}

/// The magnitude of unsigned decimal text.
Number magnitude_of(std::string_view text) {
  std::uint64_t integer = 0;
  if (count_digits(text) == text.size() && read(text, integer) == std::errc{}) return static_cast<Number>(integer);

  double nearest = 0;
  if (read(text, nearest) == std::errc::result_out_of_range) {
    // from_chars does not say on which side of the range; the exponent does, for any number a person would write.
    const std::size_t exponent = text.find_first_of("eE");
    const bool tiny = exponent == std::string_view::npos ? text.starts_with('0') : text.substr(exponent + 1).starts_with('-');
    return tiny ? 0 : std::numeric_limits<Number>::infinity();
  }
  // Up to 2^53 a double that is whole is exact; above it the fraction or exponent needs the longer significand.
  if (nearest >= 0x1p53 && nearest <= 0x1p64) {
    Number precise = 0;
    if (read(text, precise) == std::errc{} && precise == std::floor(precise) && precise < 0x1p64L) return precise;
  }
  return static_cast<Number>(nearest);
}

}  // namespace

std::optional<Number> parse_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (!is_decimal(text)) return std::nullopt;
  const Number magnitude = magnitude_of(text);
  if (!negative) return magnitude;
  // Below -2^63 a packed body can hold only a double.
  return magnitude > 0x1p63L ? static_cast<Number>(-static_cast<double>(magnitude)) : -magnitude;
}

}  // namespace remuda::filter
