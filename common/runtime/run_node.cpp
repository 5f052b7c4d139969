// The shell around a node: command line, folders, signals, sockets, the supervisor. What happens to messages
// is in node_runtime.cpp.

#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <utility>

#include "common/control.hpp"
#include "common/log.hpp"
#include "common/runtime/describe.hpp"
#include "common/runtime/handover.hpp"
#include "common/runtime/node_options.hpp"
#include "common/runtime/node_runtime.hpp"
#include "common/runtime/stop_signals.hpp"
#include "common/runtime/wiring.hpp"
#include "common/socket.hpp"

namespace remuda {
namespace {

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

/// Wakes the loop from another thread.
class Wakeup {
 public:
  Wakeup() : fd_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
    if (fd_ < 0) throw std::runtime_error{std::string{"no eventfd for the loop: "} + std::strerror(errno)};
  }
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  ~Wakeup() { close(fd_); }

  void wake() const {
    const std::uint64_t one = 1;
    static_cast<void>(!write(fd_, &one, sizeof one));  // full: a wake-up is already waiting
  }
  void clear() const {
    std::uint64_t count = 0;
    static_cast<void>(!read(fd_, &count, sizeof count));
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

/// Creates the folder and what leads to it, readable by this user only.
void make_private_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error || !std::filesystem::is_directory(folder)) {
    throw std::runtime_error{"The data folder " + folder + " cannot be created: " + (error ? error.message() : "it is no folder") +
                             ". Choose another with --data."};
  }
  chmod(folder.c_str(), S_IRWXU);
}

long poll_timeout_ms(Instant deadline, Instant now) {
  if (deadline == Instant::max()) return -1;
  if (deadline <= now) return 0;
  // Rounded up: a deadline is met, not waited for in a busy loop of its last millisecond.
  return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count());
}

class NodeProcess {
 public:
  NodeProcess(Node& node, const NodeDescription& description, const NodeOptions& options, const Parameters& parameters)
      : options_{options},
        wiring_{description, options.ports, context_, clock_, {options.name, options.replica, options.prefetch}},
        runtime_{node,       {options.name, options.replica, options.data_folder},
                 parameters, wiring_.ports(),
                 clock_,     [this] { wakeup_.wake(); }},
        handover_{wiring_.ports().sources, [this](ControlMessage message) { control_.say(std::move(message)); }},
        control_{
            context_.native(),
            {options.control_endpoint, {options.name, options.replica, getpid(), remuda_version()}, life_fd_from_environment()},
            {[this] { return runtime_.figures().report(clock_.now()); }, [this] { ask_to_drain(); },
             [this](ControlRequest request) { hand_over(std::move(request)); }}} {}

  int run() {
    std::string reason = "drained";
    int exit_code = exit_failed;
    bool started = false;
    try {
      runtime_.start();
      started = true;
      loop();
      exit_code = runtime_.exit_code();
      if (!runtime_.drained()) {
        reason = "the drain took longer than its grace; what is unconfirmed comes again";
        log_warning(reason, {{"unsettled", runtime_.unsettled()}});
        exit_code = exit_failed;
      }
      runtime_.stop();
    } catch (const std::exception& error) {
      reason = error.what();
      log_error(reason);
      const bool wrong_parameters = !started && dynamic_cast<const std::invalid_argument*>(&error) != nullptr;
      exit_code = wrong_parameters ? exit_usage : exit_failed;
    }
    control_.bye(exit_code, reason);
    const auto report = runtime_.figures().report(clock_.now());
    log_info("stopped", {{"processed", report.processed},
                         {"failed", report.failed},
                         {"redelivered", report.redelivered},
                         {"exit_code", exit_code}});
    return exit_code;
  }

 private:
  void ask_to_drain() {
    drain_asked_ = true;
    wakeup_.wake();
  }

  /// On the control thread.
  void hand_over(ControlRequest request) {
    runtime_.post([this, request = std::move(request)] {
      look_again_ = true;
      if (const auto* hold = std::get_if<ControlHold>(&request)) handover_.hold(*hold);
      if (const auto* resume = std::get_if<ControlResume>(&request)) handover_.resume(*resume);
      if (const auto* await = std::get_if<ControlAwait>(&request)) handover_.await(*await, clock_.now());
      if (const auto* rewire = std::get_if<ControlRewire>(&request)) {
        this->rewire(*rewire);
        control_.say(ControlRewired{rewire->number});
      }
      if (const auto* finish = std::get_if<ControlFinish>(&request)) {
        finish_ = finish->number;
        runtime_.begin_drain();
      }
    });
  }

  void rewire(const ControlRewire& rewire) {
    for (const auto& text : rewire.ports) {
      if (const auto binding = parse_port_binding(text)) {
        wiring_.rewire(*binding);
      } else {
        log_error(binding.error().message);
      }
    }
  }

  [[nodiscard]] bool may_end() const { return runtime_.drained() && (!finish_ || drain_asked_ || signals_.asked()); }

  void loop() {
    bool said_ready = false;
    bool said_finished = false;
    Instant drain_ends = Instant::max();
    while (!may_end() && clock_.now() < drain_ends) {
      if (drain_asked_ || signals_.asked()) runtime_.begin_drain();
      if (runtime_.is_draining() && drain_ends == Instant::max()) {
        log_info("draining", {{"unsettled", runtime_.unsettled()}});
        drain_ends = clock_.now() + options_.stop_grace;
      }
      const bool more = runtime_.turn();
      if (!said_ready && runtime_.ready()) {
        said_ready = true;
        log_info("ready", {{"replica", options_.replica}});
        control_.ready();
      }
      handover_.turn(clock_.now());
      if (finish_ && !said_finished && runtime_.drained()) {
        said_finished = true;
        handover_.finished(*finish_);
      }
      // A channel that was resumed has not had its turn yet.
      if (!more && !std::exchange(look_again_, false) && !may_end()) rest(drain_ends);
    }
  }

  void rest(Instant drain_ends) {
    items_.clear();
    items_.push_back({nullptr, wakeup_.fd(), ZMQ_POLLIN, 0});
    // Once asked for, the signal stays readable: it must not keep the draining loop from resting.
    if (!signals_.asked()) items_.push_back({nullptr, signals_.fd(), ZMQ_POLLIN, 0});
    for (const auto* source : wiring_.ports().sources) source->append_poll_items(items_);
    runtime_.figures().rest();
    poll(items_, poll_timeout_ms(std::min({runtime_.next_deadline(), handover_.next_deadline(), drain_ends}), clock_.now()));
    wakeup_.clear();
  }

  const NodeOptions& options_;
  SystemClock clock_;
  StopSignals signals_;
  Wakeup wakeup_;
  std::atomic<bool> drain_asked_{false};
  Context context_;
  Wiring wiring_;
  NodeRuntime runtime_;
  Handover handover_;
  std::optional<std::uint64_t> finish_;  ///< settle everything, say so under this number, and stay until the drain request
  bool look_again_ = false;
  ControlClient control_;  // the last: its thread looks at all of the above
  std::vector<zmq_pollitem_t> items_;
};

int refuse(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
  return exit_usage;
}

}  // namespace

int run_node(Node& node, int argc, char** argv) {
  const auto description = node.describe();
  const auto options = parse_node_options(description, argc, argv);
  if (!options) return refuse(options.error().message);
  if (!options->answer.empty()) return std::fputs(options->answer.c_str(), stdout) < 0 ? exit_failed : 0;
  if (const auto checked = check_bindings(description, options->ports); !checked) return refuse(checked.error().message);
  const auto parameters = Parameters::make(description.parameters, options->parameters);
  if (!parameters) return refuse(parameters.error().message);

  start_log(options->replica == 0 ? options->name : options->name + "." + std::to_string(options->replica), options->log_format,
            options->log_level);
  try {
    make_private_folder(options->data_folder);
    NodeProcess process{node, description, *options, *parameters};
    return process.run();
  } catch (const std::exception& error) {
    log_error(error.what());
    return exit_failed;
  }
}

}  // namespace remuda
