#pragma once
// Wiring: a checked launch file -> the plan. A pure function with deterministic endpoints, so every supervisor computes
// the same plan.
//
// Who binds. A broker listens for queues and topics that have one. On the direct channels the side that must exist first
// binds, one endpoint per process, and the other side connects to all of them:
//
//   pipe, request   every replica of the input binds   (workers, the answering side); outputs connect to all
//   pubsub          every replica of the output binds  (publishers);                  inputs connect to all
//
// A port's binding, one text per channel:  PORT=KIND:ENDPOINT[,ENDPOINT...]/CHANNEL[?key=value[&key=value]]
//
//   --port rides=queue:ipc://@remuda/wild-rydes-1a2b3c4d/main/customer-accounting      the endpoint is the broker's
//   --port completed=topic:ipc://@remuda/wild-rydes-1a2b3c4d/main/ride-completion      the endpoint is the broker's
//   --port ticks=pubsub:ipc://@remuda/wild-rydes-1a2b3c4d/ticks.0/ticks?subscribers=3  publishers wait for 3 subscribers
//   --port submit=request:ipc://@.../submit-ride.0,ipc://@.../submit-ride.1/submit-ride?timeout_ms=2000
//
// CHANNEL is what follows the last '/'. A port with several channels is given once per channel.
//
// Endpoints on one host are abstract ipc names `ipc://@remuda/<topology>-<folder hash>/<channel>.<number>`, which need no cleaning
// up and which a second bind cannot steal. Between hosts: `tcp://<address>:<base_port + number>`.

#include <string>
#include <string_view>
#include <vector>

#include "common/topology/check.hpp"
#include "common/topology/diagnostics.hpp"
#include "common/topology/launch_file.hpp"
#include "common/topology/plan.hpp"

namespace remuda::topology {

struct PlanOptions {
  /// Eight hexadecimal digits that tell this user's copy of the topology from others on the machine (see folder_hash).
  std::string folder_hash = "00000000";
  bool local = false;  ///< folds all hosts onto this machine
  std::string host;    ///< this machine's label; decides nothing in the plan but must be one of the file's
};

/// Eight hexadecimal digits of a canonical path.
[[nodiscard]] std::string folder_hash(std::string_view canonical_path);

[[nodiscard]] TopicPlan topic_plan(const TopicSpec& topic, std::string endpoint = {});
/// The queues as a broker needs them: filters as JSON text, topic, broker and dead-letter queue filled in.
[[nodiscard]] std::vector<QueuePlan> queue_plans(const LaunchFile& file);
[[nodiscard]] std::vector<StreamPlan> stream_plans(const LaunchFile& file);

/// Reports endpoint trouble (T4xx) to `diagnostics`. Only a plan without errors there and in check() may be started.
[[nodiscard]] Plan plan(const LaunchFile& file, const Descriptions& descriptions, const PlanOptions& options,
                        Diagnostics& diagnostics);

/// Everything at once, for a command line.
struct Surroundings {
  FileReader read;
  LoadOptions load;
  Describer describe;                    ///< none: executables are not asked, and only broker channels can be planned in full
  std::vector<std::string> executables;  ///< known ones, for suggestions
  PlanOptions plan;
};
struct Topology {
  LaunchFile file;
  Plan plan;  ///< complete only when `diagnostics.ok()`
  Diagnostics diagnostics;
};
/// load, describe_all, check and plan.
[[nodiscard]] Topology resolve(const std::string& path, const Surroundings& surroundings);

}  // namespace remuda::topology
