// The one decoder that every byte of a peer passes through.

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <limits>
#include <string>

#include <msgpack.hpp>

#include "common/msgpack_reader.hpp"

using remuda::is_msgpack;
using remuda::MsgpackReader;
using Kind = MsgpackReader::Kind;
using namespace std::string_literals;

namespace {

template <class T>
std::string packed(const T& value) {
  msgpack::sbuffer buffer;
  msgpack::pack(buffer, value);
  return {buffer.data(), buffer.size()};
}

std::string nested(std::size_t depth) {
  return std::string(depth, '\x91') + "\xc0";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(msgpack_reader)

BOOST_AUTO_TEST_CASE(unsigned_integers_of_every_width_are_read) {
  for (const std::uint64_t value :
       {0ULL, 127ULL, 128ULL, 255ULL, 256ULL, 65535ULL, 65536ULL, 4294967295ULL, 4294967296ULL, 18446744073709551615ULL}) {
    const std::string bytes = packed(value);
    MsgpackReader in{bytes};
    BOOST_TEST(in.unsigned_integer() == value);
    BOOST_TEST((in.ok() && in.at_end()));
  }
}

BOOST_AUTO_TEST_CASE(signed_integers_of_every_width_are_read) {
  for (const std::int64_t value : {-1LL, -32LL, -33LL, -128LL, -129LL, -32768LL, -32769LL, -2147483648LL, -2147483649LL,
                                   static_cast<long long>(std::numeric_limits<std::int64_t>::min()), 5LL,
                                   static_cast<long long>(std::numeric_limits<std::int64_t>::max())}) {
    const std::string bytes = packed(value);
    MsgpackReader in{bytes};
    BOOST_TEST(in.signed_integer() == value);
    BOOST_TEST((in.ok() && in.at_end()));
  }
}

BOOST_AUTO_TEST_CASE(a_positive_number_in_a_signed_form_is_unsigned) {
  const std::string bytes = "\xd1\x01\x00"s;
  MsgpackReader in{bytes};
  const auto token = in.next();
  BOOST_TEST((token.kind == Kind::unsigned_integer));
  BOOST_TEST(token.unsigned_integer == 256U);
}

BOOST_AUTO_TEST_CASE(numbers_that_do_not_fit_are_refused) {
  const std::string large = packed(UINT64_MAX);
  MsgpackReader as_signed{large};
  as_signed.signed_integer();
  BOOST_TEST(!as_signed.ok());
  const std::string negative = packed(-1);
  MsgpackReader as_unsigned{negative};
  as_unsigned.unsigned_integer();
  BOOST_TEST(!as_unsigned.ok());
}

BOOST_AUTO_TEST_CASE(text_and_binary_of_every_length_form_are_read) {
  for (const std::size_t size : {0U, 31U, 32U, 255U, 256U, 65535U, 65536U}) {
    const std::string text(size, 'x');
    const std::string as_text = packed(text);
    MsgpackReader in{as_text};
    BOOST_TEST(in.string() == text);
    BOOST_TEST((in.ok() && in.at_end()));
    const std::string as_binary = packed(std::vector<char>(size, 'x'));
    MsgpackReader binary{as_binary};
    BOOST_TEST(binary.binary() == text);
    BOOST_TEST((binary.ok() && binary.at_end()));
  }
}

BOOST_AUTO_TEST_CASE(floats_booleans_and_nil_are_read) {
  const std::string bytes = packed(1.5F) + packed(-2.25) + packed(true) + packed(false) + packed(msgpack::type::nil_t{});
  MsgpackReader in{bytes};
  BOOST_TEST(in.next().floating == 1.5);
  BOOST_TEST(in.next().floating == -2.25);
  BOOST_TEST(in.boolean());
  BOOST_TEST(!in.boolean());
  BOOST_TEST(in.take_nil());
  BOOST_TEST(!in.take_nil());
  BOOST_TEST((in.ok() && in.at_end()));
}

BOOST_AUTO_TEST_CASE(a_wrong_type_fails_and_the_failure_sticks) {
  const std::string bytes = packed("text"s) + packed(5);
  MsgpackReader in{bytes};
  BOOST_TEST(in.unsigned_integer() == 0U);
  BOOST_TEST(!in.ok());
  BOOST_TEST(in.unsigned_integer() == 0U);
  BOOST_TEST(in.string().empty());
  BOOST_TEST(in.skip().empty());
  BOOST_TEST((in.peek() == Kind::invalid));
}

BOOST_AUTO_TEST_CASE(what_a_caller_rejects_stays_rejected) {
  const std::string bytes = packed(5);
  MsgpackReader in{bytes};
  in.reject();
  in.next();
  BOOST_TEST(!in.ok());
}

BOOST_AUTO_TEST_CASE(declared_counts_are_held_against_the_bytes_that_are_left) {
  for (const std::string& bomb :
       {"\xdf\xff\x00\x00\x00"s, "\xdd\xff\xff\xff\xff"s, "\xdb\xff\xff\xff\xff"s, "\xc6\xff\xff\xff\xff"s, "\xdc\x00\x02\xc0"s,
        "\xde\x00\x01\xc0"s, "\x92\xc0"s, "\x81\xc0"s, "\xa2x"s, "\xc4\x01"s, "\xd9"s, "\xcb\x00"s}) {
    MsgpackReader in{bomb};
    in.skip();
    BOOST_TEST(!in.ok());
  }
}

BOOST_AUTO_TEST_CASE(nesting_is_accepted_to_16_and_refused_from_17) {
  BOOST_TEST(is_msgpack(nested(16)));
  BOOST_TEST(!is_msgpack(nested(17)));
  BOOST_TEST(!is_msgpack(std::string(60'000, '\x91')));
  BOOST_TEST(!is_msgpack(std::string(1'000'000, '\x91')));
}

BOOST_AUTO_TEST_CASE(extension_types_and_the_unused_byte_are_refused) {
  for (const std::string& bytes :
       {"\xc1"s, "\xc7\x00\x01"s, "\xd4\x01\x00"s, "\xd8"s + std::string(17, '\0'), "\xc9\x00\x00\x00\x00\x01"s}) {
    BOOST_TEST(!is_msgpack(bytes));
  }
}

BOOST_AUTO_TEST_CASE(skip_takes_one_whole_value) {
  const std::string value =
      "\x82\xa1"
      "a\x92\x01\x80\xa1"
      "b\x90"s;
  const std::string bytes = value + "\x05";
  MsgpackReader in{bytes};
  BOOST_TEST(in.skip() == value);
  BOOST_TEST(in.skip() == "\x05");
  BOOST_TEST(in.at_end());
}

BOOST_AUTO_TEST_CASE(every_truncation_of_a_value_is_refused) {
  const std::string bytes =
      "\x83\xa1"
      "a\xcd\x01\x00\xa1"
      "b\x92\xcb"s +
      std::string(8, '\x01') + "\xc4\x02xy\xd9\x01z\xd3"s + std::string(8, '\x02');
  BOOST_TEST(is_msgpack(bytes));
  for (std::size_t size = 0; size < bytes.size(); ++size) BOOST_TEST(!is_msgpack(std::string_view{bytes}.substr(0, size)));
}

BOOST_AUTO_TEST_SUITE_END()
