// Failing calls and a full disk: what is confirmed stays, nothing false is confirmed, and a full disk passes.

#include <cerrno>

#include "journal_fixture.hpp"

using namespace remuda;
using namespace remuda::broker;
using namespace remuda::broker::testing;
using namespace std::chrono_literals;
using Words = std::vector<std::string>;

namespace {

struct TroubleFixture : JournalFixture {
  ManualClock clock;
  void advance(Duration by) {
    clock.advance(by);
    journal->tick(clock.now());
  }
  /// Appends as a sender does: only with room.
  bool send(const std::string& word) {
    if (!journal->has_room(word.size() * 3)) return false;
    append_and_sync(word);
    return true;
  }
  /// Appends as a delete does: from the reserve if need be.
  bool remove(const std::string& word) {
    if (!journal->has_reserve(word.size())) return false;
    journal->append(word, {});
    sync();
    return true;
  }
  std::size_t send_until_refused() {
    std::size_t sent = 0;
    while (send("ride-" + std::string(300, '.'))) ++sent;
    return sent;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(journal_storage_trouble)

BOOST_FIXTURE_TEST_CASE(a_failed_sync_poisons_for_good_and_is_never_repeated, TroubleFixture) {
  start();
  append_and_sync("confirmed");
  append("unknown");
  disk.fail_next_sync();
  const auto failed = journal->sync();
  BOOST_REQUIRE(!failed.ok());
  BOOST_TEST(failed.error().code == "journal_poisoned");
  BOOST_TEST(!failed.error().definite);
  BOOST_TEST(journal->state() == StorageState::poisoned);
  BOOST_TEST(journal->state_reason().find("fdatasync") != std::string::npos);
  BOOST_TEST(!journal->has_room(1));
  BOOST_TEST(!journal->has_reserve(1));
  const auto calls = disk.calls();
  append("later");
  BOOST_TEST(journal->sync().error().code == "journal_poisoned");
  BOOST_TEST(journal->write().error().code == "journal_poisoned");
  BOOST_TEST(disk.calls() == calls);
}

BOOST_FIXTURE_TEST_CASE(after_a_failed_sync_the_tail_is_made_durable_before_it_is_served, TroubleFixture) {
  start();
  append_and_sync("confirmed");
  append("shown by the kernel, not on the disk");
  disk.fail_next_sync();
  BOOST_REQUIRE(!journal->sync().ok());
  start();  // a restart of the process alone: the page cache still shows the record
  BOOST_TEST(replayed == (Words{"confirmed", "shown by the kernel, not on the disk"}), boost::test_tools::per_element());
  append_and_sync("next");
  crash(Survivors::none);
  start();
  BOOST_TEST(replayed == (Words{"confirmed", "shown by the kernel, not on the disk", "next"}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_failed_write_poisons, TroubleFixture) {
  start();
  append_and_sync("confirmed");
  append("lost");
  disk.fail_call(1, EIO);
  BOOST_TEST(journal->write().error().code == "journal_poisoned");
  BOOST_TEST(journal->sync().error().code == "journal_poisoned");
  crash(Survivors::all);
  start();
  BOOST_TEST(replayed == Words{"confirmed"}, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(interrupted_and_short_writes_are_completed, TroubleFixture) {
  start();
  append("interrupted");
  disk.fail_call(1, EINTR);
  sync();
  append("short");
  disk.fail_call(1, MemoryDisk::short_write);
  disk.fail_call(2, MemoryDisk::short_write);
  disk.fail_call(3, EINTR);
  sync();
  crash();
  start();
  BOOST_TEST(replayed == (Words{"interrupted", "short"}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_record_above_the_largest_size_poisons_instead_of_breaking_the_chain, TroubleFixture) {
  start();
  append_and_sync("confirmed");
  journal->append(std::string(journal->max_record_size() + 1, 'x'), {});
  BOOST_TEST(!journal->sync().ok());
  crash(Survivors::all);
  start();
  BOOST_TEST(replayed == Words{"confirmed"}, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_full_disk_refuses_sends_takes_deletes_and_resumes_by_itself, TroubleFixture) {
  disk.limit_space(5 * 4096 + 100);
  start();
  BOOST_TEST(journal->state() == StorageState::healthy);
  const auto sent = send_until_refused();
  BOOST_TEST(sent > 10U);
  BOOST_TEST(journal->state() == StorageState::read_only);
  BOOST_TEST(journal->state_reason().find("no space") != std::string::npos);
  for (int i = 0; i < 60; ++i) BOOST_REQUIRE(remove("delete"));
  BOOST_TEST(!send("still refused"));

  disk.limit_space(50 * 4096);
  advance(0ms);
  advance(options.retry_interval - 1ms);
  BOOST_TEST(journal->state() == StorageState::read_only);
  advance(1ms);
  BOOST_TEST(journal->state() == StorageState::healthy);
  BOOST_TEST(send("ride after"));
  crash();
  start();
  BOOST_TEST(replayed.size() == sent + 60 + 1);
}

BOOST_FIXTURE_TEST_CASE(on_a_full_disk_deletes_make_their_own_room_by_truncation, TroubleFixture) {
  disk.limit_space(5 * 4096 + 100);
  start();
  send_until_refused();
  BOOST_REQUIRE(remove("delete everything"));
  journal->truncate(journal->active_segment());
  sync();
  BOOST_TEST(journal->state() == StorageState::healthy);
  BOOST_TEST(send("ride after"));
}

BOOST_FIXTURE_TEST_CASE(when_the_reserve_is_used_up_deletes_are_refused_too_and_nothing_breaks, TroubleFixture) {
  disk.limit_space(5 * 4096 + 100);
  start();
  send_until_refused();
  std::size_t removed = 0;
  while (remove("delete")) ++removed;
  BOOST_TEST(removed > 60U);
  BOOST_TEST(journal->state() == StorageState::read_only);
  journal->append("without asking", {});
  for (int i = 0; i < 3; ++i) journal->append(std::string(1500, 'x'), {});
  BOOST_TEST(!journal->sync().ok());
  BOOST_TEST(journal->state_reason().find("without asking for room") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_new_journal_on_a_full_disk_says_so, TroubleFixture) {
  disk.limit_space(1000);
  BOOST_TEST(try_start()->code == "storage_full");
  disk.limit_space(50 * 4096);
  start();
  BOOST_TEST(send("ride"));
}

BOOST_FIXTURE_TEST_CASE(a_journal_without_space_for_spares_starts_read_only, TroubleFixture) {
  disk.limit_space(4096 + 100);
  start();
  BOOST_TEST(journal->state() == StorageState::read_only);
  BOOST_TEST(!send("ride"));
  BOOST_TEST(remove("delete"));
}

BOOST_FIXTURE_TEST_CASE(failed_preparation_of_a_spare_poisons_unless_space_was_the_reason, TroubleFixture) {
  start();
  const auto before = journal->active_segment();
  append(std::string(1200, 'x'));
  disk.fail_call(1, EIO);
  BOOST_TEST(!journal->sync().ok());
  BOOST_TEST(before == 1U);
  BOOST_TEST(journal->state() == StorageState::poisoned);
}

BOOST_FIXTURE_TEST_CASE(each_call_failing_once_gives_a_typed_error_and_loses_nothing_confirmed, TroubleFixture) {
  const auto run = [&](MemoryDisk& on, std::uint64_t failing, int error, Words& confirmed) {
    if (failing != 0) on.fail_call(failing, error);
    Journal one{on, options};
    Words pending;
    if (auto opened = one.open({}); !opened) {
      const Words typed{"storage_failed", "storage_full"};
      BOOST_TEST(std::count(typed.begin(), typed.end(), opened.error().code) == 1, opened.error().message);
      return;
    }
    for (int i = 0; i < 40; ++i) {
      pending.push_back("ride-" + std::to_string(i) + std::string(250, '.'));
      if (!one.has_room(pending.back().size())) return;
      one.append(pending.back(), {});
      if (i % 3 == 0) {
        if (auto synced = one.sync(); !synced) {
          BOOST_TEST(synced.error().code == "journal_poisoned");
          return;
        }
        confirmed = pending;
      }
      one.tick(Instant{i * 1s});
    }
  };
  MemoryDisk healthy;
  Words all;
  run(healthy, 0, 0, all);
  BOOST_REQUIRE_GT(healthy.calls(), 60U);
  for (const int error : {EIO, ENOSPC, EINTR, EROFS, EMFILE, MemoryDisk::short_write}) {
    for (std::uint64_t call = 1; call <= healthy.calls(); ++call) {
      MemoryDisk failing{call};
      Words confirmed;
      run(failing, call, error, confirmed);
      failing.cut(Survivors::random_sectors);
      Journal again{failing, options};
      Words found;
      const auto opened = again.open([&](std::uint64_t, std::string_view operations, Location) { found.emplace_back(operations); });
      BOOST_REQUIRE_MESSAGE(opened.ok(), "call " << call << ": " << (opened.ok() ? "" : opened.error().message));
      BOOST_REQUIRE_GE(found.size(), confirmed.size());
      BOOST_TEST(std::equal(confirmed.begin(), confirmed.end(), found.begin()), "call " << call << ", error " << error);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
