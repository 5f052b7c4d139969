#pragma once
// `up -d`: the supervisor runs in a session of its own, as a second run of this program (a fork would share what this process
// has opened); this process tells what happens until everything is ready, and leaves.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/supervisor/spawner.hpp"
#include "cli/terminal.hpp"

namespace remuda::cli {

struct DetachOptions {
  std::vector<std::string> arguments;                ///< of the foreground command that is run detached
  std::string report_option;                         ///< gets the number of the descriptor that it reports to
  bool wait = false;                                 ///< until all is ready; else until it has been started
  std::optional<std::chrono::milliseconds> timeout;  ///< of the waiting; absent: none
};

ExitCode run_detached(const DetachOptions& options, const Terminal& terminal);

/// In the detached process, once it is certain to run: its terminal goes back to whoever started it.
void leave_terminal();

}  // namespace remuda::cli
