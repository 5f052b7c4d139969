// What others could have read or changed is no secret any more: it is refused with what to do.

#include "common/keys/secret_file.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/nodes/temporary_folder.hpp"

using namespace remuda;
using namespace remuda::keys;

namespace {

struct SecretFixture {
  TemporaryFolder folder;
  std::string path = folder.path + "/secret";

  /// The code and the text of the refusal; empty: it was read.
  [[nodiscard]] std::string refusal() const {
    const auto text = read_secret(path, {"`make-one` makes it", "`make-another`"});
    return text ? std::string{} : text.error().code + ": " + text.error().message;
  }
  void write() const { BOOST_REQUIRE(write_secret(path, "hush")); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(secret_file, SecretFixture)

BOOST_AUTO_TEST_CASE(what_is_written_reads_back_and_is_for_this_user_only) {
  write();
  BOOST_TEST(*read_secret(path, {}) == "hush");
  struct stat info {};
  BOOST_REQUIRE_EQUAL(stat(path.c_str(), &info), 0);
  BOOST_TEST((info.st_mode & 07777) == 0600U);
}

BOOST_AUTO_TEST_CASE(a_missing_one_is_told_with_what_makes_it) {
  BOOST_TEST(refusal() == "no_keys: there is no " + path + "; `make-one` makes it");
}

BOOST_AUTO_TEST_CASE(one_that_others_may_read_or_change_is_refused_with_the_command) {
  write();
  for (const mode_t mode : {0640U, 0604U, 0620U, 0601U}) {
    chmod(path.c_str(), mode);
    BOOST_TEST(refusal() == "unsafe_keys: " + path + ": others may read it; `chmod 600 " + path + "`, and `make-another`");
  }
}

BOOST_AUTO_TEST_CASE(a_folder_in_which_others_may_put_another_is_refused_unless_only_owners_may) {
  write();
  chmod(folder.path.c_str(), 0777);
  BOOST_TEST(refusal() ==
             "unsafe_keys: " + folder.path + ": others may write in it, where a secret is kept; `chmod go-w " + folder.path + "`");
  chmod(folder.path.c_str(), 01777);
  BOOST_TEST(refusal() == "");
  chmod(folder.path.c_str(), 0755);
  BOOST_TEST(refusal() == "");
}

BOOST_AUTO_TEST_CASE(links_and_what_is_no_file_are_refused) {
  write();
  std::filesystem::create_symlink(path, folder.path + "/link");
  path = folder.path + "/link";
  BOOST_TEST(refusal().starts_with("unsafe_keys: " + path + ": is a link"));
  path = folder.path;
  BOOST_TEST(refusal().find("is no file of yours") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_change_shows_in_the_version) {
  BOOST_TEST(version_of_file(path) == 0U);
  write();
  const auto first = version_of_file(path);
  BOOST_TEST(first != 0U);
  BOOST_TEST(version_of_file(path) == first);
  write();
  BOOST_TEST(version_of_file(path) != first);
}

BOOST_AUTO_TEST_SUITE_END()
