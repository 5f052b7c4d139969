#pragma once
// Tries a definition with scripted participants and virtual time, one JSON line in and one out: what `remuda saga test` prints.

#include <string>
#include <string_view>

#include "common/saga/definition.hpp"

namespace remuda::saga {

/// Reads `{"definition": {...}, "input": ..., "tasks": {NAME: outcomes}}` and gives, without a line break,
/// `{"status": "SUCCEEDED"|"FAILED"|"REJECTED", "output" or "error" and "cause", "invocations": [{"task", "input"}],
/// "retry_delays_seconds": [...], "waits_seconds": [...], "problems": [...]}`. Never throws, never sleeps.
/// `definition`: an object, or its JSON text. `input`: {} when absent. `start_time`: 2026-01-01T00:00:00Z when absent.
/// `tasks`: by the name in `"Resource": "task:NAME"` (or the whole Resource), a list of outcomes, one for each invocation; one that
/// stands alone repeats. An outcome: `{"return": v}`, `{"echo": true}`, `{"error": e, "cause": c}`, each also with `delay_seconds`;
/// or `{"by": field, "cases": {value: [outcomes]}}`, which chooses by a field of the input.
/// An invocation for which nothing is scripted fails with States.Runtime.
std::string rehearse_line(std::string_view json_line);

/// The problems of a definition for programs: `[{"code", "at", "line", "column", "severity", "message"}]`; `text` is the
/// definition's.
Json describe_problems(const std::vector<Problem>& problems, std::string_view text);

}  // namespace remuda::saga
