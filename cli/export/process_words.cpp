#include "cli/export/process_words.hpp"

#include "cli/supervisor/topology_folder.hpp"
#include "common/topology/definitions.hpp"

namespace remuda::cli {

std::string unit_name(const topology::ProcessPlan& process) {
  return process.replica == 0 ? process.node : process.node + "-" + std::to_string(process.replica);
}

std::string definitions_file(const std::string& broker) {
  return broker + ".definitions.toml";
}

std::vector<std::string> arguments_of(const topology::ProcessPlan& process, const topology::Plan& plan,
                                      const std::string& definitions_folder, const std::string& data_folder) {
  std::vector<std::string> words = process.arguments;
  if (is_broker(process)) words.insert(words.end(), {"--definitions", definitions_folder + "/" + definitions_file(process.node)});
  words.insert(words.end(), {"--data", supervisor::TopologyFolder{data_folder}.data_of(process, plan), "--log-format", "json"});
  return words;
}

std::vector<ExportedFile> definitions_of(const topology::Plan& plan) {
  std::vector<ExportedFile> files;
  for (const auto& broker : plan.brokers)
    files.push_back({definitions_file(broker.name), topology::render_definitions(plan, broker.name)});
  return files;
}

}  // namespace remuda::cli
