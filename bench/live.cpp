// W3, W4 and W10: what goes from node to node without a queue, through the runtime on both sides. W10 runs raw PUSH/PULL of the same
// size beside it, in the same process.
#include <algorithm>
#include <deque>
#include <thread>
#include <zmq.hpp>

#include "bench/node_thread.hpp"
#include "bench/process.hpp"
#include "bench/queue_load.hpp"

namespace remuda::bench {

namespace {

using Steady = std::chrono::steady_clock;
constexpr std::chrono::seconds patience{10};  // without any progress

std::string endpoint_of(const Options& options) {
  const std::string port = std::to_string(free_port());
  return options.transport == "ipc" ? "ipc://@remuda-bench-" + port : "tcp://127.0.0.1:" + port;
}

double seconds_since(Steady::time_point begin) {
  return std::chrono::duration<double>{Steady::now() - begin}.count();
}

/// Threads that are told to stop and waited for, whatever happens; the first failure is thrown by check().
class Threads {
 public:
  ~Threads() { join(); }
  void run(std::function<void(const std::atomic<bool>& stop)> task) {
    threads_.emplace_back([this, task = std::move(task)] {
      try {
        task(stop_);
      } catch (...) {
        if (!failed_.exchange(true)) failure_ = std::current_exception();
      }
    });
  }
  void check() {
    if (failed_) {
      join();
      std::rethrow_exception(failure_);
    }
  }
  void join() {
    stop_ = true;
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;
  std::vector<std::thread> threads_;
};

/// Waits, looking every millisecond, until `done`. Throws when `progress` stands still for too long: something was lost.
void wait(Threads& threads, const std::function<bool()>& done, const std::function<std::uint64_t()>& progress) {
  auto moved = Steady::now();
  for (std::uint64_t before = 0; !done();) {
    threads.check();
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
    if (const auto now = progress(); now != before) {
      before = now;
      moved = Steady::now();
    } else if (Steady::now() - moved > patience) {
      throw std::runtime_error{"messages were lost: nothing has come for 10 s"};
    }
  }
}

/// One source and so many sinks; the source is never further ahead of the slowest sink than `ahead_max`.
Report one_way(const Options& options, const std::string& kind, int sinks_count, std::uint64_t ahead_max) {
  const SystemClock clock;
  Context context;
  const std::string endpoint = endpoint_of(options);
  std::atomic<bool> end{false};
  std::deque<Sink> sinks(static_cast<std::size_t>(sinks_count));
  const auto slowest = [&] {
    std::uint64_t least = sinks.front().received();
    for (const auto& sink : sinks) least = std::min(least, sink.received());
    return least;
  };
  Source source{options.size, [&](std::uint64_t sent) { return sent - slowest() < ahead_max; }, end};
  Threads threads;
  for (auto& sink : sinks)
    threads.run([&](const std::atomic<bool>& stop) {
      run_bound_node(sink, {"in=" + kind + ":" + endpoint + "/line"}, context, clock, stop);
    });
  const std::string subscribers = kind == "pubsub" ? "?subscribers=" + std::to_string(sinks_count) : "";
  threads.run([&](const std::atomic<bool>& stop) {
    run_bound_node(source, {"out=" + kind + ":" + endpoint + "/line" + subscribers}, context, clock, stop);
  });
  wait(
      threads, [&] { return slowest() > 0; }, [&] { return slowest(); });  // connected: the clock runs from here
  const std::uint64_t before = slowest();
  const auto begin = Steady::now();
  wait(
      threads, [&] { return seconds_since(begin) >= options.seconds; }, slowest);
  end = true;
  wait(
      threads, [&] { return source.is_done() && slowest() == source.sent(); }, slowest);
  const double took = seconds_since(begin);
  threads.join();

  Report report;
  report.size = options.size;
  report.producers = 1;
  report.consumers = sinks_count;
  report.messages = source.sent() * static_cast<std::uint64_t>(sinks_count);
  report.msgs_per_s = static_cast<double>((source.sent() - before) * static_cast<std::uint64_t>(sinks_count)) / took;
  report.durability = "none";
  return report;
}

/// PUSH to PULL, a call for every message, nothing else.
double raw_push_pull(const Options& options) {
  zmq::context_t context{1};
  zmq::socket_t pull{context, zmq::socket_type::pull};
  pull.set(zmq::sockopt::rcvtimeo, 1'000);
  const std::string endpoint = endpoint_of(options);
  pull.bind(endpoint);
  std::atomic<bool> stop{false};
  std::thread pusher{[&] {
    zmq::socket_t push{context, zmq::socket_type::push};
    push.set(zmq::sockopt::linger, 0);
    push.set(zmq::sockopt::sndtimeo, 200);
    push.connect(endpoint);
    const std::string body(options.size, 'x');
    while (!stop) push.send(zmq::buffer(body), zmq::send_flags::none);
  }};
  zmq::message_t message;
  for (int i = 0; i < 10'000; ++i) static_cast<void>(pull.recv(message));
  std::uint64_t count = 0;
  const auto begin = Steady::now();
  while (count % 1'024 != 0 || seconds_since(begin) < options.seconds / 2) count += pull.recv(message) ? 1 : 0;
  const double took = seconds_since(begin);
  stop = true;
  pusher.join();
  return static_cast<double>(count) / took;
}

// ---- requests

class Answerer final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override {
    return {"answerer", "", {{.name = "questions", .direction = Direction::input, .message = "", .request = true}}, {}};
  }
  void start(NodeContext&) override {}
  Outcome on_message(std::string_view, const Message& question, Outbox& out) override {
    Message answer;
    answer.body = question.body;
    out.reply(std::move(answer));
    return Outcome::done;
  }
};

/// Keeps `outstanding` questions asked.
class Asker final : public Node {
 public:
  Asker(std::size_t size, const std::atomic<bool>& end) : size_{size}, end_{end} {}
  [[nodiscard]] NodeDescription describe() const override {
    return {"asker", "", {{.name = "questions", .direction = Direction::output, .message = "", .request = true}}, {}};
  }
  void start(NodeContext& context) override {
    context_ = &context;
    context.every(std::chrono::milliseconds{1}, [this] { fill(); });
  }
  Outcome on_message(std::string_view, const Message&, Outbox&) override { return Outcome::done; }

  std::atomic<std::size_t> outstanding_wanted{1};
  std::atomic<std::uint64_t> asked{0};
  std::atomic<std::uint64_t> answered{0};  ///< or failed
  std::atomic<std::uint64_t> failed{0};
  std::vector<double> round_trips_us;  ///< while one is asked at a time; read it after the end

 private:
  void fill() {
    while (!end_ && outstanding_ < outstanding_wanted) ask();
  }
  void ask() {
    Message question;
    question.id = std::to_string(++number_);
    question.source = "bench";
    question.time_ms = 1;
    question.body.assign(size_, 'x');
    ++outstanding_;
    ++asked;
    const auto begin = Steady::now();
    context_->request("questions", std::move(question), std::chrono::seconds{10}, [this, begin](const Result<Message>& answer) {
      --outstanding_;
      if (!answer) ++failed;
      ++answered;
      if (outstanding_wanted == 1) round_trips_us.push_back(seconds_since(begin) * 1e6);
      fill();
    });
  }

  std::size_t size_;
  const std::atomic<bool>& end_;
  NodeContext* context_ = nullptr;
  std::size_t outstanding_ = 0;
  std::uint64_t number_ = 0;
};

Report measure_requests(const Options& options) {
  const SystemClock clock;
  Context context;
  const std::string binding = "questions=request:" + endpoint_of(options) + "/questions";
  std::atomic<bool> end{false};
  Answerer answerer;
  Asker asker{options.size, end};
  Threads threads;
  threads.run([&](const std::atomic<bool>& stop) { run_bound_node(answerer, {binding}, context, clock, stop); });
  threads.run([&](const std::atomic<bool>& stop) { run_bound_node(asker, {binding}, context, clock, stop); });
  const auto progress = [&] { return asker.answered.load(); };
  wait(
      threads, [&] { return asker.answered >= 200; }, progress);
  auto begin = Steady::now();
  wait(
      threads, [&] { return seconds_since(begin) >= options.seconds / 2; }, progress);
  asker.outstanding_wanted = 64;
  wait(
      threads, [&, from = asker.answered.load()] { return asker.answered >= from + 1'000; }, progress);
  const std::uint64_t before = asker.answered;
  begin = Steady::now();
  wait(
      threads, [&] { return seconds_since(begin) >= options.seconds / 2; }, progress);
  const std::uint64_t answered = asker.answered - before;
  const double took = seconds_since(begin);
  end = true;
  wait(
      threads, [&] { return asker.answered == asker.asked; }, progress);  // before who answers is gone
  threads.join();
  if (asker.failed > 0) throw std::runtime_error{std::to_string(asker.failed) + " requests were not answered"};

  Report report;
  report.workload = "W4";
  report.size = options.size;
  report.producers = report.consumers = report.batch = 1;
  report.window = 64;
  report.messages = asker.answered;
  report.msgs_per_s = static_cast<double>(answered) / took;
  report.p50_us = percentile(asker.round_trips_us, 0.5);
  report.p99_us = percentile(asker.round_trips_us, 0.99);
  report.durability = "none";
  return report;
}

}  // namespace

Result<Report> live_topic(const Options& options) {
  return guarded([&] {
    Report report = one_way(options, "pubsub", 5, 16'384);
    report.workload = "W3";
    return report;
  });
}

Result<Report> requests(const Options& options) {
  return guarded([&] { return measure_requests(options); });
}

Result<Report> pipe(const Options& options) {
  return guarded([&] {
    Report report = one_way(options, "pipe", 1, std::numeric_limits<std::uint64_t>::max());
    report.workload = "W10";
    report.more = {{"raw_push_pull_per_s", raw_push_pull(options)}};
    return report;
  });
}

}  // namespace remuda::bench
