#pragma once
// What the queue workloads share: a broker of their own, producers and consumers on connections and threads of their own,
// and the account of every message.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/process.hpp"
#include "bench/workload.hpp"
#include "common/broker_client.hpp"
#include "common/clock.hpp"

namespace remuda::bench {

using Seconds = std::chrono::duration<double>;

/// A remuda-broker on a store of its own, on loopback.
class BrokerUnderTest {
 public:
  explicit BrokerUnderTest(const Options& options);
  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
  [[nodiscard]] Process& process() { return *process_; }
  void kill_now() { process_->kill_now(); }
  void start();  ///< on the same store
  /// A client that waits for the broker to answer. Errors end the workload as std::runtime_error.
  [[nodiscard]] std::unique_ptr<BlockingBrokerClient> connect(std::chrono::milliseconds deadline = std::chrono::seconds{30});
  void declare_queue(const std::string& queue, const std::string& from_topic = {});
  /// `queues` of them, named by queue_name(); FIFO when the options want message groups.
  void declare_queues(const std::string& name, int queues);
  void declare_topic(const std::string& topic);
  /// What its store takes on the disk.
  [[nodiscard]] double disk_mib() const;

 private:
  Options options_;
  TemporaryFolder folder_;
  std::string endpoint_;
  std::unique_ptr<Process> process_;
};

/// The `number`-th of `queues` queues: the name alone when there is one.
std::string queue_name(const std::string& name, int number, int queues);

/// Which messages were seen: each must be seen exactly once.
class Account {
 public:
  Account(int producers, std::uint64_t per_producer);
  /// Of what one producer sends, a backlog stays: it is complete when `wanted` of `sent` messages were seen.
  Account(std::uint64_t sent, std::uint64_t wanted);
  /// Reads the stamp in a packed message's body.
  void note(std::string_view packed);
  [[nodiscard]] std::uint64_t seen() const { return seen_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t duplicates() const { return duplicates_; }
  [[nodiscard]] std::uint64_t strangers() const { return strangers_; }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] bool complete() const { return seen() >= total_; }
  /// The finish line: the latest of the times told here counts.
  void reached(Instant time);
  [[nodiscard]] Instant finish() const { return Instant{Instant::duration{finish_.load()}}; }

 private:
  std::uint64_t per_producer_;
  std::uint64_t total_;  ///< to be seen
  std::vector<std::atomic<std::uint8_t>> marks_;
  std::atomic<std::uint64_t> seen_{0};
  std::atomic<std::uint64_t> duplicates_{0};
  std::atomic<std::uint64_t> strangers_{0};
  std::atomic<Instant::rep> finish_{0};
};

/// Runs a client's loop until `done` says so. Throws std::runtime_error when nothing has happened for 60 s.
void run_until(BrokerClient& client, const Clock& clock, const std::function<bool()>& done);

struct ProducerSettings {
  std::string channel;
  bool to_topic = false;  ///< else to queues, or
  int number = 0;
  std::uint64_t messages = 0;
  std::size_t size = 256;
  int window = 256;
  int batch = 64;
  int queues = 1;            ///< batch after batch to the next of them
  std::uint64_t first = 0;   ///< number of the first message
  std::uint64_t groups = 0;  ///< message after message in the next of so many message groups; 0: none
  std::string id_prefix{};   ///< a FIFO queue would take the ids of an earlier run for duplicates
  bool to_stream = false;
};
/// Sends every message and returns once all are confirmed; appends the time from each send to its confirm, in microseconds.
/// With an account it also says when the last confirm came.
void produce(BrokerClient& client, const Clock& clock, const ProducerSettings& settings, std::vector<double>& confirm_us,
             Account* account = nullptr);

struct ConsumerSettings {
  std::string queue;
  int window = 256;  ///< messages it has asked for, as a producer has as many unconfirmed
  int batch = 64;
  int queues = 1;  ///< batch after batch from the next of them
};
/// Receives and deletes until `account` is complete, and every delete of this consumer is confirmed.
void consume(BrokerClient& client, const Clock& clock, const ConsumerSettings& settings, Account& account,
             const std::atomic<bool>& failed);

/// Runs the tasks on threads of their own, all starting together; rethrows the first failure. Returns when they started.
Instant run_together(const std::vector<std::function<void(std::atomic<bool>& failed)>>& tasks);

/// Throws std::runtime_error unless every message was seen exactly once.
void require_exactly_once(const Account& account);

/// The value below which `share` of them lie. `values` is reordered; empty gives 0.
double percentile(std::vector<double>& values, double share);

/// Turns a workload that throws into a Result.
Result<Report> guarded(const std::function<Report()>& workload);

}  // namespace remuda::bench
