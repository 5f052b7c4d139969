#pragma once
// In which waves the nodes start.

#include <vector>

#include "common/topology/channel_use.hpp"
#include "common/topology/launch_file.hpp"

namespace remuda::topology {

/// A rank per node of the file, from 0: everything it needs has a lower one. `depends_on` is binding; who answers requests starts
/// before who asks, who reads a pipe or a live topic before who fills it, unless that would close a circle. Queues keep what comes
/// early, so they order nobody and a topology starts in few waves.
[[nodiscard]] std::vector<int> start_ranks(const LaunchFile& file, const std::map<std::string, ChannelUse>& uses);

}  // namespace remuda::topology
