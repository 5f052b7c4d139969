#include "cli/supervisor/direct_edges.hpp"

#include <algorithm>

namespace remuda::supervisor {

using topology::Link;
using topology::Plan;
using topology::ProcessPlan;

namespace {

const Link* link_of(const Plan& plan, const std::string& node, const PortBinding& binding) {
  const auto found = std::find_if(plan.links.begin(), plan.links.end(), [&](const Link& link) {
    return link.node == node && link.port == binding.port && link.channel == binding.channel;
  });
  return found == plan.links.end() ? nullptr : &*found;
}

/// The direct channels of a process that go one way.
std::vector<PortBinding> direct_bindings(const Plan& plan, const ProcessPlan& process, bool into_process) {
  std::vector<PortBinding> bindings;
  for (WiredPort& port : wired_ports(plan, process)) {
    if (port.is_direct() && port.into_process == into_process) bindings.push_back(std::move(port.binding));
  }
  return bindings;
}

bool meet(const PortBinding& one, const PortBinding& other) {
  return one.channel == other.channel && std::find_first_of(one.endpoints.begin(), one.endpoints.end(), other.endpoints.begin(),
                                                            other.endpoints.end()) != one.endpoints.end();
}

bool any_meet(const std::vector<PortBinding>& some, const std::vector<PortBinding>& others) {
  return std::any_of(some.begin(), some.end(), [&](const PortBinding& one) {
    return std::any_of(others.begin(), others.end(), [&](const PortBinding& other) { return meet(one, other); });
  });
}

DirectEdges edges_of(const Plan& plan, std::size_t process, const std::vector<PortBinding>& inputs) {
  DirectEdges edges;
  auto outputs = direct_bindings(plan, plan.processes[process], false);
  std::erase_if(outputs, [](const PortBinding& binding) { return binding.kind == BindingKind::request; });
  for (const PortBinding& input : inputs)
    edges.endpoints.insert(edges.endpoints.end(), input.endpoints.begin(), input.endpoints.end());
  std::set<std::string> here;
  for (std::size_t other = 0; other < plan.processes.size(); ++other) {
    here.insert(plan.processes[other].node);
    if (other == process) continue;
    if (any_meet(direct_bindings(plan, plan.processes[other], false), inputs)) edges.senders.insert(other);
    if (any_meet(direct_bindings(plan, plan.processes[other], true), outputs)) edges.receivers.insert(other);
  }
  for (const Link& link : plan.links) {
    const bool comes_here =
        std::any_of(inputs.begin(), inputs.end(), [&](const PortBinding& i) { return i.channel == link.channel; });
    if (!link.into_node && comes_here && !here.contains(link.node)) edges.senders_elsewhere.insert(link.node);
  }
  return edges;
}

}  // namespace

std::vector<WiredPort> wired_ports(const Plan& plan, const ProcessPlan& process) {
  std::vector<WiredPort> ports;
  for (std::size_t i = 0; i + 1 < process.arguments.size(); ++i) {
    if (process.arguments[i] != "--port") continue;
    auto binding = parse_port_binding(process.arguments[i + 1]);
    const Link* const link = binding ? link_of(plan, process.node, *binding) : nullptr;
    if (link != nullptr) ports.push_back({i + 1, std::move(*binding), link->into_node});
  }
  return ports;
}

DirectEdges direct_edges_of(const Plan& plan, std::size_t process) {
  return edges_of(plan, process, direct_bindings(plan, plan.processes[process], true));
}

DirectEdges direct_edges_of_leaving(const Plan& plan, std::size_t process) {
  auto inputs = direct_bindings(plan, plan.processes[process], true);
  std::erase_if(inputs, [](const PortBinding& binding) { return binding.kind == BindingKind::pubsub; });
  return edges_of(plan, process, inputs);
}

}  // namespace remuda::supervisor
