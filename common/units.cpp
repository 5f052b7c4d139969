#include "common/units.hpp"

#include <array>
#include <utility>

namespace remuda {
namespace {

constexpr std::int64_t longest_ms = std::int64_t{100} * 366 * 24 * 3'600'000;
constexpr std::uint64_t largest_size = std::uint64_t{1} << 53U;

constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> duration_units{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<std::pair<std::string_view, std::uint64_t>, 5> size_units{
    {{"GiB", std::uint64_t{1} << 30U}, {"MiB", std::uint64_t{1} << 20U}, {"KiB", std::uint64_t{1} << 10U}, {"B", 1}, {"", 1}}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes decimal digits from the front; false when there is none or the value passes `limit`.
bool take_number(std::string_view& text, std::uint64_t limit, std::uint64_t& value) {
  if (text.empty() || !is_digit(text.front())) return false;
  value = 0;
  while (!text.empty() && is_digit(text.front())) {
    value = value * 10 + static_cast<std::uint64_t>(text.front() - '0');
    if (value > limit) return false;
    text.remove_prefix(1);
  }
  return true;
}

Failure<Error> no_duration(std::string_view text) {
  return fail("invalid_duration",
              "'" + std::string{text} +
                  "' is not a duration; write a number and a unit, such as \"250ms\", \"10s\", \"5m\", \"2h\" or \"4d\"");
}

Failure<Error> no_size(std::string_view text) {
  return fail("invalid_size",
              "'" + std::string{text} + "' is not a size; write bytes or a unit, such as \"64KiB\", \"1MiB\" or \"2GiB\"");
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds{0};
  std::string_view rest = text;
  std::uint64_t whole = 0;
  if (!take_number(rest, static_cast<std::uint64_t>(longest_ms), whole)) return no_duration(text);
  std::string_view fraction;
  if (!rest.empty() && rest.front() == '.') {
    rest.remove_prefix(1);
    std::size_t digits = 0;
    while (digits < rest.size() && is_digit(rest[digits])) ++digits;
    if (digits == 0 || digits > 9) return no_duration(text);
    fraction = rest.substr(0, digits);
    rest.remove_prefix(digits);
  }
  for (const auto& [unit, unit_ms] : duration_units) {
    if (rest != unit) continue;
    if (whole > static_cast<std::uint64_t>(longest_ms / unit_ms)) return no_duration(text);
    std::int64_t total = static_cast<std::int64_t>(whole) * unit_ms;
    std::int64_t scale = 1;
    std::int64_t part = 0;
    for (const char digit : fraction) {
      part = part * 10 + (digit - '0');
      scale *= 10;
    }
    if (part * unit_ms % scale != 0) return no_duration(text);
    total += part * unit_ms / scale;
    if (total > longest_ms) return no_duration(text);
    return std::chrono::milliseconds{total};
  }
  return no_duration(text);
}

std::string format_duration(std::chrono::milliseconds duration) {
  const std::int64_t ms = duration.count();
  if (ms == 0) return "0s";
  for (const auto& [unit, unit_ms] : duration_units) {
    if (ms % unit_ms == 0) return std::to_string(ms / unit_ms).append(unit);
  }
  return std::to_string(ms) + "ms";
}

Result<std::uint64_t> parse_size(std::string_view text) {
  std::string_view rest = text;
  std::uint64_t value = 0;
  if (!take_number(rest, largest_size, value)) return no_size(text);
  for (const auto& [unit, bytes] : size_units) {
    if (rest != unit) continue;
    if (value > largest_size / bytes) return no_size(text);
    return value * bytes;
  }
  return no_size(text);
}

std::string format_size(std::uint64_t bytes) {
  for (const auto& [unit, unit_bytes] : size_units) {
    if (bytes != 0 && bytes % unit_bytes == 0 && unit_bytes > 1) return std::to_string(bytes / unit_bytes).append(unit);
  }
  return std::to_string(bytes);
}

}  // namespace remuda
