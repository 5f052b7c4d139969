#include "cli/apply/node_changes.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <ostream>

namespace remuda::cli {

using topology::ProcessPlan;

namespace {

using Processes = std::vector<const ProcessPlan*>;

/// By name, in the order of the plan.
std::vector<std::pair<std::string, Processes>> by_node(const std::vector<ProcessPlan>& plans) {
  std::vector<std::pair<std::string, Processes>> nodes;
  for (const ProcessPlan& plan : plans) {
    if (nodes.empty() || nodes.back().first != plan.node) nodes.push_back({plan.node, {}});
    nodes.back().second.push_back(&plan);
  }
  return nodes;
}

bool same(const ProcessPlan& a, const ProcessPlan& b) {
  return a.kind == b.kind && a.exec == b.exec && a.host == b.host && a.arguments == b.arguments && a.environment == b.environment &&
         a.stop_grace == b.stop_grace && a.limits == b.limits && a.restart.when == b.restart.when &&
         a.restart.delay == b.restart.delay && a.restart.max_delay == b.restart.max_delay &&
         a.restart.max_restarts == b.restart.max_restarts && a.restart.window == b.restart.window;
}

bool same(const Processes& a, const Processes& b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](const auto* x, const auto* y) { return same(*x, *y); });
}

}  // namespace

std::ostream& operator<<(std::ostream& out, NodeChange::What what) {
  return out << (what == NodeChange::What::add ? "add" : what == NodeChange::What::remove ? "remove" : "change");
}

std::vector<NodeChange> node_changes(const std::vector<ProcessPlan>& before, const std::vector<ProcessPlan>& after) {
  std::vector<NodeChange> changes;
  const auto earlier = by_node(before);
  const auto later = by_node(after);
  const std::map<std::string, Processes> known{earlier.begin(), earlier.end()};
  const std::map<std::string, Processes> wanted{later.begin(), later.end()};
  for (const auto& [node, processes] : later) {
    const auto there = known.find(node);
    if (there == known.end()) {
      changes.push_back({NodeChange::What::add, node});
    } else if (!same(there->second, processes)) {
      changes.push_back({NodeChange::What::change, node});
    }
  }
  for (const auto& [node, processes] : earlier) {
    if (!wanted.contains(node)) changes.push_back({NodeChange::What::remove, node});
  }
  return changes;
}

namespace {

topology::ResourceLimits limits_from_json(const nlohmann::json& process) {
  topology::ResourceLimits limits;
  const auto there = process.find("limits");
  if (there == process.end()) return limits;
  if (there->contains("memory_max_bytes")) limits.memory_max_bytes = there->at("memory_max_bytes").get<std::uint64_t>();
  if (there->contains("nofile")) limits.nofile = there->at("nofile").get<int>();
  if (there->contains("nice")) limits.nice = there->at("nice").get<int>();
  return limits;
}

}  // namespace

std::vector<ProcessPlan> processes_from_json(const std::string& plan_json) {
  std::vector<ProcessPlan> processes;
  const auto json = nlohmann::json::parse(plan_json, nullptr, false);
  if (!json.is_object() || !json.contains("processes")) return processes;
  const auto milliseconds = [](const nlohmann::json& value) { return std::chrono::milliseconds{value.get<std::int64_t>()}; };
  try {
    for (const auto& one : json["processes"]) {
      ProcessPlan process;
      process.kind = one.at("kind") == "broker" ? ProcessPlan::Kind::broker : ProcessPlan::Kind::node;
      process.node = one.at("node");
      process.replica = one.at("replica");
      process.host = one.at("host");
      process.exec = one.at("exec");
      process.arguments = one.at("arguments").get<std::vector<std::string>>();
      process.environment = one.at("environment").get<std::map<std::string, std::string>>();
      process.start_rank = one.at("start_rank");
      process.stop_grace = milliseconds(one.at("stop_grace_ms"));
      process.limits = limits_from_json(one);
      const auto& restart = one.at("restart");
      using When = topology::RestartPolicy::When;
      process.restart.when = restart.at("policy") == "never"    ? When::never
                             : restart.at("policy") == "always" ? When::always
                                                                : When::on_failure;
      process.restart.delay = milliseconds(restart.at("delay_ms"));
      process.restart.max_delay = milliseconds(restart.at("max_delay_ms"));
      process.restart.max_restarts = restart.at("max_restarts");
      process.restart.window = milliseconds(restart.at("window_ms"));
      processes.push_back(std::move(process));
    }
  } catch (const nlohmann::json::exception&) {
    return {};
  }
  return processes;
}

}  // namespace remuda::cli
