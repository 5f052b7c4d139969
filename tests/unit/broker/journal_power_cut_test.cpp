// The power is cut at every single file call of a working life, and again during recovery, with every way the disk may have kept
// what was not synced. Asked each time: what was confirmed is there, in order, once, whole; what was never appended is not.

#include <array>
#include <map>
#include <random>

#include "broker/journal/journal.hpp"
#include "journal_fixture.hpp"

using namespace remuda;
using namespace remuda::broker;
using namespace remuda::broker::testing;

namespace {

/// One life of a journal under a random load, and what anybody was told about it.
class Life {
 public:
  Life(MemoryDisk& disk, std::uint64_t seed) : disk_{disk}, random_{seed} {}

  /// Works until done or until a call fails. Every record's operations name its sequence, so that impostors are recognised.
  void work() {
    Journal journal{disk_, options_};
    const auto checkpoint = [&] { return "state before " + std::to_string(journal.last_sequence() + 1); };
    if (!journal.open({}, checkpoint)) return;
    for (int step = 0; step < 30; ++step) {
      for (auto count = random_() % 4; count > 0; --count) append(journal);
      if (random_() % 8 == 0 && journal.active_segment() > 2) {
        needed_from_ = std::max(needed_from_, journal.active_segment() - static_cast<std::uint32_t>(random_() % 2));
        journal.truncate(needed_from_);
      }
      const bool only_write = random_() % 4 == 0;
      const auto outcome = only_write ? journal.write() : journal.sync();
      if (!outcome) return;
      if (!only_write) confirmed_ = journal.synced_sequence();
    }
    if (random_() % 2 == 0 && journal.close()) confirmed_ = std::max(confirmed_, last_appended_);
  }

  /// Opens what is left and holds it against what was confirmed.
  void check(const std::string& when) {
    Journal journal{disk_, options_};
    std::map<std::uint64_t, Location> found;
    std::string problem;
    const auto opened = journal.open([&](std::uint64_t sequence, std::string_view operations, Location payload) {
      if (!found.empty() && sequence <= found.rbegin()->first) problem = "out of order";
      const auto known = appended_.find(sequence);
      const bool checkpoint = operations == "state before " + std::to_string(sequence);
      if (!checkpoint && (known == appended_.end() || known->second != operations))
        problem = "never appended: " + std::string{operations};
      found[sequence] = payload;
    });
    BOOST_REQUIRE_MESSAGE(opened.ok(), when << ": " << (opened.ok() ? "" : opened.error().message));
    BOOST_REQUIRE_MESSAGE(problem.empty(), when << ": " << problem);
    for (const auto& [sequence, operations] : appended_) {
      if (sequence > confirmed_ || segments_[sequence] < needed_from_) continue;
      BOOST_REQUIRE_MESSAGE(found.contains(sequence), when << ": record " << sequence << " was confirmed and is lost");
      BOOST_REQUIRE_MESSAGE(journal.read(found[sequence], static_cast<std::uint32_t>(operations.size())) == operations,
                            when << ": wrong payload");
    }
    confirmed_ = std::max(confirmed_, opened->last_sequence);  // served from now on
    std::erase_if(appended_, [&](const auto& record) { return record.first > opened->last_sequence; });
  }

  void recover_only() {
    Journal journal{disk_, options_};
    static_cast<void>(journal.open({}));
  }

 private:
  void append(Journal& journal) {
    const std::string body = std::to_string(random_() % 1000) + std::string(random_() % 700, 'b');
    if (!journal.has_room(2 * body.size() + 20)) return;
    // The sequence is known only afterwards, when a rollover may have come first: so the content is unique by its draw, and
    // noted under it.
    const std::string operations = body + "#" + std::to_string(random_());
    const std::array<std::string_view, 1> payload{operations};
    const auto at = journal.append(operations, payload);
    last_appended_ = journal.last_sequence();
    appended_[last_appended_] = operations;
    segments_[last_appended_] = at.segment;
  }

  MemoryDisk& disk_;
  JournalOptions options_ = small_segments();
  std::mt19937_64 random_;
  std::map<std::uint64_t, std::string> appended_;
  std::map<std::uint64_t, std::uint32_t> segments_;
  std::uint64_t confirmed_ = 0;
  std::uint64_t last_appended_ = 0;
  std::uint32_t needed_from_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(journal_power_cut)

BOOST_AUTO_TEST_CASE(confirmed_records_survive_a_power_cut_at_any_call_whatever_the_disk_kept) {
  std::uint64_t cuts = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    MemoryDisk untroubled{seed};
    Life{untroubled, seed}.work();
    for (std::uint64_t call = 1; call <= untroubled.calls() + 1; ++call) {
      for (const auto survivors : all_survivor_variants) {
        const auto when = "seed " + std::to_string(seed) + ", cut at call " + std::to_string(call);
        MemoryDisk disk{seed * 1000 + call};
        Life life{disk, seed};
        disk.pull_cable_at_call(call);
        life.work();
        disk.cut(survivors);
        // Once more while recovering: at a call that wanders through recovery as the first one wanders through life.
        disk.pull_cable_at_call(1 + call % 9);
        life.recover_only();
        disk.cut(survivors);
        life.check(when);
        life.work();
        disk.cut(Survivors::none);
        life.check(when + ", second life");
        cuts += 3;
      }
    }
  }
  BOOST_TEST_MESSAGE("power cuts: " << cuts);
  BOOST_TEST(cuts > 2000U);
}

BOOST_AUTO_TEST_SUITE_END()
