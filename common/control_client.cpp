#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "common/clock.hpp"
#include "common/control.hpp"

namespace remuda {

using namespace std::chrono_literals;

struct ControlClient::State {
  State(zmq::context_t& context, Options given, Handlers told) : options{std::move(given)}, handlers{std::move(told)} {
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0) throw std::runtime_error{std::string{"no eventfd for the control thread: "} + std::strerror(errno)};
    if (!options.endpoint.empty()) {
      socket = zmq::socket_t{context, zmq::socket_type::dealer};
      socket.set(zmq::sockopt::linger, 0);
      socket.set(zmq::sockopt::maxmsgsize, std::int64_t{65'536});
      socket.set(zmq::sockopt::reconnect_ivl, 100);
      socket.set(zmq::sockopt::reconnect_ivl_max, 2'000);
      socket.connect(options.endpoint);
    }
  }
  ~State() {
    if (wake_fd >= 0) close(wake_fd);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Constant after construction.
  Options options;
  Handlers handlers;
  int wake_fd = -1;

  // Owned by the control thread once it runs (the constructor hands the socket over before the thread starts).
  zmq::socket_t socket;
  Instant next_heartbeat{};
  bool supervisor_died = false;
  Instant end_of_grace{};

  // Between the threads.
  std::mutex mutex;
  std::condition_variable said;
  bool ready_wanted = false;
  std::vector<ControlMessage> to_say;
  bool bye_wanted = false;
  bool bye_said = false;
  bool stopping = false;
  ControlBye bye;

  std::thread thread;

  void wake() const {
    const std::uint64_t one = 1;
    // A full counter means that a wake-up is already waiting: nothing is lost.
    static_cast<void>(!write(wake_fd, &one, sizeof one));
  }

  void send(const ControlMessage& message) {
    if (!socket) return;
    const auto frame = encode(message);
    // With no supervisor connected the queue of the socket fills up and later messages are dropped: a newer heartbeat follows.
    static_cast<void>(socket.send(zmq::buffer(frame), zmq::send_flags::dontwait));
  }

  void heartbeat() {
    send(ControlHeartbeat{handlers.report()});
    next_heartbeat = std::chrono::steady_clock::now() + heartbeat_interval;
  }

  void read_requests() {
    zmq::message_t frame;
    while (socket.recv(frame, zmq::recv_flags::dontwait)) {
      const auto request = decode_control_request(frame.to_string_view());
      if (!request) continue;  // the supervisor is ours: a word we do not know comes from a newer one
      if (std::holds_alternative<ControlDrain>(*request)) {
        handlers.drain();
      } else if (std::holds_alternative<ControlPing>(*request)) {
        heartbeat();
      } else if (handlers.hand_over) {
        handlers.hand_over(*request);
      }
    }
  }

  void read_life_line() {
    std::array<char, 64> bytes{};
    const auto got = read(options.life_fd, bytes.data(), bytes.size());
    if (got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN))) return;
    supervisor_died = true;
    end_of_grace = std::chrono::steady_clock::now() + orphan_grace;
    handlers.drain();
  }

  /// What other threads asked for. False when the thread shall end.
  bool obey() {
    std::uint64_t count = 0;
    static_cast<void>(!read(wake_fd, &count, sizeof count));
    std::unique_lock lock{mutex};
    if (std::exchange(ready_wanted, false)) {
      lock.unlock();
      send(ControlReady{});
      heartbeat();
      lock.lock();
    }
    const auto messages = std::exchange(to_say, {});
    if (!messages.empty()) {
      lock.unlock();
      for (const auto& message : messages) send(message);
      lock.lock();
    }
    if (bye_wanted && !bye_said) {
      auto message = bye;
      lock.unlock();
      message.report = handlers.report();
      if (socket) socket.set(zmq::sockopt::linger, 100);  // ms: the farewell is the one message that may outlive its sender
      send(message);
      lock.lock();
      bye_said = true;
      said.notify_all();
    }
    return !stopping;
  }

  [[nodiscard]] std::chrono::milliseconds wait() const {
    const auto now = std::chrono::steady_clock::now();
    auto until = now + 1h;
    if (socket) until = std::min(until, next_heartbeat);
    if (supervisor_died) until = std::min(until, end_of_grace);
    return std::max(0ms, std::chrono::ceil<std::chrono::milliseconds>(until - now));
  }

  void turn() {
    std::array<zmq::pollitem_t, 3> items{};
    std::size_t count = 0;
    items[count++] = {nullptr, wake_fd, ZMQ_POLLIN, 0};
    const auto life = count;
    if (options.life_fd >= 0 && !supervisor_died) items[count++] = {nullptr, options.life_fd, ZMQ_POLLIN, 0};
    const auto control = count;
    if (socket) items[count++] = {socket.handle(), 0, ZMQ_POLLIN, 0};
    zmq::poll(items.data(), count, wait());
    if (control > life && items[life].revents != 0) read_life_line();
    if (count > control && items[control].revents != 0) read_requests();
    const auto now = std::chrono::steady_clock::now();
    if (socket && now >= next_heartbeat) heartbeat();
    // The loop had its time to drain; a handler that still runs must not outlive its supervisor.
    if (supervisor_died && now >= end_of_grace) _exit(1);
  }

  void run() {
    send(options.hello);
    next_heartbeat = std::chrono::steady_clock::now() + heartbeat_interval;
    while (obey()) {
      try {
        turn();
      } catch (const zmq::error_t& error) {
        if (error.num() == EINTR) continue;
        return;  // the context was shut down under us: the process ends
      }
    }
  }
};

ControlClient::ControlClient(zmq::context_t& context, Options options, Handlers handlers)
    : state_{std::make_unique<State>(context, std::move(options), std::move(handlers))} {
  state_->thread = std::thread{[state = state_.get()] { state->run(); }};
}

ControlClient::~ControlClient() {
  {
    const std::lock_guard lock{state_->mutex};
    state_->stopping = true;
  }
  state_->wake();
  state_->thread.join();
}

void ControlClient::ready() {
  {
    const std::lock_guard lock{state_->mutex};
    state_->ready_wanted = true;
  }
  state_->wake();
}

void ControlClient::say(ControlMessage message) {
  {
    const std::lock_guard lock{state_->mutex};
    state_->to_say.push_back(std::move(message));
  }
  state_->wake();
}

void ControlClient::bye(int exit_code, std::string reason) {
  std::unique_lock lock{state_->mutex};
  if (state_->bye_wanted) return;
  state_->bye_wanted = true;
  state_->bye = ControlBye{exit_code, std::move(reason), {}};
  state_->wake();
  state_->said.wait_for(lock, 100ms, [&] { return state_->bye_said; });
}

int life_fd_from_environment() {
  const char* given = std::getenv("REMUDA_LIFE_FD");
  if (given == nullptr) return -1;
  int fd = -1;
  const auto* end = given + std::strlen(given);
  if (const auto [rest, error] = std::from_chars(given, end, fd); error != std::errc{} || rest != end || fd < 0) return -1;
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return -1;  // not a descriptor of ours
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return fd;
}

}  // namespace remuda
