#pragma once
// Asking the orchestrator of a running topology (nodes/saga_orchestrator/saga_questions.hpp).

#include <optional>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "common/saga/value.hpp"

namespace remuda::cli {

struct SagaOptions {
  std::optional<std::string> topology;
  std::optional<std::string> node;
};
/// --topology, --node.
std::vector<Option> saga_options(SagaOptions& options);

/// What it answers. Errors: no topology, no orchestrator or several (`wrong_usage`), no answer, and what it refuses, under its own code.
Result<saga::Json> ask_orchestrator(const SagaOptions& options, const saga::Json& question);
/// Prints why not, with what to type next.
ExitCode refused_saga(const Terminal& terminal, const Error& error);

}  // namespace remuda::cli
