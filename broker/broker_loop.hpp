#pragma once
// The shell of the queue node: sockets, disk, signals and the supervisor, around the engine. Polls until the next deadline, takes
// everything that is waiting, lets the engine decide, writes and syncs the journal once, and only then confirms (group commit).

#include <cstdint>

#include "broker/options.hpp"

namespace remuda::broker {

/// The exit code of a queue node whose disk failed. Distinct, so that a supervisor does not start it over and over again.
inline constexpr int exit_poisoned = 70;

/// Runs until SIGTERM, SIGINT, a drain request, or a disk that failed. SIGTERM and SIGINT must be blocked in the calling thread
/// before any other thread exists. Returns the exit code. Throws std::runtime_error when it cannot start, with what to do.
int run_broker(const Options& options);

}  // namespace remuda::broker
