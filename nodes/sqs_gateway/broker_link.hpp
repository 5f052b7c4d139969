#pragma once
// The thread that talks to the queue node, and its connections: one for everything that is answered at once, and as many as it takes for
// receives that wait, as the queue node lets a connection wait for 64 only. Whatever touches a broker client runs on this thread.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/broker_client.hpp"
#include "common/clock.hpp"

namespace remuda::sqs {

/// What a long poll is asked for.
struct ReceiveCommand {
  std::string queue;
  std::uint32_t max = 1;
  std::chrono::milliseconds wait{0};
  std::optional<std::chrono::milliseconds> visibility_timeout;
  std::string attempt_id;
};

class BrokerLink {
 public:
  using Received = std::span<const wire::Received>;

  /// `clock` must outlive it. Throws std::runtime_error when the endpoint has a wrong form.
  BrokerLink(std::string endpoint, ClientIdentity identity, const Clock& clock);
  BrokerLink(const BrokerLink&) = delete;
  BrokerLink& operator=(const BrokerLink&) = delete;
  ~BrokerLink();

  void start();
  /// Ends the thread; what is unanswered stays so.
  void stop();
  /// Runs `task` on the thread soon. From any thread.
  void post(std::function<void()> task);

  // ---- on the thread ----
  /// For everything but receives. A request that is unanswered for ten seconds answers `timed_out`.
  [[nodiscard]] BrokerClient& client() { return *client_; }
  void receive(const ReceiveCommand& command, Callback<Received> done);
  /// Receives that wait are answered now, with nothing.
  void cancel_receives();
  /// Runs `task` on the thread at `when` or soon after.
  void at(Instant when, std::function<void()> task);
  [[nodiscard]] const Clock& clock() const { return clock_; }

 private:
  /// A connection for receives.
  struct Receiver {
    std::unique_ptr<BrokerClient> client;
    std::size_t waiting = 0;
  };
  struct Timer {
    Instant when;
    std::function<void()> task;
  };

  void run();
  void run_posted();
  void run_timers();
  void rest();

  // constant after construction
  std::string endpoint_;
  ClientIdentity identity_;
  const Clock& clock_;
  int wake_fd_;
  // the thread's
  std::unique_ptr<BrokerClient> client_;
  std::vector<std::unique_ptr<Receiver>> receivers_;
  std::vector<Timer> timers_;
  std::vector<zmq_pollitem_t> items_;
  // between the threads
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  std::thread thread_;
};

}  // namespace remuda::sqs
