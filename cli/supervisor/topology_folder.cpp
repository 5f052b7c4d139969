#include "cli/supervisor/topology_folder.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "common/topology/config_view.hpp"
#include "common/topology/definitions.hpp"

namespace remuda::supervisor {

namespace fs = std::filesystem;

namespace {

void make_private_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  fs::permissions(path, fs::perms::owner_all, error);
}

}  // namespace

std::string TopologyFolder::data_of(const topology::BrokerPlan& broker) const {
  return broker.data_folder.empty() ? path_ + "/brokers/" + broker.name : broker.data_folder;
}

std::string TopologyFolder::data_of(const topology::ProcessPlan& process, const topology::Plan& plan) const {
  if (process.kind == topology::ProcessPlan::Kind::broker) {
    const auto broker = std::find_if(plan.brokers.begin(), plan.brokers.end(),
                                     [&](const topology::BrokerPlan& b) { return b.name == process.node; });
    if (broker != plan.brokers.end()) return data_of(*broker);
  }
  return path_ + "/nodes/" + process.node;
}

Result<void> TopologyFolder::prepare(const topology::Plan& plan) const {
  make_private_folder(path_);
  make_private_folder(path_ + "/brokers");
  for (const topology::BrokerPlan& broker : plan.brokers) {
    make_private_folder(data_of(broker));
    std::ofstream out{definitions_of(broker.name), std::ios::trunc};
    out << topology::render_definitions(plan, broker.name);
    if (!out.flush()) return fail("failed", "cannot write " + definitions_of(broker.name));
  }
  for (const topology::ProcessPlan& process : plan.processes) {
    if (process.kind == topology::ProcessPlan::Kind::node) make_private_folder(data_of(process, plan));
  }
  return write_plan(plan);
}

Result<void> TopologyFolder::write_plan(const topology::Plan& plan) const {
  std::ofstream out{this->plan(), std::ios::trunc};
  out << topology::plan_as_json(plan);
  if (!out.flush()) return fail("failed", "cannot write " + this->plan());
  return {};
}

}  // namespace remuda::supervisor
