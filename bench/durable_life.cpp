// W1 and W1c: the durable life of a message. The clock runs from the first send until every message is confirmed, received,
// deleted, and every delete is confirmed.
#include <stdexcept>

#include "bench/queue_load.hpp"

namespace remuda::bench {

namespace {

struct Life {
  double seconds = 0;
  double broker_cpu_s = 0;
  std::vector<double> confirm_us;
};

/// `first`: number of the first message; what came before still waits, and is received first.
Life live(BrokerUnderTest& broker, const Options& options, int producers, int consumers, std::uint64_t messages,
          std::uint64_t first, Account& account, const std::string& id_prefix = {}) {
  const SystemClock clock;
  const std::uint64_t per_producer = messages / static_cast<std::uint64_t>(producers);
  std::vector<std::vector<double>> confirm_us(static_cast<std::size_t>(producers));
  std::vector<std::function<void(std::atomic<bool>&)>> tasks;
  // A socket belongs to the thread that made it, so every task connects by itself; the short run before has warmed everything up.
  for (int number = 0; number < producers; ++number) {
    tasks.emplace_back([&, number](std::atomic<bool>&) {
      BrokerClient client{broker.endpoint(), {"producer", ""}, clock};
      produce(client, clock,
              {"life", false, number, per_producer, options.size, options.window, options.batch, options.queues, first,
               options.groups, id_prefix},
              confirm_us[static_cast<std::size_t>(number)], &account);
    });
  }
  for (int number = 0; number < consumers; ++number) {
    tasks.emplace_back([&](std::atomic<bool>& failed) {
      BrokerClient client{broker.endpoint(), {"consumer", ""}, clock};
      consume(client, clock, {"life", options.window, options.batch, options.queues}, account, failed);
    });
  }
  Life life;
  const double cpu_before = broker.process().cpu_seconds();
  const Instant begin = run_together(tasks);
  life.broker_cpu_s = broker.process().cpu_seconds() - cpu_before;
  life.seconds = Seconds{account.finish() - begin}.count();
  require_exactly_once(account);
  for (auto& some : confirm_us) life.confirm_us.insert(life.confirm_us.end(), some.begin(), some.end());
  return life;
}

Report measure(std::string name, const Options& options, int producers, int consumers) {
  if ((options.queues > 1 || options.backlog > 0) && producers + consumers > 2) {
    throw std::runtime_error("several queues and a backlog are for one producer and one consumer");
  }
  BrokerUnderTest broker{options};
  broker.declare_queues("life", options.queues);
  std::uint64_t messages = 40'000;
  Account warm_up{producers, messages / static_cast<std::uint64_t>(producers)};
  Life life = live(broker, options, producers, consumers, messages, 0, warm_up, "warm-up-");
  if (options.messages != 0) {
    messages = options.messages;
  } else {
    messages = static_cast<std::uint64_t>(static_cast<double>(messages) / life.seconds * options.seconds);
  }
  messages -= messages % static_cast<std::uint64_t>(producers);
  if (options.backlog > 0) {
    const SystemClock clock;
    std::vector<double> confirm_us;
    run_together({[&](std::atomic<bool>&) {
      BrokerClient client{broker.endpoint(), {"producer", ""}, clock};
      produce(client, clock, {"life", false, 0, options.backlog, options.size, 1'024, options.batch, options.queues}, confirm_us);
    }});
  }
  Account account = options.backlog > 0 ? Account{options.backlog + messages, messages}
                                        : Account{producers, messages / static_cast<std::uint64_t>(producers)};
  life = live(broker, options, producers, consumers, messages, options.backlog, account);

  Report report;
  report.workload = std::move(name);
  report.size = options.size;
  report.producers = producers;
  report.consumers = consumers;
  report.batch = options.batch;
  report.window = options.window;
  report.messages = messages;
  report.msgs_per_s = static_cast<double>(messages) / life.seconds;
  report.p50_us = percentile(life.confirm_us, 0.5);
  report.p99_us = percentile(life.confirm_us, 0.99);
  report.broker_cpu_us_per_msg = life.broker_cpu_s / static_cast<double>(messages) * 1e6;
  report.peak_rss_mib = broker.process().peak_rss_mib();
  report.durability = options.relaxed ? "relaxed" : "synced";
  if (options.queues > 1) report.more.emplace_back("queues", options.queues);
  if (options.backlog > 0) report.more.emplace_back("backlog", static_cast<double>(options.backlog));
  if (options.groups > 0) report.more.emplace_back("groups", static_cast<double>(options.groups));
  return report;
}

}  // namespace

Result<Report> durable_life(const Options& options) {
  return guarded([&] { return measure("W1", options, options.producers.value_or(1), options.consumers.value_or(1)); });
}

Result<Report> durable_life_crowd(const Options& options) {
  return guarded([&] { return measure("W1c", options, options.producers.value_or(4), options.consumers.value_or(4)); });
}

}  // namespace remuda::bench
