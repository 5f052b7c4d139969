// Bodies stay within a budget of memory: right whatever it is, and a page that the disk cannot give is no signal.

#include "broker/journal/body_cache.hpp"

#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkdtemp is POSIX
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "journal_fixture.hpp"

using namespace remuda;
using namespace remuda::broker;
using namespace remuda::broker::testing;

namespace {

constexpr std::uint32_t segment_bytes = 1U << 20U;

struct CacheFixture {
  MemoryDisk disk;
  std::mt19937_64 random{1};
  std::vector<std::string> segments;

  CacheFixture() {
    for (std::uint32_t number = 1; number <= 3; ++number) {
      std::string bytes(segment_bytes, '\0');
      for (char& byte : bytes) byte = static_cast<char>(random());
      disk.set_contents(segment_name(number), bytes);
      segments.push_back(std::move(bytes));
    }
  }
  [[nodiscard]] std::string_view stored(std::uint32_t segment, std::uint32_t offset, std::uint32_t size) const {
    return std::string_view{segments[segment - 1]}.substr(offset, size);
  }
};

/// Memory of files that is mapped into this process now.
std::uint64_t resident_file_bytes() {
  std::ifstream status{"/proc/self/status"};
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssFile:")) return std::stoull(line.substr(8)) * 1024;
  }
  return 0;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(body_cache)

BOOST_FIXTURE_TEST_CASE(every_body_is_what_stands_in_its_segment_whatever_the_budget, CacheFixture) {
  for (const std::uint64_t budget : {std::uint64_t{0}, std::uint64_t{300'000}, std::uint64_t{1} << 30U}) {
    BodyCache cache{disk, budget};
    std::vector<std::pair<std::string_view, std::string_view>> shown;
    for (int i = 0; i < 5'000; ++i) {
      const auto segment = static_cast<std::uint32_t>(1 + random() % 3);
      const auto offset = static_cast<std::uint32_t>(random() % (segment_bytes - 1));
      const auto largest = std::min<std::uint64_t>(random() % 50 == 0 ? 600'000 : 2'000, segment_bytes - offset);
      const auto size = static_cast<std::uint32_t>(random() % largest);
      shown.emplace_back(cache.read(segment, segment_bytes, offset, size), stored(segment, offset, size));
      BOOST_REQUIRE_LE(cache.size_bytes(), std::max<std::uint64_t>(budget, 600'000 + 2 * 65'536));  // or one large body
    }
    for (const auto& [read, expected] : shown) BOOST_REQUIRE(read == expected);
  }
  BOOST_TEST(disk.mappings_dropped() > 1'000U);
}

BOOST_FIXTURE_TEST_CASE(the_segment_that_was_read_longest_ago_is_dropped_first, CacheFixture) {
  BodyCache cache{disk, 4 * 65'536};
  const auto read = [&](std::uint32_t segment, std::uint32_t piece) {
    BOOST_REQUIRE(!cache.read(segment, segment_bytes, piece * 65'536, 10).empty());
  };
  read(1, 0);
  read(1, 1);
  read(2, 0);
  read(1, 2);
  BOOST_TEST(cache.size_bytes() == 4U * 65'536);
  read(1, 3);  // the piece of segment 2 goes
  BOOST_TEST(cache.size_bytes() == 4U * 65'536);
  read(1, 0);
  read(1, 3);
  BOOST_TEST(disk.mappings_dropped() == 1U);
  read(1, 4);  // nothing is left but its own
  BOOST_TEST(cache.size_bytes() == 65'536U);
}

BOOST_FIXTURE_TEST_CASE(nothing_is_read_beyond_a_segment_or_of_one_that_is_gone, CacheFixture) {
  BodyCache cache{disk, 1U << 20U};
  BOOST_TEST(cache.read(1, segment_bytes, segment_bytes - 10, 11).empty());
  BOOST_TEST(!cache.read(1, segment_bytes, segment_bytes - 10, 10).empty());
  cache.forget(1);
  BOOST_TEST(cache.size_bytes() == 0U);
  disk.remove_durably(segment_name(1));
  BOOST_TEST(cache.read(1, segment_bytes, 0, 100).empty());
  BOOST_TEST(cache.read(9, segment_bytes, 0, 100).empty());
}

// --- on a real disk ---

struct RealCacheFixture {
  std::filesystem::path path = [] {
    std::string name = (std::filesystem::temp_directory_path() / "remuda-bodies-XXXXXX").string();
    return std::filesystem::path{::mkdtemp(name.data())};
  }();
  std::unique_ptr<Folder> folder = *open_folder(path.string());
  RealCacheFixture() = default;
  RealCacheFixture(const RealCacheFixture&) = delete;
  RealCacheFixture& operator=(const RealCacheFixture&) = delete;
  ~RealCacheFixture() { std::filesystem::remove_all(path); }

  void write(std::uint32_t segment, std::uint64_t size) const {
    std::ofstream{path / segment_name(segment)} << std::string(size, 'b');
  }
};

BOOST_FIXTURE_TEST_CASE(what_was_read_stays_in_memory_only_within_the_budget, RealCacheFixture) {
  constexpr std::uint32_t size = 16U << 20U;
  constexpr std::uint64_t budget = 8U << 20U;
  for (std::uint32_t segment = 1; segment <= 4; ++segment) write(segment, size);
  BodyCache cache{*folder, budget};
  const auto before = resident_file_bytes();
  std::uint64_t most = 0;
  for (std::uint32_t segment = 1; segment <= 4; ++segment) {
    for (std::uint32_t offset = 0; offset < size; offset += 4096) {
      BOOST_REQUIRE_EQUAL(cache.read(segment, size, offset, 4096), std::string(4096, 'b'));
      if (offset % (1U << 20U) == 0) most = std::max(most, resident_file_bytes());
    }
  }
  BOOST_TEST(most > before + (1U << 20U));
  BOOST_TEST(most < before + budget + (4U << 20U), "most " << most << ", before " << before);
}

BOOST_FIXTURE_TEST_CASE(a_file_cut_short_while_it_is_mapped_shows_zeros_and_is_no_signal, RealCacheFixture) {
  write(1, segment_bytes);
  BodyCache cache{*folder, segment_bytes};
  const auto early = cache.read(1, segment_bytes, 100, 50);
  const auto late = cache.read(1, segment_bytes, segment_bytes - 8192, 5000);
  BOOST_TEST(late == std::string(5000, 'b'));
  BOOST_REQUIRE(::truncate((path / segment_name(1)).c_str(), 4096) == 0);
  BOOST_TEST(early == std::string(50, 'b'));
  BOOST_TEST(late == std::string(5000, '\0'));
  BOOST_TEST(cache.read(1, segment_bytes, 3000, 3000) == std::string(1096, 'b') + std::string(1904, '\0'));
}

BOOST_AUTO_TEST_SUITE_END()
