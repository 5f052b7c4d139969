// The bytes of the journal, against published values and against the example in JOURNAL.md.

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <iomanip>
#include <sstream>

#include "broker/journal/format.hpp"
#include "common/crc32c.hpp"
#include "journal_fixture.hpp"

using namespace remuda;
using namespace remuda::broker;
using namespace remuda::broker::testing;

namespace {

/// The bytes of the fenced block that follows the heading "Worked example": lines of `offset: 8 hex bytes  comment`.
std::string documented_bytes() {
  std::ifstream document{REMUDA_JOURNAL_DOCUMENT};
  std::string line;
  while (std::getline(document, line) && line.find("Worked example") == std::string::npos) {}
  while (std::getline(document, line) && !line.starts_with("```")) {}
  std::string bytes;
  while (std::getline(document, line) && !line.starts_with("```")) {
    std::istringstream words{line};
    std::string word;
    words >> word;
    BOOST_REQUIRE_EQUAL(std::stoul(word, nullptr, 16), bytes.size());
    for (int column = 0; column < 8 && words >> word; ++column) bytes.push_back(static_cast<char>(std::stoul(word, nullptr, 16)));
  }
  return bytes;
}

std::string as_hex(std::string_view bytes) {
  std::ostringstream out;
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    out << std::hex << std::setfill('0') << std::setw(3) << at << ": ";
    for (const char byte : bytes.substr(at, 8))
      out << ' ' << std::setw(2) << static_cast<unsigned>(static_cast<std::uint8_t>(byte));
    out << '\n';
  }
  return out.str();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(journal_format)

BOOST_AUTO_TEST_CASE(the_checksum_is_the_one_of_rfc_3720) {
  BOOST_TEST(crc32c("123456789") == 0xE3069283U);
  BOOST_TEST(crc32c(std::string(32, '\0')) == 0x8A9136AAU);
  BOOST_TEST(crc32c(std::string(32, '\xff')) == 0x62A8AB43U);
  BOOST_TEST(crc32c("") == 0U);
}

BOOST_AUTO_TEST_CASE(the_checksum_by_table_and_by_instruction_agree_and_both_continue) {
  std::string bytes;
  for (unsigned i = 0; i < 100; ++i) {
    bytes.push_back(static_cast<char>(i * 37));
    BOOST_TEST(crc32c(bytes) == crc32c_by_table(bytes));
    BOOST_TEST(crc32c(std::string_view{bytes}.substr(i / 2), crc32c(std::string_view{bytes}.substr(0, i / 2))) == crc32c(bytes));
  }
}

BOOST_FIXTURE_TEST_CASE(the_example_of_the_document_is_what_a_journal_writes, JournalFixture) {
  checkpoint = [] { return std::string{"\x01small state", 12}; };
  start();
  const std::array<std::string_view, 2> bodies{"ride 1", "ride 22"};
  journal->append("\x02send", bodies);
  sync();
  journal->append(
      "\x03"
      "delete",
      {});
  sync();
  const auto written = disk.contents(segment_name(1));
  const auto documented = documented_bytes();
  BOOST_TEST(written.substr(0, documented.size()) == documented, "the document should say:\n" << as_hex(written.substr(0, 192)));
  BOOST_TEST(documented.size() == 192U);
  BOOST_TEST(written.find_first_not_of('\0', documented.size()) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_segment_header_is_read_as_it_was_written) {
  const SegmentHeader header{small_segments().identity.value(), 7, 8192, 1234567890123ULL};
  const auto read = decode_segment_header(encode(header, FileForm::segment), FileForm::segment);
  BOOST_REQUIRE(read.ok());
  BOOST_TEST((*read == header));
  BOOST_TEST(decode_segment_header(encode(header, FileForm::index), FileForm::segment).error().code == "journal_damaged");
}

BOOST_AUTO_TEST_CASE(a_segment_header_with_any_bit_flipped_is_refused) {
  const auto bytes = encode({small_segments().identity.value(), 1, 4096, 1}, FileForm::segment);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] = static_cast<char>(static_cast<unsigned char>(flipped[bit / 8]) ^ (1U << (bit % 8)));
    BOOST_TEST(!decode_segment_header(flipped, FileForm::segment).ok());
  }
  BOOST_TEST(decode_segment_header(bytes.substr(0, 47), FileForm::segment).error().code == "journal_damaged");
}

BOOST_AUTO_TEST_CASE(another_format_version_is_named_as_such) {
  auto bytes = encode({small_segments().identity.value(), 1, 4096, 1}, FileForm::segment);
  bytes[8] = 2;
  BOOST_TEST(decode_segment_header(bytes, FileForm::segment).error().code == "journal_damaged");  // a flipped bit
  const auto crc = crc32c(std::string_view{bytes}.substr(0, 44));
  for (std::size_t i = 0; i < 4; ++i) bytes[44 + i] = static_cast<char>(crc >> (8 * i) & 0xFFU);
  BOOST_TEST(decode_segment_header(bytes, FileForm::segment).error().code == "journal_version");
}

BOOST_AUTO_TEST_CASE(a_record_of_another_segment_never_passes_for_one_of_this) {
  const auto identity = small_segments().identity.value();
  std::string bytes;
  RecordHeader header;
  header.sequence = 5;
  append_record(bytes, record_seed(identity, 3), header, "operations", {});
  BOOST_TEST(read_record_head(bytes, 0, record_seed(identity, 3), FileForm::segment).has_value());
  BOOST_TEST(!read_record_head(bytes, 0, record_seed(identity, 4), FileForm::segment).has_value());
}

BOOST_AUTO_TEST_CASE(only_names_that_the_journal_makes_are_its_files) {
  BOOST_TEST((parse_file_name("segment-0000000012.log").kind == FileKind::segment));
  BOOST_TEST(parse_file_name("segment-0000000012.log").number == 12U);
  BOOST_TEST((parse_file_name("segment-0000000012.index").kind == FileKind::index));
  BOOST_TEST((parse_file_name("spare-4294967295.log").kind == FileKind::spare));
  BOOST_TEST((parse_file_name("spare-0000000001.log.tmp").kind == FileKind::unfinished));
  for (const auto* name : {"segment-4294967296.log", "segment-0000000000.log", "segment-12.log", "segment-00000000x2.log",
                           "segment--000000001.log", "segment-0000000012.log.bak", "notes.tmp", ".tmp", "LOCK", ""}) {
    BOOST_TEST((parse_file_name(name).kind == FileKind::other), name);
  }
}

BOOST_AUTO_TEST_SUITE_END()
