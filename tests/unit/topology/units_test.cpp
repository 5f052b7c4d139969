// Durations and sizes as people write them.

#include "common/units.hpp"

#include <boost/test/unit_test.hpp>

namespace remuda {
namespace {

std::int64_t ms(std::string_view text) {
  const auto duration = parse_duration(text);
  return duration ? duration->count() : -1;
}

std::int64_t bytes(std::string_view text) {
  const auto size = parse_size(text);
  return size ? static_cast<std::int64_t>(*size) : -1;
}

BOOST_AUTO_TEST_SUITE(units)

BOOST_AUTO_TEST_CASE(durations_are_a_number_and_a_unit) {
  BOOST_TEST(ms("250ms") == 250);
  BOOST_TEST(ms("10s") == 10'000);
  BOOST_TEST(ms("1.5s") == 1'500);
  BOOST_TEST(ms("5m") == 300'000);
  BOOST_TEST(ms("2h") == 7'200'000);
  BOOST_TEST(ms("4d") == 345'600'000);
  BOOST_TEST(ms("0") == 0);
  BOOST_TEST(ms("0.001s") == 1);
}

BOOST_AUTO_TEST_CASE(anything_else_is_no_duration) {
  for (const char* text : {"", "s", "10", "10 s", " 10s", "-1s", "+1s", "1.s", ".5s", "1e3s", "10S", "10sec", "0.0001s", "1.5ms",
                           "99999999999999999999s", "36601d", "1.0000000001s"}) {
    BOOST_TEST(ms(text) == -1, text);
  }
  BOOST_TEST(ms("36600d") == 3'162'240'000'000);
}

BOOST_AUTO_TEST_CASE(sizes_are_bytes_or_have_a_binary_unit) {
  BOOST_TEST(bytes("0") == 0);
  BOOST_TEST(bytes("100") == 100);
  BOOST_TEST(bytes("100B") == 100);
  BOOST_TEST(bytes("64KiB") == 65'536);
  BOOST_TEST(bytes("1MiB") == 1'048'576);
  BOOST_TEST(bytes("2GiB") == 2'147'483'648);
  BOOST_TEST(bytes("9007199254740992") == 9'007'199'254'740'992);
  for (const char* text : {"", "KiB", "1KB", "1 MiB", "1.5MiB", "-1", "9007199254740993", "8388609GiB"})
    BOOST_TEST(bytes(text) == -1, text);
}

BOOST_AUTO_TEST_CASE(the_shortest_exact_form_is_written_and_read_back) {
  BOOST_TEST(format_duration(std::chrono::milliseconds{90'000}) == "90s");
  BOOST_TEST(format_duration(std::chrono::milliseconds{120'000}) == "2m");
  BOOST_TEST(format_duration(std::chrono::milliseconds{1'500}) == "1500ms");
  BOOST_TEST(format_duration(std::chrono::milliseconds{0}) == "0s");
  BOOST_TEST(format_size(1'048'576) == "1MiB");
  BOOST_TEST(format_size(1'000) == "1000");
  BOOST_TEST(format_size(0) == "0");
  for (const std::int64_t value : {1, 999, 1'000, 59'999, 60'000, 86'400'000, 86'400'001}) {
    BOOST_TEST(ms(format_duration(std::chrono::milliseconds{value})) == value);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace remuda
