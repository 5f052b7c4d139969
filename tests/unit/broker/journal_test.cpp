// What the journal promises while the disk is well.

#include <unistd.h>

#include "journal_fixture.hpp"

using namespace remuda;
using namespace remuda::broker;
using namespace remuda::broker::testing;
using Words = std::vector<std::string>;

BOOST_AUTO_TEST_SUITE(journal)

BOOST_FIXTURE_TEST_CASE(what_was_synced_is_replayed_in_order_after_a_power_cut, JournalFixture) {
  start();
  append_and_sync("one");
  append("two");
  append("three");
  sync();
  crash();
  start();
  BOOST_TEST(replayed == (Words{"one", "two", "three"}), boost::test_tools::per_element());
  BOOST_TEST(recovery.records == 3U);
  BOOST_TEST(recovery.last_sequence == 3U);
}

BOOST_FIXTURE_TEST_CASE(what_was_only_written_survives_the_process_but_maybe_not_the_machine, JournalFixture) {
  start();
  append_and_sync("synced");
  append("written");
  BOOST_REQUIRE(journal->write().ok());
  append("only appended");
  start();  // the process ended, the machine did not
  BOOST_TEST(replayed == (Words{"synced", "written"}), boost::test_tools::per_element());
  append("written again");
  BOOST_REQUIRE(journal->write().ok());
  crash(Survivors::none);
  start();
  BOOST_TEST(replayed == (Words{"synced", "written"}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_payload_can_be_read_before_and_after_it_is_written, JournalFixture) {
  start();
  const auto first = append("first");
  BOOST_TEST(payload(first, 10) == "firstfirst");
  sync();
  const auto second = append("second");
  BOOST_TEST(payload(first, 10) == "firstfirst");
  BOOST_TEST(payload(second, 12) == "secondsecond");
  BOOST_TEST(payload({second.segment, second.offset + 6}, 6) == "second");
  BOOST_TEST(payload({99, 48}, 1).empty());
  BOOST_TEST(payload({1, 4096}, 1).empty());
  BOOST_TEST(payload({1, 4095}, UINT32_MAX).empty());
  BOOST_TEST(payload({0, 0}, 0).empty());
}

BOOST_FIXTURE_TEST_CASE(a_record_needs_no_payload, JournalFixture) {
  start();
  journal->append("delete", {});
  sync();
  crash();
  journal = std::make_unique<Journal>(disk, options);
  std::string operations;
  BOOST_REQUIRE(journal->open([&](std::uint64_t, std::string_view bytes, Location) { operations = bytes; }).ok());
  BOOST_TEST(operations == "delete");
}

BOOST_FIXTURE_TEST_CASE(sequence_numbers_grow_by_one_and_never_start_again, JournalFixture) {
  start();
  append_and_sync("one");
  BOOST_TEST(journal->last_sequence() == 1U);
  BOOST_TEST(journal->synced_sequence() == 1U);
  append("two");
  BOOST_TEST(journal->last_sequence() == 2U);
  BOOST_TEST(journal->synced_sequence() == 1U);
  sync();
  stop();  // the mark of a clean end takes a number too
  start();
  append_and_sync("three");
  BOOST_TEST(journal->last_sequence() == 4U);
}

BOOST_FIXTURE_TEST_CASE(a_full_segment_is_followed_by_the_next, JournalFixture) {
  start();
  auto words = fill_until_segment(4);
  BOOST_TEST(journal->oldest_segment() == 1U);
  BOOST_TEST(journal->size_bytes() == 4 * 4096U);
  crash();
  start();
  BOOST_TEST(replayed == words, boost::test_tools::per_element());
  BOOST_TEST(recovery.segments == 4U);
  BOOST_TEST(recovery.warnings.empty());
}

BOOST_FIXTURE_TEST_CASE(one_batch_may_fill_several_segments, JournalFixture) {
  start();
  Words words;
  while (journal->active_segment() < 6) append(words.emplace_back(300, static_cast<char>('a' + words.size() % 26)));
  BOOST_TEST(journal->synced_sequence() == 0U);
  sync();
  crash();
  start();
  BOOST_TEST(replayed == words, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(each_segment_starts_with_a_checkpoint_of_the_state_before_its_records, JournalFixture) {
  int records = 0;
  checkpoint = [&] { return "state " + std::to_string(records); };
  start();
  for (; records < 30; ++records) append_and_sync("record-" + std::to_string(records) + std::string(300, '.'));
  const auto segments = journal->active_segment();
  BOOST_REQUIRE_GT(segments, 2U);
  journal->truncate(segments);
  append_and_sync("last");
  crash();
  start();
  BOOST_REQUIRE_GE(replayed.size(), 2U);
  BOOST_TEST(replayed[0].starts_with("state "));
  // The checkpoint tells how many records came before: the next one replayed is the one after them.
  BOOST_TEST(replayed[1].starts_with("record-" + replayed[0].substr(6) + "."));
}

BOOST_FIXTURE_TEST_CASE(a_clean_stop_in_an_empty_segment_leaves_the_checkpoint_its_first_record, JournalFixture) {
  checkpoint = [] { return "state 1"; };
  start();
  while (journal->active_segment() < 2) append("word-" + std::string(200, 'x'));
  BOOST_REQUIRE(journal->write().ok());
  crash();  // right after the rollover: the new segment is there, its records are not
  start();
  BOOST_TEST(journal->active_segment() == 2U);
  stop();
  start();
  append("ride-1");
  journal->truncate(2);
  sync();
  crash();
  checkpoint = nullptr;
  journal = std::make_unique<Journal>(disk, options);
  replayed.clear();
  BOOST_REQUIRE(
      journal->open([&](std::uint64_t, std::string_view operations, Location) { replayed.emplace_back(operations); }).ok());
  BOOST_TEST(replayed == (std::vector<std::string>{"state 1", "ride-1"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_clean_stop_in_a_segment_that_is_full_up_to_its_seal_can_be_started_again) {
  for (std::uint64_t left = record_header_size; left <= 3 * record_header_size; left += record_alignment) {
    JournalFixture store;
    store.start();
    for (std::uint64_t free = 4096 - segment_header_size - left; free > 0;) {
      const auto size = free > 1500 ? 1000 : free;
      store.journal->append("delete" + std::string(size - record_header_size - 6, 'x'), {});
      free -= size;
    }
    store.sync();
    BOOST_TEST(store.journal->active_segment() == 1U);
    store.stop();
    const auto error = store.try_start();
    BOOST_REQUIRE_MESSAGE(!error, left << " bytes left: " << (error ? error->message : ""));
    store.append_and_sync("ride-1");
    store.crash();
    store.start();
    BOOST_TEST(store.replayed.back() == "ride-1");
  }
}

BOOST_FIXTURE_TEST_CASE(a_record_of_the_largest_size_fits_beside_the_largest_checkpoint, JournalFixture) {
  start();
  const auto largest = journal->max_record_size();
  checkpoint = [&] { return "state " + std::string(largest - 6, 's'); };
  crash();
  start();
  BOOST_TEST(journal->has_room(largest));
  BOOST_TEST(!journal->has_room(largest + 1));
  for (int i = 0; i < 3; ++i) {
    journal->append(std::string(largest, 'r'), {});
    sync();
  }
  crash();
  journal = std::make_unique<Journal>(disk, options);
  const auto opened = journal->open({});
  BOOST_REQUIRE(opened.ok());
  BOOST_TEST(opened->records == 6U);
}

BOOST_FIXTURE_TEST_CASE(truncation_takes_whole_segments_from_the_front_and_only_after_a_sync, JournalFixture) {
  start();
  fill_until_segment(4);
  journal->truncate(3);
  BOOST_TEST(journal->oldest_segment() == 1U);
  append("copied forward");
  sync();
  BOOST_TEST(journal->oldest_segment() == 3U);
  BOOST_TEST(journal->read({1, 100}, 8).empty());
  journal->truncate(99);  // the segment being written stays
  sync();
  BOOST_TEST(journal->oldest_segment() == 4U);
  crash();
  start();
  BOOST_TEST(recovery.segments == 1U);
  BOOST_TEST(replayed.back() == "copied forward");
}

BOOST_FIXTURE_TEST_CASE(truncated_segments_are_written_again_without_their_old_records_coming_back, JournalFixture) {
  options.segment_size_bytes = 16384;
  start();
  for (std::uint32_t segment = 2; segment < 12; ++segment) {
    fill_until_segment(segment);
    journal->truncate(segment);
    sync();
  }
  // The newest segment is a file that held old records, and still does behind its first one.
  BOOST_TEST(disk.contents(segment_name(11)).find_first_not_of('\0', 16384 - 1024) != std::string::npos);
  const auto files = disk.names().size();
  crash();
  start();
  BOOST_TEST(replayed.size() == 1U);
  BOOST_TEST(recovery.cut_bytes == 0U);
  BOOST_TEST(files <= 1 + 1 + 4U);  // LOCK, the segment, spares: the disk does not grow
}

BOOST_FIXTURE_TEST_CASE(spares_beyond_the_limit_are_given_back, JournalFixture) {
  start();
  fill_until_segment(12);
  journal->truncate(12);
  sync();
  std::size_t spares = 0;
  for (const auto& name : disk.names()) spares += parse_file_name(name).kind == FileKind::spare ? 1U : 0U;
  BOOST_TEST(spares == options.spare_segments_max);
}

BOOST_FIXTURE_TEST_CASE(a_folder_in_use_is_refused_with_the_process_that_uses_it, JournalFixture) {
  start();
  Journal second{disk, options};
  const auto opened = second.open({});
  BOOST_REQUIRE(!opened.ok());
  BOOST_TEST(opened.error().code == "journal_locked");
  BOOST_TEST(opened.error().message.find("process " + std::to_string(::getpid())) != std::string::npos);
  stop();
  BOOST_TEST(second.open({}).ok());
}

BOOST_FIXTURE_TEST_CASE(impossible_options_are_refused, JournalFixture) {
  options.segment_size_bytes = 4095;
  BOOST_TEST(try_start()->code == "journal_options");
  options.segment_size_bytes = 4097;
  BOOST_TEST(try_start()->code == "journal_options");
  options.segment_size_bytes = 4096;
  options.spare_segments_max = 1;
  BOOST_TEST(try_start()->code == "journal_options");
  options.spare_segments_max = 2;
  BOOST_TEST(!try_start());
}

BOOST_FIXTURE_TEST_CASE(the_segment_size_may_change_between_starts, JournalFixture) {
  start();
  const auto before = fill_until_segment(3);
  stop();
  options.segment_size_bytes = 8192;
  start();
  BOOST_TEST(replayed == before, boost::test_tools::per_element());
  fill_until_segment(5);
  journal->truncate(5);
  append_and_sync("last");
  crash();
  start();
  BOOST_TEST(replayed.back() == "last");
}

BOOST_AUTO_TEST_SUITE_END()
