#pragma once
// One request over a request channel, as a node would send it.

#include <chrono>
#include <string>
#include <vector>

#include "common/message.hpp"
#include "common/result.hpp"

namespace remuda::cli {

/// Asks one of the nodes that listen at `endpoints`. Errors: `timed_out` (outcome unknown), or what the node
/// refused with (definite).
Result<Message> call_request(const std::vector<std::string>& endpoints, const Message& question,
                             std::chrono::milliseconds deadline);

}  // namespace remuda::cli
