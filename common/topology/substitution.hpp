#pragma once
// `${argument}`, `${env:NAME:-default}` and `${file:PATH}` in the texts of a launch file. There are no loops and no conditions.

#include <vector>

#include "common/topology/launch_file.hpp"
#include "common/topology/value.hpp"

namespace remuda::topology {

/// Replaces every reference below `value`, keys excepted. A text that is nothing but `${argument}` takes the argument's value with
/// its type; within a longer text numbers are spelled as TOML does. `$${` stands for `${`. Errors: T012 (unknown argument,
/// unclosed), T013 (variable not set, no default), T014 (file that cannot be read). `read_file` gets the path as it is written.
void substitute(Value& value, const std::vector<ArgumentSpec>& arguments, const Environment& environment, Diagnostics& diagnostics,
                const FileReader& read_file = {});

}  // namespace remuda::topology
