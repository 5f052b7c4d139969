#pragma once
// What differs between the processes of two plans, by node: what `apply` has to tell, since it changes no process.

#include <iosfwd>
#include <string>
#include <vector>

#include "common/topology/plan.hpp"

namespace remuda::cli {

struct NodeChange {
  enum class What { add, change, remove };
  What what = What::change;
  std::string node;
  friend bool operator==(const NodeChange&, const NodeChange&) = default;
};
std::ostream& operator<<(std::ostream& out, NodeChange::What what);

/// Replicas are processes of a node: more or fewer of them change it.
[[nodiscard]] std::vector<NodeChange> node_changes(const std::vector<topology::ProcessPlan>& before,
                                                   const std::vector<topology::ProcessPlan>& after);

/// The processes of a plan as the supervisor keeps them beside its data (topology::plan_as_json); empty when the text is none.
[[nodiscard]] std::vector<topology::ProcessPlan> processes_from_json(const std::string& plan_json);

}  // namespace remuda::cli
