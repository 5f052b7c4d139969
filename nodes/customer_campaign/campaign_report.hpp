#pragma once
// What a campaign came to, as its customers saw it. Pure.

#include <string>

#include "nodes/unicorn_fleet/fleet_report.hpp"

namespace remuda::rides {

/// Several lines for people: how many got through, how long they waited, and what the others got instead.
[[nodiscard]] std::string campaign_text(FleetReport& report);
/// One JSON object, one line.
[[nodiscard]] std::string campaign_json(FleetReport& report);

}  // namespace remuda::rides
