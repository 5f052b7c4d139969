#include "cli/supervisor/supervisor.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>

#include "cli/supervisor/announcer.hpp"
#include "cli/supervisor/command_server.hpp"
#include "cli/supervisor/fleet.hpp"
#include "cli/supervisor/output_collector.hpp"
#include "cli/supervisor/process_report.hpp"
#include "cli/supervisor/scale_desk.hpp"
#include "cli/supervisor/scaled_plan.hpp"
#include "cli/supervisor/swap_desk.hpp"
#include "cli/supervisor/topology_folder.hpp"
#include "common/clock.hpp"
#include "common/control.hpp"
#include "common/socket.hpp"

namespace remuda::supervisor {

using cli::ExitCode;
using topology::ProcessPlan;

namespace {

constexpr int poll_batch_max = 256;  // frames of the control socket per turn

template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
overloaded(Fs...) -> overloaded<Fs...>;

/// Twenty nodes are sixty descriptors here; two hundred must not fail at the usual soft limit of 1,024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

class Supervisor {
 public:
  Supervisor(SupervisorOptions options, std::unique_ptr<Spawner> spawner, Audience& audience, FileDescriptor signals,
             CommandServer commands)
      : options_{std::move(options)},
        spawner_{std::move(spawner)},
        signals_{std::move(signals)},
        commands_{std::move(commands)},
        control_{context_, SocketKind::router},
        control_endpoint_{fmt::format("ipc://@remuda/{}-{}/control", options_.plan.name, getpid())},
        folder_{options_.entry.data_folder},
        fleet_{options_.plan.processes, std::random_device{}()},
        facts_(options_.plan.processes.size()),
        announcer_{options_.plan, facts_, audience, clock_, folder_.logs()},
        swaps_{options_.plan,
               fleet_,
               facts_,
               announcer_,
               handovers_,
               options_.entry.data_folder + "/programs",
               {[this](std::size_t i, const ControlRequest& request) { tell(i, request); },
                [this](std::size_t i) { carry_out(fleet_.restart({i}, clock_.now())); }, [this](std::size_t i) { kill(i); }}},
        scales_{options_.plan,
                fleet_,
                facts_,
                announcer_,
                handovers_,
                {[this](std::size_t i, const ControlRequest& request) { tell(i, request); },
                 [this](const std::set<std::size_t>& which) { carry_out(fleet_.start(which, clock_.now())); },
                 [this](const std::set<std::size_t>& which) { carry_out(fleet_.stop(which, clock_.now())); },
                 [this](std::size_t i) { kill(i); },
                 [this](const topology::Plan& before, const topology::Plan& now) { record(before, now); }}} {
    for (std::size_t i = 0; i < facts_.size(); ++i)
      facts_[i].launched_program = facts_[i].program = facts_[i].wanted_program = options_.executables[i];
  }

  Result<void> open() {
    if (const Result<std::string> bound = control_.listen(control_endpoint_); !bound) return Failure<Error>{bound.error()};
    if (const Result<void> prepared = folder_.prepare(options_.plan); !prepared) return prepared;
    options_.entry.pid = getpid();
    options_.entry.started_ms = to_unix_ms(clock_.wall_now());
    return options_.registry.write(options_.entry);
  }

  ExitCode run() {
    announcer_.tell(Progress::Kind::started, options_.plan.name);
    carry_out(fleet_.start(fleet_.everything(), clock_.now()));
    while (!is_over()) {
      wait();
      take_spawner_events();
      take_control_messages();
      announcer_.lines(outputs_.on_readable());
      take_signals();
      take_commands();
      carry_out(fleet_.tick(clock_.now()));
      swaps_.course().tick(clock_.now());
      scales_.tick(clock_.now());
      announcer_.changes(fleet_);
      answer_finished_commands();
    }
    // Whoever asked for the end may rely on it: nothing of this topology runs, and its name is free.
    options_.registry.remove(options_.entry.name);
    spawner_.reset();
    options_.name_lock.reset();
    for (const Pending& pending : pending_) answer(pending, true);
    return exit_code_;
  }

 private:
  /// A command whose answer waits until its processes are where it wants them.
  struct Pending {
    std::uint64_t connection;
    std::string verb;
    std::set<std::size_t> processes;
  };

  // ---- constant after construction
  SystemClock clock_;
  SupervisorOptions options_;
  // ---- the outside world
  std::unique_ptr<Spawner> spawner_;
  FileDescriptor signals_;
  CommandServer commands_;
  Context context_;
  Socket control_;
  std::string control_endpoint_;
  OutputCollector outputs_;
  TopologyFolder folder_;
  // ---- what is known
  Fleet fleet_;
  std::vector<ProcessFacts> facts_;
  Announcer announcer_;
  std::uint64_t handovers_ = 0;  // swaps and scales so far, as processes are told
  SwapDesk swaps_;
  ScaleDesk scales_;
  std::vector<Pending> pending_;
  bool stopping_all_ = false;
  bool stopped_by_command_ = false;
  bool spawner_is_gone_ = false;
  bool killing_ = false;
  ExitCode exit_code_ = ExitCode::done;

  [[nodiscard]] bool is_over() {
    if (spawner_is_gone_) return true;
    if (!fleet_.none_running()) return false;
    if (stopping_all_ || killing_) return true;
    const bool nothing_to_come = fleet_.all_stopped(fleet_.everything());
    if (!nothing_to_come || stopped_by_command_ || !options_.ends_with_its_processes) return false;
    const bool any_failed = std::any_of(fleet_.processes().begin(), fleet_.processes().end(),
                                        [](const Process& p) { return p.state() == ProcessState::failed; });
    if (any_failed) exit_code_ = ExitCode::failed;
    return true;
  }

  void wait() {
    std::vector<zmq_pollitem_t> items{
        {nullptr, spawner_->fd(), ZMQ_POLLIN, 0}, {nullptr, signals_.get(), ZMQ_POLLIN, 0}, control_.poll_item()};
    commands_.append_poll_items(items);
    outputs_.append_poll_items(items);
    long timeout_ms = -1;
    auto deadline = fleet_.next_deadline();
    for (const auto& other : {swaps_.course().next_deadline(), scales_.next_deadline()}) {
      if (other && (!deadline || *other < *deadline)) deadline = other;
    }
    if (deadline) {
      timeout_ms = static_cast<long>(
          std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::milliseconds>(*deadline - clock_.now()).count() + 1));
    }
    poll(items, timeout_ms);
  }

  // ---- what happened

  void take_spawner_events() {
    while (std::optional<SpawnEvent> event = spawner_->next_event()) {
      const Instant now = clock_.now();
      std::visit(overloaded{
                     [&](const Spawned& e) { carry_out(fleet_.spawned(e.process, e.pid, now)); },
                     [&](const SpawnFailed& e) {
                       announcer_.lines(outputs_.finish(e.process));
                       announcer_.note(e.process, LogLevel::error, e.why);
                       carry_out(fleet_.spawn_failed(e.process, e.why, now));
                       ended(e.process, false, e.why, now);
                     },
                     [&](const Exited& e) {
                       announcer_.lines(outputs_.finish(e.process));
                       carry_out(fleet_.exited(e.process, e.ending, now));
                       ended(e.process, e.ending.success(), e.ending.text(), now);
                     },
                     [&](const SpawnerGone&) {
                       announcer_.say(LogLevel::error, "the process starter died, and with it every process of the topology");
                       spawner_is_gone_ = true;
                       exit_code_ = ExitCode::failed;
                     },
                 },
                 *event);
      if (spawner_is_gone_) return;
      announcer_.changes(fleet_);
    }
  }

  void ended(std::size_t process, bool well, const std::string& how, Instant now) {
    swaps_.course().ended(process, well, how, now);
    scales_.ended(process, well, how, now);
  }

  void take_control_messages() {
    Frame routing_id;
    Frame frame;
    for (int i = 0; i < poll_batch_max; ++i) {
      const Arrival arrival = control_.receive_from(routing_id, frame);
      if (arrival == Arrival::nothing) return;
      if (arrival == Arrival::multipart) continue;
      const Result<ControlMessage> message = decode_control_message(frame.bytes());
      if (!message) {
        announcer_.say(LogLevel::warning, "ignored on the control socket: " + message.error().message);
        continue;
      }
      if (const auto* hello = std::get_if<ControlHello>(&*message)) {
        greet(*hello, std::string{routing_id.bytes()});
        continue;
      }
      const auto known =
          std::find_if(facts_.begin(), facts_.end(), [&](const ProcessFacts& f) { return f.routing_id == routing_id.bytes(); });
      if (known == facts_.end() || known->routing_id.empty()) continue;  // of a process that has been replaced
      const auto process = static_cast<std::size_t>(known - facts_.begin());
      const Instant now = clock_.now();
      std::visit(overloaded{
                     [](const ControlHello&) {},
                     [&](const ControlReady&) {
                       carry_out(fleet_.said_ready(process, now));
                       swaps_.course().ready(process, now);
                       scales_.ready(process, now);
                     },
                     [&](const ControlHeartbeat& beat) {
                       fleet_.heartbeat(process, now);
                       known->report = beat.report;
                     },
                     [&](const ControlBye& bye) {
                       known->report = bye.report;
                       if (bye.exit_code != 0 && !bye.reason.empty()) announcer_.note(process, LogLevel::error, bye.reason);
                     },
                     [&](const auto& word) {
                       swaps_.course().said(process, word, now);
                       scales_.said(process, word, now);
                     },
                 },
                 *message);
    }
  }

  /// The pid decides which process it is: a name alone could be a stranger's, or one of before a restart.
  void greet(const ControlHello& hello, std::string routing_id) {
    for (std::size_t i = 0; i < facts_.size(); ++i) {
      const Process& process = fleet_.processes()[i];
      if (process.plan().node != hello.name || process.plan().replica != hello.replica || process.state() == ProcessState::stopped)
        continue;
      const auto pid = static_cast<pid_t>(hello.pid);
      if (process.is_running() && process.pid() != pid && getpgid(pid) != process.pid()) continue;
      facts_[i].routing_id = std::move(routing_id);
      facts_[i].version = hello.version;
      swaps_.course().greeted(i, clock_.now());
      scales_.greeted(i, clock_.now());
      return;
    }
    announcer_.say(LogLevel::warning, fmt::format("a process {} that calls itself {}/{} is none of this topology", hello.pid,
                                                  hello.name, hello.replica));
  }

  void take_signals() {
    signalfd_siginfo info{};
    while (read(signals_.get(), &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGCHLD) {
        // Only orphans of our processes come here (we are their reaper); the helper is waited for by its owner.
        while (waitpid(-1, nullptr, WNOHANG) > 0) {}
        continue;
      }
      if (!stopping_all_) {
        stop_everything(info.ssi_signo == SIGINT ? "stopping in order; Ctrl-C again ends everything at once" : "stopping in order");
      } else if (info.ssi_signo != SIGHUP) {
        kill_everything();
      }
    }
  }

  void stop_everything(const std::string& text) {
    stopping_all_ = true;
    announcer_.tell(Progress::Kind::stopping, text);
    swaps_.abandon(clock_.now());  // who is held could not finish
    scales_.abandon(clock_.now());
    carry_out(fleet_.stop(fleet_.everything(), clock_.now()));
  }

  void kill_everything() {
    killing_ = true;
    exit_code_ = ExitCode::interrupted;
    carry_out(fleet_.kill_all());
  }

  void take_commands() {
    for (const CommandRequest& request : commands_.on_readable()) {
      const nlohmann::json json = nlohmann::json::parse(request.json, nullptr, false);
      const std::string verb = json.is_object() ? json.value("do", "") : "";
      std::vector<std::string> nodes;
      if (json.is_object() && json.contains("nodes") && json["nodes"].is_array()) {
        for (const auto& node : json["nodes"]) {
          if (node.is_string()) nodes.push_back(node.get<std::string>());
        }
      }
      if (verb == "swap") {
        swap(request.connection, nodes, json);
        continue;
      }
      if (verb == "scale") {
        scale(request.connection, nodes, json);
        continue;
      }
      obey(request.connection, verb, nodes, json.is_object() && json.value("now", false));
    }
  }

  void obey(std::uint64_t connection, const std::string& verb, const std::vector<std::string>& nodes, bool at_once) {
    const Result<std::set<std::size_t>> selected = fleet_.select(nodes);
    if (!selected) return refuse(connection, selected.error());
    const Instant now = clock_.now();
    const Pending pending{connection, verb, *selected};
    if (verb == "ps") return answer(pending, true);
    const auto any = [&](const auto& is_so) { return std::any_of(selected->begin(), selected->end(), is_so); };
    if (verb != "down" && any([&](std::size_t i) { return swaps_.is_swapping(i); }))
      return refuse(connection, {"swap_in_progress", "it is being swapped; wait until that is done", true});
    if (verb != "down" && any([&](std::size_t i) { return scales_.is_scaling(i); }))
      return refuse(connection, {"scale_in_progress", "it is being scaled; wait until that is done", true});
    if (stopping_all_ && verb != "down") return refuse(connection, {"stopping", "the topology is being stopped", true});
    if (verb == "stop") {
      stopped_by_command_ = true;
      carry_out(fleet_.stop(*selected, now));
    } else if (verb == "start") {
      stopped_by_command_ = false;
      carry_out(fleet_.start(*selected, now));
    } else if (verb == "restart") {
      carry_out(fleet_.restart(*selected, now));
    } else if (verb == "down") {
      if (!stopping_all_) stop_everything("stopping, as asked by 'remuda down'");
      if (at_once) carry_out(fleet_.kill_all());
    } else {
      return refuse(connection, {"unknown_operation",
                                 fmt::format("this supervisor does not know '{}'; it may be of another version", verb), true});
    }
    pending_.push_back(pending);
  }

  void swap(std::uint64_t connection, const std::vector<std::string>& nodes, const nlohmann::json& json) {
    const Result<std::set<std::size_t>> selected = fleet_.select(nodes);
    if (!selected) return refuse(connection, selected.error());
    if (stopping_all_) return refuse(connection, {"stopping", "the topology is being stopped", true});
    if (scales_.is_busy())
      return refuse(connection, {"scale_in_progress", "a node is being scaled; wait until that is done", true});
    const SwapCommand command{connection, *selected, json.value("program", ""),
                              std::chrono::milliseconds{json.value("ready_ms", std::int64_t{10'000})}};
    if (const Result<void> begun = swaps_.begin(command, clock_.now()); !begun) refuse(connection, begun.error());
  }

  /// `nodes` are `NODE=N`. With `dry_run` it only says which queues have to be there first.
  void scale(std::uint64_t connection, const std::vector<std::string>& nodes, const nlohmann::json& json) {
    if (stopping_all_) return refuse(connection, {"stopping", "the topology is being stopped", true});
    if (swaps_.is_busy()) return refuse(connection, {"swap_in_progress", "a node is being swapped; wait until that is done", true});
    const Result<std::vector<std::pair<std::string, int>>> counts = replica_counts(nodes);
    if (!counts) return refuse(connection, counts.error());
    const ScaleCommand command{connection, *counts, std::chrono::milliseconds{json.value("ready_ms", std::int64_t{10'000})}};
    if (json.value("dry_run", false)) {
      const Result<std::vector<ReplyQueue>> queues = scales_.look(command);
      if (!queues) return refuse(connection, queues.error());
      nlohmann::ordered_json list = nlohmann::ordered_json::array();
      for (const ReplyQueue& queue : *queues)
        list.push_back({{"queue", queue.name}, {"like", queue.like}, {"broker", queue.broker}});
      return commands_.answer(connection, fmt::format(R"({{"ok":true,"queues":{}}})", list.dump()));
    }
    if (const Result<void> begun = scales_.begin(command, clock_.now()); !begun) refuse(connection, begun.error());
  }

  /// Verbs that come later read the plan and the registry: who is where now.
  void record(const topology::Plan& before, const topology::Plan& now) {
    Result<void> written = folder_.write_plan(now);
    if (Result<TopologyEntry> entry = options_.registry.choose(options_.entry.name); written && entry) {
      replace_endpoints(*entry, before, now);
      written = options_.registry.write(*entry);
    }
    if (!written) announcer_.say(LogLevel::error, written.error().message);
  }

  // ---- what to do

  void kill(std::size_t i) { spawner_->signal(static_cast<std::uint32_t>(i), SIGKILL, true); }

  void carry_out(const Actions& actions) {
    for (const Action& action : actions) {
      switch (action.effect) {
        case Effect::spawn:
          spawn(action.process);
          break;
        case Effect::drain:
          drain(action.process);
          break;
        case Effect::kill:
          kill(action.process);
          break;
      }
    }
  }

  void spawn(std::size_t i) {
    const ProcessPlan& plan = options_.plan.processes[i];
    facts_[i].begin();
    swaps_.started(i);
    scales_.started(i);
    SpawnRequest request{static_cast<std::uint32_t>(i), facts_[i].program, plan.arguments, options_.environment};
    if (plan.kind == ProcessPlan::Kind::broker) {
      request.arguments.insert(request.arguments.end(), {"--definitions", folder_.definitions_of(plan.node)});
    }
    request.arguments.insert(request.arguments.end(), {"--data", folder_.data_of(plan, options_.plan), "--control",
                                                       control_endpoint_, "--log-format", "json"});
    request.limits = plan.limits;
    for (const auto& [name, value] : plan.environment) request.environment.push_back(name + "=" + value);

    Result<OutputCollector::WritingEnds> ends = outputs_.open(i);
    const Result<void> asked = ends ? spawner_->spawn(request, std::move(ends->standard_output), std::move(ends->standard_error))
                                    : Result<void>{Failure<Error>{ends.error()}};
    if (!asked) carry_out(fleet_.spawn_failed(i, asked.error().message, clock_.now()));
  }

  /// Who cannot be reached has ended, or will be seen not to answer.
  void tell(std::size_t i, const ControlRequest& request) {
    if (facts_[i].routing_id.empty()) return;
    [[maybe_unused]] const SendStatus status = control_.send_to(facts_[i].routing_id, encode(request));
  }

  void drain(std::size_t i) {
    tell(i, ControlDrain{});
    spawner_->signal(static_cast<std::uint32_t>(i), SIGTERM, false);
  }

  // ---- answers

  void answer_finished_commands() {
    if (const auto done = swaps_.take_done())
      answer({done->command.connection, "swap", done->command.processes}, done->ok, R"(,"swaps":)" + done->swaps);
    if (const auto done = scales_.take_done()) {
      std::set<std::size_t> processes;
      for (const auto& [node, replicas] : done->command.nodes) processes.merge(*fleet_.select({node}));
      answer({done->command.connection, "scale", processes}, done->ok, R"(,"scales":)" + done->scales);
    }
    const auto any_failed = [&](const std::set<std::size_t>& which) {
      return std::any_of(which.begin(), which.end(),
                         [&](std::size_t i) { return fleet_.processes()[i].state() == ProcessState::failed; });
    };
    for (auto it = pending_.begin(); it != pending_.end();) {
      const bool stops = it->verb == "stop";
      const bool starts = it->verb == "start" || it->verb == "restart";
      const bool reached = (stops && fleet_.all_stopped(it->processes)) ||
                           (starts && fleet_.is_settled(it->processes) && fleet_.all_ready(it->processes));
      const bool given_up = starts && any_failed(it->processes);
      if (!reached && !given_up) {
        ++it;
        continue;
      }
      answer(*it, reached);
      it = pending_.erase(it);
    }
  }

  void answer(const Pending& pending, bool ok, const std::string& more = {}) {
    const Instant now = clock_.now();
    std::string processes;
    for (const std::size_t i : pending.processes) {
      if (!processes.empty()) processes += ',';
      processes += process_as_json(options_.plan.name, fleet_.processes()[i], facts_[i], fleet_.waits_to_start(i), now);
    }
    commands_.answer(pending.connection, fmt::format(R"({{"ok":{},"processes":[{}]{}}})", ok, processes, more));
  }

  void refuse(std::uint64_t connection, const Error& error) {
    const nlohmann::json json{{"ok", false}, {"code", error.code}, {"message", error.message}};
    commands_.answer(connection, json.dump());
  }
};

}  // namespace

std::vector<std::string> allowed_environment() {
  static constexpr std::array names{
      "PATH",         "HOME",          "USER",         "LOGNAME",          "SHELL",           "LANG",
      "LC_ALL",       "LC_CTYPE",      "TZ",           "TMPDIR",           "XDG_RUNTIME_DIR", "REMUDA_KEYS",
      "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LLVM_PROFILE_FILE"};
  std::vector<std::string> environment;
  for (const char* name : names) {
    if (const char* value = std::getenv(name)) environment.push_back(fmt::format("{}={}", name, value));
  }
  return environment;
}

ExitCode supervise(SupervisorOptions options, std::unique_ptr<Spawner> spawner, Audience& audience) {
  // Before the first thread, so that ZeroMQ's inherit the mask and signals arrive in the loop alone.
  sigset_t handled;
  sigemptyset(&handled);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&handled, number);
  sigprocmask(SIG_BLOCK, &handled, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  const auto failed = [&](const std::string& why) {
    audience.on_line({SystemClock{}.wall_now(), "remuda", 0, LogLevel::error, why, {}});
    return ExitCode::failed;
  };
  FileDescriptor signals{signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK)};
  if (!signals.is_open()) return failed("cannot receive signals");
  Result<CommandServer> commands = CommandServer::listen(options.registry.socket_path(options.entry.name));
  if (!commands) return failed(commands.error().message);
  Supervisor supervisor{std::move(options), std::move(spawner), audience, std::move(signals), std::move(*commands)};
  if (const Result<void> opened = supervisor.open(); !opened) return failed(opened.error().message);
  return supervisor.run();
}

}  // namespace remuda::supervisor
