#include "common/keys/tokens.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "common/keys/secret_file.hpp"

namespace remuda::keys {

namespace {

constexpr std::string_view prefix = "remuda_";
constexpr std::size_t token_size_bytes = 32;

Failure<Error> bad(const std::string& path, std::size_t line, const std::string& what) {
  return fail("bad_keys", path + ":" + std::to_string(line) + ": " + what);
}

std::string in_hexadecimal(const TokenHash& hash) {
  std::string text(hash.size() * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), hash.data(), hash.size());
  text.pop_back();
  return text;
}

std::optional<TokenHash> hash_from(const std::string& text) {
  TokenHash hash{};
  std::size_t size = 0;
  if (text.size() != hash.size() * 2) return std::nullopt;
  if (sodium_hex2bin(hash.data(), hash.size(), text.data(), text.size(), nullptr, &size, nullptr) != 0 || size != hash.size())
    return std::nullopt;
  return hash;
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in{line};
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(std::move(word));
  return words;
}

/// What is wrong is said without the word itself: it may be a token.
Result<KnownToken> token_of(const std::vector<std::string>& words, const std::string& path, std::size_t line) {
  if (words.size() != 3) return bad(path, line, "NAME HASH ROLE is expected, as `remuda keys token add` writes it");
  KnownToken token;
  token.name = words[0];
  const auto hash = hash_from(words[1]);
  if (!hash)
    return bad(path, line,
               "the second word is no hash of a token, which has 64 hexadecimal digits; `remuda keys token add` writes it");
  token.hash = *hash;
  token.revoked = words[2] == "revoked";
  if (token.revoked) return token;
  const auto role = role_from(words[2]);
  if (!role) return bad(path, line, "the third word is no role; roles are observer, node, operator, admin (or revoked)");
  token.role = *role;
  return token;
}

}  // namespace

std::string new_token() {
  if (sodium_init() < 0) std::abort();  // no random source: there is nothing that could still be kept secret
  std::array<unsigned char, token_size_bytes> random{};
  randombytes_buf(random.data(), random.size());
  std::string text(sodium_base64_ENCODED_LEN(random.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING), '\0');
  sodium_bin2base64(text.data(), text.size(), random.data(), random.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  sodium_memzero(random.data(), random.size());
  text.pop_back();
  return std::string{prefix} + text;
}

TokenHash hash_of(std::string_view token) {
  TokenHash hash{};
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(token.data()), token.size(), nullptr, 0);
  return hash;
}

const KnownToken* find_token(const Tokens& tokens, std::string_view token) {
  const TokenHash hash = hash_of(token);
  const KnownToken* found = nullptr;
  for (const KnownToken& each : tokens) {
    if (sodium_memcmp(hash.data(), each.hash.data(), hash.size()) == 0) found = &each;
  }
  return found != nullptr && found->revoked ? nullptr : found;
}

Result<Tokens> parse_tokens(std::string_view text, const std::string& path) {
  Tokens tokens;
  std::istringstream in{std::string{text}};
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    const auto words = words_of(line);
    if (words.empty() || words[0].starts_with('#')) continue;
    auto token = token_of(words, path, number);
    if (!token) return Failure{token.error()};
    for (const KnownToken& earlier : tokens) {
      if (earlier.hash == token->hash) return bad(path, number, "the token of '" + earlier.name + "' is there already");
      if (earlier.name == token->name && !earlier.revoked && !token->revoked)
        return bad(path, number, "'" + token->name + "' has a token already; revoke one of them, or use another name");
    }
    tokens.push_back(*std::move(token));
  }
  return tokens;
}

std::string to_text(const Tokens& tokens) {
  std::string text = "# NAME HASH ROLE   written by `remuda keys token`; servers read it again within a second\n";
  for (const KnownToken& token : tokens)
    text +=
        token.name + " " + in_hexadecimal(token.hash) + " " + std::string{token.revoked ? "revoked" : name_of(token.role)} + "\n";
  return text;
}

Result<Tokens> read_tokens(const std::string& path) {
  const auto text = read_secret(path, {"`remuda keys token add NAME --role node --file " + path + "` makes it", ""});
  if (!text) return Failure{text.error()};
  return parse_tokens(*text, path);
}

Result<void> write_tokens(const std::string& path, const Tokens& tokens) {
  return write_secret(path, to_text(tokens));
}

Result<TokenList> TokenList::open(std::string path) {
  TokenList list{std::move(path)};
  list.version_ = version_of_file(list.path_);
  auto tokens = read_tokens(list.path_);
  if (!tokens) return Failure{tokens.error()};
  if (std::all_of(tokens->begin(), tokens->end(), [](const KnownToken& each) { return each.revoked; }))
    return fail("no_tokens", list.path_ + " holds no token that opens anything; `remuda keys token add NAME --role node --file " +
                                 list.path_ + "` makes one");
  list.tokens_ = *std::move(tokens);
  return list;
}

bool TokenList::refresh(std::string& problem) {
  const std::uint64_t version = version_of_file(path_);
  if (version == version_) return false;
  version_ = version;
  auto tokens = read_tokens(path_);
  if (!tokens) {
    problem = tokens.error().message;
    return false;
  }
  tokens_ = *std::move(tokens);
  return true;
}

}  // namespace remuda::keys
