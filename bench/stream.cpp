// A stream: records are appended and confirmed; all of them are read again, and counted; two consumer groups read at their own
// positions; the broker is killed with kill -9 in the middle of a batch, and what is handed out again is counted; then records expire by
// size and by time, and the disk is looked at.
#include <stdexcept>

#include "bench/queue_load.hpp"
#include "common/socket.hpp"

namespace remuda::bench {

namespace {

constexpr std::uint32_t partitions = 4;
constexpr std::uint32_t page = 10'000;

void need(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

void declare(BlockingBrokerClient& client, std::uint64_t retention_ms, std::uint64_t max_bytes) {
  wire::DeclareStream stream;
  stream.stream = "records";
  stream.partitions = partitions;
  stream.partition_by = "id";
  stream.retention_ms = retention_ms;
  stream.max_bytes = max_bytes;
  need(client.declare_stream(stream).ok(), "the stream could not be declared");
}

/// Reads all partitions from the oldest record on, each a page at a time.
void read_again(BrokerClient& client, const Clock& clock, Account& account) {
  std::string refused;
  std::function<void(std::uint32_t, std::uint64_t)> read = [&](std::uint32_t partition, std::uint64_t offset) {
    client.read_stream({"records", partition, page, {"oldest", offset, {}}}, [&, partition](Result<wire::StreamBatch> batch) {
      if (!batch) {
        refused = batch.error().message;
        return;
      }
      for (const auto& record : batch->records) account.note(record.message);
      if (batch->behind > 0) read(partition, batch->next);
    });
  };
  for (std::uint32_t partition = 0; partition < partitions; ++partition) read(partition, 0);
  while (!account.complete()) {
    const std::uint64_t before = account.seen();
    run_until(client, clock, [&] { return account.seen() > before || !refused.empty(); });
    need(refused.empty(), "a read was refused: " + refused);
  }
}

/// Takes and confirms batches until the group has had `records` of them. Returns how many it had.
std::uint64_t consume_group(BlockingBrokerClient& client, std::string_view group, std::uint64_t records, Account* account) {
  std::uint64_t taken = 0;
  while (taken < records) {
    const auto batch = client.take({"records", group, page});
    need(batch.ok() && !batch->records.empty(), "a group got nothing");
    if (account != nullptr) {
      for (const auto& record : batch->records) account->note(record.message);
    }
    taken += batch->records.size();
    need(client.checkpoint({batch->lease, batch->next}).ok(), "a checkpoint was refused");
  }
  return taken;
}

std::uint64_t behind(BlockingBrokerClient& client, std::string_view group) {
  const auto info = client.stream_info("records");
  need(info.ok(), "no such stream");
  for (const auto& each : info->groups) {
    if (each.group == group) return info->behind(each);
  }
  return info->records();
}

/// Seconds until no more than `bytes` are kept, and the store takes little more than they do: the journal keeps a few segments to write
/// into, and copies forward only when its oldest one is mostly dead.
double await_expiry(BrokerUnderTest& broker, BlockingBrokerClient& client, const Clock& clock, std::uint64_t bytes) {
  constexpr double segments_mib = 6 * 64;
  const double disk_max_mib = 1.5 * static_cast<double>(bytes) / (1024.0 * 1024.0) + segments_mib;
  const Instant begin = clock.now();
  while (client.stream_info("records")->bytes > bytes || broker.disk_mib() > disk_max_mib) {
    need(clock.now() - begin < std::chrono::seconds{60},
         "nothing expires, or its disk is not given back: " + std::to_string(client.stream_info("records")->bytes) +
             " bytes are kept, " + std::to_string(broker.disk_mib()) + " MiB taken");
    poll({}, 20);
  }
  return Seconds{clock.now() - begin}.count();
}

Report measure(const Options& options) {
  const SystemClock clock;
  BrokerUnderTest broker{options};
  constexpr std::uint64_t day_ms = 24ULL * 3'600'000;
  auto operator_client = broker.connect(std::chrono::seconds{120});
  declare(*operator_client, day_ms, 0);
  const std::uint64_t records = options.messages != 0 ? options.messages : 10'000'000;
  std::vector<double> confirm_us;

  const double idle_mib = broker.process().rss_mib();
  const double cpu_before = broker.process().cpu_seconds();
  Account appended{1, records};
  const Instant append_begin = run_together({[&](std::atomic<bool>&) {
    BrokerClient client{broker.endpoint(), {"producer", ""}, clock};
    ProducerSettings settings{"records", false, 0, records, options.size, options.window, options.batch};
    settings.to_stream = true;
    produce(client, clock, settings, confirm_us, &appended);
  }});
  const double append_s = Seconds{appended.finish() - append_begin}.count();
  const double append_cpu = broker.process().cpu_seconds() - cpu_before;
  const double full_mib = broker.process().rss_mib();
  const double disk_full_mib = broker.disk_mib();

  Account read{1, records};
  const Instant read_begin = clock.now();
  {
    BrokerClient client{broker.endpoint(), {"reader", ""}, clock};
    read_again(client, clock, read);
  }
  const double read_s = Seconds{clock.now() - read_begin}.count();
  require_exactly_once(read);

  // One group reads all, the other a tenth: each is where it is.
  Account grouped{1, records};
  const Instant group_begin = clock.now();
  need(consume_group(*operator_client, "all", records, &grouped) == records, "a group had another number of records");
  const double group_s = Seconds{clock.now() - group_begin}.count();
  require_exactly_once(grouped);
  const std::uint64_t tenth = consume_group(*operator_client, "tenth", records / 10, nullptr);
  need(behind(*operator_client, "all") == 0 && behind(*operator_client, "tenth") == records - tenth, "a position moved another");

  // A batch is out, half of it confirmed, when the broker is killed.
  const auto held = operator_client->take({"records", "tenth", page});
  need(held.ok() && held->records.size() > 1, "no batch to be interrupted in");
  const std::uint64_t half = held->records.size() / 2;
  need(operator_client->checkpoint({held->lease, held->records[half].offset}).ok(), "a checkpoint was refused");
  broker.kill_now();
  const Instant restart_begin = clock.now();
  broker.start();
  operator_client = broker.connect(std::chrono::seconds{120});
  need(operator_client->read_stream({"records", 0, 1}).ok(), "no record after the restart");
  const double restart_s = Seconds{clock.now() - restart_begin}.count();
  const std::uint64_t repeated = behind(*operator_client, "tenth") - (records - tenth - held->records.size());
  need(repeated == held->records.size() - half, "kill -9 repeats something else than the unconfirmed part of a batch");
  need(behind(*operator_client, "all") == 0, "kill -9 moved the other group");

  const auto info = operator_client->stream_info("records");
  declare(*operator_client, day_ms, info->bytes / 10);
  const double shrink_s = await_expiry(broker, *operator_client, clock, info->bytes / 10);
  const double disk_tenth_mib = broker.disk_mib();
  declare(*operator_client, 1'000, 0);
  const double expire_s = await_expiry(broker, *operator_client, clock, 0);

  Report report;
  report.workload = "stream";
  report.size = options.size;
  report.producers = report.consumers = 1;
  report.batch = options.batch;
  report.window = options.window;
  report.messages = records;
  report.msgs_per_s = static_cast<double>(records) / read_s;
  report.p50_us = percentile(confirm_us, 0.5);
  report.p99_us = percentile(confirm_us, 0.99);
  report.broker_cpu_us_per_msg = append_cpu / static_cast<double>(records) * 1e6;
  report.peak_rss_mib = broker.process().peak_rss_mib();
  report.durability = "synced";
  report.more = {{"append_per_s", static_cast<double>(records) / append_s},
                 {"read_again_per_s", static_cast<double>(records) / read_s},
                 {"group_per_s", static_cast<double>(records) / group_s},
                 {"restart_to_first_record_s", restart_s},
                 {"unconfirmed_at_kill", static_cast<double>(held->records.size() - half)},
                 {"repeated_after_kill", static_cast<double>(repeated)},
                 {"memory_bytes_per_record", (full_mib - idle_mib) * 1024.0 * 1024.0 / static_cast<double>(records)},
                 {"disk_full_mib", disk_full_mib},
                 {"disk_at_a_tenth_mib", disk_tenth_mib},
                 {"disk_all_expired_mib", broker.disk_mib()},
                 {"expiry_by_size_s", shrink_s},
                 {"expiry_by_time_s", expire_s}};
  return report;
}

}  // namespace

Result<Report> stream(const Options& options) {
  return guarded([&] { return measure(options); });
}

}  // namespace remuda::bench
