#pragma once
// The commands of `remuda topic` that change something.

#include "cli/command.hpp"

namespace remuda::cli {

Command topic_create();
Command topic_set();
Command topic_delete();

}  // namespace remuda::cli
