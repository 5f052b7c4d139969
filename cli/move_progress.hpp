#pragma once
// A move in the background, from its start to its end as a person sees it.

#include "cli/terminal.hpp"
#include "common/broker_client.hpp"

namespace remuda::cli {

/// Starts the move and, unless `detached`, shows how far it is until it ends. It goes on when this command is interrupted.
ExitCode run_move(const Terminal& terminal, BlockingBrokerClient& client, const wire::StartMove& move, std::uint64_t total,
                  bool detached);

}  // namespace remuda::cli
