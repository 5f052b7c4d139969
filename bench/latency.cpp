// W2: one message at a time. Each sample runs from before the send until it is confirmed and a waiting consumer has it,
// whichever is later.
#include <algorithm>

#include "bench/queue_load.hpp"
#include "common/message.hpp"

namespace remuda::bench {

namespace {

Report measure(const Options& options) {
  const SystemClock clock;
  BrokerUnderTest broker{options};
  broker.declare_queue("line");
  const std::uint64_t warm_up = 200;
  const std::uint64_t messages = options.messages != 0 ? options.messages : 5'000;
  std::atomic<Instant::rep> received_at{0};
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> deleted{0};
  std::vector<double> both_us;
  std::vector<double> confirm_us;
  std::vector<double> receive_us;

  run_together({
      [&](std::atomic<bool>& failed) {
        BrokerClient client{broker.endpoint(), {"consumer", ""}, clock};
        for (std::uint64_t number = 0; number < messages + warm_up && !failed;) {
          bool answered = false;
          bool mine = false;
          client.receive("line", 1, std::chrono::milliseconds{500}, [&](Result<std::span<const BrokerClient::Received>> result) {
            answered = true;
            if (!result || result->empty()) return;
            received_at = clock.now().time_since_epoch().count();
            mine = true;
            const std::string_view handle = result->front().handle;
            client.delete_messages("line", std::span{&handle, 1}, [&](auto) {
              ++deleted;
              deleted.notify_all();
            });
            ++received;
            received.notify_all();
          });
          run_until(client, clock, [&] { return answered && (!mine || deleted > number); });
          if (mine) ++number;
        }
      },
      [&](std::atomic<bool>&) {
        BrokerClient client{broker.endpoint(), {"producer", ""}, clock};
        Message message;
        message.source = "bench";
        message.type = "bench.message";
        message.body.assign(options.size, 'x');
        for (std::uint64_t number = 0; number < messages + warm_up; ++number) {
          message.id = std::to_string(number);
          // 200 µs of quiet, so that the consumer waits again.
          const Instant quiet_until = clock.now() + std::chrono::microseconds{200};
          while (clock.now() < quiet_until) client.tick();
          const Instant begin = clock.now();
          Instant confirmed_at;
          bool confirmed = false;
          client.send("line", message, [&](auto) {
            confirmed_at = clock.now();
            confirmed = true;
          });
          run_until(client, clock, [&] { return confirmed; });
          for (std::uint64_t seen = received; seen <= number; seen = received) received.wait(seen);
          const Instant got_at{Instant::duration{received_at.load()}};
          for (std::uint64_t gone = deleted; gone <= number; gone = deleted) deleted.wait(gone);
          if (number < warm_up) continue;
          const auto us = [&](Instant end) { return std::chrono::duration<double, std::micro>(end - begin).count(); };
          confirm_us.push_back(us(confirmed_at));
          receive_us.push_back(us(got_at));
          both_us.push_back(us(std::max(confirmed_at, got_at)));
        }
      },
  });

  Report report;
  report.workload = "W2";
  report.size = options.size;
  report.producers = report.consumers = report.batch = report.window = 1;
  report.messages = messages;
  double total = 0;
  for (const double sample : both_us) total += sample;
  report.msgs_per_s = total > 0 ? static_cast<double>(both_us.size()) / total * 1e6 : 0;
  report.p50_us = percentile(both_us, 0.5);
  report.p99_us = percentile(both_us, 0.99);
  report.peak_rss_mib = broker.process().peak_rss_mib();
  report.durability = options.relaxed ? "relaxed" : "synced";
  report.more = {{"confirm_p50_us", percentile(confirm_us, 0.5)},
                 {"confirm_p99_us", percentile(confirm_us, 0.99)},
                 {"receive_p50_us", percentile(receive_us, 0.5)},
                 {"receive_p99_us", percentile(receive_us, 0.99)}};
  return report;
}

}  // namespace

Result<Report> latency(const Options& options) {
  return guarded([&] { return measure(options); });
}

}  // namespace remuda::bench
