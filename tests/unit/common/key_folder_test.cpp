// The folder of keys: what is written reads back, and whatever others could have seen or changed is refused.

#include "common/keys/key_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace remuda;
using keys::KeyFolder;
using keys::Role;

namespace {

struct FolderFixture {
  std::string base = [] {
    std::string path = (std::filesystem::temp_directory_path() / "remuda-keys-XXXXXX").string();
    BOOST_REQUIRE(mkdtemp(path.data()) != nullptr);
    return path;
  }();
  KeyFolder folder{base + "/keys"};
  FolderFixture() { BOOST_REQUIRE(folder.create()); }
  FolderFixture(const FolderFixture&) = delete;
  FolderFixture& operator=(const FolderFixture&) = delete;
  ~FolderFixture() { std::filesystem::remove_all(base); }

  [[nodiscard]] std::string path(const std::string& file) const { return folder.path() + "/" + file; }
  void write(const std::string& file, const std::string& text) const {
    std::ofstream{path(file)} << text;
    chmod(path(file).c_str(), 0600);
  }
  template <class T>
  static std::string refusal(const Result<T>& result) {
    return result ? std::string{} : result.error().code;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(key_folder, FolderFixture)

BOOST_AUTO_TEST_CASE(what_is_written_reads_back_and_is_for_this_user_only) {
  const auto server = zmtp::new_curve_keys();
  const auto client = zmtp::new_curve_keys();
  BOOST_REQUIRE(folder.write_server(server));
  BOOST_REQUIRE(folder.write_client(client));
  const std::string key = zmtp::text_of(client.public_key);
  BOOST_REQUIRE(folder.write_clients({{"depot", key, Role::node, {"rides", "billing-*"}}, {"old", key, Role::admin, {"*"}, true}}));
  BOOST_TEST((folder.server_keys()->public_key == server.public_key));
  BOOST_TEST((*folder.server_public_key() == server.public_key));
  BOOST_TEST((folder.client_keys()->public_key == client.public_key));
  const auto clients = folder.clients();
  BOOST_REQUIRE(clients);
  BOOST_REQUIRE_EQUAL(clients->size(), 2U);
  BOOST_TEST(clients->at(0).name == "depot");
  BOOST_TEST(clients->at(0).role == Role::node);
  BOOST_TEST(clients->at(0).patterns == (std::vector<std::string>{"rides", "billing-*"}), boost::test_tools::per_element());
  BOOST_TEST(!clients->at(0).revoked);
  BOOST_TEST(clients->at(1).revoked);
  for (const char* file : {"server.key", "server.pub", "client.key", "clients"}) {
    struct stat info {};
    BOOST_REQUIRE_EQUAL(stat(path(file).c_str(), &info), 0);
    BOOST_TEST((info.st_mode & 07777) == 0600U, file);
  }
}

BOOST_AUTO_TEST_CASE(what_others_may_read_or_reach_is_refused) {
  BOOST_REQUIRE(folder.write_client(zmtp::new_curve_keys()));
  BOOST_TEST(refusal(folder.client_keys()) == "");
  for (const mode_t mode : {0640U, 0604U, 0620U, 0601U}) {
    chmod(path("client.key").c_str(), mode);
    BOOST_TEST(refusal(folder.client_keys()) == "unsafe_keys", mode);
  }
  chmod(path("client.key").c_str(), 0600);
  for (const mode_t mode : {0750U, 0705U, 0711U}) {
    chmod(folder.path().c_str(), mode);
    BOOST_TEST(refusal(folder.client_keys()) == "unsafe_keys", mode);
  }
  chmod(folder.path().c_str(), 0700);
  BOOST_TEST(refusal(folder.client_keys()) == "");
}

BOOST_AUTO_TEST_CASE(links_are_not_followed) {
  BOOST_REQUIRE(folder.write_client(zmtp::new_curve_keys()));
  std::filesystem::rename(path("client.key"), base + "/elsewhere");
  std::filesystem::create_symlink(base + "/elsewhere", path("client.key"));
  BOOST_TEST(refusal(folder.client_keys()) == "unsafe_keys");
  std::filesystem::create_symlink(folder.path(), base + "/link");
  BOOST_TEST(refusal(KeyFolder{base + "/link"}.clients()) == "unsafe_keys");
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_told_with_the_command_that_makes_it) {
  const auto nothing = KeyFolder{base + "/nothing"}.server_keys();
  BOOST_REQUIRE(!nothing);
  BOOST_TEST(nothing.error().code == "no_keys");
  BOOST_TEST(nothing.error().message ==
             "there is no folder " + base + "/nothing; `remuda keys init --keys " + base + "/nothing` makes it");
  BOOST_TEST(refusal(folder.client_keys()) == "no_keys");
}

BOOST_AUTO_TEST_CASE(wrong_lines_are_told_with_their_number) {
  const std::string key = zmtp::text_of(zmtp::new_curve_keys().public_key);
  const auto told = [&](const std::string& line) {
    write("clients", "# a comment\n\n" + line + "\n");
    const auto clients = folder.clients();
    return clients ? std::string{} : clients.error().message.substr(folder.path().size());
  };
  BOOST_TEST(told("depot " + key + " node *") == "");
  BOOST_TEST(told("depot " + key + " node") == "/clients:3: NAME KEY ROLE PATTERN[,PATTERN...] is expected");
  BOOST_TEST(told("depot " + key + " root *") ==
             "/clients:3: 'root' is no role; roles are observer, node, operator, admin (or revoked)");
  BOOST_TEST(told("depot short node *") == "/clients:3: 'short' is no key; a key has 40 characters");
  write("client.key", "public x\nsecret y\n");
  BOOST_TEST(refusal(folder.client_keys()) == "bad_keys");
}

BOOST_AUTO_TEST_CASE(a_list_is_looked_at_again_when_it_changes_and_a_broken_one_changes_nothing) {
  const std::string key = zmtp::text_of(zmtp::new_curve_keys().public_key);
  BOOST_TEST(refusal(keys::ClientList::open(folder)) == "bad_keys");
  BOOST_REQUIRE(folder.write_clients({}));
  BOOST_TEST(refusal(keys::ClientList::open(folder)) == "no_clients");
  BOOST_REQUIRE(folder.write_clients({{"depot", key, Role::node}}));
  auto list = keys::ClientList::open(folder);
  BOOST_REQUIRE(list);
  std::string why;
  std::string problem;
  BOOST_TEST(list->find(key, why) != nullptr);
  BOOST_TEST(!list->refresh(problem));
  BOOST_REQUIRE(folder.write_clients({{"depot", key, Role::node, {"*"}, true}}));
  BOOST_TEST(list->refresh(problem));
  BOOST_TEST(list->find(key, why) == nullptr);
  BOOST_TEST(why == "the key of 'depot' was revoked; `remuda keys rotate depot` makes a new one");
  BOOST_TEST(list->find("stranger", why) == nullptr);
  BOOST_TEST(why.starts_with("the client key stranger is not known here"));
  write("clients", "nonsense\n");
  BOOST_TEST(!list->refresh(problem));
  BOOST_TEST(!problem.empty());
  BOOST_TEST(list->size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
