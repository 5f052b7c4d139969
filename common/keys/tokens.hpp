#pragma once
// Bearer tokens: what a client of an HTTP server shows to prove who it is, and the file that says which tokens are known. The file
// holds hashes only, so that its copy opens nothing. Described in KEYS.md.
//
//   # NAME HASH ROLE
//   depot 2f1c...(64 hexadecimal digits) node
//
// A token is 256 random bits, so a fast hash without salt is enough: there is nothing to guess. No error and no log line holds one.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/keys/roles.hpp"
#include "common/result.hpp"

namespace remuda::keys {

using TokenHash = std::array<unsigned char, 32>;

/// "remuda_" and 43 characters of base64url.
[[nodiscard]] std::string new_token();
/// BLAKE2b-256.
[[nodiscard]] TokenHash hash_of(std::string_view token);

struct KnownToken {
  std::string name;
  TokenHash hash{};
  Role role = Role::observer;
  bool revoked = false;  ///< kept, so that its name is not given away by mistake; opens nothing
};
using Tokens = std::vector<KnownToken>;

/// The entry of that token; null: not known, or revoked. Every entry is compared, in constant time, whatever is found: how long it takes
/// tells nothing about any of them.
[[nodiscard]] const KnownToken* find_token(const Tokens& tokens, std::string_view token);

/// Pure. Errors: `bad_keys` with `path` and line: three words, a hash, a role, neither a name in use nor a hash twice.
Result<Tokens> parse_tokens(std::string_view text, const std::string& path);
[[nodiscard]] std::string to_text(const Tokens& tokens);

/// Errors: those of read_secret() and of parse_tokens().
Result<Tokens> read_tokens(const std::string& path);
/// Errors: `failed`.
Result<void> write_tokens(const std::string& path, const Tokens& tokens);

/// The file as a server uses it: looked at again whenever it changes.
class TokenList {
 public:
  /// Errors: those of read_tokens(), and `no_tokens` when none is left that opens anything: a server that nobody may ask is a mistake.
  static Result<TokenList> open(std::string path);
  /// True when it changed. A file that cannot be read any more changes nothing; `problem` says so then, once.
  bool refresh(std::string& problem);
  [[nodiscard]] const Tokens& tokens() const { return tokens_; }

 private:
  explicit TokenList(std::string path) : path_{std::move(path)} {}
  std::string path_;
  std::optional<std::uint64_t> version_;
  Tokens tokens_;
};

}  // namespace remuda::keys
