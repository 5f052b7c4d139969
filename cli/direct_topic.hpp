#pragma once
// Listening to a topic without a broker: straight at its publishers.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>

#include "cli/supervisor/registry.hpp"
#include "common/channels/live_filter.hpp"
#include "common/result.hpp"
#include "common/socket.hpp"

namespace remuda::cli {

/// Calls `on_event` for every message that `filter` wants until it returns false or `wait` has passed. `missed`: lost
/// before this one.
Result<Unit> listen_directly(Context& context, const supervisor::ChannelEntry& channel, std::chrono::milliseconds wait,
                             const LiveFilter& filter,
                             const std::function<bool(std::string_view packed_message, std::uint64_t missed)>& on_event);

}  // namespace remuda::cli
