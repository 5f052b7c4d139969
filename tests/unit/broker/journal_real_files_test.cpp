// The journal on the machine's own disk, helper thread and all.

#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkdtemp is POSIX
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "journal_fixture.hpp"

using namespace remuda;
using namespace remuda::broker;
using namespace remuda::broker::testing;

namespace {

struct RealFolderFixture {
  std::filesystem::path root = [] {
    std::string name = (std::filesystem::temp_directory_path() / "remuda-journal-XXXXXX").string();
    return std::filesystem::path{::mkdtemp(name.data())};
  }();
  std::filesystem::path path = root / "store";
  JournalOptions options = [] {
    auto result = small_segments();
    result.segment_size_bytes = 64U << 10U;
    result.background = true;
    return result;
  }();
  RealFolderFixture() = default;
  RealFolderFixture(const RealFolderFixture&) = delete;
  RealFolderFixture& operator=(const RealFolderFixture&) = delete;
  ~RealFolderFixture() { std::filesystem::remove_all(root); }

  std::unique_ptr<Folder> folder() {
    auto opened = open_folder(path.string());
    BOOST_REQUIRE(opened.ok());
    return std::move(*opened);
  }
};

unsigned mode_of(const std::filesystem::path& path) {
  struct stat about {};
  BOOST_REQUIRE(::stat(path.c_str(), &about) == 0);
  return about.st_mode & 0777U;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(journal_real_files)

BOOST_FIXTURE_TEST_CASE(records_roll_over_are_truncated_and_come_back_on_a_real_disk, RealFolderFixture) {
  const auto store = folder();
  std::uint64_t first_kept = 0;
  std::uint64_t last = 0;
  {
    Journal journal{*store, options};
    BOOST_REQUIRE(journal.open({}).ok());
    for (std::uint64_t number = 1; journal.active_segment() < 20; ++number) {
      const std::string body(1000 + number % 7, static_cast<char>('a' + number % 26));
      const std::array<std::string_view, 1> payload{body};
      const auto operations = std::to_string(number);
      BOOST_REQUIRE(journal.has_room(body.size() + operations.size()));
      const auto at = journal.append(operations, payload);
      if (number % 16 == 0) BOOST_REQUIRE(journal.sync().ok());
      BOOST_REQUIRE(journal.read(at, static_cast<std::uint32_t>(body.size())) == body);
      if (journal.active_segment() > journal.oldest_segment() + 4) journal.truncate(journal.active_segment() - 2);
      last = number;
    }
    BOOST_REQUIRE(journal.close().ok());
  }
  Journal journal{*store, options};
  std::vector<std::pair<std::uint64_t, Location>> found;
  const auto opened = journal.open([&](std::uint64_t, std::string_view operations, Location payload) {
    found.emplace_back(std::stoull(std::string{operations}), payload);
  });
  BOOST_REQUIRE(opened.ok());
  BOOST_REQUIRE(!found.empty());
  first_kept = found.front().first;
  BOOST_TEST(first_kept > 1U);
  BOOST_TEST(found.back().first == last);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto number = first_kept + i;
    BOOST_REQUIRE(found[i].first == number);
    const std::string body(1000 + number % 7, static_cast<char>('a' + number % 26));
    BOOST_REQUIRE(journal.read(found[i].second, static_cast<std::uint32_t>(body.size())) == body);
  }
}

BOOST_FIXTURE_TEST_CASE(folder_and_files_belong_to_their_user_alone, RealFolderFixture) {
  const auto store = folder();
  Journal journal{*store, options};
  BOOST_REQUIRE(journal.open({}).ok());
  BOOST_TEST(mode_of(path) == 0700U);
  BOOST_TEST(mode_of(path / segment_name(1)) == 0600U);
  BOOST_TEST(mode_of(path / lock_file_name) == 0600U);
}

BOOST_FIXTURE_TEST_CASE(a_second_journal_in_the_same_folder_is_refused, RealFolderFixture) {
  const auto store = folder();
  const auto same = folder();
  Journal journal{*store, options};
  BOOST_REQUIRE(journal.open({}).ok());
  Journal second{*same, options};
  const auto refused = second.open({});
  BOOST_REQUIRE(!refused.ok());
  BOOST_TEST(refused.error().code == "journal_locked");
  BOOST_REQUIRE(journal.close().ok());
  BOOST_TEST(second.open({}).ok());
}

BOOST_FIXTURE_TEST_CASE(a_folder_that_others_may_write_to_is_refused_with_the_remedy, RealFolderFixture) {
  std::filesystem::create_directory(path);
  ::chmod(path.c_str(), 0770);
  const auto opened = open_folder(path.string());
  BOOST_REQUIRE(!opened.ok());
  BOOST_TEST(opened.error().code == "folder_unusable");
  BOOST_TEST(opened.error().message.find("chmod go-w") != std::string::npos);
  ::chmod(path.c_str(), 0750);
  BOOST_TEST(open_folder(path.string()).ok());
}

BOOST_FIXTURE_TEST_CASE(neither_a_file_nor_a_symbolic_link_is_a_folder, RealFolderFixture) {
  std::ofstream{root / "file"} << "x";
  BOOST_TEST(open_folder((root / "file").string()).error().code == "folder_unusable");
  std::filesystem::create_directory_symlink(root, root / "link");
  BOOST_TEST(open_folder((root / "link").string()).error().code == "folder_unusable");
}

BOOST_FIXTURE_TEST_CASE(a_symbolic_link_in_the_place_of_a_segment_is_not_followed, RealFolderFixture) {
  const auto store = folder();
  std::ofstream{root / "secret"} << "not a journal";
  std::filesystem::create_symlink(root / "secret", path / lock_file_name);
  Journal journal{*store, options};
  BOOST_TEST(journal.open({}).error().code == "storage_failed");
}

BOOST_AUTO_TEST_SUITE_END()
