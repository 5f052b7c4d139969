#pragma once
// Store and forward: carries what waits in outboxes of one broker to queues and streams of another, each message exactly once and in
// order. A launch file gets one such node for each pair of brokers, without saying so, when it chains a queue or stream to a topic that
// another broker has; see common/topology/LAUNCH_FILE.md. What it does with one outbox is in route.hpp.
//
// A thread of its own talks to the brokers. While the other broker is down, full, or does not have the queue yet, it waits and says why;
// nothing is lost and no attempt is counted. A message that the other broker will never take goes to the outbox's dead letters.

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "common/broker_client.hpp"
#include "common/node.hpp"
#include "nodes/forwarder/route.hpp"

namespace remuda {

class Forwarder : public Node {
 public:
  Forwarder() = default;
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;
  ~Forwarder() override;

  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;
  void drain() override;
  [[nodiscard]] bool idle() const override { return !draining_ || idle_; }
  void stop() override;

 private:
  struct Line {
    std::string outbox;
    std::string target;
    bool to_stream = false;
    BrokerClient* from = nullptr;  ///< one of sources_: what is asked of an outbox is asked over one connection
    forwarder::Route route;
    std::string told;  ///< the trouble that was logged last
  };

  void read_lines(const Parameters& parameters);
  void run();
  void turn();
  void rest();
  void wake();
  void begin_drain();
  void tell(Line& line);
  void tell_connection();
  void show_figures(NodeContext& context);

  void perform(Line& line, const forwarder::AskProgress& action);
  void perform(Line& line, const forwarder::Receive& action);
  void perform(Line& line, const forwarder::Store& action);
  void perform(Line& line, const forwarder::Delete& action);
  void perform(Line& line, const forwarder::Divert& action);
  void perform(Line& line, const forwarder::Release& action);

  // constant after start
  const Clock* clock_ = nullptr;
  std::string to_endpoint_;
  int wake_fd_ = -1;
  // the thread's
  std::vector<std::unique_ptr<BrokerClient>> sources_;
  std::unique_ptr<BrokerClient> target_;
  std::vector<std::unique_ptr<Line>> lines_;
  std::vector<zmq_pollitem_t> items_;
  bool drains_ = false;
  Instant connected_at_{};  ///< seen last
  bool told_unreachable_ = false;
  // between the threads
  std::atomic<bool> draining_{false};
  std::atomic<bool> idle_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> stored_{0};
  std::atomic<std::int64_t> repeats_{0};
  std::atomic<std::int64_t> diverted_{0};
  // the node's loop
  std::int64_t shown_stored_ = 0;
  std::int64_t shown_repeats_ = 0;
  std::int64_t shown_diverted_ = 0;
  std::thread thread_;
};

}  // namespace remuda
