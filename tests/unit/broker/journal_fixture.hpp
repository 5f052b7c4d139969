#pragma once
// The vocabulary of the journal's tests: start, append, sync, crash, and what was replayed. A record is a word; its operations say
// the word, its payload says it twice, so that every replay is checked against what stands in the segment (but for checkpoints and
// deletes, which have none).

#include <boost/test/unit_test.hpp>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "broker/journal/journal.hpp"
#include "broker/journal/segment_files.hpp"
#include "memory_disk.hpp"

namespace remuda::broker::testing {

inline JournalOptions small_segments() {
  JournalOptions options;
  options.segment_size_bytes = 4096;
  options.background = false;
  options.identity =
      JournalIdentity{0x52, 0x65, 0x6d, 0x75, 0x64, 0x61, 0x20, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x20, 0x31};
  return options;
}

struct JournalFixture {
  MemoryDisk disk;
  JournalOptions options = small_segments();
  Journal::Checkpoint checkpoint;
  std::unique_ptr<Journal> journal;
  Recovery recovery;
  std::vector<std::string> replayed;
  std::vector<Location> places;  // of the payloads replayed

  /// Opens the journal; empty when that went well, else the error.
  std::optional<Error> try_start() {
    journal.reset();
    replayed.clear();
    places.clear();
    journal = std::make_unique<Journal>(disk, options);
    auto opened = journal->open(
        [this](std::uint64_t, std::string_view operations, Location payload) {
          replayed.emplace_back(operations);
          places.push_back(payload);
        },
        checkpoint);
    if (!opened) {
      journal.reset();
      return opened.error();
    }
    recovery = *opened;
    return std::nullopt;
  }
  void start() {
    const auto error = try_start();
    BOOST_REQUIRE_MESSAGE(!error, (error ? error->message : ""));
    for (std::size_t i = 0; i < replayed.size(); ++i) {
      const bool bare = replayed[i].starts_with("state ") || replayed[i].starts_with("delete");
      if (!bare) BOOST_TEST(payload(places[i], replayed[i].size() * 2) == replayed[i] + replayed[i]);
    }
  }
  Location append(const std::string& word) {
    const std::array<std::string_view, 2> twice{word, word};
    return journal->append(word, twice);
  }
  void sync() { BOOST_REQUIRE(journal->sync().ok()); }
  void append_and_sync(const std::string& word) {
    append(word);
    sync();
  }
  void crash(Survivors survivors = Survivors::none) {
    journal.reset();
    disk.cut(survivors);
  }
  void stop() {
    BOOST_REQUIRE(journal->close().ok());
    journal.reset();
  }
  std::string payload(Location at, std::size_t size) const {
    return std::string{journal->read(at, static_cast<std::uint32_t>(size))};
  }
  /// Appends and syncs words until segment `number` is the one written.
  std::vector<std::string> fill_until_segment(std::uint32_t number) {
    std::vector<std::string> words;
    while (journal->active_segment() < number) {
      words.push_back("word-" + std::to_string(journal->last_sequence()) + "-" + std::string(200, 'x'));
      append_and_sync(words.back());
    }
    return words;
  }
};

}  // namespace remuda::broker::testing
