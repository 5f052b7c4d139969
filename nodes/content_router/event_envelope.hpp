#pragma once
// A message as the event that patterns look at. Pure.

#include <nlohmann/json.hpp>

#include "common/message.hpp"

namespace remuda {

/// `{"version": "0", "id", "detail-type": type, "source", "account": "", "time": seconds in UTC, "region": "", "resources":
/// [subject], "detail": body}`. Null when the body is neither JSON nor msgpack.
[[nodiscard]] nlohmann::ordered_json event_envelope(const Message& message);

/// The value at a path such as `detail.customer`; null when there is none.
[[nodiscard]] nlohmann::ordered_json value_at(const nlohmann::ordered_json& event, std::string_view path);

}  // namespace remuda
