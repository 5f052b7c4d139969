#include "bench/queue_load.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <barrier>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "common/message.hpp"

namespace remuda::bench {

namespace {

constexpr std::size_t stamp_size = 12;  ///< producer (4 bytes), number (8 bytes), at the start of every body

void need(bool ok, const std::string& what) {
  if (!ok) throw std::runtime_error(what);
}

template <class T>
T value_of(Result<T> result) {
  need(result.ok(), result.ok() ? "" : result.error().code + ": " + result.error().message);
  return std::move(result).value();
}

}  // namespace

BrokerUnderTest::BrokerUnderTest(const Options& options)
    : options_{options},
      folder_{options.data_folder},
      endpoint_{options.transport == "ipc" ? "ipc://" + (folder_.path() / "broker.sock").string()
                                           : "tcp://127.0.0.1:" + std::to_string(free_port())} {
  start();
}

void BrokerUnderTest::start() {
  process_ = std::make_unique<Process>("remuda-broker",
                                       std::vector<std::string>{"--name", "bench", "--listen", endpoint_, "--data",
                                                                (folder_.path() / "store").string(), "--log-level", "warning"},
                                       folder_.path() / "broker.log");
}

std::unique_ptr<BlockingBrokerClient> BrokerUnderTest::connect(std::chrono::milliseconds deadline) {
  auto client = std::make_unique<BlockingBrokerClient>(endpoint_, ClientIdentity{"bench", ""}, deadline);
  value_of(client->ping());
  return client;
}

void BrokerUnderTest::declare_queue(const std::string& queue, const std::string& from_topic) {
  wire::DeclareQueue declare;
  declare.queue = queue;
  declare.from_topic = from_topic;
  declare.visibility_timeout_ms = 300'000;  // longer than any run: a redelivery would be counted as a duplicate
  declare.relaxed = options_.relaxed;
  value_of(connect()->declare_queue(declare));
}

std::string queue_name(const std::string& name, int number, int queues) {
  return queues == 1 ? name : name + "-" + std::to_string(number);
}

void BrokerUnderTest::declare_queues(const std::string& name, int queues) {
  const auto client = connect();
  for (int number = 0; number < queues; ++number) {
    const std::string queue = queue_name(name, number, queues);
    wire::DeclareQueue declare;
    declare.queue = queue;
    declare.visibility_timeout_ms = 300'000;
    declare.relaxed = options_.relaxed;
    if (options_.groups > 0) declare.fifo.emplace();
    value_of(client->declare_queue(declare));
  }
}

double BrokerUnderTest::disk_mib() const {
  std::uint64_t blocks = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{folder_.path()}) {
    struct stat status {};
    if (stat(entry.path().c_str(), &status) == 0) blocks += static_cast<std::uint64_t>(status.st_blocks);
  }
  return static_cast<double>(blocks) * 512 / (1024.0 * 1024.0);
}

void BrokerUnderTest::declare_topic(const std::string& topic) {
  value_of(connect()->declare_topic({topic}));
}

Account::Account(int producers, std::uint64_t per_producer)
    : per_producer_{per_producer}, total_{static_cast<std::uint64_t>(producers) * per_producer}, marks_(total_) {}

Account::Account(std::uint64_t sent, std::uint64_t wanted) : per_producer_{sent}, total_{wanted}, marks_(sent) {}

void Account::note(std::string_view packed) {
  const auto message = view_message(packed);
  std::uint32_t producer = 0;
  std::uint64_t number = 0;
  if (!message || message->body.size() < stamp_size) {
    ++strangers_;
    return;
  }
  std::memcpy(&producer, message->body.data(), sizeof producer);
  std::memcpy(&number, message->body.data() + sizeof producer, sizeof number);
  const std::uint64_t place = producer * per_producer_ + number;
  if (number >= per_producer_ || place >= marks_.size()) {
    ++strangers_;
  } else if (marks_[place].exchange(1, std::memory_order_relaxed) != 0) {
    ++duplicates_;
  } else {
    seen_.fetch_add(1, std::memory_order_relaxed);
  }
}

void Account::reached(Instant time) {
  const auto ticks = time.time_since_epoch().count();
  auto latest = finish_.load();
  while (latest < ticks && !finish_.compare_exchange_weak(latest, ticks)) {}
}

void require_exactly_once(const Account& account) {
  need(account.complete() && account.duplicates() == 0 && account.strangers() == 0,
       "of " + std::to_string(account.total()) + " messages " + std::to_string(account.seen()) + " were seen, " +
           std::to_string(account.duplicates()) + " twice, and " + std::to_string(account.strangers()) + " were never sent");
}

void run_until(BrokerClient& client, const Clock& clock, const std::function<bool()>& done) {
  std::vector<zmq_pollitem_t> items;
  const Instant give_up = clock.now() + std::chrono::seconds{60};
  while (!done()) {
    need(clock.now() < give_up, "nothing happened for 60 s");
    items.clear();
    client.append_poll_items(items);
    const Instant deadline = std::min(client.next_deadline(), clock.now() + std::chrono::milliseconds{100});
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock.now()).count();
    if (poll(items, std::max<long>(0, wait)) > 0) client.on_readable();
    if (clock.now() >= client.next_deadline()) client.tick();
  }
}

void produce(BrokerClient& client, const Clock& clock, const ProducerSettings& settings, std::vector<double>& confirm_us,
             Account* account) {
  const auto batch = static_cast<std::uint64_t>(std::min(settings.batch, settings.window));
  const auto window = static_cast<std::uint64_t>(settings.window);
  std::uint64_t sent = 0;
  std::uint64_t confirmed = 0;
  std::string refused;

  Message message;
  message.source = "bench";
  message.type = "bench.message";
  message.body.assign(std::max(settings.size, stamp_size), 'x');
  std::vector<std::string> queues;
  for (int number = 0; number < settings.queues; ++number) queues.push_back(queue_name(settings.channel, number, settings.queues));
  std::size_t next_queue = 0;
  std::vector<std::string> packed(batch);
  std::vector<std::string_view> views(batch);
  const auto send_batch = [&] {
    const std::uint64_t count = std::min(batch, settings.messages - sent);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t number = settings.first + sent + i;
      const auto producer = static_cast<std::uint32_t>(settings.number);
      std::memcpy(message.body.data(), &producer, sizeof producer);
      std::memcpy(message.body.data() + sizeof producer, &number, sizeof number);
      message.id = settings.id_prefix + std::to_string(settings.number) + "-" + std::to_string(number);
      message.time_ms = 1;
      if (settings.groups > 0) message.group_id = std::to_string(number % settings.groups);
      packed[i].clear();
      pack(message, packed[i]);
      views[i] = packed[i];
    }
    const Instant begin = clock.now();
    auto done = [&, begin, count](Result<std::uint64_t> result) {
      if (!result) refused = result.error().code + ": " + result.error().message;
      confirmed += count;
      confirm_us.push_back(std::chrono::duration<double, std::micro>(clock.now() - begin).count());
    };
    const std::span<const std::string_view> messages{views.data(), count};
    if (settings.to_topic) {
      client.publish(settings.channel, messages, std::move(done));
    } else if (settings.to_stream) {
      client.append(settings.channel, messages, std::move(done));
    } else {
      client.send(queues[next_queue], messages, std::move(done));
      next_queue = (next_queue + 1) % queues.size();
    }
    sent += count;
  };
  while (confirmed < settings.messages) {
    while (sent < settings.messages && sent - confirmed + batch <= window) send_batch();
    const std::uint64_t before = confirmed;
    run_until(client, clock, [&] { return confirmed > before || !refused.empty(); });
    need(refused.empty(), "a send was refused: " + refused);
  }
  if (account != nullptr) account->reached(clock.now());
}

void consume(BrokerClient& client, const Clock& clock, const ConsumerSettings& settings, Account& account,
             const std::atomic<bool>& failed) {
  const int batch = std::min(settings.batch, settings.window);
  std::vector<std::string> queues;
  for (int number = 0; number < settings.queues; ++number) queues.push_back(queue_name(settings.queue, number, settings.queues));
  std::size_t next_queue = 0;
  int receiving = 0;
  std::uint64_t deleting = 0;
  std::string refused;
  std::vector<std::string_view> handles;
  std::function<void(const std::string&)> ask = [&](const std::string& queue) {
    ++receiving;
    client.receive(queue, static_cast<std::uint32_t>(batch), std::chrono::milliseconds{200},
                   [&, queue](Result<std::span<const BrokerClient::Received>> result) {
                     --receiving;
                     if (!result) {
                       refused = result.error().code + ": " + result.error().message;
                       return;
                     }
                     handles.clear();
                     for (const auto& received : *result) {
                       account.note(received.message);
                       handles.push_back(received.handle);
                     }
                     if (!handles.empty()) {
                       ++deleting;
                       client.delete_messages(queue, handles, [&](Result<std::vector<wire::HandleError>> deleted) {
                         --deleting;
                         account.reached(clock.now());
                         if (!deleted || !deleted->empty()) refused = "a delete was refused";
                       });
                     }
                     if (account.complete() || failed) return;
                     // A queue gets whole batches, so a batch is taken whole; an empty one is waited for.
                     ask(handles.empty() ? queue : queues[std::exchange(next_queue, (next_queue + 1) % queues.size())]);
                   });
  };
  // Two receives at least: while one batch is deleted the next one is on its way.
  for (int i = 0; i < std::clamp(settings.window / batch, 2, 64); ++i) {
    ask(queues[std::exchange(next_queue, (next_queue + 1) % queues.size())]);
  }
  run_until(client, clock, [&] { return failed || !refused.empty() || (account.complete() && deleting == 0); });
  need(refused.empty(), "consumer: " + refused);
}

Instant run_together(const std::vector<std::function<void(std::atomic<bool>&)>>& tasks) {
  std::atomic<bool> failed{false};
  std::mutex mutex;
  std::string first_failure;
  std::barrier start{static_cast<std::ptrdiff_t>(tasks.size() + 1)};
  std::vector<std::thread> threads;
  for (const auto& task : tasks) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      try {
        task(failed);
      } catch (const std::exception& error) {
        const std::lock_guard lock{mutex};
        if (first_failure.empty()) first_failure = error.what();
        failed = true;
      }
    });
  }
  const Instant begin = SystemClock{}.now();
  start.arrive_and_wait();
  for (auto& thread : threads) thread.join();
  need(!failed, first_failure);
  return begin;
}

double percentile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const auto place = std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(place), values.end());
  return values[place];
}

Result<Report> guarded(const std::function<Report()>& workload) {
  try {
    return workload();
  } catch (const std::exception& error) {
    return fail("bench_failed", error.what());
  }
}

}  // namespace remuda::bench
