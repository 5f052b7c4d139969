#pragma once
// What a node says of itself: `--describe` as JSON for `remuda check`.

#include <string>

#include "common/node.hpp"

namespace remuda {

/// One JSON object, indented, ending with a line break:
/// {"name", "version", "summary", "ports": [{"name", "direction", "message", "wants_acknowledgement", "request", "optional"}],
///  "parameters": [{"name", "type", "default", "help"}], "open_request_ports", "open_outputs"}. `default` is TOML text; null:
///  required.
[[nodiscard]] std::string describe_json(const NodeDescription& description);

/// The version of this build, e.g. "0.1.0".
[[nodiscard]] const char* remuda_version();

}  // namespace remuda
