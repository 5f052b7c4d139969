// systemd: a unit for each process, in the order of the plan's waves, and a target that holds them.

#include <fmt/format.h>

#include <algorithm>

#include "cli/export/process_words.hpp"

namespace remuda::cli {

namespace {

using topology::ProcessPlan;
using topology::RestartPolicy;

std::string service_name(const topology::Plan& plan, const ProcessPlan& process) {
  return fmt::format("remuda-{}-{}.service", plan.name, unit_name(process));
}

double seconds(std::chrono::milliseconds time) {
  return static_cast<double>(time.count()) / 1'000;
}

std::string_view restart_word(RestartPolicy::When when) {
  switch (when) {
    case RestartPolicy::When::never:
      return "no";
    case RestartPolicy::When::on_failure:
      return "on-failure";
    case RestartPolicy::When::always:
      break;
  }
  return "always";
}

/// The services of the wave before: what must be there first.
std::string services_before(const topology::Plan& plan, const ProcessPlan& process) {
  int rank = -1;
  for (const ProcessPlan& other : plan.processes) {
    if (other.start_rank < process.start_rank) rank = std::max(rank, other.start_rank);
  }
  std::string names;
  for (const ProcessPlan& other : plan.processes) {
    if (other.start_rank == rank) names += (names.empty() ? "" : " ") + service_name(plan, other);
  }
  return names;
}

std::string limits(const topology::ResourceLimits& limits) {
  std::string text;
  if (limits.memory_max_bytes) text += fmt::format("LimitDATA={}\n", *limits.memory_max_bytes);
  if (limits.nofile) text += fmt::format("LimitNOFILE={}\n", *limits.nofile);
  if (limits.nice) text += fmt::format("Nice={}\n", *limits.nice);
  return text;
}

std::string service(const ExportInput& input, std::size_t index) {
  const topology::Plan& plan = *input.plan;
  const ProcessPlan& process = plan.processes[index];
  const std::string before = services_before(plan, process);
  std::string text =
      fmt::format("[Unit]\nDescription=remuda {}: {}\nPartOf=remuda-{}.target\n", plan.name, unit_name(process), plan.name);
  // Wanted, not required: a node waits for a broker that is away, and goes on when it is back.
  if (!before.empty()) text += fmt::format("Wants={0}\nAfter={0}\n", before);
  text += fmt::format("StartLimitIntervalSec={}\nStartLimitBurst={}\n\n", seconds(process.restart.window),
                      process.restart.max_restarts + 1);
  text += "[Service]\nType=exec\nExecStart=" + systemd_word(input.executables[index], true);
  for (const std::string& word : arguments_of(process, plan, input.folder, input.data_folder))
    text += " \\\n    " + systemd_word(word, true);
  text += "\n";
  for (const auto& [name, value] : process.environment) text += "Environment=" + systemd_word(name + "=" + value, false) + "\n";
  if (!input.user.empty()) text += "User=" + input.user + "\n";
  text += fmt::format("Restart={}\nRestartSec={}\nTimeoutStopSec={}\n", restart_word(process.restart.when),
                      seconds(process.restart.delay), seconds(process.stop_grace));
  text += limits(process.limits);
  text += "UMask=0077\nNoNewPrivileges=yes\n";
  return text;
}

}  // namespace

std::string systemd_word(const std::string& word, bool expands_variables) {
  std::string out = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\') {
      out += std::string{'\\', c};
    } else if (c == '%') {
      out += "%%";
    } else if (c == '$' && expands_variables) {
      out += "$$";
    } else if (static_cast<unsigned char>(c) < ' ' || c == '\x7F') {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::vector<ExportedFile> export_systemd(const ExportInput& input) {
  const topology::Plan& plan = *input.plan;
  std::vector<ExportedFile> files = definitions_of(plan);
  std::string names;
  for (std::size_t i = 0; i < plan.processes.size(); ++i) {
    const std::string name = service_name(plan, plan.processes[i]);
    names += (names.empty() ? "" : " ") + name;
    files.push_back({name, service(input, i)});
  }
  files.push_back(
      {fmt::format("remuda-{}.target", plan.name),
       fmt::format("[Unit]\nDescription=remuda {}\nWants={}\n\n[Install]\nWantedBy=default.target\n", plan.name, names)});
  return files;
}

}  // namespace remuda::cli
