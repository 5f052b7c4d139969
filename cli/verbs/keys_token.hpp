#pragma once
// remuda keys token add, ls, revoke.

#include "cli/command.hpp"
#include "common/keys/roles.hpp"
#include "common/result.hpp"

namespace remuda::cli {

Command keys_token();

/// The role of a new host or token. Errors: `wrong_usage` when it cannot be called so (1 to 80 of a-z A-Z 0-9 - _ . not beginning with '-' or
/// '.'), or when there is no such role.
[[nodiscard]] Result<keys::Role> role_of_new(const std::string& name, const std::string& role);

}  // namespace remuda::cli
