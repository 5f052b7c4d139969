#pragma once
// Files that are for one user only: read so that nobody else can have chosen what they say, written so that nobody else ever could read
// them. Links are not followed. What is unsafe is refused, not repaired: whoever could read a secret until now may have done so.

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.hpp"

namespace remuda::keys {

/// What to say of a file that cannot be used, besides what is wrong with it.
struct SecretAdvice {
  std::string missing;  ///< "`remuda keys init` makes it"
  std::string seen;     ///< what to do beyond `chmod` if others could read it: "`remuda keys rotate` if it is a secret"
};

/// The text of a file of this user with mode 0600, in a folder where nobody else can put another in its place; at most 1 MiB of it.
/// Errors, each with the file and the remedy: `no_keys`, `unsafe_keys`, `failed`.
Result<std::string> read_secret(const std::string& path, const SecretAdvice& advice);
/// Replaces the file in one step, 0600 and synced. Errors: `failed`.
Result<void> write_secret(const std::string& path, std::string_view text);

/// Changes whenever the file does; 0: it cannot be looked at.
[[nodiscard]] std::uint64_t version_of_file(const std::string& path);

}  // namespace remuda::keys
