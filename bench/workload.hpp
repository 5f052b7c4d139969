#pragma once
// The workloads that `remuda bench` runs: each is a program that prints figures, never a test that fails on a slow machine.
// Every workload counts every message: a figure is only printed when all of them were confirmed, received and deleted exactly once.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/result.hpp"

namespace remuda::bench {

struct Options {
  std::size_t size = 256;        ///< body bytes
  std::optional<int> producers;  ///< absent: the workload's own
  std::optional<int> consumers;
  int window = 256;               ///< messages that a producer keeps unconfirmed
  int batch = 64;                 ///< messages in one send, and at most in one receive
  double seconds = 4;             ///< about this long; the number of messages is calibrated by a short run before
  std::uint64_t messages = 0;     ///< 0: by seconds (W5: 1 million, stream: 10 million, saga: 40,000)
  int queues = 1;                 ///< W1: batch after batch goes to the next of so many
  std::uint64_t backlog = 0;      ///< W1: so many messages wait in the queue all the time; saga: sagas (0: 100,000)
  std::uint64_t in_flight = 0;    ///< saga: so many are started and not over (0: 10,000)
  std::uint64_t groups = 0;       ///< W1, W1c: a FIFO queue with so many message groups; 0: a standard queue
  bool relaxed = false;           ///< confirm before the sync
  std::string transport = "tcp";  ///< tcp (loopback) or ipc
  std::string data_folder;        ///< where the temporary stores go; empty: the system's temporary folder
};

/// One line of figures. Fields that a workload does not measure are absent.
struct Report {
  std::string workload;
  std::size_t size = 0;
  int producers = 0;
  int consumers = 0;
  int batch = 0;
  int window = 0;
  std::uint64_t messages = 0;
  /// W3, W6: deliveries; W4: answers; W7: events against 10,000 keyed policies; W8: processes; W9: requests; saga: sagas
  double msgs_per_s = 0;
  std::optional<double> p50_us;
  std::optional<double> p99_us;
  std::optional<double> broker_cpu_us_per_msg;
  std::optional<double> peak_rss_mib;
  std::string durability;                            ///< "synced": confirmed = on stable storage; "relaxed"; "none"
  std::vector<std::pair<std::string, double>> more;  ///< figures of this workload alone, in order
};

struct Workload {
  std::string name;  ///< `W1`
  std::string summary;
  std::function<Result<Report>(const Options&)> run;
};

[[nodiscard]] const std::vector<Workload>& workloads();

/// One line of JSON, as scripts read it.
[[nodiscard]] std::string to_json(const Report& report);
/// A few aligned lines for people.
[[nodiscard]] std::string to_text(const Report& report);

Result<Report> durable_life(const Options& options);        // W1
Result<Report> durable_life_crowd(const Options& options);  // W1c
Result<Report> latency(const Options& options);             // W2
Result<Report> live_topic(const Options& options);          // W3
Result<Report> requests(const Options& options);            // W4
Result<Report> backlog(const Options& options);             // W5
Result<Report> fan_out(const Options& options);             // W6
Result<Report> stream(const Options& options);              // stream
Result<Report> many_rules(const Options& options);          // W7
Result<Report> launching(const Options& options);       // W8
Result<Report> http_rides(const Options& options);          // W9
Result<Report> pipe(const Options& options);                // W10
Result<Report> front_door(const Options& options);          // sqs
Result<Report> sagas(const Options& options);               // saga

}  // namespace remuda::bench
