#pragma once
// remuda topic hz.

#include "cli/command.hpp"

namespace remuda::cli {

Command topic_rate();

}  // namespace remuda::cli
