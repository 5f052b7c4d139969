#pragma once
// One call of a handler: gives it the message, collects its outputs, and turns whatever leaves it into an outcome.

#include <string>

#include "common/runtime/port_table.hpp"
#include "common/runtime/settler.hpp"

namespace remuda {

/// Who sends, for the headers of outputs.
struct Sender {
  const std::string& node_name;
  const Clock& clock;
};

/// Calls `node` with `incoming`. Outputs get what they lack: an id derived from the input's, `source`, `time_ms`, and the input's
/// `traceparent` and `correlation_id`. An exception becomes retry_later with its text. `port` in the result is left to the caller.
[[nodiscard]] Handled call_handler(Node& node, const InputPort& port, Incoming&& incoming, const PortTable& ports,
                                   const Sender& sender);

}  // namespace remuda
