#pragma once
// The command line of a node. Every node has the same one; only its ports and parameters differ.

#include <string>
#include <utility>
#include <vector>

#include "common/log.hpp"
#include "common/node.hpp"
#include "common/result.hpp"
#include "common/runtime/port_binding.hpp"

namespace remuda {

struct NodeOptions {
  std::string name;  ///< in the launch file; the executable's own when it runs alone
  int replica = 0;
  std::vector<PortBinding> ports;
  std::vector<std::pair<std::string, std::string>> parameters;  ///< name -> TOML value, unchecked
  std::string data_folder;
  std::string control_endpoint;  ///< empty: nobody supervises
  LogFormat log_format = LogFormat::automatic;
  LogLevel log_level = LogLevel::info;
  std::size_t prefetch = 64;
  std::chrono::milliseconds stop_grace{8'000};

  /// What to print instead of running: the answer to --help, --version or --describe; empty: run.
  std::string answer;
};

/// Errors: `usage` (definite): the whole text for people, with what to do.
Result<NodeOptions> parse_node_options(const NodeDescription& description, int argc, const char* const* argv);

}  // namespace remuda
