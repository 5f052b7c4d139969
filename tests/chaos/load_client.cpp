// One client of a chaos run.
//
//   chaos_client setup    ENDPOINT                      declares the queues and the topic
//   chaos_client produce  ENDPOINT HISTORY NUMBER SEED  sends until SIGTERM; NUMBER is its own in the whole run
//   chaos_client consume  ENDPOINT HISTORY NUMBER SEED  receives and settles, in every way, until SIGTERM
//   chaos_client drain    ENDPOINT HISTORY              receives and deletes all that is left, and writes down the dead letters
//
// Exit code 0: everything that it asked was answered.

#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <deque>
#include <iostream>
#include <random>
#include <stdexcept>

#include "common/broker_client.hpp"
#include "common/message.hpp"
#include "tests/chaos/history.hpp"

namespace remuda::chaos {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t sends_outstanding_max = 8;
constexpr double messages_per_second = 2'500;  // of one producer
constexpr auto patience = 30s;                 // with a broker that is being killed

template <class T>
T need(Result<T> result, const std::string& what) {
  if (!result) throw std::runtime_error{what + ": " + result.error().code + ": " + result.error().message};
  return *std::move(result);
}

bool is_fifo(QueueName queue) {
  return queue == QueueName::orders;
}
std::string name(QueueName queue) {
  return std::string{queue_names[static_cast<std::size_t>(queue)]};
}

/// The loop of a client: poll, until SIGTERM; then until nothing is unanswered.
class Loop {
 public:
  explicit Loop(const std::string& endpoint, const std::string& who)
      : client_{endpoint, ClientIdentity{who, "chaos"}, clock_, BrokerClientOptions{frame_size_default, 1'000ms}} {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    signals_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  }
  template <class Work>
  int run(Work&& work) {
    std::vector<zmq_pollitem_t> items;
    std::optional<Instant> end;
    while (true) {
      if (!end) work();
      if (end && client_.unanswered() == 0) return 0;
      if (end && clock_.now() > *end) return std::cerr << client_.unanswered() << " requests were never answered\n", 1;
      items.clear();
      items.push_back({nullptr, signals_, ZMQ_POLLIN, 0});
      client_.append_poll_items(items);
      if (zmq_poll(items.data(), static_cast<int>(items.size()), 2) < 0 && errno != EINTR) throw std::runtime_error{"poll"};
      if (items[0].revents != 0 && !end) end = clock_.now() + patience;
      client_.tick();
    }
  }
  [[nodiscard]] BrokerClient& client() { return client_; }
  [[nodiscard]] Instant now() const { return clock_.now(); }

 private:
  SystemClock clock_;
  BrokerClient client_;
  int signals_ = -1;
};

class Producer {
 public:
  Producer(const std::string& endpoint, const std::string& history, std::uint64_t number, std::uint64_t seed)
      : loop_{endpoint, "producer-" + std::to_string(number)},
        history_{history},
        random_{seed},
        next_{number << 32U},
        started_{loop_.now()} {}

  int run() {
    return loop_.run([this] {
      const std::chrono::duration<double> passed = loop_.now() - started_;
      while (outstanding_ < sends_outstanding_max && static_cast<double>(sent_) < passed.count() * messages_per_second) send_some();
    });
  }

 private:
  void send_some() {
    const auto count = static_cast<std::uint32_t>(1 + random_() % 16);
    const auto dice = random_() % 100;
    const bool published = dice >= 75;
    const QueueName queue = dice < 40 ? QueueName::rides : QueueName::orders;
    const std::uint64_t first = next_;
    next_ += count;
    sent_ += count;
    std::vector<std::string> texts;
    for (std::uint32_t i = 0; i < count; ++i) texts.push_back(packed(first + i, !published && is_fifo(queue)));
    const std::vector<std::string_view> messages{texts.begin(), texts.end()};
    const auto note = [this, first, count, published, queue](Kind kind) {
      Entry entry;
      entry.kind = kind;
      entry.message = first;
      entry.count = count;
      for (const QueueName each : published ? std::vector{QueueName::ledger, QueueName::lake} : std::vector{queue}) {
        entry.queue = each;
        history_.add(entry);
      }
      history_.write();
    };
    note(Kind::send_asked);
    ++outstanding_;
    const auto confirmed = [this, note](const auto& answer) {
      if (!answer) throw std::runtime_error{"a send was refused: " + answer.error().code + ": " + answer.error().message};
      --outstanding_;
      note(Kind::send_confirmed);
    };
    if (published) {
      loop_.client().publish(topic_name, messages, [confirmed](const Result<std::uint64_t>& answer) { confirmed(answer); });
    } else {
      wire::Send send;
      const std::string to = name(queue);
      send.queue = to;
      send.messages = messages;
      loop_.client().send(send, [confirmed](const Result<std::vector<std::uint64_t>>& answer) { confirmed(answer); });
    }
  }

  Loop loop_;
  HistoryWriter history_;
  std::mt19937_64 random_;
  std::uint64_t next_;
  std::uint64_t sent_ = 0;
  std::size_t outstanding_ = 0;
  Instant started_;
};

/// queue, attempt and sequence, as PROTOCOL.md's clients may not look: the handle is opaque to everybody but a test of fencing.
void read_handle(std::string_view handle, Entry& entry) {
  if (handle.size() != 16) throw std::runtime_error{"a receipt handle of another size"};
  std::memcpy(&entry.attempt, handle.data() + 4, 4);
  std::memcpy(&entry.sequence, handle.data() + 8, 8);
}

/// The entry of one delivery.
Entry delivery_of(const BrokerClient::Received& received, QueueName queue, std::uint64_t asked_ns) {
  Entry entry;
  entry.queue = queue;
  entry.asked_ns = asked_ns;
  entry.count = received.receive_count;
  read_handle(received.handle, entry);
  const auto view = need(view_message(received.message), "a message");
  entry.message = std::stoull(std::string{view.id});
  const bool whole = received.message == packed(entry.message, is_fifo(queue));
  entry.kind = whole ? Kind::delivered : Kind::damaged;
  return entry;
}

class Consumer {
 public:
  Consumer(const std::string& endpoint, const std::string& history, std::uint64_t number, std::uint64_t seed)
      : loop_{endpoint, "consumer-" + std::to_string(number)}, history_{history}, random_{seed} {}

  int run() {
    return loop_.run([this] {
      for (std::size_t i = 0; i < queue_names.size(); ++i) {
        if (!asking_[i]) ask(static_cast<QueueName>(i));
      }
    });
  }

 private:
  void ask(QueueName queue) {
    asking_[static_cast<std::size_t>(queue)] = true;
    const std::uint64_t asked_ns = now_ns();
    const auto max = static_cast<std::uint32_t>(1 + random_() % 96);
    loop_.client().receive(name(queue), max, 20ms,
                           [this, queue, asked_ns](const Result<std::span<const BrokerClient::Received>>& got) {
                             asking_[static_cast<std::size_t>(queue)] = false;
                             if (got) work(queue, *got, asked_ns);
                           });
  }

  void work(QueueName queue, std::span<const BrokerClient::Received> received, std::uint64_t asked_ns) {
    std::vector<Entry> entries;
    const std::uint64_t got_ns = now_ns();
    for (const auto& each : received) {
      entries.push_back(delivery_of(each, queue, asked_ns));
      entries.back().time_ns = got_ns;
      history_.add(entries.back());
    }
    std::vector<std::string> deleted;
    std::vector<Entry> deletions;
    std::vector<std::function<void()>> others;
    for (std::size_t i = 0; i < received.size(); ++i) {
      const auto dice = random_() % 200;
      if (dice < 4) continue;  // forgotten: its timeout ends
      const std::string handle{received[i].handle};
      if (dice < 8) {
        note(entries[i], Kind::release_asked);
        others.push_back([this, queue, handle] {
          const std::string_view one = handle;
          loop_.client().release(name(queue), {&one, 1}, [](const auto&) {});
        });
      } else if (dice < 12) {
        note(entries[i], Kind::retry_asked);
        others.push_back([this, queue, handle, delay = dice < 10 ? std::optional{0ms} : std::nullopt] {
          loop_.client().retry_later(name(queue), handle, "no such customer", delay, [](const auto&) {});
        });
      } else if (dice < 13) {
        note(entries[i], Kind::reject_asked);
        others.push_back([this, queue, handle] { loop_.client().reject(name(queue), handle, "no such ride", [](const auto&) {}); });
      } else {
        note(entries[i], Kind::delete_asked);
        deleted.push_back(handle);
        deletions.push_back(entries[i]);
      }
    }
    history_.write();  // before anything of it leaves
    for (const auto& each : others) each();
    if (deleted.empty()) return;
    const std::vector<std::string_view> handles{deleted.begin(), deleted.end()};
    const std::uint64_t delete_asked_ns = now_ns();
    loop_.client().delete_messages(name(queue), handles,
                                   [this, deletions, delete_asked_ns](const Result<std::vector<wire::HandleError>>& answer) {
                                     if (!answer) throw std::runtime_error{"a delete was refused: " + answer.error().code};
                                     std::vector<bool> refused(deletions.size());
                                     for (const auto& error : *answer) refused[error.index] = true;
                                     for (std::size_t i = 0; i < deletions.size(); ++i) {
                                       Entry entry = deletions[i];
                                       entry.asked_ns = delete_asked_ns;
                                       note(entry, refused[i] ? Kind::delete_refused : Kind::delete_done);
                                     }
                                     history_.write();
                                   });
  }

  void note(Entry entry, Kind kind) {
    entry.kind = kind;
    entry.time_ns = 0;
    history_.add(entry);
  }

  Loop loop_;
  HistoryWriter history_;
  std::mt19937_64 random_;
  std::array<bool, queue_names.size()> asking_{};
};

void setup(const std::string& endpoint) {
  BlockingBrokerClient client{endpoint, {"setup", "chaos"}};
  need(client.declare_topic(wire::DeclareTopic{topic_name, false, "id"}), "topic");
  for (const QueueName queue : {QueueName::rides, QueueName::ledger, QueueName::lake, QueueName::orders}) {
    const std::string queue_name = name(queue);
    wire::DeclareQueue declare;
    declare.queue = queue_name;
    declare.visibility_timeout_ms = visibility_ms;
    declare.max_receives = max_receives;
    declare.dead_letter_queue = dead_letter_queues[is_fifo(queue) ? 1 : 0];
    if (is_fifo(queue)) declare.fifo.emplace();
    if (queue == QueueName::ledger || queue == QueueName::lake) declare.from_topic = topic_name;
    need(client.declare_queue(declare), queue_name);
  }
}

void check_accounts(BlockingBrokerClient& client) {
  for (const auto& info : need(client.list_queues(), "queues")) {
    const std::uint64_t there = info.visible + info.in_flight + info.delayed;
    const std::uint64_t gone = info.deleted + info.purged + info.dead_lettered + info.redriven + info.expired;
    if (info.sent != there + gone) throw std::runtime_error{"I12 accounting: the accounts of " + info.queue + " do not balance"};
  }
}

void drain_queue(BlockingBrokerClient& client, QueueName queue, HistoryWriter& history) {
  while (true) {
    const auto info = need(client.queue_info(name(queue)), "info");
    if (info.visible + info.in_flight + info.delayed == 0) return;
    const std::uint64_t asked_ns = now_ns();
    const auto batch = need(client.receive(name(queue), 1'000, 500ms), "receive");
    const std::uint64_t got_ns = now_ns();
    std::vector<std::string_view> handles;
    std::vector<Entry> entries;
    for (const auto& each : batch) {
      handles.push_back(each.handle);
      entries.push_back(
          delivery_of({each.handle, each.receive_count, each.sent_ms, each.first_received_ms, each.message}, queue, asked_ns));
      entries.back().time_ns = got_ns;
      history.add(entries.back());
    }
    if (batch.empty()) continue;
    std::uint64_t delete_asked_ns = now_ns();
    if (!need(client.delete_messages(name(queue), handles), "delete").empty())
      throw std::runtime_error{"a handle just received is stale"};
    for (Entry& entry : entries) {
      entry.time_ns = delete_asked_ns;
      entry.kind = Kind::delete_asked;
      history.add(entry);
      entry.asked_ns = delete_asked_ns;
      entry.time_ns = 0;
      entry.kind = Kind::delete_done;
      history.add(entry);
    }
    history.write();
  }
}

void write_down_dead_letters(BlockingBrokerClient& client, std::string_view queue, HistoryWriter& history) {
  std::uint64_t from = 0;
  while (true) {
    const auto batch = need(client.peek(wire::Peek{queue, from, 500, {}}), "peek");
    if (batch.empty()) break;
    for (const auto& each : batch) {
      from = each.sequence + 1;
      const auto origin = std::find(queue_names.begin(), queue_names.end(), each.origin_queue);
      if (origin == queue_names.end()) throw std::runtime_error{"a dead letter from nowhere"};
      Entry entry;
      entry.queue = static_cast<QueueName>(origin - queue_names.begin());
      entry.message = std::stoull(std::string{need(view_message(each.message), "a dead letter").id});
      entry.kind = each.message == packed(entry.message, is_fifo(entry.queue)) ? Kind::dead : Kind::damaged;
      entry.count = each.receive_count;
      history.add(entry);
    }
    history.write();
  }
  need(client.purge(wire::Purge{queue, {}, false}), "purge");
}

void drain(const std::string& endpoint, const std::string& path) {
  BlockingBrokerClient client{endpoint, {"drain", "chaos"}, 20s};
  HistoryWriter history{path};
  for (const QueueName queue : {QueueName::rides, QueueName::ledger, QueueName::lake, QueueName::orders})
    drain_queue(client, queue, history);
  for (const std::string_view queue : dead_letter_queues) write_down_dead_letters(client, queue, history);
  check_accounts(client);
}

}  // namespace
}  // namespace remuda::chaos

int main(int argc, char** argv) {
  const std::vector<std::string> arguments{argv + 1, argv + argc};
  try {
    if (arguments.size() == 2 && arguments[0] == "setup") return remuda::chaos::setup(arguments[1]), 0;
    if (arguments.size() == 3 && arguments[0] == "drain") return remuda::chaos::drain(arguments[1], arguments[2]), 0;
    if (arguments.size() == 5 && arguments[0] == "produce")
      return remuda::chaos::Producer{arguments[1], arguments[2], std::stoull(arguments[3]), std::stoull(arguments[4])}.run();
    if (arguments.size() == 5 && arguments[0] == "consume")
      return remuda::chaos::Consumer{arguments[1], arguments[2], std::stoull(arguments[3]), std::stoull(arguments[4])}.run();
    std::cerr << "usage: see load_client.cpp\n";
    return 2;
  } catch (const std::exception& problem) {
    std::cerr << problem.what() << '\n';
    return 1;
  }
}
