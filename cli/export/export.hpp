#pragma once
// A plan in the words of somebody else's scheduler: systemd units, a compose file, Kubernetes manifests. Pure: texts come out.
//
// The processes are the plan's own, word for word, so they find each other as they do under `remuda up`: over abstract ipc names, which
// reach as far as a network namespace. Therefore all of a topology runs under one systemd, in one network of a compose project, or
// in one pod; what is not said by the plan (how much CPU, which node of a cluster) is left to whoever runs it.

#include <string>
#include <vector>

#include "common/result.hpp"
#include "common/topology/plan.hpp"

namespace remuda::cli {

struct ExportedFile {
  std::string name;  ///< inside the folder of the export
  std::string text;
  friend bool operator==(const ExportedFile&, const ExportedFile&) = default;
};

struct ExportInput {
  const topology::Plan* plan = nullptr;
  std::vector<std::string> executables;  ///< absolute, in the order of the plan's processes
  std::string folder;                    ///< absolute: where the files will stand
  std::string data_folder;               ///< absolute: of the running topology
  std::string user;                      ///< whom systemd runs them as; empty: whoever runs that systemd
  std::string image;                     ///< of the containers; has the executables in its PATH
};

std::vector<ExportedFile> export_systemd(const ExportInput& input);
std::vector<ExportedFile> export_compose(const ExportInput& input);
/// Errors: `failed` for names that a cluster does not take, and for a queue node with keys, which a pod cannot keep safe: it mounts
/// secrets as links.
Result<std::vector<ExportedFile>> export_kubernetes(const ExportInput& input);

/// A word as systemd reads it back: quoted, with specifiers and variables switched off where it would expand them.
std::string systemd_word(const std::string& word, bool expands_variables);

}  // namespace remuda::cli
