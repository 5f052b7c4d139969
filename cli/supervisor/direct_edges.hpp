#pragma once
// Who is joined to a process by direct channels, where no broker keeps what is on its way. Pure: read off the plan.

#include <set>
#include <string>
#include <vector>

#include "common/topology/plan.hpp"

namespace remuda::supervisor {

struct DirectEdges {
  std::vector<std::string> endpoints;       ///< of what comes into the process: pipes, requests, topics without a broker
  std::set<std::size_t> senders;            ///< processes of this machine that send or ask there
  std::set<std::size_t> receivers;          ///< processes of this machine that it sends to over pipes and topics without a broker
  std::set<std::string> senders_elsewhere;  ///< nodes that send or ask there and run on other machines
};

/// `process` is an index into the plan's processes. A process is no sender to itself.
[[nodiscard]] DirectEdges direct_edges_of(const topology::Plan& plan, std::size_t process);

}  // namespace remuda::supervisor
