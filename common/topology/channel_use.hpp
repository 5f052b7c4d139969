#pragma once
// Which nodes take from a channel and which give to it, as their executables' descriptions tell.

#include <map>
#include <string>
#include <vector>

#include "common/topology/check.hpp"
#include "common/topology/launch_file.hpp"

namespace remuda::topology {

struct ChannelUse {
  struct End {
    const NodeSpec* node = nullptr;
    const PortSpec* port = nullptr;
    const Name* channel = nullptr;  ///< the place where the port names it
  };
  std::vector<End> inputs;   ///< take messages, or answer requests
  std::vector<End> outputs;  ///< send messages, or ask
  bool unknown = false;      ///< also used by a port of which nobody knows the direction, or that does not fit this kind of channel

  [[nodiscard]] int input_processes() const;
  [[nodiscard]] int output_processes() const;
};

/// The port's own description, one of an extra port where the executable allows those, or null.
[[nodiscard]] const PortDescription* find_port(const Descriptions& descriptions, const NodeSpec& node, std::string_view port);

/// By channel; channels that no port names are absent.
[[nodiscard]] std::map<std::string, ChannelUse> channel_uses(const LaunchFile& file, const Descriptions& descriptions);

}  // namespace remuda::topology
