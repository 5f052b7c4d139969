// W5: a backlog. All messages are confirmed without a consumer; memory is read; the broker is killed with kill -9 and started on
// the same store: time to the first message; then everything is drained, and every message is counted.
#include "bench/queue_load.hpp"

namespace remuda::bench {

namespace {

Report measure(const Options& options) {
  const SystemClock clock;
  BrokerUnderTest broker{options};
  broker.declare_queue("backlog");
  const std::uint64_t messages = options.messages != 0 ? options.messages : 1'000'000;
  Account account{1, messages};
  std::vector<double> confirm_us;

  const double idle_mib = broker.process().rss_mib();
  const Instant fill_begin = run_together({[&](std::atomic<bool>&) {
    BrokerClient client{broker.endpoint(), {"producer", ""}, clock};
    produce(client, clock, {"backlog", false, 0, messages, options.size, options.window, options.batch}, confirm_us, &account);
  }});
  const double fill_s = Seconds{account.finish() - fill_begin}.count();
  const double full_mib = broker.process().rss_mib();

  broker.kill_now();
  const Instant restart_begin = clock.now();
  broker.start();
  {
    const auto client = broker.connect(std::chrono::seconds{120});
    const auto first = client->receive("backlog", 1, std::chrono::seconds{5});
    if (!first || first->size() != 1) throw std::runtime_error("no message after the restart");
    account.note(first->front().message);
    if (!client->delete_message("backlog", first->front().handle))
      throw std::runtime_error("the first message could not be deleted");
  }
  const double restart_s = Seconds{clock.now() - restart_begin}.count();
  const double restarted_mib = broker.process().rss_mib();

  const double cpu_before = broker.process().cpu_seconds();
  const Instant drain_begin = run_together({[&](std::atomic<bool>& failed) {
    BrokerClient client{broker.endpoint(), {"consumer", ""}, clock};
    consume(client, clock, {"backlog", options.window, options.batch}, account, failed);
  }});
  const double drain_s = Seconds{account.finish() - drain_begin}.count();
  require_exactly_once(account);

  Report report;
  report.workload = "W5";
  report.size = options.size;
  report.producers = report.consumers = 1;
  report.batch = options.batch;
  report.window = options.window;
  report.messages = messages;
  report.msgs_per_s = static_cast<double>(messages) / drain_s;
  report.p50_us = percentile(confirm_us, 0.5);
  report.p99_us = percentile(confirm_us, 0.99);
  report.broker_cpu_us_per_msg = (broker.process().cpu_seconds() - cpu_before) / static_cast<double>(messages) * 1e6;
  report.peak_rss_mib = broker.process().peak_rss_mib();
  report.durability = options.relaxed ? "relaxed" : "synced";
  const double mib = 1024.0 * 1024.0;
  report.more = {{"fill_per_s", static_cast<double>(messages) / fill_s},
                 {"restart_to_first_message_s", restart_s},
                 {"drain_per_s", static_cast<double>(messages) / drain_s},
                 {"rss_full_mib", full_mib},
                 {"rss_restarted_mib", restarted_mib},
                 {"bytes_per_waiting_msg", (full_mib - idle_mib) * mib / static_cast<double>(messages)}};
  return report;
}

}  // namespace

Result<Report> backlog(const Options& options) {
  return guarded([&] { return measure(options); });
}

}  // namespace remuda::bench
