// W9: rides over HTTP, 32 connections: as many as it takes, then at half that rate for the latency. A 201 means: the ride and its
// event are stored.
#include <unistd.h>

#include <fstream>

#include <nlohmann/json.hpp>

#include "bench/queue_load.hpp"
#include "bench/topology_run.hpp"

namespace remuda::bench {

namespace {

constexpr int connections = 32;

nlohmann::json drive(const std::filesystem::path& folder, const std::string& target, std::uint64_t rides, double rate, int seed) {
  const auto report = folder / ("fleet-" + std::to_string(seed) + ".json");
  Process fleet{"unicorn_fleet",
                {"--param", "target=\"" + target + "\"", "--param", "rides=" + std::to_string(rides), "--param",
                 "connections=" + std::to_string(connections), "--param", "rate=" + std::to_string(static_cast<long>(rate)),
                 "--param", "seed=" + std::to_string(seed), "--param", "report=\"" + report.string() + "\""},
                folder / "fleet.log"};
  if (fleet.wait() != 0) throw std::runtime_error("the fleet failed; see " + (folder / "fleet.log").string());
  return nlohmann::json::parse(std::ifstream{report});
}

Report measure(const Options& options) {
  const auto program = program_folder();
  const auto installed = program.parent_path() / "share/remuda/launch/ride_completion_chained.toml";
  const auto in_tree = program.parent_path().parent_path().parent_path() / "launch/ride_completion_chained.toml";
  const auto launch_file = std::filesystem::exists(installed) ? installed : in_tree;
  const std::string target = "127.0.0.1:" + std::to_string(free_port());
  TopologyRun topology{"bench-rides-" + std::to_string(getpid()), launch_file, {"http=" + target}, options.data_folder};

  const auto warm_up = drive(topology.folder(), target, 3'000, 0, 1);
  const auto rides = options.messages != 0
                         ? options.messages
                         : static_cast<std::uint64_t>(warm_up.at("rides_per_s").get<double>() * options.seconds) + 1'000;
  const auto full = drive(topology.folder(), target, rides, 0, 2);
  const double rate = full.at("rides_per_s").get<double>();
  const auto half = drive(topology.folder(), target, rides / 2, rate / 2, 3);

  Report report;
  report.workload = "W9";
  report.producers = connections;
  report.window = connections;
  report.batch = 1;
  report.messages = rides;
  report.msgs_per_s = rate;
  report.p50_us = half.at("p50_us").get<double>();
  report.p99_us = half.at("p99_us").get<double>();
  report.durability = "synced";
  report.more = {{"full_load_p50_us", full.at("p50_us").get<double>()},
                 {"full_load_p99_us", full.at("p99_us").get<double>()},
                 {"half_load_rate", half.at("rides_per_s").get<double>()}};
  return report;
}

}  // namespace

Result<Report> http_rides(const Options& options) {
  return guarded([&] { return measure(options); });
}

}  // namespace remuda::bench
