#pragma once
// The groups of checks that check() runs; private to the topology.

#include "common/topology/check.hpp"

namespace remuda::topology {

/// Names that stand twice; hosts and brokers that do not exist.
void check_names(const LaunchFile& file, Diagnostics& diagnostics);
/// Queues on topics, dead-letter queues, and the brokers that hold them.
void check_chains(const LaunchFile& file, Diagnostics& diagnostics);
/// Channels that lack an end, or have one too many.
void check_channels(const LaunchFile& file, const Descriptions& descriptions, Diagnostics& diagnostics);
/// Where brokers listen.
void check_endpoints(const LaunchFile& file, Diagnostics& diagnostics);
void check_filters(const LaunchFile& file, Diagnostics& diagnostics);
/// Ports and parameters of nodes against their executables.
void check_nodes(const LaunchFile& file, const Descriptions& descriptions, Diagnostics& diagnostics);
/// depends_on.
void check_dependencies(const LaunchFile& file, Diagnostics& diagnostics);

}  // namespace remuda::topology
