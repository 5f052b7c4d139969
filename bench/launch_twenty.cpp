// W8: twenty nodes that do nothing. From `remuda up -d --wait` until the command returns with all of them ready; five idle seconds;
// from `remuda down` until it returns with all of them gone.
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "bench/queue_load.hpp"
#include "bench/topology_run.hpp"

namespace remuda::bench {

namespace {

constexpr int node_count = 20;
constexpr std::chrono::seconds idle_time{5};

Report measure(const Options& options) {
  std::vector<double> up_ms;
  std::vector<double> down_ms;
  double idle_share = 0;
  double memory_mib = 0;
  constexpr int runs = 5;
  for (int run = 0; run < runs; ++run) {
    const TemporaryFolder folder{options.data_folder};
    const std::string name = "bench-twenty-" + std::to_string(getpid());
    const auto launch_file = folder.path() / "twenty.toml";
    std::ofstream{launch_file} << "schema = 1\nname = \"" << name
                               << "\"\n[nodes.idle]\nexec = \"printer\"\nreplicas = " << node_count << "\n";
    TopologyRun topology{name, launch_file, {}, options.data_folder};
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
  return report;
}

}  // namespace

Result<Report> launch_twenty(const Options& options) {
  return guarded([&] { return measure(options); });
}

}  // namespace remuda::bench
