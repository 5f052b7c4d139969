// The packed form of a message: what survives a round trip, and what is refused.

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <random>
#include <set>
#include <string>

#include "common/message.hpp"
#include "common/msgpack_reader.hpp"

using remuda::Message;
using remuda::unpack_message;
using remuda::view_message;
using namespace std::string_literals;

namespace {

Message full_message() {
  Message message;
  message.id = "ride-1";
  message.source = "completed-rides";
  message.type = "ride.completed";
  message.time_ms = 1'700'000'000'000;
  message.subject = "rides/1";
  message.datacontenttype = "application/json";
  message.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  message.correlation_id = "rfq-7";
  message.reply_to = "quotes";
  message.group_id = "cmr";
  message.dedup_id = "submit-1";
  message.attributes = {{"fare", {"Number", "256.50"}}, {"key", {"Binary", "\x00\xff"s}}, {"tags", {"String.Array", "[\"a\"]"}}};
  message.sequence = 42;
  message.body = "{\"fare\": 256.50}";
  return message;
}

/// `text` of at most 31 bytes as msgpack.
std::string str(std::string_view text) {
  return static_cast<char>(0xa0U | text.size()) + std::string{text};
}

/// A packed message with these headers, already packed, in this order; the body is empty.
std::string message_of(unsigned count, const std::string& headers) {
  return "\x92"s + static_cast<char>(0x80U | count) + headers + "\xc4\x00"s;
}

const std::string id_header = str("id") + str("ride-1");

bool accepted(std::string_view packed) {
  const bool viewed = view_message(packed).ok();
  BOOST_TEST(unpack_message(packed).ok() == viewed);
  return viewed;
}

std::string reason(std::string_view packed) {
  const auto view = view_message(packed);
  BOOST_REQUIRE(!view.ok());
  BOOST_TEST(view.error().code == "malformed_message");
  BOOST_TEST(unpack_message(packed).error() == view.error());
  return view.error().message;
}

bool mentions(const std::string& text, std::string_view word) {
  return text.find(word) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(message)

BOOST_AUTO_TEST_CASE(every_header_survives_a_round_trip) {
  const Message sent = full_message();
  const auto received = unpack_message(pack(sent));
  BOOST_REQUIRE(received.ok());
  BOOST_TEST(*received == sent);
}

BOOST_AUTO_TEST_CASE(a_message_needs_no_more_than_an_id) {
  Message sent;
  sent.id = "1";
  BOOST_TEST(pack(sent) == message_of(1, str("id") + str("1")));
  BOOST_TEST(*unpack_message(pack(sent)) == sent);
  BOOST_TEST(mentions(reason(message_of(0, "")), "'id' is missing"));
}

BOOST_AUTO_TEST_CASE(a_message_that_is_used_again_keeps_nothing_of_the_one_before) {
  Message again = full_message();
  Message small;
  small.id = "ride-2";
  BOOST_REQUIRE(unpack_message(pack(small), again).ok());
  BOOST_TEST(again == small);
  BOOST_REQUIRE(unpack_message(pack(full_message()), again).ok());
  BOOST_TEST(again == full_message());
}

BOOST_AUTO_TEST_CASE(a_view_points_into_the_packed_bytes) {
  const Message sent = full_message();
  const std::string packed = pack(sent);
  const auto view = view_message(packed);
  BOOST_REQUIRE(view.ok());
  BOOST_TEST(view->packed == packed);
  BOOST_TEST(view->id == sent.id);
  BOOST_TEST(view->group_id == sent.group_id);
  BOOST_TEST(view->dedup_id == sent.dedup_id);
  BOOST_TEST(view->body == sent.body);
  BOOST_TEST((view->body.data() >= packed.data() && view->body.data() < packed.data() + packed.size()));
  remuda::MsgpackReader attributes{view->attributes};
  BOOST_TEST(attributes.map() == 3U);
  BOOST_TEST(attributes.string() == "fare");
}

BOOST_AUTO_TEST_CASE(times_before_1970_and_the_largest_sequence_are_kept) {
  Message sent = full_message();
  sent.time_ms = -1;
  sent.sequence = UINT64_MAX;
  BOOST_TEST(*unpack_message(pack(sent)) == sent);
}

BOOST_AUTO_TEST_CASE(an_id_has_1_to_128_bytes) {
  Message sent;
  sent.id = std::string(128, 'x');
  BOOST_TEST(accepted(pack(sent)));
  sent.id += 'x';
  BOOST_TEST(mentions(reason(pack(sent)), "1 to 128"));
  BOOST_TEST(mentions(reason(message_of(1, str("id") + str(""))), "1 to 128"));
}

BOOST_AUTO_TEST_CASE(headers_take_at_most_16_kibibytes_and_body_and_attributes_do_not_count) {
  Message sent;
  sent.id = "1";
  sent.body = std::string(1'000'000, 'x');
  const auto size_of_headers = [&] {
    const std::string packed = pack(sent);
    remuda::MsgpackReader in{packed};
    in.array();
    return in.skip().size();
  };
  sent.subject = std::string(16'000, 'x');
  sent.subject.resize(16'000 + 16 * 1024 - size_of_headers(), 'x');
  BOOST_TEST(size_of_headers() == 16U * 1024U);
  BOOST_TEST(accepted(pack(sent)));
  sent.attributes["large"] = {"String", std::string(100'000, 'x')};
  BOOST_TEST(accepted(pack(sent)));
  sent.subject += 'x';
  BOOST_TEST(mentions(reason(pack(sent)), "16 KiB"));
}

BOOST_AUTO_TEST_CASE(a_message_has_at_most_64_attributes) {
  Message sent;
  sent.id = "1";
  for (int i = 0; i < 64; ++i) sent.attributes["a" + std::to_string(i)] = {"String", "x"};
  BOOST_TEST(accepted(pack(sent)));
  sent.attributes["one more"] = {"String", "x"};
  BOOST_TEST(mentions(reason(pack(sent)), "at most 64"));
}

BOOST_AUTO_TEST_CASE(attributes_have_a_known_type_and_a_value_of_bytes) {
  const auto with_attributes = [](const std::string& map) { return message_of(2, id_header + str("attributes") + map); };
  BOOST_TEST(accepted(with_attributes("\x80")));
  BOOST_TEST(accepted(with_attributes("\x81" + str("a") + "\x92" + str("String") + str("x"))));
  BOOST_TEST(accepted(with_attributes("\x81" + str("a") + "\x92" + str("Binary") + "\xc4\x01x")));
  for (const char* labelled : {"Number.int", "String.Array", "String.a.b", "Binary.gzip"})
    BOOST_TEST(accepted(with_attributes("\x81" + str("a") + "\x92" + str(labelled) + str("x"))));
  for (const char* none : {"Text", "", "Number.", ".int", "number", "Numbers"})
    BOOST_TEST(mentions(reason(with_attributes("\x81" + str("a") + "\x92" + str(none) + str("x"))), "'a'"));
  reason(with_attributes("\x81" + str("a") + "\x92" + str("Number") + "\x05"));
  reason(with_attributes("\x81" + str("a") + "\x93" + str("String") + str("x") + str("y")));
  reason(with_attributes("\x81" + str("a") + "\x91" + str("String")));
  reason(with_attributes("\x81\x05\x92" + str("String") + str("x")));
  reason(with_attributes("\x90"));
  const std::string a = str("a") + "\x92" + str("String") + str("x");
  BOOST_TEST(mentions(reason(with_attributes("\x82" + a + a)), "given twice"));
}

BOOST_AUTO_TEST_CASE(a_known_header_given_twice_is_refused_an_unknown_one_is_skipped) {
  BOOST_TEST(mentions(reason(message_of(2, id_header + id_header)), "'id' is given twice"));
  for (const auto& [name, value] :
       {std::pair{"time_ms"s, "\x01"s}, {"sequence"s, "\x01"s}, {"attributes"s, "\x80"s}, {"group_id"s, str("g")}}) {
    const std::string header = str(name) + value;
    BOOST_TEST(accepted(message_of(2, id_header + header)));
    BOOST_TEST(mentions(reason(message_of(3, header + id_header + header)), "given twice"));
  }
  const std::string unknown = str("priority") + "\x81" + str("level") + "\x05";
  BOOST_TEST(accepted(message_of(3, unknown + id_header + unknown)));
}

BOOST_AUTO_TEST_CASE(headers_of_the_wrong_type_are_refused) {
  reason(message_of(1, str("id") + "\x05"));
  reason(message_of(1, "\x05" + str("ride-1")));
  reason(message_of(2, id_header + str("time_ms") + str("now")));
  reason(message_of(2, id_header + str("time_ms") + "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"));
  reason(message_of(2, id_header + str("sequence") + "\xff"));
  reason(message_of(2, id_header + str("source") + "\xc0"));
  reason(message_of(2, id_header + str("future") + "\xc1"));
  BOOST_TEST(accepted(message_of(2, id_header + str("time_ms") + "\xff")));
}

BOOST_AUTO_TEST_CASE(a_message_is_an_array_of_headers_and_a_binary_body_and_nothing_more) {
  const std::string good = message_of(1, id_header);
  BOOST_TEST(accepted(good));
  BOOST_TEST(!accepted(good + "\xc0"));
  BOOST_TEST(!accepted(""));
  BOOST_TEST(!accepted("\x80"));
  BOOST_TEST(!accepted("\x93\x81" + id_header + "\xc4\x00\xc0"s));
  BOOST_TEST(!accepted("\x92\x90\xc4\x00"s));
  BOOST_TEST(!accepted("\x92\x81" + id_header + "\xa0"));
}

BOOST_AUTO_TEST_CASE(bombs_are_refused) {
  BOOST_TEST(!accepted("\xdf\xff\x00\x00\x00"s));
  BOOST_TEST(!accepted("\x92\xdf\xff\x00\x00\x00"s));
  BOOST_TEST(!accepted("\x92\x81" + id_header + "\xc6\xff\xff\xff\xff"));
  BOOST_TEST(!accepted(std::string(60'000, '\x91')));
  BOOST_TEST(!accepted(message_of(2, id_header + str("future") + std::string(60'000, '\x91'))));
  const auto nested = [](std::size_t depth) {
    return message_of(2, id_header + str("future") + std::string(depth, '\x91') + "\xc0");
  };
  BOOST_TEST(accepted(nested(16)));
  BOOST_TEST(!accepted(nested(17)));
}

BOOST_AUTO_TEST_CASE(every_truncation_of_a_message_is_refused) {
  const std::string packed = pack(full_message());
  BOOST_TEST(accepted(packed));
  for (std::size_t size = 0; size < packed.size(); ++size) {
    BOOST_TEST_CONTEXT("size " << size) {
      BOOST_TEST(!accepted(std::string_view{packed}.substr(0, size)));
    }
  }
}

BOOST_AUTO_TEST_CASE(view_and_unpack_accept_exactly_the_same_bytes) {
  const std::uint32_t seed = std::random_device{}();
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937 random{seed};
  const std::string packed = pack(full_message());
  int accepted_count = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string mutated = packed;
    for (auto changes = random() % 3 + 1; changes > 0; --changes) {
      const std::size_t at = random() % mutated.size();
      switch (random() % 3) {
        case 0:
          mutated[at] = static_cast<char>(random());
          break;
        case 1:
          mutated.insert(at, 1, static_cast<char>(random()));
          break;
        default:
          mutated.erase(at, 1);
          break;
      }
    }
    const auto view = view_message(mutated);
    const auto unpacked = unpack_message(mutated);
    BOOST_REQUIRE_MESSAGE(view.ok() == unpacked.ok(), "seed " << seed << ", round " << round);
    if (!view) continue;
    ++accepted_count;
    BOOST_REQUIRE_MESSAGE(view->id == unpacked->id && view->body == unpacked->body && view->group_id == unpacked->group_id &&
                              view->dedup_id == unpacked->dedup_id,
                          "seed " << seed << ", round " << round);
  }
  BOOST_TEST(accepted_count > 0);
}

BOOST_AUTO_TEST_CASE(new_ids_are_different_version_7_uuids_that_sort_by_time) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(remuda::new_message_id());
  BOOST_TEST(ids.size() == 1000U);
  for (const std::string& id : ids) {
    BOOST_REQUIRE(id.size() == 36U);
    BOOST_REQUIRE(id[14] == '7');
    BOOST_REQUIRE("89ab"s.find(id[19]) != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_derived_id_is_the_same_after_every_redelivery_and_different_for_every_output) {
  const std::string id = remuda::derived_message_id("ride-1", "invoice_issued", 0);
  BOOST_TEST(remuda::derived_message_id("ride-1", "invoice_issued", 0) == id);
  BOOST_TEST(remuda::derived_message_id("ride-1", "invoice_issued", 1) != id);
  BOOST_TEST(remuda::derived_message_id("ride-2", "invoice_issued", 0) != id);
  BOOST_TEST(remuda::derived_message_id("ride-1i", "nvoice_issued", 0) != id);
  BOOST_TEST(id.size() == 36U);
}

BOOST_AUTO_TEST_SUITE_END()
