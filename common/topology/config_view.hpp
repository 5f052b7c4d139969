#pragma once
// The resolved launch file (`remuda config`): includes, arguments, environment and defaults put in; a valid launch file again.

#include <string>

#include "common/topology/launch_file.hpp"
#include "common/topology/plan.hpp"

namespace remuda::topology {

/// Loading the result gives the same plan. `plan` supplies what checking worked out: brokers of queues, filter
/// policies, dead-letter queues.
[[nodiscard]] std::string config_as_toml(const LaunchFile& file, const Plan& plan);
/// The same as one JSON object, indented by 2.
[[nodiscard]] std::string config_as_json(const LaunchFile& file, const Plan& plan);
/// The plan itself as JSON, indented by 2: processes with host, argument vector, environment, start rank; brokers, queues,
/// topics, links, hash.
[[nodiscard]] std::string plan_as_json(const Plan& plan);

}  // namespace remuda::topology
