#pragma once
// What `remuda saga` does to sagas that run.

#include "cli/command.hpp"

namespace remuda::cli {

Command saga_ls();
Command saga_show();
Command saga_start();
Command saga_retry();
Command saga_skip();
Command saga_stop();

}  // namespace remuda::cli
