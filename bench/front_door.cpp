// sqs: the life of messages through the SQS gateway, as a program of Amazon's SDK would lead it: 8 keep-alive connections, each of
// which sends ten, receives ten and deletes ten in turn, in JSON; then how long a long poll on an empty queue takes to be woken.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>
#include <future>
#include <thread>

#include "bench/queue_load.hpp"
#include "bench/topology_run.hpp"

namespace remuda::bench {

namespace {

constexpr std::size_t number_size = 16;  ///< every body begins with its number
constexpr int wake_ups = 300;

/// A keep-alive connection that asks and waits. Throws std::runtime_error on whatever is not 200.
class Caller {
 public:
  explicit Caller(std::uint16_t port) : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("the gateway does not answer");
  }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  ~Caller() { close(socket_); }

  /// The body of the answer; valid until the next call.
  std::string_view call(std::string_view action, std::string_view body) {
    request_.clear();
    fmt::format_to(
        std::back_inserter(request_),
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.{}\r\n"
        "Content-Length: {}\r\n\r\n{}",
        action, body.size(), body);
    for (std::string_view rest = request_; !rest.empty();) {
      const auto sent = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0) throw std::runtime_error("the gateway has hung up");
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    return answer();
  }

 private:
  int socket_;
  std::string request_;
  std::string received_;

  void read_more() {
    std::array<char, 65'536> part{};
    const auto size = recv(socket_, part.data(), part.size(), 0);
    if (size <= 0) throw std::runtime_error("the gateway has hung up");
    received_.append(part.data(), static_cast<std::size_t>(size));
  }

  std::string_view answer() {
    constexpr std::string_view field = "Content-Length: ";
    received_.clear();
    std::size_t head = 0;
    while ((head = received_.find("\r\n\r\n")) == std::string::npos) read_more();
    head += 4;
    if (!received_.starts_with("HTTP/1.1 200")) throw std::runtime_error("the gateway refused: " + received_);
    std::size_t size = 0;
    if (const auto at = received_.find(field); at < head)
      std::from_chars(received_.data() + at + field.size(), received_.data() + head, size);
    while (received_.size() < head + size) read_more();
    return std::string_view{received_}.substr(head, size);
  }
};

/// The texts that stand behind `"name":"`, in order. What is looked for holds no escapes.
std::vector<std::string_view> texts(std::string_view json, std::string_view name) {
  const auto mark = fmt::format("\"{}\":\"", name);
  std::vector<std::string_view> found;
  for (auto at = json.find(mark); at != std::string_view::npos; at = json.find(mark, at)) {
    at += mark.size();
    found.push_back(json.substr(at, json.find('"', at) - at));
  }
  return found;
}

std::string create_queue(Caller& caller, std::string_view name) {
  return std::string{texts(caller.call("CreateQueue", fmt::format(R"({{"QueueName":"{}"}})", name)), "QueueUrl").at(0)};
}

/// Which of the messages were seen, by their numbers.
class Marks {
 public:
  explicit Marks(std::uint64_t total) : marks_(total) {}
  void note(std::string_view body) {
    std::uint64_t number = 0;
    std::from_chars(body.data(), body.data() + std::min(number_size, body.size()), number);
    if (number >= marks_.size() || marks_[number].exchange(1) != 0)
      throw std::runtime_error("a message came twice, or was never sent");
    seen_.fetch_add(1);
  }
  [[nodiscard]] bool complete() const { return seen_ == marks_.size(); }

 private:
  std::vector<std::atomic<std::uint8_t>> marks_;
  std::atomic<std::uint64_t> seen_{0};
};

/// Sends messages [first, last) ten at a time, receiving and deleting in turn, then goes on receiving until all have been seen.
void live(std::uint16_t port, const std::string& queue, std::uint64_t first, std::uint64_t last, const Options& options, int batch,
          Marks& marks, const std::atomic<bool>& failed) {
  Caller caller{port};
  const std::string padding(options.size > number_size ? options.size - number_size : 0, 'x');
  const auto receive = fmt::format(R"({{"QueueUrl":"{}","MaxNumberOfMessages":{}}})", queue, batch);
  std::string body;
  while (!failed && (first < last || !marks.complete())) {
    if (first < last) {
      body = fmt::format(R"({{"QueueUrl":"{}","Entries":[)", queue);
      for (int i = 0; i < batch && first < last; ++i, ++first)
        fmt::format_to(std::back_inserter(body), R"({}{{"Id":"{}","MessageBody":"{:016}{}"}})", i == 0 ? "" : ",", i, first,
                       padding);
      body += "]}";
      if (caller.call("SendMessageBatch", body).find("\"Failed\"") != std::string_view::npos)
        throw std::runtime_error("a message was refused");
    }
    const auto received = caller.call("ReceiveMessage", receive);
    for (const auto text : texts(received, "Body")) marks.note(text);
    const auto handles = texts(received, "ReceiptHandle");
    if (handles.empty()) continue;
    body = fmt::format(R"({{"QueueUrl":"{}","Entries":[)", queue);
    for (std::size_t i = 0; i < handles.size(); ++i)
      fmt::format_to(std::back_inserter(body), R"({}{{"Id":"{}","ReceiptHandle":"{}"}})", i == 0 ? "" : ",", i, handles[i]);
    body += "]}";
    if (caller.call("DeleteMessageBatch", body).find("\"Failed\"") != std::string_view::npos)
      throw std::runtime_error("a message was not deleted");
  }
}

/// Messages per second through send, receive and delete.
double throughput(std::uint16_t port, const std::string& queue, std::uint64_t messages, int connections, int batch,
                  const Options& options) {
  Marks marks{messages};
  std::vector<std::function<void(std::atomic<bool>&)>> tasks;
  const auto each = static_cast<std::uint64_t>(connections);
  for (std::uint64_t i = 0; i < each; ++i) {
    tasks.emplace_back([&, i](std::atomic<bool>& failed) {
      live(port, queue, messages * i / each, messages * (i + 1) / each, options, batch, marks, failed);
    });
  }
  const SystemClock clock;
  const auto begin = run_together(tasks);
  return static_cast<double>(messages) / Seconds{clock.now() - begin}.count();
}

/// Microseconds from before the send until the receive that waited is answered.
std::vector<double> wake_up_times(std::uint16_t port, const std::string& queue) {
  Caller sender{port};
  Caller receiver{port};
  const auto send = fmt::format(R"({{"QueueUrl":"{}","MessageBody":"wake up"}})", queue);
  const auto receive = fmt::format(R"({{"QueueUrl":"{}","WaitTimeSeconds":20}})", queue);
  const SystemClock clock;
  std::vector<double> times;
  for (int i = 0; i < wake_ups; ++i) {
    auto woken = std::async(std::launch::async, [&] {
      const auto handles = texts(receiver.call("ReceiveMessage", receive), "ReceiptHandle");
      const auto now = clock.now();
      if (!handles.empty())
        receiver.call("DeleteMessage", fmt::format(R"({{"QueueUrl":"{}","ReceiptHandle":"{}"}})", queue, handles.front()));
      return now;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds{3});  // until the receive waits
    const auto begin = clock.now();
    sender.call("SendMessage", send);
    times.push_back(std::chrono::duration<double, std::micro>{woken.get() - begin}.count());
  }
  return times;
}

Report measure(const Options& options) {
  constexpr int connections_usual = 8;
  constexpr int batch_max = 10;
  const auto program = program_folder();
  const auto installed = program.parent_path() / "share/remuda/launch/sqs.toml";
  const auto in_tree = program.parent_path().parent_path().parent_path() / "launch/sqs.toml";
  const auto launch_file = std::filesystem::exists(installed) ? installed : in_tree;
  const auto port = static_cast<std::uint16_t>(free_port());
  TopologyRun topology{
      "bench-sqs-" + std::to_string(getpid()), launch_file, {fmt::format("sqs=127.0.0.1:{}", port)}, options.data_folder};
  std::string queue;
  {
    Caller caller{port};
    queue = create_queue(caller, "line");
  }
  const int connections = options.producers.value_or(connections_usual);
  const int batch = std::clamp(options.batch, 1, batch_max);
  const double warm_up = throughput(port, queue, 10'000, connections, batch, options);
  const auto messages = options.messages != 0 ? options.messages : static_cast<std::uint64_t>(warm_up * options.seconds) + 10'000;

  Report report;
  report.workload = "sqs";
  report.size = options.size;
  report.producers = connections;
  report.consumers = connections;
  report.batch = batch;
  report.window = batch;
  report.messages = messages;
  report.msgs_per_s = throughput(port, queue, messages, connections, batch, options);
  auto times = wake_up_times(port, queue);
  report.p50_us = percentile(times, 0.5);
  report.p99_us = percentile(times, 0.99);
  report.durability = "synced";
  return report;
}

}  // namespace

Result<Report> front_door(const Options& options) {
  return guarded([&] { return measure(options); });
}

}  // namespace remuda::bench
