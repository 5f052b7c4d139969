#pragma once
// Whether the parts of a launch file fit together: references, channel kinds, ports and parameters against what the executables
// say of themselves, filters, dead-letter loops, dependency cycles. Every error of the file in one pass.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/node.hpp"
#include "common/topology/diagnostics.hpp"
#include "common/topology/launch_file.hpp"

namespace remuda::topology {

/// What `EXEC --describe` prints, or nothing when there is no such executable. Asked once per exec.
using Describer = std::function<std::optional<std::string>(const std::string& exec)>;
/// By exec as written in the launch file. Absent: the executable could not be asked.
using Descriptions = std::map<std::string, NodeDescription>;

/// Reads the JSON of `--describe`. Errors: `invalid_description`.
Result<NodeDescription> parse_description(std::string_view json);

/// Asks for every executable of the file. One that cannot be found is an error (T117) at its first use, naming the
/// closest of `known`.
[[nodiscard]] Descriptions describe_all(const LaunchFile& file, const Describer& describe, const std::vector<std::string>& known,
                                        Diagnostics& diagnostics);

/// Nodes without a description get the checks that need none.
void check(const LaunchFile& file, const Descriptions& descriptions, Diagnostics& diagnostics);

}  // namespace remuda::topology
