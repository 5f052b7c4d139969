#pragma once
// Finding and asking what runs: the beginning of every verb that is about a running topology.

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/supervisor/registry.hpp"
#include "cli/terminal.hpp"

namespace remuda::cli {

/// The topology that is meant. Errors: as Registry::choose.
Result<supervisor::TopologyEntry> find_running(const std::optional<std::string>& name);
std::vector<supervisor::TopologyEntry> all_running();

/// Prints why there is none, with what to type next.
ExitCode none_running(const Terminal& terminal, const Error& error);

/// The `processes` of the supervisor's answer, as ps --json has them; `ok` false when not all got where the request wanted them.
struct SupervisorAnswer {
  bool ok = false;
  std::vector<nlohmann::ordered_json> processes;
};
/// Errors: the supervisor's own, `not_running`, `timed_out`.
Result<SupervisorAnswer> ask(const supervisor::TopologyEntry& entry, const std::string& verb, const std::vector<std::string>& nodes,
                             std::chrono::milliseconds patience, bool now = false);

}  // namespace remuda::cli
