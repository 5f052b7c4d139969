#pragma once
// Parameters of nodes: whether a value of the launch file fits, and how it is handed to the process.

#include <string>

#include "common/parameters.hpp"
#include "common/topology/value.hpp"

namespace remuda::topology {

[[nodiscard]] bool fits(const Value& value, ParameterType type);

/// The TOML value behind `--param NAME=`. Text from the environment is handed on without quotes where the parameter is no text.
[[nodiscard]] std::string parameter_text(const Value& value, ParameterType type);

}  // namespace remuda::topology
