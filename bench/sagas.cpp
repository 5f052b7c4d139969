// saga: fare collection by its real processes: broker, orchestrator, card_payment, customer_account and fare_register, wired as
// launch/fare_collection.toml wires them. A driver in the place of gateway and printer keeps so many fares in flight and counts the success
// notices; the orchestrator is asked what it thinks of them. Then an orchestrator that is new to the world gets sagas that wait for
// somebody: memory, kill -9, restart, and some of them are woken.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include <nlohmann/json.hpp>

#include "bench/node_thread.hpp"
#include "bench/queue_load.hpp"

namespace remuda::bench {

namespace {

using Steady = std::chrono::steady_clock;
using Json = nlohmann::json;

constexpr std::uint64_t fares_default = 40'000;
constexpr std::uint64_t in_flight_default = 10'000;
constexpr std::uint64_t waiting_default = 100'000;
constexpr std::size_t tokens_kept = 1'000;
constexpr std::string_view fare_prefix = "fare-";
constexpr std::chrono::seconds patience{60};  // without any progress
constexpr int prefetch = 256;

/// A saga that waits for somebody who holds its token, for a week at most.
constexpr std::string_view waiting_definition = R"({
  "StartAt": "AwaitConfirmation",
  "States": {
    "AwaitConfirmation": {"Type": "Task", "Resource": "task:confirm.waitForTaskToken", "TimeoutSeconds": 604800,
                          "ResultPath": "$.confirmation", "End": true}
  }
})";

std::uint64_t in_flight(const Options& options) {
  return options.in_flight != 0 ? options.in_flight : in_flight_default;
}

double seconds_since(Steady::time_point begin) {
  return Seconds{Steady::now() - begin}.count();
}

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in{file};
  if (!in) throw std::runtime_error{"cannot read " + file.string()};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::filesystem::path fare_definition() {
  const auto program = program_folder();
  const auto installed = program.parent_path() / "share/remuda/configs/sagas/fare_collection.asl.json";
  if (std::filesystem::exists(installed)) return installed;
  return program.parent_path().parent_path().parent_path() / "configs/sagas/fare_collection.asl.json";
}

Message json_message(std::string id, std::string type, const Json& body) {
  Message message;
  message.id = std::move(id);
  message.type = std::move(type);
  message.source = "bench";
  message.time_ms = 1;
  message.datacontenttype = "application/json";
  message.body = body.dump();
  return message;
}

/// Stands before and behind the sagas: starts them, takes what comes out of them, asks the orchestrator. Whatever it is told of is
/// looked at from another thread.
class Driver final : public Node {
 public:
  struct Plan {
    std::uint64_t sagas = 0;
    std::uint64_t in_flight = 0;                    ///< started, and nothing came out yet
    std::vector<std::string> answered_tokens = {};  ///< of sagas that wait
  };
  explicit Driver(Plan plan) : plan_{std::move(plan)}, seen_(plan_.sagas, false) {}

  [[nodiscard]] NodeDescription describe() const override {
    const auto port = [](std::string name, Direction direction, bool request) {
      return PortDescription{.name = std::move(name), .direction = direction, .message = "", .request = request, .optional = true};
    };
    return {.name = "driver",
            .summary = "",
            .ports = {port("start", Direction::output, false), port("out", Direction::input, false),
                      port("replies", Direction::output, false), port("sagas", Direction::output, true)},
            .parameters = {}};
  }
  void start(NodeContext& context) override {
    context_ = &context;
    context_->post([this] { start_more(); });
    context_->post([this] { answer(); });
    // Only in the end: who asks makes the orchestrator count all its sagas.
    if (context_->can_ask("sagas")) {
      context_->every(std::chrono::milliseconds{100}, [this] {
        if (seen_count_ == plan_.sagas) ask();
      });
    }
  }
  Outcome on_message(std::string_view, const Message& message, Outbox&) override {
    if (tokens_.size() < tokens_kept) tokens_.push_back(message.correlation_id);
    note(std::string_view{message.correlation_id}.substr(0, message.correlation_id.rfind('/')));
    return Outcome::done;
  }
  void commit() override { start_more(); }

  [[nodiscard]] std::uint64_t seen() const { return seen_count_; }
  [[nodiscard]] std::uint64_t strangers() const { return strangers_; }
  [[nodiscard]] std::uint64_t completed() const { return completed_; }
  [[nodiscard]] std::uint64_t not_completed() const { return not_completed_; }
  /// The correlation ids of the first that came out; once its thread has ended.
  [[nodiscard]] const std::vector<std::string>& tokens() const { return tokens_; }

 private:
  Plan plan_;
  NodeContext* context_ = nullptr;
  std::vector<bool> seen_;
  std::vector<std::string> tokens_;
  std::uint64_t started_ = 0;
  bool asking_ = false;
  std::atomic<std::uint64_t> seen_count_{0};
  std::atomic<std::uint64_t> strangers_{0};      ///< not started, or not for the first time
  std::atomic<std::uint64_t> completed_{0};      ///< says the orchestrator
  std::atomic<std::uint64_t> not_completed_{0};  ///< the others that it knows

  void start_more() {
    for (; started_ < plan_.sagas && started_ - seen_count_ < plan_.in_flight; ++started_) {
      const std::string fare = std::string{fare_prefix} + std::to_string(started_);
      Message message = json_message(fare + "/start", "fare.submitted",
                                     {{"customerId", "cmr-" + std::to_string(started_ % 1'000)},
                                      {"fareId", fare},
                                      {"fareAmount", "$20.00"},
                                      {"cardToken", "card_0123456789abcdefghijklmno"}});
      message.subject = message.correlation_id = fare;
      context_->send("start", std::move(message), [](const Result<void>&) {});
    }
  }
  void answer() {
    for (const std::string& token : plan_.answered_tokens) {
      Message reply = json_message("answer/" + token, "confirm.done", {{"confirmed", true}});
      reply.correlation_id = token;
      context_->send("replies", std::move(reply), [](const Result<void>&) {});
    }
  }
  void note(std::string_view fare) {
    std::uint64_t number = plan_.sagas;
    if (fare.starts_with(fare_prefix)) {
      fare.remove_prefix(fare_prefix.size());
      std::from_chars(fare.data(), fare.data() + fare.size(), number);
    }
    if (number >= started_ || seen_[number]) {
      ++strangers_;
      return;
    }
    seen_[number] = true;
    ++seen_count_;
  }
  void ask() {
    if (std::exchange(asking_, true)) return;
    context_->request("sagas", json_message("", "question", {{"verb", "ls"}, {"limit", 1}}), std::chrono::seconds{20},
                      [this](const Result<Message>& answer) {
                        asking_ = false;
                        if (!answer) return;
                        const Json body = Json::parse(answer->body, nullptr, false);
                        if (!body.is_object() || !body.contains("counts")) return;
                        std::uint64_t others = 0;
                        for (const auto& [status, count] : body["counts"].items()) {
                          if (status != "completed") others += count.get<std::uint64_t>();
                        }
                        not_completed_ = others;
                        completed_ = body["counts"].value("completed", std::uint64_t{0});
                      });
  }
};

/// Runs a driver on a thread of its own, and looks at it until `done`. Throws when nothing moves for too long.
class DriverThread {
 public:
  DriverThread(Driver& driver, std::vector<std::string> bindings) : driver_{driver} {
    thread_ = std::thread{[this, bindings = std::move(bindings)] {
      try {
        run_bound_node(driver_, bindings, context_, clock_, stop_);
      } catch (const std::exception& error) {
        failure_ = error.what();
        failed_ = true;
      }
    }};
  }
  ~DriverThread() {
    stop_ = true;
    thread_.join();
  }
  DriverThread(const DriverThread&) = delete;
  DriverThread& operator=(const DriverThread&) = delete;

  void wait(const std::string& what, const std::function<bool()>& done) {
    auto moved = Steady::now();
    for (std::uint64_t before = 0; !done();) {
      if (failed_) throw std::runtime_error{"the driver failed: " + failure_};
      std::this_thread::sleep_for(std::chrono::milliseconds{2});
      if (const auto now = driver_.seen() + driver_.completed(); now != before) {
        before = now;
        moved = Steady::now();
      } else if (Steady::now() - moved > patience) {
        throw std::runtime_error{
            fmt::format("{}: {} seen, {} completed, and nothing moves any more", what, driver_.seen(), driver_.completed())};
      }
    }
  }

 private:
  Driver& driver_;
  SystemClock clock_;
  Context context_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> failed_{false};
  std::string failure_;
  std::thread thread_;
};

/// The queue node and the nodes of one topology, by hand: each is watched by its own process id.
class Processes {
 public:
  explicit Processes(const Options& options)
      : broker_{options}, folder_{options.data_folder}, sagas_{"tcp://127.0.0.1:" + std::to_string(free_port())} {
    const auto client = broker_.connect();
    const auto declare = [&](std::string_view queue, std::string_view from_topic = {}, std::string_view policy = {}) {
      wire::DeclareQueue declared;
      declared.queue = queue;
      declared.visibility_timeout_ms = 300'000;  // longer than any run: what comes twice is not the broker's doing
      declared.relaxed = options.relaxed;
      declared.from_topic = from_topic;
      if (!policy.empty()) {
        declared.selection = {policy, true};
      }
      const auto done = client->declare_queue(declared);
      if (!done) throw std::runtime_error{done.error().message};
    };
    if (const auto done = client->declare_topic({"fare-processing"}); !done) throw std::runtime_error{done.error().message};
    for (const char* queue :
         {"saga-start", "saga-replies", "fare-tasks", "card-payments", "customer-accounts", "fare-outcomes", "confirmations"})
      declare(queue);
    declare("successful-transactions", "fare-processing", R"({"IsSuccessful": ["true"]})");
    declare("failed-transactions", "fare-processing", R"({"IsSuccessful": ["false"]})");
  }

  /// `port=queue` for each pair.
  [[nodiscard]] std::vector<std::string> queues(const std::vector<std::pair<std::string, std::string>>& ports) const {
    std::vector<std::string> bindings;
    for (const auto& [port, queue] : ports) bindings.push_back(port + "=queue:" + broker_.endpoint() + "/" + queue);
    return bindings;
  }
  [[nodiscard]] std::string topic(const std::string& port, const std::string& topic) const {
    return port + "=topic:" + broker_.endpoint() + "/" + topic;
  }
  [[nodiscard]] std::string question_port() const { return "sagas=request:" + sagas_ + "/sagas"; }
  [[nodiscard]] BrokerUnderTest& broker() { return broker_; }

  /// Starts a node and waits until it says that it is ready; gives the seconds that took.
  double start(const std::string& executable, const std::string& name, const std::vector<std::string>& bindings,
               const std::vector<std::string>& parameters = {}) {
    const auto log = folder_.path() / (name + ".log");
    std::filesystem::remove(log);
    std::vector<std::string> arguments{
        "--name", name, "--data", (folder_.path() / name).string(), "--prefetch", std::to_string(prefetch)};
    for (const auto& binding : bindings) arguments.insert(arguments.end(), {"--port", binding});
    for (const auto& parameter : parameters) arguments.insert(arguments.end(), {"--param", parameter});
    const auto begin = Steady::now();
    nodes_[name] = std::make_unique<Process>(executable, arguments, log);
    while (text_of(log).find("ready") == std::string::npos) {
      if (seconds_since(begin) > 60) throw std::runtime_error{name + " did not become ready:\n" + text_of(log)};
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return seconds_since(begin);
  }
  [[nodiscard]] Process& node(const std::string& name) { return *nodes_.at(name); }

 private:
  BrokerUnderTest broker_;
  TemporaryFolder folder_;
  std::string sagas_;
  std::map<std::string, std::unique_ptr<Process>> nodes_;
};

void measure_fares(const Options& options, Report& report) {
  Processes processes{options};
  const std::vector<std::string> participants{"fare_register", "card_payment", "customer_account"};
  processes.start("fare_register", "fare_register",
                  processes.queues({{"requests", "fare-tasks"}, {"replies", "saga-replies"}, {"outcomes", "fare-outcomes"}}));
  processes.start("card_payment", "card_payment", processes.queues({{"requests", "card-payments"}, {"replies", "saga-replies"}}));
  processes.start("customer_account", "customer_account",
                  processes.queues({{"requests", "customer-accounts"}, {"replies", "saga-replies"}}));
  auto ports = processes.queues({{"start", "saga-start"},
                                 {"replies", "saga-replies"},
                                 {"ended", "fare-outcomes"},
                                 {"register", "fare-tasks"},
                                 {"complete_fare", "fare-tasks"},
                                 {"fail_fare", "fare-tasks"},
                                 {"pre_authorise", "card-payments"},
                                 {"charge", "card-payments"},
                                 {"release", "card-payments"},
                                 {"refund", "card-payments"},
                                 {"credit", "customer-accounts"},
                                 {"debit", "customer-accounts"}});
  ports.push_back(processes.topic("notices", "fare-processing"));
  ports.push_back(processes.question_port());
  processes.start("saga_orchestrator", "orchestrator", ports,
                  {"definitions={ fare_collection = '''" + text_of(fare_definition()) + "''' }", "reply_to=saga-replies",
                   "saga_id=body.fareId"});

  const std::uint64_t fares = options.messages != 0 ? options.messages : fares_default;
  Driver driver{{fares, in_flight(options)}};
  auto bindings = processes.queues({{"start", "saga-start"}, {"out", "successful-transactions"}});
  bindings.push_back(processes.question_port());
  const double broker_before = processes.broker().process().cpu_seconds();
  const auto begin = Steady::now();
  double took = 0;
  {
    DriverThread thread{driver, bindings};
    thread.wait("fares", [&] { return driver.seen() == fares; });
    took = seconds_since(begin);
    thread.wait("fares that are over", [&] { return driver.completed() == fares; });
  }
  if (driver.strangers() > 0 || driver.not_completed() > 0)
    throw std::runtime_error{fmt::format("of {} fares {} are not completed, and {} notices were too many", fares,
                                         driver.not_completed(), driver.strangers())};

  const auto per_saga = [&](double seconds) { return seconds * 1e6 / static_cast<double>(fares); };
  report.messages = fares;
  report.msgs_per_s = static_cast<double>(fares) / took;
  report.peak_rss_mib = processes.node("orchestrator").peak_rss_mib();
  report.more.emplace_back("orchestrator_cpu_us_per_saga", per_saga(processes.node("orchestrator").cpu_seconds()));
  double sum = 0;
  for (const auto& name : participants) {
    const double seconds = processes.node(name).cpu_seconds();
    sum += seconds;
    report.more.emplace_back(name + "_cpu_us_per_saga", per_saga(seconds));
  }
  report.more.emplace_back("participants_cpu_us_per_saga", per_saga(sum));
  report.more.emplace_back("broker_cpu_us_per_saga", per_saga(processes.broker().process().cpu_seconds() - broker_before));
}

void measure_waiting(const Options& options, Report& report) {
  Processes processes{options};
  const std::uint64_t sagas = options.backlog != 0 ? options.backlog : waiting_default;
  auto ports = processes.queues({{"start", "saga-start"}, {"replies", "saga-replies"}, {"confirm", "confirmations"}});
  ports.push_back(processes.question_port());
  const std::vector<std::string> parameters{"definitions={ confirmed_fare = '''" + std::string{waiting_definition} + "''' }",
                                            "reply_to=saga-replies", "saga_id=body.fareId"};
  processes.start("saga_orchestrator", "orchestrator", ports, parameters);
  const double empty_mib = processes.node("orchestrator").rss_mib();

  std::vector<std::string> tokens;
  {
    Driver driver{{sagas, in_flight(options)}};
    {
      DriverThread thread{driver, processes.queues({{"start", "saga-start"}, {"out", "confirmations"}})};
      thread.wait("sagas that wait", [&] { return driver.seen() == sagas; });
    }
    tokens = driver.tokens();
  }
  const double full_mib = processes.node("orchestrator").rss_mib();

  processes.node("orchestrator").kill_now();
  const double restart_s = processes.start("saga_orchestrator", "orchestrator", ports, parameters);
  const double restarted_mib = processes.node("orchestrator").rss_mib();
  const std::uint64_t woken = tokens.size();
  Driver waker{{0, 0, std::move(tokens)}};
  auto bindings = processes.queues({{"replies", "saga-replies"}});
  bindings.push_back(processes.question_port());
  DriverThread thread{waker, bindings};
  thread.wait("sagas that are woken", [&] { return waker.completed() == woken; });
  if (waker.completed() + waker.not_completed() != sagas)
    throw std::runtime_error{
        fmt::format("of {} sagas {} are known after the restart", sagas, waker.completed() + waker.not_completed())};

  report.more.emplace_back("waiting_sagas", static_cast<double>(sagas));
  report.more.emplace_back("bytes_per_waiting_saga", (full_mib - empty_mib) * 1024 * 1024 / static_cast<double>(sagas));
  report.more.emplace_back("restart_to_ready_s", restart_s);
  report.more.emplace_back("rss_restarted_mib", restarted_mib);
}

Report measure(const Options& options) {
  Report report;
  report.workload = "saga";
  report.producers = report.consumers = 1;
  report.batch = prefetch;
  report.window = static_cast<int>(in_flight(options));
  report.durability = options.relaxed ? "relaxed" : "synced";
  measure_fares(options, report);
  measure_waiting(options, report);
  return report;
}

}  // namespace

Result<Report> sagas(const Options& options) {
  return guarded([&] { return measure(options); });
}

}  // namespace remuda::bench
