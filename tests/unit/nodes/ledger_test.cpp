// An effect is in the ledger once or not at all, whatever is repeated, thrown or killed.

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <optional>

#include "nodes/wild_rydes/ledger.hpp"
#include "tests/unit/nodes/temporary_folder.hpp"

using namespace remuda::rides;

namespace {

constexpr std::chrono::days day{1};

struct LedgerFixture {
  TemporaryFolder folder;
  remuda::ManualClock clock;
  std::string path = folder.path + "/ledger.sqlite";
  std::optional<Ledger> ledger;
  Statement insert;
  Statement count;

  LedgerFixture() { open(); }
  void open() {
    ledger.emplace(path, "CREATE TABLE effect (text TEXT);", clock, Ledger::Memory{.days = 30, .ids_min = 3});
    insert = ledger->database().prepare("INSERT INTO effect VALUES (?)");
    count = ledger->database().prepare("SELECT count(*) FROM effect");
  }
  /// What is left when the process dies here: whatever was not committed is gone.
  void crash() {
    insert = {};
    count = {};
    ledger.reset();
    open();
  }
  Ledger::Applied receive(std::string_view id, std::string_view text = "effect") {
    return ledger->apply(id, [&] { insert.run(text); });
  }
  void receive_and_commit(std::initializer_list<std::string_view> ids) {
    for (const std::string_view id : ids) receive(id);
    ledger->commit();
  }
  void receive_and_fail(std::string_view id) {
    ledger->apply(id, [&] {
      insert.run(std::string_view{"half"});
      throw std::runtime_error{"the handler fails after half its work"};
    });
  }
  std::int64_t effects() {
    count.rows().step();
    const auto number = count.integer(0);
    count.reset();
    return number;
  }
};

}  // namespace

namespace remuda::rides {
std::ostream& operator<<(std::ostream& out, Ledger::Applied applied) {
  return out << (applied == Ledger::Applied::first_time ? "first_time" : "repeated");
}
}  // namespace remuda::rides

BOOST_FIXTURE_TEST_SUITE(ledger, LedgerFixture)

BOOST_AUTO_TEST_CASE(a_message_has_its_effect_once) {
  BOOST_TEST(receive("ride-1") == Ledger::Applied::first_time);
  BOOST_TEST(receive("ride-1") == Ledger::Applied::repeated);
  ledger->commit();
  BOOST_TEST(receive("ride-1") == Ledger::Applied::repeated);
  BOOST_TEST(effects() == 1);
}

BOOST_AUTO_TEST_CASE(a_crash_before_the_commit_leaves_nothing_and_the_message_works_again) {
  receive("ride-1");
  crash();
  BOOST_TEST(effects() == 0);
  BOOST_TEST(receive("ride-1") == Ledger::Applied::first_time);
}

BOOST_AUTO_TEST_CASE(a_crash_after_the_commit_leaves_the_effect_and_the_memory_of_it) {
  receive("ride-1");
  ledger->commit();
  crash();
  BOOST_TEST(effects() == 1);
  BOOST_TEST(receive("ride-1") == Ledger::Applied::repeated);
}

BOOST_AUTO_TEST_CASE(a_handler_that_fails_leaves_nothing_of_itself_and_all_of_its_neighbours) {
  receive("ride-1");
  BOOST_CHECK_THROW(receive_and_fail("ride-2"), std::runtime_error);
  receive("ride-3");
  ledger->commit();
  crash();
  BOOST_TEST(effects() == 2);
  BOOST_TEST(receive("ride-2") == Ledger::Applied::first_time);
}

BOOST_AUTO_TEST_CASE(a_full_disk_fails_the_message_and_never_passes_silently) {
  receive("ride-1");
  ledger->commit();
  ledger->database().limit_size(1);  // not a page more than there are
  const std::string large(100'000, 'x');
  BOOST_CHECK_THROW(receive("ride-2", large), StoreError);
  // Where SQLite gave the whole batch up, the commit says so; where it kept it, the rest is safe. Either way nothing is half there.
  try {
    ledger->commit();
  } catch (const StoreError&) {}
  crash();
  BOOST_TEST(effects() == 1);
  BOOST_TEST(receive("ride-2", large) == Ledger::Applied::first_time);
  ledger->commit();
  BOOST_TEST(effects() == 2);
}

BOOST_AUTO_TEST_CASE(a_batch_that_sqlite_gave_up_is_not_committed_by_halves) {
  receive("ride-1");
  BOOST_CHECK_THROW(ledger->apply("ride-2",
                                  [&] {
                                    ledger->database().execute("ROLLBACK");  // as SQLite does by itself when the disk is full
                                    throw StoreError{"disk full"};
                                  }),
                    StoreError);
  BOOST_CHECK_THROW(receive("ride-3"), StoreError);
  BOOST_CHECK_THROW(ledger->commit(), StoreError);
  BOOST_TEST(receive("ride-1") == Ledger::Applied::first_time);
  ledger->commit();
  BOOST_TEST(effects() == 1);
}

BOOST_AUTO_TEST_CASE(figures_are_durable_with_the_batch) {
  ledger->tally("received", 2);
  ledger->tally("received");
  ledger->commit();
  ledger->tally("received");
  BOOST_TEST(ledger->tallies().at("received") == 4);
  crash();
  BOOST_TEST(ledger->tallies().at("received") == 3);
}

BOOST_AUTO_TEST_CASE(replicas_share_a_ledger) {
  Ledger other{path, "CREATE TABLE effect (text TEXT);", clock};
  receive("ride-1");
  ledger->commit();
  BOOST_TEST(other.apply("ride-1", [] {}) == Ledger::Applied::repeated);
}

BOOST_AUTO_TEST_CASE(an_id_is_remembered_for_30_days_which_no_queue_keeps_a_message) {
  receive_and_commit({"ride-1", "ride-2"});
  clock.advance(30 * day);
  receive_and_commit({"ride-3", "ride-4", "ride-5"});
  BOOST_TEST(receive("ride-1") == Ledger::Applied::repeated);
  BOOST_TEST(ledger->remembered() == 5);
  clock.advance(day);
  receive_and_commit({"ride-6"});
  BOOST_TEST(ledger->remembered() == 4);  // ride-3 to ride-6
  BOOST_TEST(receive("ride-3") == Ledger::Applied::repeated);
}

BOOST_AUTO_TEST_CASE(a_clock_that_jumps_ahead_does_not_make_it_forget_the_newest) {
  receive_and_commit({"ride-1", "ride-2", "ride-3", "ride-4"});
  clock.jump_wall(400 * day);
  receive_and_commit({"ride-5"});
  BOOST_TEST(ledger->remembered() == 3);
  for (const auto* id : {"ride-3", "ride-4", "ride-5"}) BOOST_TEST(receive(id) == Ledger::Applied::repeated);
  clock.jump_wall(-400 * day);
  receive_and_commit({"ride-6"});
  BOOST_TEST(receive("ride-5") == Ledger::Applied::repeated);
}

BOOST_AUTO_TEST_CASE(what_is_forgotten_goes_a_little_at_each_commit) {
  for (int i = 0; i < 2'500; ++i) receive("old-" + std::to_string(i));
  ledger->commit();
  clock.advance(31 * day);
  const auto after_commit_of = [&](std::string_view id) {
    receive_and_commit({id});
    return ledger->remembered();
  };
  BOOST_TEST(after_commit_of("new-1") == 1'501);
  BOOST_TEST(after_commit_of("new-2") == 502);
  BOOST_TEST(after_commit_of("new-3") == 3);
  BOOST_TEST(after_commit_of("new-4") == 4);
}

BOOST_AUTO_TEST_CASE(a_crash_in_the_commit_that_forgets_forgets_nothing) {
  receive_and_commit({"ride-1", "ride-2", "ride-3", "ride-4"});
  clock.advance(31 * day);
  receive("ride-5");
  crash();
  BOOST_TEST(ledger->remembered() == 4);
}

BOOST_AUTO_TEST_CASE(a_ledger_of_another_version_is_refused) {
  ledger->database().execute("PRAGMA user_version = 99");
  insert = {};
  count = {};
  ledger.reset();
  BOOST_CHECK_EXCEPTION(open(), StoreError, [](const StoreError& error) {
    return std::string_view{error.what()}.find("version 99") != std::string_view::npos;
  });
}

BOOST_AUTO_TEST_CASE(a_ledger_is_for_its_owner_alone) {
  struct stat file {};
  BOOST_REQUIRE_EQUAL(::stat(path.c_str(), &file), 0);
  BOOST_TEST((file.st_mode & 0777U) == 0600U);
}

BOOST_AUTO_TEST_SUITE_END()
