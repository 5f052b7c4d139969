#pragma once
// The definitions that a broker of a running topology starts with (cli/supervisor/topology_folder.hpp). A queue that is changed or
// deleted at run time must be changed there, too, or the broker would undo it at its next start.

#include <functional>
#include <string>

#include "cli/apply/channel_changes.hpp"
#include "cli/supervisor/registry.hpp"
#include "common/topology/definitions.hpp"

namespace remuda::cli {

/// Errors: `failed` when they cannot be read.
[[nodiscard]] Result<topology::Definitions> read_running_definitions(const supervisor::TopologyEntry& entry,
                                                                     const std::string& broker);

/// Replaces them, and what the registry says of the broker's channels. Queues and topics that `definitions` refers to without
/// holding them are taken from `live`. Written whole or not at all. Errors: `failed`.
[[nodiscard]] Result<void> write_running_definitions(supervisor::TopologyEntry& entry, const std::string& broker,
                                                     topology::Definitions definitions, const LiveChannels& live);

}  // namespace remuda::cli
