#include "cli/launch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/topology/words.hpp"

namespace remuda::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t launch_file_size_max = std::uintmax_t{1} << 20;

Result<std::string> read_launch_file(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return fail("failed", fmt::format("{} is a folder, not a launch file", path));
  std::ifstream in{path, std::ios::binary};
  if (!in) return fail("failed", fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  std::string text(launch_file_size_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > launch_file_size_max) return fail("failed", fmt::format("{} is larger than 1 MiB", path));
  return text;
}

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

/// `launch/two_hosts.toml` -> `launch/two_hosts.hosts.toml`, if that is there.
std::string inventory_beside(const std::string& launch_file) {
  const std::string path = fs::path{launch_file}.replace_extension(".hosts.toml").string();
  std::error_code error;
  return fs::exists(path, error) ? path : std::string{};
}

}  // namespace

std::vector<Option> launch_options(LaunchOptions& options) {
  return {{"FILE", "The launch file", &options.file, true, {}, ValueKind::file},
          {"--set", "Give an argument of the file a value: NAME=VALUE; repeatable", &options.settings},
          {"--host", "Which of the file's hosts this machine is", &options.host},
          {"--local", "Fold all hosts onto this machine", &options.local},
          {"--inventory",
           "Where the hosts are (FILE's name with .hosts.toml unless said)",
           &options.inventory,
           false,
           {},
           ValueKind::file}};
}

Result<Launch> resolve_launch(const LaunchOptions& options) {
  topology::LoadOptions load_options;
  load_options.environment = environment_variable;
  for (const std::string& setting : options.settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail("wrong_usage", fmt::format("--set needs NAME=VALUE, not '{}'", setting));
    }
    load_options.set.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
  }
  const std::string launch_file = fs::absolute(options.file).lexically_normal().string();
  load_options.inventory = options.inventory.value_or(inventory_beside(options.file));
  Launch launch{{}, Executables::of_this_process(fs::path{launch_file}.parent_path().string()), {}, launch_file};
  topology::Topology& topology = launch.topology;
  topology.file = topology::load(options.file, read_launch_file, load_options, topology.diagnostics);

  if (options.host) {
    std::vector<std::string> hosts;
    for (const topology::HostSpec& host : topology.file.hosts) hosts.push_back(host.name.text);
    if (std::find(hosts.begin(), hosts.end(), *options.host) == hosts.end()) {
      const std::string suggestion = topology::did_you_mean(*options.host, hosts);
      return fail("wrong_usage", fmt::format("--host {}: the launch file has no such host; it has: {}{}", *options.host,
                                             topology::listed(hosts), suggestion.empty() ? "" : "; " + suggestion));
    }
  }

  std::vector<std::string> execs;
  for (const topology::NodeSpec& node : topology.file.nodes) {
    if (!node.exec.empty()) execs.push_back(node.exec.text);
  }
  launch.executables.prefetch(execs);
  const topology::Descriptions descriptions = topology::describe_all(
      topology.file, [&](const std::string& exec) { return launch.executables.describe(exec); }, launch.executables.known(),
      topology.diagnostics);
  topology::check(topology.file, descriptions, topology.diagnostics);

  const std::string name = options.name.value_or(topology.file.name.text);
  launch.data_folder = fs::absolute(options.data.value_or(".remuda/" + name)).lexically_normal().string();
  topology::PlanOptions plan_options;
  // Two copies of a topology on one machine differ in where their data is; so do their endpoints.
  plan_options.folder_hash = topology::folder_hash(launch.data_folder);
  plan_options.local = options.local;
  plan_options.host = options.host.value_or("");
  topology.plan = topology::plan(topology.file, descriptions, plan_options, topology.diagnostics);
  topology.plan.name = name;
  return launch;
}

Result<void> keep_own_processes(topology::Plan& plan, const LaunchOptions& options) {
  if (options.local) return {};
  const std::string own = options.host.value_or("");
  std::string others;
  for (const topology::ProcessPlan& process : plan.processes) {
    if (process.host != own && !process.host.empty() && others.find(process.host) == std::string::npos) {
      others += (others.empty() ? "" : ", ") + process.host;
    }
  }
  std::erase_if(plan.processes, [&](const topology::ProcessPlan& process) { return process.host != own; });
  std::erase_if(plan.brokers, [&](const topology::BrokerPlan& broker) { return broker.host != own; });
  if (!plan.processes.empty() || others.empty()) return {};
  return fail(
      "wrong_usage",
      fmt::format("the launch file puts every process on a host ({}); say which one this is with --host, or --local", others));
}

bool show_diagnostics(const topology::Diagnostics& diagnostics, const Terminal& terminal) {
  terminal.err << topology::render(diagnostics,
                                   {.colour = terminal.error_colours, .columns = terminal.redraws ? terminal.width : 0});
  return diagnostics.ok();
}

}  // namespace remuda::cli
