#pragma once
// Shell completion as a walk over the table of commands: what is in the table is completed, nothing else. Pure: text out.

#include <string>

#include "cli/command.hpp"

namespace remuda::cli {

std::string bash_completion(const Command& root);
std::string zsh_completion(const Command& root);
std::string fish_completion(const Command& root);

}  // namespace remuda::cli
