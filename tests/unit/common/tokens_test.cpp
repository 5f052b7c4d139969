// Bearer tokens: what is made, kept, found and refused.

#include "common/keys/tokens.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "tests/unit/nodes/temporary_folder.hpp"

using namespace remuda;
using namespace remuda::keys;

namespace {

struct TokensFixture {
  TemporaryFolder folder;
  std::string path = folder.path + "/tokens";
  std::string depot = new_token();
  std::string screen = new_token();
  Tokens tokens{{"depot", hash_of(depot), Role::node}, {"screen", hash_of(screen), Role::observer}};

  static std::string refusal(std::string_view text) {
    const auto parsed = parse_tokens(text, "tokens");
    return parsed ? std::string{} : parsed.error().code + ": " + parsed.error().message;
  }
  static std::string name_of_found(const Tokens& known, std::string_view token) {
    const auto* found = find_token(known, token);
    return found == nullptr ? std::string{} : found->name;
  }
  /// As a hand would: in place.
  void write(std::string_view text) const {
    std::ofstream{path} << text;
    chmod(path.c_str(), 0600);
  }
};

const std::string some_hash(64, 'a');
const std::string other_hash(64, 'b');

}  // namespace

BOOST_FIXTURE_TEST_SUITE(tokens, TokensFixture)

BOOST_AUTO_TEST_CASE(a_token_is_256_random_bits_and_never_the_same) {
  std::set<std::string> made;
  for (int i = 0; i < 1'000; ++i) made.insert(new_token());
  BOOST_TEST(made.size() == 1'000U);
  BOOST_TEST(depot.size() == std::string{"remuda_"}.size() + 43);
  BOOST_TEST(depot.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_token_is_found_by_all_of_itself_and_by_nothing_else) {
  BOOST_TEST(name_of_found(tokens, depot) == "depot");
  BOOST_TEST(name_of_found(tokens, screen) == "screen");
  for (std::size_t i = 0; i < depot.size(); ++i) {
    std::string wrong = depot;
    wrong[i] = wrong[i] == 'x' ? 'y' : 'x';
    BOOST_TEST(name_of_found(tokens, wrong) == "");
    BOOST_TEST(name_of_found(tokens, depot.substr(0, i)) == "");
  }
  BOOST_TEST(name_of_found(tokens, depot + "x") == "");
  BOOST_TEST(name_of_found({}, depot) == "");
}

BOOST_AUTO_TEST_CASE(a_revoked_token_opens_nothing) {
  tokens.front().revoked = true;
  BOOST_TEST(name_of_found(tokens, depot) == "");
  BOOST_TEST(name_of_found(tokens, screen) == "screen");
}

BOOST_AUTO_TEST_CASE(the_file_holds_hashes_and_reads_back) {
  tokens.back().revoked = true;
  BOOST_REQUIRE(write_tokens(path, tokens));
  const auto back = read_tokens(path);
  BOOST_REQUIRE(back);
  BOOST_REQUIRE_EQUAL(back->size(), 2U);
  BOOST_TEST(name_of_found(*back, depot) == "depot");
  BOOST_TEST(back->front().role == Role::node);
  BOOST_TEST(back->back().revoked);
  BOOST_TEST(to_text(tokens).find(depot.substr(7)) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(broken_lines_are_told_by_number_and_never_repeated) {
  BOOST_TEST(refusal("") == "");
  BOOST_TEST(refusal("# a comment\n\n  \ndepot " + some_hash + " node\n") == "");
  BOOST_TEST(refusal("depot " + some_hash + "\n").starts_with("bad_keys: tokens:1: NAME HASH ROLE is expected"));
  BOOST_TEST(refusal("\ndepot " + some_hash + " node extra\n").starts_with("bad_keys: tokens:2: NAME HASH ROLE"));
  BOOST_TEST(refusal("depot " + some_hash + " root\n").find("roles are observer, node, operator, admin") != std::string::npos);
  for (const auto& wrong : {some_hash + "a", some_hash.substr(1), "g" + some_hash.substr(1), depot}) {
    const auto told = refusal("depot " + wrong + " node\n");
    BOOST_TEST(told.find("is no hash of a token") != std::string::npos);
    BOOST_TEST(told.find(wrong) == std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_name_in_use_and_a_hash_stand_once) {
  BOOST_TEST(refusal("depot " + some_hash + " node\ndepot " + other_hash + " admin\n").find(":2: 'depot' has a token already") !=
             std::string::npos);
  BOOST_TEST(refusal("depot " + some_hash + " revoked\ndepot " + other_hash + " admin\n") == "");
  BOOST_TEST(refusal("depot " + some_hash + " revoked\nyard " + some_hash + " admin\n").find(":2: the token of 'depot' is there") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_server_sees_a_change_of_the_file_and_keeps_what_it_had_while_it_is_broken) {
  BOOST_REQUIRE(write_tokens(path, tokens));
  auto list = TokenList::open(path);
  BOOST_REQUIRE(list);
  std::string problem;
  BOOST_TEST(!list->refresh(problem));

  tokens.front().revoked = true;
  BOOST_REQUIRE(write_tokens(path, tokens));
  BOOST_TEST(list->refresh(problem));
  BOOST_TEST(name_of_found(list->tokens(), depot) == "");

  write("nonsense\n");
  BOOST_TEST(!list->refresh(problem));
  BOOST_TEST(problem.find(":1: NAME HASH ROLE") != std::string::npos);
  BOOST_TEST(name_of_found(list->tokens(), screen) == "screen");
  problem.clear();
  BOOST_TEST(!list->refresh(problem));
  BOOST_TEST(problem == "");  // once

  std::filesystem::remove(path);
  list->refresh(problem);
  BOOST_TEST(problem.find("there is no " + path) != std::string::npos);
  BOOST_TEST(name_of_found(list->tokens(), screen) == "screen");
}

BOOST_AUTO_TEST_CASE(a_list_that_opens_nothing_is_a_mistake) {
  BOOST_TEST(TokenList::open(path).error().code == "no_keys");
  write("");
  BOOST_TEST(TokenList::open(path).error().code == "no_tokens");
  write("depot " + some_hash + " revoked\n");
  BOOST_TEST(TokenList::open(path).error().code == "no_tokens");
  chmod(path.c_str(), 0644);
  BOOST_TEST(TokenList::open(path).error().code == "unsafe_keys");
}

BOOST_AUTO_TEST_SUITE_END()
