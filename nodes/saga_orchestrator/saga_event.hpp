#pragma once
// The events of a saga as its history keeps them: a word and a JSON body. Pure.

#include <string>
#include <string_view>

#include "common/saga/execution.hpp"

namespace remuda::saga {

struct StoredEvent {
  std::int64_t at_ms = 0;
  std::string kind;  ///< start, succeeded, failed, heartbeat, time, stop, abort, retry, skip
  std::string body;  ///< JSON; of what an operator did also `by` and `note`
};

/// `audit` is added to the body: who did it, and why; null where nobody did.
StoredEvent store_event(const Event& event, Time at, const Json& audit = nullptr);
/// Errors: a sentence; the history is damaged, or written by a newer version.
Result<Event, std::string> read_event(const StoredEvent& stored);

}  // namespace remuda::saga
