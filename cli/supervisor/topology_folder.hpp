#pragma once
// The folder in which a running topology keeps what it has: logs, the data of its nodes and brokers, and the definitions that each
// broker is started with. Private to its owner.

#include <string>

#include "common/result.hpp"
#include "common/topology/plan.hpp"

namespace remuda::supervisor {

class TopologyFolder {
 public:
  explicit TopologyFolder(std::string path) : path_{std::move(path)} {}

  /// Creates what the plan's processes need and writes the plan and the brokers' definitions. Errors: `failed`.
  [[nodiscard]] Result<void> prepare(const topology::Plan& plan) const;
  /// Errors: `failed`.
  [[nodiscard]] Result<void> write_plan(const topology::Plan& plan) const;

  /// The plan that its processes run by, as JSON.
  [[nodiscard]] std::string plan() const { return path_ + "/plan.json"; }
  [[nodiscard]] std::string logs() const { return path_ + "/logs"; }
  /// A broker keeps its data here unless the launch file names a folder.
  [[nodiscard]] std::string data_of(const topology::BrokerPlan& broker) const;
  /// Replicas of a node share it.
  [[nodiscard]] std::string data_of(const topology::ProcessPlan& process, const topology::Plan& plan) const;
  [[nodiscard]] std::string definitions_of(const std::string& broker) const {
    return path_ + "/brokers/" + broker + ".definitions.toml";
  }

 private:
  std::string path_;
};

}  // namespace remuda::supervisor
