#pragma once
// Who is joined to a process by direct channels, where no broker keeps what is on its way. Pure: read off the plan.

#include <set>
#include <string>
#include <vector>

#include "common/runtime/port_binding.hpp"
#include "common/topology/plan.hpp"

namespace remuda::supervisor {

/// A port of a process, as its arguments say.
struct WiredPort {
  std::size_t argument = 0;  ///< of the binding's text in the process's arguments
  PortBinding binding;
  bool into_process = false;

  [[nodiscard]] bool is_direct() const {
    return binding.kind == BindingKind::pipe || binding.kind == BindingKind::pubsub || binding.kind == BindingKind::request;
  }
  /// True when its endpoint is its own, and false when its endpoints are those of the other side.
  [[nodiscard]] bool listens() const { return is_direct() && into_process != (binding.kind == BindingKind::pubsub); }
};
/// Those that a link of the plan belongs to.
[[nodiscard]] std::vector<WiredPort> wired_ports(const topology::Plan& plan, const topology::ProcessPlan& process);

struct DirectEdges {
  std::vector<std::string> endpoints;       ///< of what comes into the process: pipes, requests, topics without a broker
  std::set<std::size_t> senders;            ///< processes of this machine that send or ask there
  std::set<std::size_t> receivers;          ///< processes of this machine that it sends to over pipes and topics without a broker
  std::set<std::string> senders_elsewhere;  ///< nodes that send or ask there and run on other machines
};

/// `process` is an index into the plan's processes. A process is no sender to itself.
[[nodiscard]] DirectEdges direct_edges_of(const topology::Plan& plan, std::size_t process);
/// The same without its subscriptions: publishers send to who stays what they send to who leaves.
[[nodiscard]] DirectEdges direct_edges_of_leaving(const topology::Plan& plan, std::size_t process);

}  // namespace remuda::supervisor
