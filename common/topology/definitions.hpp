#pragma once
// What a broker is told to hold: the [queues.*] and [topics.*] of one broker, resolved, as a TOML file in launch-file syntax.
// The supervisor writes it, `remuda-broker --definitions FILE` reads it; people may write one by hand for a broker that runs alone.

#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "common/topology/plan.hpp"

namespace remuda::topology {

struct Definitions {
  std::vector<QueuePlan> queues;
  std::vector<TopicPlan> topics;
  std::vector<StreamPlan> streams;
};

/// The file for one broker of the plan. read_definitions gives back what went in.
[[nodiscard]] std::string render_definitions(const Plan& plan, std::string_view broker);

/// Reads such a file: only [queues.*], [topics.*] and [streams.*] may stand in it; every queue and stream belongs to `broker`. Filter policies are JSON
/// text in the result. Errors: `invalid_definitions` (definite); the message is the rendered list of everything that is wrong,
/// `name` being the file's name in it.
Result<Definitions> read_definitions(std::string_view toml, const std::string& name, const std::string& broker);

}  // namespace remuda::topology
