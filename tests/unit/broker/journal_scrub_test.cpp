// Damage in a sealed segment is found without anybody asking for the message.

#include "journal_fixture.hpp"

using namespace remuda;
using namespace remuda::broker;
using namespace remuda::broker::testing;

namespace {

struct ScrubFixture : JournalFixture {
  /// What a whole pass in steps of `step` bytes finds.
  std::vector<DamagedRecord> pass(std::uint64_t step = 1'000) {
    std::vector<DamagedRecord> found;
    for (const auto before = journal->scrub_passes(); journal->scrub_passes() == before;) {
      if (auto damage = journal->scrub(step)) found.push_back(*damage);
    }
    return found;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(journal_scrub)

BOOST_FIXTURE_TEST_CASE(a_sound_journal_is_read_again_and_again, ScrubFixture) {
  start();
  BOOST_TEST(pass().empty());
  fill_until_segment(4);
  for (const std::uint64_t step : {1U, 100U, 4096U, 1U << 20U}) BOOST_TEST(pass(step).empty());
  journal->truncate(3);
  sync();
  BOOST_TEST(pass().empty());
}

BOOST_FIXTURE_TEST_CASE(a_bit_flipped_in_any_record_of_a_sealed_segment_is_found_at_its_place, ScrubFixture) {
  start();
  fill_until_segment(3);
  const auto whole = disk.contents(segment_name(1));
  const auto records_end = whole.find_last_not_of('\0');
  const auto index = disk.contents(index_name(1));
  for (std::uint64_t byte = 0; byte < records_end; byte += 5) {
    const bool padding = whole[byte] == '\0' && byte > segment_header_size;  // may be no part of a record
    disk.flip_bit(segment_name(1), byte, byte % 8);
    const auto found = pass();
    if (!padding) {
      BOOST_REQUIRE_MESSAGE(found.size() == 1U, "byte " << byte << ": " << found.size());
      BOOST_TEST(found[0].segment == 1U);
      BOOST_TEST(found[0].file == "disk/" + segment_name(1));
      BOOST_TEST(found[0].offset <= byte);
      BOOST_TEST(byte < found[0].offset + found[0].size_bytes);
    }
    disk.set_contents(segment_name(1), whole);
  }
}

BOOST_FIXTURE_TEST_CASE(a_segment_that_cannot_be_read_is_found_and_the_next_one_read, ScrubFixture) {
  start();
  fill_until_segment(4);
  disk.remove_durably(segment_name(1));
  disk.flip_bit(segment_name(2), 100);
  const auto found = pass();
  BOOST_REQUIRE(found.size() == 2U);
  BOOST_TEST(found[0].segment == 1U);
  BOOST_TEST(found[1].segment == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
