#pragma once
// Numbers as filters compare them: by value, not by spelling (`4` = `4.0`, `301.5` = `3.015e2`).

#include <limits>
#include <optional>
#include <string_view>

namespace remuda::filter {

/// Holds every 64-bit integer and every double without rounding, so that comparing an integer with either is exact.
using Number = long double;
static_assert(std::numeric_limits<Number>::digits >= 64, "a Number must hold every 64-bit integer exactly");

/// The value of decimal text: optional sign, digits, optional fraction, optional exponent; nothing around it.
/// A whole number from -2^63 to 2^64 - 1 is exact, whatever its spelling; any other is the nearest double, because that is what
/// a packed body holds. Beyond the range of double the value is infinite or zero. Nothing when the text is no such number.
std::optional<Number> parse_number(std::string_view text);

}  // namespace remuda::filter
