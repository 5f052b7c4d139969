#pragma once
// The plan of a running topology with more or fewer replicas of one node. Pure. What runs keeps its number, its endpoints and its
// queues; with a launch file in which one node listens on each direct channel, the plan is the one that `up` would make of the file with
// that number.

#include <string>
#include <utility>
#include <vector>

#include "common/result.hpp"
#include "common/topology/plan.hpp"

namespace remuda::supervisor {

/// The hash stays: it tells which launch file the topology was started from.
/// `replicas`: as many as a launch file may say. Errors, all definite: `not_scalable` for a broker, and for a node whose direct channels
/// lead to other machines, where nobody can be told; `no_such_node`.
[[nodiscard]] Result<topology::Plan> scaled(const topology::Plan& plan, const std::string& node, int replicas);

/// `NODE=N`, each node once and with as many as a launch file may say. Errors: `wrong_usage` (definite).
[[nodiscard]] Result<std::vector<std::pair<std::string, int>>> replica_counts(const std::vector<std::string>& words);

/// A queue that new replicas need before they start: for the answers to what they ask over queues.
struct ReplyQueue {
  std::string name;
  std::string like;  ///< an existing one
  std::string broker;
  friend bool operator==(const ReplyQueue&, const ReplyQueue&) = default;
};
[[nodiscard]] std::vector<ReplyQueue> reply_queues_added(const topology::Plan& before, const topology::Plan& after);

/// What `remuda check` would warn of: replicas that get nothing to do, or each everything. A sentence each.
[[nodiscard]] std::vector<std::string> remarks_on(const topology::Plan& plan, const std::string& node);

/// The `--port` texts of a process that are not among those that it has: what it has to be told.
[[nodiscard]] std::vector<std::string> changed_ports(const topology::ProcessPlan& before, const topology::ProcessPlan& after);

[[nodiscard]] int replicas_of(const topology::Plan& plan, const std::string& node);

}  // namespace remuda::supervisor
