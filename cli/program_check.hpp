#pragma once
// Whether another program can take the place of a running node: by what it says of itself, held against how the node is wired. Pure.

#include <string>
#include <vector>

#include "common/node.hpp"
#include "common/topology/plan.hpp"

namespace remuda::cli {

/// Errors: `does_not_fit` (definite), naming the port or parameter: one that it does not have, that goes the other way, that it
/// needs and does not get.
[[nodiscard]] Result<void> check_program(const NodeDescription& description, const topology::ProcessPlan& process,
                                         const std::vector<topology::Link>& links);

/// The links of a plan as the supervisor keeps it beside its data; node, port, direction and channel only. Empty when the text is none.
[[nodiscard]] std::vector<topology::Link> links_from_json(const std::string& plan_json);

}  // namespace remuda::cli
