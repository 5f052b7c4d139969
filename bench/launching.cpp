// W8: twenty nodes that do nothing. From `remuda up -d --wait` until the command returns with all of them ready; five idle seconds;
// from `remuda down` until it returns with all of them gone. Then two hundred of them once, and one that dies as soon as it runs.
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "bench/queue_load.hpp"
#include "bench/topology_run.hpp"

namespace remuda::bench {

namespace {

constexpr int node_count = 20;
constexpr int many_nodes = 200;
constexpr std::chrono::seconds idle_time{5};
constexpr std::chrono::seconds crash_time{20};

using Clock = std::chrono::steady_clock;

std::string topology_name(const std::string& kind) {
  return "bench-" + kind + "-" + std::to_string(getpid());
}

std::filesystem::path write_launch_file(const TemporaryFolder& folder, const std::string& name, const std::string& nodes) {
  const auto file = folder.path() / "launch.toml";
  std::ofstream{file} << "schema = 1\nname = \"" << name << "\"\n" << nodes;
  return file;
}

std::string idle_nodes(int count) {
  return "[nodes.idle]\nexec = \"printer\"\nreplicas = " + std::to_string(count) + "\n";
}

void launch_many(const Options& options, Report& report) {
  const TemporaryFolder folder{options.data_folder};
  const std::string name = topology_name("many");
  TopologyRun topology{name, write_launch_file(folder, name, idle_nodes(many_nodes)), {}, options.data_folder};
  const auto begin = Clock::now();
  const auto shown = topology.processes().size();
  const double ps_ms = Seconds{Clock::now() - begin}.count() * 1e3;
  if (shown != many_nodes) throw std::runtime_error("ps shows " + std::to_string(shown) + " of 200 nodes");
  report.more.insert(report.more.end(), {{"up_200_ms", topology.up_seconds() * 1e3}, {"ps_200_ms", ps_ms}});
  report.more.emplace_back("down_200_ms", topology.down() * 1e3);
}

/// What a node costs that dies as soon as it runs: the supervisor, what it starts nodes with, and all that has died.
void let_one_crash(const Options& options, Report& report) {
  const TemporaryFolder folder{options.data_folder};
  const std::string name = topology_name("crash");
  const std::string program = (program_folder() / "printer").string();
  const auto script = folder.path() / "crasher";
  std::ofstream{script}
      << "#!/bin/sh\nif [ \"$1\" = --describe ]; then\n  echo '{\"name\":\"crasher\",\"version\":\"1\",\"summary\":\"\","
         "\"ports\":[],\"parameters\":[],\"open_request_ports\":false}'\n  exit 0\nfi\n"
      << program << " --version > /dev/null\nexit 3\n";
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  const auto file = write_launch_file(
      folder, name,
      idle_nodes(1) + "[nodes.crasher]\nexec = \"./crasher\"\nrestart = { policy = \"always\", max_restarts = 1000000 }\n");
  TopologyRun topology{name, file, {}, options.data_folder, TopologyRun::Wait::none};
  pid_t idle = 0;
  while (idle == 0) {
    for (const auto& process : topology.processes()) {
      if (process.node == "idle") idle = process.pid;
    }
  }
  const pid_t helper = parent_of(idle);
  const pid_t supervisor = parent_of(helper);
  const auto cpu = [&] { return cpu_seconds_with_children(helper) + cpu_seconds_with_children(supervisor); };
  const double before = cpu();
  std::this_thread::sleep_for(crash_time);  // what is measured is what happens by itself
  report.more.emplace_back("crash_loop_percent_of_a_core", (cpu() - before) / Seconds{crash_time}.count() * 100);
  topology.down();
}

Report measure(const Options& options) {
  std::vector<double> up_ms;
  std::vector<double> down_ms;
  double idle_share = 0;
  double memory_mib = 0;
  constexpr int runs = 5;
  for (int run = 0; run < runs; ++run) {
    const TemporaryFolder folder{options.data_folder};
    const std::string name = topology_name("twenty");
    TopologyRun topology{name, write_launch_file(folder, name, idle_nodes(node_count)), {}, options.data_folder};
    up_ms.push_back(topology.up_seconds() * 1e3);
    if (run == 0) {
      const auto processes = topology.processes();
      const auto cpu = [&] {
        double sum = 0;
        for (const auto& process : processes) sum += cpu_seconds(process.pid);
        return sum;
      };
      const double before = cpu();
      std::this_thread::sleep_for(idle_time);  // what is measured is idleness
      idle_share = (cpu() - before) / Seconds{idle_time}.count();
      for (const auto& process : processes) memory_mib = std::max(memory_mib, private_mib(process.pid));
    }
    down_ms.push_back(topology.down() * 1e3);
  }
  Report report;
  report.workload = "W8";
  report.messages = node_count;
  report.durability = "none";
  const double up = percentile(up_ms, 0.5);
  report.msgs_per_s = node_count / up * 1e3;
  report.more = {{"up_ms", up},
                 {"down_ms", percentile(down_ms, 0.5)},
                 {"idle_cpu_percent_of_a_core", idle_share * 100},
                 {"private_mib_largest_node", memory_mib}};
  launch_many(options, report);
  let_one_crash(options, report);
  return report;
}

}  // namespace

Result<Report> launching(const Options& options) {
  return guarded([&] { return measure(options); });
}

}  // namespace remuda::bench
