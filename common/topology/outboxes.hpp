#pragma once
// What a launch file gets when a queue or stream is chained to a topic that another broker has: store and forward. The messages that it
// wants wait in a durable queue on the topic's broker, its outbox, and a forwarder carries them over, each exactly once (LAUNCH_FILE.md).

#include <string>
#include <string_view>

#include "common/topology/diagnostics.hpp"
#include "common/topology/launch_file.hpp"

namespace remuda::topology {

inline constexpr std::string_view forwarder_executable = "forwarder";

/// Of a queue or stream: `<name>-outbox`.
[[nodiscard]] std::string outbox_name(std::string_view channel);
/// Of a pair of brokers: `<from>-to-<to>`.
[[nodiscard]] std::string forwarder_name(std::string_view from, std::string_view to);

/// Adds to a file that is otherwise complete, for every such queue and stream, `<name>-outbox` with its `<name>-outbox-dlq`, and for
/// each pair of brokers a node `<from>-to-<to>` on the host of the first. A name that is taken is an error: T107.
void add_outboxes(LaunchFile& file, Diagnostics& diagnostics);

}  // namespace remuda::topology
