// W6: a topic chained to five durable queues. Every message is confirmed when all five have it; each queue has one
// consumer that deletes.
#include "bench/queue_load.hpp"

namespace remuda::bench {

namespace {

constexpr int queue_count = 5;

struct Fan {
  double seconds = 0;
  double broker_cpu_s = 0;
  std::vector<double> confirm_us;
};

std::string queue_name(int number) {
  return "branch-" + std::to_string(number);
}

Fan spread(BrokerUnderTest& broker, const Options& options, std::uint64_t messages) {
  const SystemClock clock;
  std::vector<std::unique_ptr<Account>> accounts;
  Fan fan;
  std::vector<std::function<void(std::atomic<bool>&)>> tasks;
  for (int number = 0; number < queue_count; ++number) accounts.push_back(std::make_unique<Account>(1, messages));
  tasks.emplace_back([&](std::atomic<bool>&) {
    BrokerClient client{broker.endpoint(), {"producer", ""}, clock};
    produce(client, clock, {"trunk", true, 0, messages, options.size, options.window, options.batch}, fan.confirm_us,
            accounts[0].get());
  });
  for (int number = 0; number < queue_count; ++number) {
    tasks.emplace_back([&, number](std::atomic<bool>& failed) {
      BrokerClient client{broker.endpoint(), {"consumer", ""}, clock};
      consume(client, clock, {queue_name(number), options.window, options.batch}, *accounts[static_cast<std::size_t>(number)],
              failed);
    });
  }
  const double cpu_before = broker.process().cpu_seconds();
  const Instant begin = run_together(tasks);
  fan.broker_cpu_s = broker.process().cpu_seconds() - cpu_before;
  for (const auto& account : accounts) {
    require_exactly_once(*account);
    fan.seconds = std::max(fan.seconds, Seconds{account->finish() - begin}.count());
  }
  return fan;
}

Report measure(const Options& options) {
  BrokerUnderTest broker{options};
  broker.declare_topic("trunk");
  for (int number = 0; number < queue_count; ++number) broker.declare_queue(queue_name(number), "trunk");
  std::uint64_t messages = 10'000;
  Fan fan = spread(broker, options, messages);
  messages = options.messages != 0 ? options.messages
                                   : static_cast<std::uint64_t>(static_cast<double>(messages) / fan.seconds * options.seconds);
  fan = spread(broker, options, messages);

  const double deliveries = static_cast<double>(messages) * queue_count;
  Report report;
  report.workload = "W6";
  report.size = options.size;
  report.producers = 1;
  report.consumers = queue_count;
  report.batch = options.batch;
  report.window = options.window;
  report.messages = messages;
  report.msgs_per_s = deliveries / fan.seconds;
  report.p50_us = percentile(fan.confirm_us, 0.5);
  report.p99_us = percentile(fan.confirm_us, 0.99);
  report.broker_cpu_us_per_msg = fan.broker_cpu_s / deliveries * 1e6;
  report.peak_rss_mib = broker.process().peak_rss_mib();
  report.durability = options.relaxed ? "relaxed" : "synced";
  report.more = {{"deliveries_per_s", deliveries / fan.seconds}, {"published_per_s", static_cast<double>(messages) / fan.seconds}};
  return report;
}

}  // namespace

Result<Report> fan_out(const Options& options) {
  return guarded([&] { return measure(options); });
}

}  // namespace remuda::bench
