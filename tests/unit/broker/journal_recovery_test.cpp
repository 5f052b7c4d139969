// What the journal makes of a folder that is not as it left it: torn tails are cut, damage is named and refused,
// indexes are rebuilt.

#include "broker/journal/format.hpp"
#include "broker/journal/known_end.hpp"
#include "common/crc32c.hpp"
#include "journal_fixture.hpp"

using namespace remuda;
using namespace remuda::broker;
using namespace remuda::broker::testing;
using Words = std::vector<std::string>;

namespace {

constexpr std::uint64_t one_word_record = 32 + 24;  // header, then "ride-N" three times, 18 bytes, aligned

struct DamageFixture : JournalFixture {
  /// Three confirmed records in one segment, stopped cleanly: none of them may ever go missing silently.
  void three_confirmed_records() {
    start();
    for (const auto* word : {"ride-1", "ride-2", "ride-3"}) append_and_sync(word);
    stop();
  }
  void expect_refused(const std::string& file, std::uint64_t offset) {
    const auto error = try_start();
    BOOST_REQUIRE(error);
    BOOST_TEST(error->code == "journal_damaged");
    BOOST_TEST(error->message.find(file + ": offset " + std::to_string(offset) + ":") != std::string::npos, error->message);
    BOOST_TEST(error->message.find("--salvage") != std::string::npos);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(journal_recovery)

BOOST_FIXTURE_TEST_CASE(a_last_record_torn_at_any_byte_is_cut_and_the_rest_stays, JournalFixture) {
  start();
  append_and_sync("ride-1");
  const std::uint64_t begin = segment_header_size + one_word_record;
  append("ride-2");
  BOOST_REQUIRE(journal->write().ok());
  journal.reset();
  const auto whole = disk.contents(segment_name(1));
  for (std::uint64_t kept = 0; kept < 32 + 18; ++kept) {
    auto torn = whole;
    torn.replace(begin + kept, one_word_record - kept, one_word_record - kept, '\0');
    disk.set_contents(segment_name(1), torn);
    disk.remove_durably(mark_file_name);  // it knows of a later life of this folder
    start();
    BOOST_TEST(replayed == Words{"ride-1"}, boost::test_tools::per_element());
    append_and_sync("ride-3");
    crash();
    start();
    BOOST_TEST(replayed == (Words{"ride-1", "ride-3"}), boost::test_tools::per_element());
    journal.reset();
  }
}

BOOST_FIXTURE_TEST_CASE(of_an_unsynced_batch_nothing_behind_the_first_lost_record_comes_back, JournalFixture) {
  start();
  append_and_sync("ride-1");
  for (const auto* word : {"ride-2", "ride-3", "ride-4"}) append(word);
  BOOST_REQUIRE(journal->write().ok());
  journal.reset();
  disk.flip_bit(segment_name(1), segment_header_size + one_word_record + 40);
  start();
  BOOST_TEST(replayed == Words{"ride-1"}, boost::test_tools::per_element());
  BOOST_TEST(recovery.cut_bytes == 3 * one_word_record);
  BOOST_TEST(recovery.warnings.size() == 1U);
  // A record of the same size is written exactly where the lost one was: the whole ones behind it must not continue it.
  append_and_sync("ride-9");
  crash();
  start();
  BOOST_TEST(replayed == (Words{"ride-1", "ride-9"}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_whole_record_behind_the_cut_does_not_continue_the_one_written_in_its_place, JournalFixture) {
  options.segment_size_bytes = 16384;
  start();
  append_and_sync("ride-1");
  // It ends with a page, so that the zeros that fill the page of every write do not reach the record behind it.
  const std::string filling(8192 - (segment_header_size + one_word_record) - record_header_size, 'x');
  journal->append("delete" + filling.substr(6), {});
  append("behind");
  BOOST_REQUIRE(journal->write().ok());
  journal.reset();
  disk.flip_bit(segment_name(1), 4096);
  start();
  BOOST_TEST(replayed == Words{"ride-1"}, boost::test_tools::per_element());
  journal->append("delete" + filling.substr(6), {});
  sync();
  crash();
  start();
  BOOST_TEST(replayed.size() == 2U);
  BOOST_TEST(replayed.back().starts_with("delete"));
}

BOOST_FIXTURE_TEST_CASE(any_bit_flipped_in_a_confirmed_record_is_refused_with_its_place, DamageFixture) {
  three_confirmed_records();
  const auto whole = disk.contents(segment_name(1));
  for (std::uint64_t byte = 0; byte < 3 * one_word_record; ++byte) {
    const auto record = byte / one_word_record;
    if (byte % one_word_record >= 32 + 18) continue;  // padding carries nothing
    disk.flip_bit(segment_name(1), segment_header_size + byte, static_cast<unsigned>(byte % 8));
    disk.remove_durably(mark_file_name);  // the record of the clean stop says the same
    expect_refused(segment_name(1), segment_header_size + record * one_word_record);
    disk.set_contents(segment_name(1), whole);
  }
  start();
  BOOST_TEST(replayed.size() == 3U);
}

BOOST_FIXTURE_TEST_CASE(no_bit_flipped_anywhere_loses_a_record_silently, DamageFixture) {
  three_confirmed_records();
  const auto whole = disk.contents(segment_name(1));
  for (std::uint64_t byte = 0; byte < 400; ++byte) {
    disk.flip_bit(segment_name(1), byte, static_cast<unsigned>(byte * 5 % 8));
    if (!try_start()) BOOST_TEST(replayed.size() == 3U);
    journal.reset();
    disk.set_contents(segment_name(1), whole);
  }
}

BOOST_FIXTURE_TEST_CASE(a_record_missing_between_two_whole_ones_is_refused, DamageFixture) {
  three_confirmed_records();
  std::string bytes = disk.contents(segment_name(1));
  const auto third = bytes.substr(segment_header_size + 2 * one_word_record, one_word_record);
  bytes.replace(segment_header_size + one_word_record, one_word_record, third);
  disk.set_contents(segment_name(1), bytes);
  expect_refused(segment_name(1), segment_header_size + one_word_record);
}

BOOST_FIXTURE_TEST_CASE(a_file_cut_short_at_any_byte_is_refused, DamageFixture) {
  three_confirmed_records();
  const auto whole = disk.contents(segment_name(1));
  for (std::uint64_t size = 0; size < whole.size(); size += 7) {
    disk.set_contents(segment_name(1), whole.substr(0, size));
    const auto error = try_start();
    BOOST_REQUIRE(error);
    BOOST_TEST(error->code == "journal_damaged");
  }
}

BOOST_FIXTURE_TEST_CASE(a_sealed_segment_is_replayed_from_its_index, JournalFixture) {
  start();
  const auto words = fill_until_segment(3);
  crash();
  disk.flip_bit(segment_name(1), 2000);  // only a reader of the payload meets this
  BOOST_REQUIRE(!try_start());
  BOOST_TEST(replayed == words, boost::test_tools::per_element());
  BOOST_TEST(disk.contents(index_name(1)).size() < 4096U);
}

BOOST_FIXTURE_TEST_CASE(a_lost_or_damaged_index_is_rebuilt_from_its_segment, JournalFixture) {
  start();
  const auto words = fill_until_segment(3);
  crash();
  const auto index = disk.contents(index_name(1));
  const auto expect_rebuilt = [&] {
    start();
    BOOST_TEST(replayed == words, boost::test_tools::per_element());
    BOOST_TEST((disk.contents(index_name(1)) == index));
    crash();
  };
  disk.remove_durably(index_name(1));
  expect_rebuilt();
  for (std::size_t byte = 0; byte < index.size(); byte += 11) {
    disk.flip_bit(index_name(1), byte);
    expect_rebuilt();
  }
  disk.set_contents(index_name(1), index.substr(0, index.size() - 8));
  expect_rebuilt();
  disk.set_contents(index_name(1), index + "more");
  expect_rebuilt();
  disk.set_contents(index_name(1), disk.contents(index_name(2)));
  expect_rebuilt();
}

BOOST_FIXTURE_TEST_CASE(damage_in_a_sealed_segment_without_index_is_refused_with_its_place, DamageFixture) {
  start();
  fill_until_segment(3);
  crash();
  disk.remove_durably(index_name(1));
  disk.flip_bit(segment_name(1), segment_header_size + 40);
  expect_refused(segment_name(1), segment_header_size);
}

BOOST_FIXTURE_TEST_CASE(a_missing_segment_is_refused_by_name, DamageFixture) {
  start();
  fill_until_segment(4);
  crash();
  disk.remove_durably(segment_name(2));
  const auto error = try_start();
  BOOST_REQUIRE(error);
  BOOST_TEST(error->code == "journal_damaged");
  BOOST_TEST(error->message.find(segment_name(2)) != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_folder_whose_segments_were_removed_is_not_taken_for_a_new_one, DamageFixture) {
  three_confirmed_records();
  disk.remove_durably(segment_name(1));
  const auto error = try_start();
  BOOST_REQUIRE(error);
  BOOST_TEST(error->code == "journal_damaged");
}

BOOST_FIXTURE_TEST_CASE(a_segment_of_another_journal_is_refused, DamageFixture) {
  start();
  fill_until_segment(3);
  crash();
  auto foreign = SegmentHeader{{1, 2, 3}, 2, 4096, 1};
  auto bytes = disk.contents(segment_name(2));
  disk.set_contents(segment_name(2), bytes.replace(0, segment_header_size, encode(foreign, FileForm::segment)));
  const auto error = try_start();
  BOOST_REQUIRE(error);
  BOOST_TEST(error->message.find("another journal") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_journal_of_a_later_format_is_refused_as_such, DamageFixture) {
  three_confirmed_records();
  auto bytes = disk.contents(segment_name(1));
  bytes[8] = 9;
  const auto crc = crc32c(std::string_view{bytes}.substr(0, 44));
  for (std::size_t i = 0; i < 4; ++i) bytes[44 + i] = static_cast<char>(crc >> (8 * i) & 0xFFU);
  disk.set_contents(segment_name(1), bytes);
  BOOST_TEST(try_start()->code == "journal_version");
}

BOOST_FIXTURE_TEST_CASE(unfinished_files_are_swept_and_strangers_left_alone, JournalFixture) {
  start();
  append_and_sync("ride-1");
  crash();
  disk.set_contents(unfinished_name(index_name(1)), "half an index");
  disk.set_contents(index_name(77), "an index without its segment");
  disk.set_contents("notes.txt", "mine");
  start();
  BOOST_TEST(replayed == Words{"ride-1"}, boost::test_tools::per_element());
  const auto names = disk.names();
  BOOST_TEST(std::count(names.begin(), names.end(), unfinished_name(index_name(1))) == 0);
  BOOST_TEST(std::count(names.begin(), names.end(), index_name(77)) == 0);
  BOOST_TEST(disk.contents("notes.txt") == "mine");
}

// --- the mark: how far the journal is known to have been durable ---

BOOST_FIXTURE_TEST_CASE(after_a_clean_stop_an_end_that_reads_as_zeros_is_refused, DamageFixture) {
  three_confirmed_records();
  const auto whole = disk.contents(segment_name(1));
  for (std::uint64_t kept = 0; kept < 3; ++kept) {
    const auto end = segment_header_size + kept * one_word_record;
    disk.set_contents(segment_name(1), whole.substr(0, end) + std::string(whole.size() - end, '\0'));
    expect_refused(segment_name(1), end);
  }
  options.salvage = true;
  start();
  BOOST_TEST(replayed == (Words{"ride-1", "ride-2"}), boost::test_tools::per_element());
  BOOST_REQUIRE_EQUAL(recovery.lost.size(), 1U);
  BOOST_TEST(recovery.lost[0].first_sequence == 3U);
  BOOST_TEST(recovery.lost[0].last_sequence == 4U);  // the mark of the clean stop is a record, too
  append_and_sync("ride-4");
  crash();
  options.salvage = false;
  start();
  BOOST_TEST(replayed == (Words{"ride-1", "ride-2", "ride-4"}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(what_a_start_has_found_cannot_vanish_before_the_next, DamageFixture) {
  start();
  append_and_sync("ride-1");
  crash();
  start();
  crash();
  const auto whole = disk.contents(segment_name(1));
  disk.set_contents(segment_name(1), whole.substr(0, segment_header_size) + std::string(whole.size() - segment_header_size, '\0'));
  expect_refused(segment_name(1), segment_header_size);
}

BOOST_FIXTURE_TEST_CASE(a_last_segment_that_is_missing_is_refused_by_name, DamageFixture) {
  start();
  const auto words = fill_until_segment(3);
  stop();
  disk.remove_durably(segment_name(3));
  expect_refused(segment_name(3), 0);
  options.salvage = true;
  start();
  BOOST_REQUIRE_EQUAL(recovery.lost.size(), 1U);
  BOOST_TEST(recovery.lost[0].file == "disk/" + segment_name(3));
  append_and_sync("next");
  crash();
  options.salvage = false;
  start();
  BOOST_TEST(replayed.back() == "next");
}

BOOST_FIXTURE_TEST_CASE(a_damaged_mark_is_refused_and_salvage_makes_another, DamageFixture) {
  three_confirmed_records();
  const auto mark = disk.contents(mark_file_name);
  for (std::size_t byte = 0; byte < mark.size(); ++byte) {
    disk.flip_bit(mark_file_name, byte, static_cast<unsigned>(byte % 8));
    expect_refused(mark_file_name, 0);
    disk.set_contents(mark_file_name, mark);
  }
  disk.set_contents(mark_file_name, mark + "x");
  expect_refused(mark_file_name, 0);
  options.salvage = true;
  start();
  BOOST_TEST(replayed.size() == 3U);
  BOOST_REQUIRE_EQUAL(recovery.lost.size(), 1U);
  BOOST_TEST(recovery.lost[0].open_ended);
  stop();
  options.salvage = false;
  start();
}

BOOST_FIXTURE_TEST_CASE(the_mark_of_another_journal_is_refused, DamageFixture) {
  three_confirmed_records();
  disk.set_contents(mark_file_name, encode({{1, 2, 3}, 1, 4096, 1}, FileForm::mark));
  expect_refused(mark_file_name, 0);
}

BOOST_FIXTURE_TEST_CASE(a_journal_without_a_mark_starts, DamageFixture) {
  three_confirmed_records();
  disk.remove_durably(mark_file_name);
  start();
  BOOST_TEST(replayed.size() == 3U);
}

BOOST_FIXTURE_TEST_CASE(on_a_full_disk_the_mark_of_before_stays, DamageFixture) {
  start();
  append_and_sync("ride-1");
  stop();
  const auto mark = disk.contents(mark_file_name);
  start();
  append_and_sync("ride-2");
  disk.limit_space(disk.used_space());
  stop();
  BOOST_TEST((disk.contents(mark_file_name) == mark));
  start();
  BOOST_TEST(replayed == (Words{"ride-1", "ride-2"}), boost::test_tools::per_element());
}

// --- salvage: a person has decided to go on without what is lost ---

BOOST_FIXTURE_TEST_CASE(salvage_reads_on_behind_damage_reports_it_and_repairs_it_for_good, DamageFixture) {
  three_confirmed_records();
  disk.flip_bit(segment_name(1), segment_header_size + one_word_record + 34);
  options.salvage = true;
  start();
  BOOST_TEST(replayed == (Words{"ride-1", "ride-3"}), boost::test_tools::per_element());
  BOOST_REQUIRE_EQUAL(recovery.lost.size(), 1U);
  BOOST_TEST(recovery.lost[0].file == "disk/" + segment_name(1));
  BOOST_TEST(recovery.lost[0].offset == segment_header_size + one_word_record);
  BOOST_TEST(recovery.lost[0].size_bytes == one_word_record);
  BOOST_TEST(recovery.lost[0].first_sequence == 2U);
  BOOST_TEST(recovery.lost[0].last_sequence == 2U);
  append_and_sync("ride-4");
  crash();
  options.salvage = false;
  start();
  BOOST_TEST(replayed == (Words{"ride-1", "ride-3", "ride-4"}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(salvage_gives_up_the_end_of_a_sealed_segment_and_goes_on_with_the_next, DamageFixture) {
  start();
  const auto words = fill_until_segment(4);
  crash();
  disk.remove_durably(index_name(2));
  auto bytes = disk.contents(segment_name(2));
  disk.set_contents(segment_name(2), bytes.replace(1000, bytes.size() - 1000, bytes.size() - 1000, '\xff'));
  BOOST_TEST(try_start()->code == "journal_damaged");
  options.salvage = true;
  start();
  BOOST_REQUIRE_EQUAL(recovery.lost.size(), 1U);
  BOOST_TEST(replayed.size() < words.size());
  BOOST_TEST(replayed.front() == words.front());
  BOOST_TEST(replayed.back() == words.back());
  crash();
  options.salvage = false;
  const auto salvaged = replayed;
  start();
  BOOST_TEST(replayed == salvaged, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(salvage_writes_a_damaged_header_anew, DamageFixture) {
  start();
  const auto words = fill_until_segment(4);
  crash();
  for (const std::uint32_t segment : {1U, 2U, 4U}) disk.flip_bit(segment_name(segment), 20);
  BOOST_TEST(try_start()->code == "journal_damaged");
  options.salvage = true;
  start();
  BOOST_TEST(replayed == words, boost::test_tools::per_element());
  BOOST_TEST(recovery.warnings.size() == 3U);
  crash();
  options.salvage = false;
  start();
  BOOST_TEST(replayed == words, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(salvage_of_a_file_cut_short_keeps_what_is_left, DamageFixture) {
  three_confirmed_records();
  disk.set_contents(segment_name(1), disk.contents(segment_name(1)).substr(0, segment_header_size + 2 * one_word_record));
  options.salvage = true;
  start();
  BOOST_TEST(replayed == (Words{"ride-1", "ride-2"}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(salvage_of_a_file_cut_short_says_that_nobody_knows_what_stood_there, DamageFixture) {
  three_confirmed_records();
  disk.remove_durably(mark_file_name);
  const auto whole = disk.contents(segment_name(1));
  options.salvage = true;
  const auto cut_to = [&](std::uint64_t size) {
    disk.set_contents(segment_name(1), whole.substr(0, size));
    disk.remove_durably(mark_file_name);
    start();
    crash(Survivors::all);
  };
  cut_to(segment_header_size + 2 * one_word_record + 10);
  BOOST_REQUIRE_EQUAL(recovery.lost.size(), 1U);
  BOOST_TEST(recovery.lost[0].offset == segment_header_size + 2 * one_word_record + 10);
  BOOST_TEST(recovery.lost[0].first_sequence == 3U);
  BOOST_TEST(recovery.lost[0].open_ended);
  // Zeros behind the last record: no other was begun.
  cut_to(segment_header_size + 3 * one_word_record + 2 * record_header_size);
  BOOST_TEST(recovery.lost.empty());
}

BOOST_FIXTURE_TEST_CASE(salvage_restores_operations_from_the_index, DamageFixture) {
  checkpoint = [] { return "state x"; };
  start();
  fill_until_segment(3);
  stop();
  start();
  const auto all = replayed;
  stop();
  // The oldest segment's checkpoint and another record; the checkpoint of the segment that was being written.
  disk.flip_bit(segment_name(1), segment_header_size + record_header_size);
  disk.flip_bit(segment_name(1), 2'100);
  disk.flip_bit(segment_name(3), segment_header_size + record_header_size + 1);
  expect_refused(segment_name(3), segment_header_size);
  options.salvage = true;
  start();
  BOOST_TEST(recovery.warnings.size() == 2U);
  BOOST_TEST(recovery.lost.size() <= 1U);  // the other one, if its payload was hit
  BOOST_TEST(replayed.size() + recovery.lost.size() == all.size());
}

BOOST_FIXTURE_TEST_CASE(salvage_without_any_readable_header_is_refused, DamageFixture) {
  three_confirmed_records();
  disk.flip_bit(segment_name(1), 20);
  options.salvage = true;
  BOOST_TEST(try_start()->code == "journal_damaged");
}

BOOST_AUTO_TEST_SUITE_END()
