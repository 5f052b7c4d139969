#pragma once
// remuda keys token add, ls, revoke.

#include "cli/command.hpp"

namespace remuda::cli {

Command keys_token();

/// What hosts and tokens may be called: 1 to 80 of a-z A-Z 0-9 - _ . not beginning with '-' or '.'.
[[nodiscard]] bool is_key_name(const std::string& name);

}  // namespace remuda::cli
