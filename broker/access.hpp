#pragma once
// Whether a client that showed a key may do what it asks: its role must have the operation (common/keys/roles.hpp), and its patterns
// every queue, topic and stream that the request names. Pure. Asked before the request is handled; nothing in the request counts
// but what is asked (no name in `hello`, no header of a message).
//
// Two kinds of request name no channel: leases of streams, which only who took them knows, and redrives without `to`, which only
// bring messages back to where they came from.

#include <optional>

#include "common/keys/key_folder.hpp"
#include "common/wire.hpp"

namespace remuda::broker {

/// Nothing: it may. Else `forbidden`, definite, with what would have to be different.
[[nodiscard]] std::optional<Error> refusal_for(const keys::KnownClient& client, const wire::Command& command);

}  // namespace remuda::broker
