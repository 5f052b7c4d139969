// The disk gives back something else than was stored: flipped bits, files cut short, sectors zeroed, filled with noise, duplicated or
// swapped, at every kind of place. Asked of each case: all is recovered, or the start is refused naming file and offset (and then
// salvage gives up no more than it lists), or the scrub names the damaged record. Never a crash, never a record silently gone or
// changed.

#include <algorithm>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include "journal_fixture.hpp"

using namespace remuda;
using namespace remuda::broker;
using namespace remuda::broker::testing;

namespace {

constexpr std::uint64_t sector = 512;

enum class Outcome : std::uint8_t { recovered, refused, scrubbed, tail_taken_for_torn };

struct Corruption {
  std::string what;                          // for people
  std::map<std::string, std::string> files;  // with their new content
};

/// A journal of several segments, and ways to damage it.
class CorruptionFixture : public JournalFixture {
 public:
  CorruptionFixture() {
    checkpoint = [this] { return "state before " + std::to_string(journal->last_sequence() + 1); };
    start();
    fill(6);
    stop();
    keep_files();
  }

  /// Serves on, and is then killed: no mark knows of what came last.
  void go_on_and_be_killed() {
    open();
    marked_ = journal->last_sequence();
    fill(8);
    journal.reset();
    keep_files();
    // Records that another one, appended after the sync that covers them, tells of.
    proven_ = stored_.rbegin()->first;
    while (stored_.at(proven_).batch == stored_.rbegin()->second.batch) --proven_;
  }

  Corruption corrupt(std::mt19937_64& random) const {
    const auto& name = names_[random() % names_.size()];
    Corruption corruption;
    std::string& content = corruption.files[name] = files_.at(name);
    // Most of the places are where something stands; some anywhere.
    const auto used = content.find_last_not_of('\0') + 1;
    const auto place = [&](std::uint64_t size) {
      return random() % std::max<std::uint64_t>(1, random() % 8 == 0 ? size : std::min(used, size));
    };
    switch (random() % 7) {
      case 0: {
        const auto at = place(content.size());
        content[at] = static_cast<char>(content[at] ^ (1 << random() % 8));
        corruption.what = name + ": bit flipped at " + std::to_string(at);
        break;
      }
      case 1: {
        corruption.what = name + ": bits flipped at";
        for (auto count = 2 + random() % 6; count > 0; --count) {
          const auto at = place(content.size());
          content[at] = static_cast<char>(content[at] ^ (1 << random() % 8));
          corruption.what += " " + std::to_string(at);
        }
        break;
      }
      case 2:
        content.resize(place(content.size()));
        corruption.what = name + ": truncated to " + std::to_string(content.size());
        break;
      case 3: {
        const auto at = place(content.size()) / sector * sector;
        const auto size = std::min<std::uint64_t>(sector * (1 + random() % 3), content.size() - at);
        content.replace(at, size, std::string(size, '\0'));
        corruption.what = name + ": zeroed at " + std::to_string(at) + ", " + std::to_string(size);
        break;
      }
      case 4: {
        const auto at = place(content.size()) / sector * sector;
        const auto size = std::min<std::uint64_t>(sector, content.size() - at);
        for (auto i = at; i < at + size; ++i) content[i] = static_cast<char>(random());
        corruption.what = name + ": noise at " + std::to_string(at);
        break;
      }
      default: {
        // A sector of this or another file stands here, too or instead.
        const bool swapped = random() % 2 == 0;
        const auto& other = names_[random() % names_.size()];
        std::string& source = corruption.files.try_emplace(other, files_.at(other)).first->second;
        const auto from = random() % source.size() / sector * sector;
        const auto to = place(content.size()) / sector * sector;
        const auto size = std::min({sector, source.size() - from, content.size() - to});
        const auto moved = source.substr(from, size);
        if (swapped) source.replace(from, size, content.substr(to, size));
        content.replace(to, size, moved);
        corruption.what = name + ": " + std::to_string(to) + (swapped ? " swapped with " : " overwritten by ") + other + " " +
                          std::to_string(from);
        break;
      }
    }
    return corruption;
  }

  Outcome judge(const Corruption& corruption) {
    for (const auto& name : disk.names()) disk.remove_durably(name);
    for (const auto& [name, content] : files_) disk.set_contents(name, content);
    for (const auto& [name, content] : corruption.files) disk.set_contents(name, content);
    options.salvage = false;
    if (const auto error = open_again()) {
      BOOST_REQUIRE_MESSAGE(error->code == "journal_damaged" && names_file_and_offset(error->message),
                            corruption.what << ": " << error->code << ": " << error->message);
      salvage(corruption);
      return Outcome::refused;
    }
    const bool told = scrub_finds_damage();
    const auto missing = missing_records(corruption, told);
    if (missing.empty()) return told ? Outcome::scrubbed : Outcome::recovered;
    BOOST_REQUIRE_MESSAGE(missing.size() == stored_.rbegin()->first + 1 - *missing.begin(), corruption.what);
    BOOST_REQUIRE_MESSAGE(may_pass_for_torn(corruption, *missing.begin()),
                          corruption.what << ": record " << *missing.begin() << " is silently gone");
    return Outcome::tail_taken_for_torn;
  }

 private:
  struct Stored {
    std::string operations;
    Location place;
    std::size_t batch = 0;
  };

  /// Bodies of all sizes, batches of one and of several records, deletes without a payload.
  void fill(std::uint32_t until_segment) {
    while (journal->active_segment() < until_segment || journal->last_sequence() % 9 != 0) {
      ++batch_;
      for (auto count = 1 + random_() % 3; count > 0; --count) {
        const auto number = std::to_string(journal->last_sequence() + 1);
        if (random_() % 4 == 0) {
          journal->append("delete " + number, {});
        } else {
          append("word " + number + std::string(random_() % 150, 'x'));
        }
        batch_of_[journal->last_sequence()] = batch_;
      }
      sync();
    }
  }

  std::optional<Error> open_again() {
    journal.reset();
    found_.clear();
    journal = std::make_unique<Journal>(disk, options);
    auto opened = journal->open(
        [this](std::uint64_t sequence, std::string_view operations, Location payload) {
          found_[sequence] = {std::string{operations}, payload};
        },
        checkpoint);
    if (!opened) return opened.error();
    recovery = *opened;
    return std::nullopt;
  }
  void open() {
    const auto error = open_again();
    BOOST_REQUIRE_MESSAGE(!error, (error ? error->message : ""));
  }

  void keep_files() {
    // As a reader finds them; what the reading itself does to the files is not kept.
    files_.clear();
    names_.clear();
    for (const auto& name : disk.names()) {
      if (name != "LOCK") files_[name] = disk.contents(name);
    }
    for (const auto& [name, content] : files_) names_.push_back(name);
    open();
    stored_ = found_;
    for (auto& [sequence, record] : stored_) record.batch = batch_of_[sequence];
    if (marked_ == 0) marked_ = proven_ = stored_.rbegin()->first;
    journal.reset();
  }

  static bool names_file_and_offset(const std::string& message) {
    const bool file = message.find("disk/segment-") != std::string::npos || message.find("disk/MARK") != std::string::npos;
    return file && message.find("offset ") != std::string::npos;
  }

  bool scrub_finds_damage() {
    bool found = false;
    for (const auto before = journal->scrub_passes(); journal->scrub_passes() == before;) {
      const auto damage = journal->scrub(1U << 20U);
      if (damage) BOOST_REQUIRE(damage->file.starts_with("disk/segment-"));
      found = found || damage;
    }
    return found;
  }

  /// None may be changed but for payloads that were `told` to be, none invented. Which of the stored ones are not there?
  std::set<std::uint64_t> missing_records(const Corruption& corruption, bool told) {
    for (const auto& [sequence, record] : found_) {
      const auto stored = stored_.find(sequence);
      BOOST_REQUIRE_MESSAGE(stored != stored_.end() && stored->second.operations == record.operations,
                            corruption.what << ": never stored as " << sequence << ": " << record.operations);
      if (told || !record.operations.starts_with("word")) continue;
      BOOST_REQUIRE_MESSAGE(payload(record.place, record.operations.size() * 2) == record.operations + record.operations,
                            corruption.what << ": silently changed: " << record.operations);
    }
    std::set<std::uint64_t> missing;
    for (const auto& [sequence, record] : stored_) {
      if (!found_.contains(sequence)) missing.insert(sequence);
    }
    return missing;
  }

  /// What JOURNAL.md confesses: of what was appended since the last start the end may be gone as if it had never been written. Not
  /// after a clean stop, not when anything behind it is left that was appended after its sync.
  [[nodiscard]] bool may_pass_for_torn(const Corruption& corruption, std::uint64_t first) const {
    return first > marked_ && (first > proven_ || everything_behind_was_hit(corruption, first));
  }
  /// Is every record behind the batch of `first` damaged itself?
  [[nodiscard]] bool everything_behind_was_hit(const Corruption& corruption, std::uint64_t first) const {
    for (auto record = stored_.upper_bound(first); record != stored_.end(); ++record) {
      const auto& [operations, place, batch] = record->second;
      if (batch == stored_.at(first).batch) continue;
      const auto name = segment_name(place.segment);
      const auto begin = place.offset - operations.size() - 32;
      const auto size = 32 + operations.size();
      const auto damaged = corruption.files.find(name);
      if (damaged == corruption.files.end()) return false;
      if (damaged->second.size() >= begin + size && damaged->second.substr(begin, size) == files_.at(name).substr(begin, size)) {
        return false;
      }
    }
    return true;
  }

  void salvage(const Corruption& corruption) {
    options.salvage = true;
    const auto error = open_again();
    options.salvage = false;
    if (error) {  // its header was all that said what a journal this is, or a whole file is of another one
      BOOST_REQUIRE_MESSAGE(error->code == "journal_damaged" && names_file_and_offset(error->message),
                            corruption.what << ", salvage: " << error->message);
      ++unsalvageable;
      return;
    }
    const auto lost = recovery.lost;
    BOOST_REQUIRE_MESSAGE(!scrub_finds_damage(), corruption.what << ": salvage has left damage");
    const auto missing = missing_records(corruption, false);
    for (const auto sequence : missing) {
      const bool listed = std::any_of(lost.begin(), lost.end(), [&](const LostRecords& stretch) {
        return sequence >= stretch.first_sequence && (stretch.open_ended || sequence <= stretch.last_sequence);
      });
      BOOST_REQUIRE_MESSAGE(listed || may_pass_for_torn(corruption, sequence),
                            corruption.what << ", salvage: record " << sequence << " is missing and not listed");
    }
    salvaged_whole += missing.empty() ? 1 : 0;
    append_and_sync("word after salvage");
    const auto expected = found_;
    const auto after = journal->last_sequence();
    stop();
    const auto again = open_again();
    BOOST_REQUIRE_MESSAGE(!again, corruption.what << ", after salvage: " << again->message);
    BOOST_REQUIRE_MESSAGE(found_.contains(after) && found_.at(after).operations == "word after salvage", corruption.what);
    for (const auto& [sequence, record] : expected) {
      BOOST_REQUIRE_MESSAGE(found_.contains(sequence) && found_.at(sequence).operations == record.operations,
                            corruption.what << ": restart after salvage");
    }
  }

  std::mt19937_64 random_{7};
  std::size_t batch_ = 0;
  std::map<std::uint64_t, std::size_t> batch_of_;  // by sequence
  std::map<std::uint64_t, Stored> stored_;
  std::map<std::uint64_t, Stored> found_;
  std::map<std::string, std::string> files_;
  std::vector<std::string> names_;
  std::uint64_t marked_ = 0;  // up to here a mark knows
  std::uint64_t proven_ = 0;  // up to here records tell of each other

 public:
  int salvaged_whole = 0;
  int unsalvageable = 0;
};

void print(const std::string& store, int count, std::map<Outcome, int>& outcomes, const CorruptionFixture& fixture) {
  std::cout << count << " corruptions of a store that was " << store << ": recovered whole " << outcomes[Outcome::recovered]
            << ", refused with file and offset " << outcomes[Outcome::refused] << " (salvaged without loss "
            << fixture.salvaged_whole << ", not to be salvaged " << fixture.unsalvageable << "), named by the scrub "
            << outcomes[Outcome::scrubbed] << ", end taken for a torn tail " << outcomes[Outcome::tail_taken_for_torn]
            << ", silently lost 0\n";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(journal_corruption)

BOOST_FIXTURE_TEST_CASE(after_a_clean_stop_no_corruption_loses_anything_silently, CorruptionFixture) {
  constexpr int count = 20'000;
  std::map<Outcome, int> outcomes;
  std::mt19937_64 random{20'000};
  for (int i = 0; i < count; ++i) ++outcomes[judge(corrupt(random))];
  print("stopped cleanly", count, outcomes, *this);
  BOOST_TEST(outcomes[Outcome::recovered] > 1'000);
  BOOST_TEST(outcomes[Outcome::refused] > 1'000);
  BOOST_TEST(outcomes[Outcome::scrubbed] > 1'000);
  BOOST_TEST(outcomes[Outcome::tail_taken_for_torn] == 0);
}

BOOST_FIXTURE_TEST_CASE(after_a_kill_only_an_end_that_nothing_tells_of_can_pass_for_an_unfinished_write, CorruptionFixture) {
  constexpr int count = 10'000;
  go_on_and_be_killed();
  std::map<Outcome, int> outcomes;
  std::mt19937_64 random{30'000};
  for (int i = 0; i < count; ++i) ++outcomes[judge(corrupt(random))];
  print("killed", count, outcomes, *this);
  BOOST_TEST(outcomes[Outcome::refused] > 500);
  BOOST_TEST(outcomes[Outcome::tail_taken_for_torn] > 0);
  BOOST_TEST(outcomes[Outcome::tail_taken_for_torn] < count / 50);
}

BOOST_AUTO_TEST_SUITE_END()
