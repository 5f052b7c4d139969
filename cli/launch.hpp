#pragma once
// From the words of a command line to a checked plan: what `check`, `config`, `graph` and `up` begin with.

#include <optional>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/executables.hpp"
#include "common/topology/wiring.hpp"

namespace remuda::cli {

/// What these verbs have in common on the command line.
struct LaunchOptions {
  std::string file;
  std::vector<std::string> settings;  ///< `name=value`
  std::optional<std::string> host;
  bool local = false;
  std::optional<std::string> inventory;  ///< instead of the one beside the file
  std::optional<std::string> name;  ///< instead of the file's own
  std::optional<std::string> data;  ///< instead of .remuda/NAME
};
/// FILE, --set, --host, --local, --inventory.
std::vector<Option> launch_options(LaunchOptions& options);

struct Launch {
  topology::Topology topology;  ///< its plan bears the name that was chosen
  Executables executables;
  std::string data_folder;  ///< absolute
  std::string launch_file;  ///< absolute
};

/// Reads, asks the executables, checks and plans. Errors: `wrong_usage` for a `--set` that is not `name=value`; everything about
/// the file is in the topology's diagnostics.
Result<Launch> resolve_launch(const LaunchOptions& options);

/// Leaves in the plan what belongs on this machine. Errors: `wrong_usage` when nothing does.
Result<void> keep_own_processes(topology::Plan& plan, const LaunchOptions& options);

/// Prints the diagnostics as people read them. True when there is no error among them.
bool show_diagnostics(const topology::Diagnostics& diagnostics, const Terminal& terminal);

}  // namespace remuda::cli
