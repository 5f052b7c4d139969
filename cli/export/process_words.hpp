#pragma once
// What the three exports have in common: the words of a process, its name, what stands in its definitions.

#include <string>
#include <vector>

#include "cli/export/export.hpp"

namespace remuda::cli {

inline bool is_broker(const topology::ProcessPlan& process) {
  return process.kind == topology::ProcessPlan::Kind::broker;
}
/// Unique in the topology, and a name everywhere: "accounting", "accounting-2".
std::string unit_name(const topology::ProcessPlan& process);
/// Everything after the program: what the plan says, and what a supervisor would have added.
std::vector<std::string> arguments_of(const topology::ProcessPlan& process, const topology::Plan& plan,
                                      const std::string& definitions_folder, const std::string& data_folder);
std::string definitions_file(const std::string& broker);
/// One file for each broker: its queues, topics and streams.
std::vector<ExportedFile> definitions_of(const topology::Plan& plan);

}  // namespace remuda::cli
