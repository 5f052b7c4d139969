#pragma once
// What a launch file leaves unsaid and one part decides for another: dead-letter queues, the implicit broker, who
// holds which queue.

#include "common/topology/diagnostics.hpp"
#include "common/topology/launch_file.hpp"

namespace remuda::topology {

/// - `max_receives` without a dead-letter queue makes `<queue>-dlq`;
/// - [defaults.queue] gives no dead letter to queues that are dead-letter queues themselves;
/// - queues without any [brokers] get a broker `main`; a queue goes to its topic's broker, else to the only one (else T306).
void complete(LaunchFile& file, Diagnostics& diagnostics);

}  // namespace remuda::topology
