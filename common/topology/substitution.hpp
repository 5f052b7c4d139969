#pragma once
// `${argument}` and `${env:NAME:-default}` in the texts of a launch file. There are no loops and no conditions.

#include <vector>

#include "common/topology/launch_file.hpp"
#include "common/topology/value.hpp"

namespace remuda::topology {

/// Replaces every reference below `value`, keys excepted. A text that is nothing but `${argument}` takes the argument's value with
/// its type; within a longer text numbers are spelled as TOML does. `$${` stands for `${`. Errors: T012 (unknown argument,
/// unclosed), T013 (variable not set, no default).
void substitute(Value& value, const std::vector<ArgumentSpec>& arguments, const Environment& environment, Diagnostics& diagnostics);

}  // namespace remuda::topology
