#pragma once
// The loop of a node without its sockets, signals and clock: one turn() after the other, each of which takes a bounded batch of
// waiting messages, hands them to the node, commits and settles. run_node() drives it with the machine; tests drive it with memory
// channels and a ManualClock.

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "common/runtime/node_figures.hpp"
#include "common/runtime/port_table.hpp"
#include "common/runtime/settler.hpp"

namespace remuda {

struct NodeIdentity {
  std::string name;  ///< in the launch file
  int replica = 0;
  std::string data_folder;  ///< exists
};

class NodeRuntime final : public NodeContext {
 public:
  static constexpr std::size_t batch_size_max = 256;
  /// A batch ends when its handlers have run this long: what was handled is committed and settled before the next one starts.
  static constexpr std::chrono::milliseconds batch_time_max{50};
  /// With more unsettled messages than this no new ones are taken.
  static constexpr std::size_t unsettled_max = 4'096;

  /// Everything given must outlive the runtime. `wake` interrupts the poll of the loop; called from any thread.
  NodeRuntime(Node& node, NodeIdentity identity, const Parameters& parameters, const PortTable& ports, const Clock& clock,
              std::function<void()> wake = {});

  // ---- the loop ----
  /// Node::start(); its exceptions pass through.
  void start();
  /// One round: channels, tasks, timers, one batch. True when more can be done at once.
  bool turn();
  [[nodiscard]] Instant next_deadline() const;
  /// True once start() returned and every live subscription is confirmed.
  [[nodiscard]] bool ready() const;
  /// Takes nothing new, finishes what has begun and what had arrived, gives the rest back.
  void begin_drain();
  /// Nothing is unconfirmed any more: Node::stop() may be called.
  [[nodiscard]] bool drained() const;
  /// Node::stop(), once.
  void stop();
  [[nodiscard]] int exit_code() const { return exit_code_; }
  [[nodiscard]] std::size_t unsettled() const { return settler_.pending(); }
  [[nodiscard]] const NodeFigures& figures() const { return figures_; }
  [[nodiscard]] NodeFigures& figures() { return figures_; }

  // ---- NodeContext ----
  [[nodiscard]] const std::string& node_name() const override { return identity_.name; }
  [[nodiscard]] int replica() const override { return identity_.replica; }
  [[nodiscard]] const std::string& data_folder() const override { return identity_.data_folder; }
  [[nodiscard]] const Parameters& parameters() const override { return parameters_; }
  [[nodiscard]] const Clock& clock() const override { return clock_; }
  [[nodiscard]] bool is_wired(std::string_view port) const override;
  [[nodiscard]] bool can_ask(std::string_view port) const override { return ports_.requests.find(port) != ports_.requests.end(); }
  [[nodiscard]] bool is_draining() const override { return draining_; }
  void send(std::string_view port, Message message, ConfirmHandler confirmed) override;
  void request(std::string_view port, Message message, std::chrono::milliseconds deadline, ReplyHandler handler) override;
  void every(std::chrono::milliseconds interval, std::function<void()> task) override;
  void post(std::function<void()> task) override;
  void finish(int exit_code) override;
  [[nodiscard]] std::string held_back() const override { return settler_.held_back(); }
  void count(std::string_view name, std::int64_t by = 1) override { figures_.count(name, by); }

 private:
  struct Timer {
    Instant due;
    Duration interval;
    std::function<void()> task;
  };
  /// A port's share of a batch.
  struct Share {
    std::size_t count = 0;
    Duration took{0};
  };

  void tell_held_back();
  void run_posted();
  void run_timers(Instant now);
  std::size_t run_batch();
  bool take_next(Incoming& incoming, std::vector<Handled>& batch, std::vector<Share>& shares, Instant& now);
  void commit(std::vector<Handled>& batch);
  void complete(Message& message) const;
  [[nodiscard]] std::size_t outstanding_requests() const;
  [[nodiscard]] bool has_finished() const;
  void stop_waiting_for_answers();

  // Constant after construction.
  Node& node_;
  NodeIdentity identity_;
  const Parameters& parameters_;
  const PortTable& ports_;
  const Clock& clock_;
  std::function<void()> wake_;

  // The loop's.
  NodeFigures figures_;
  Settler settler_;
  std::vector<Timer> timers_;
  std::size_t turn_of_ = 0;  ///< the input whose turn it is
  bool started_ = false;
  bool draining_ = false;
  bool waits_for_answers_ = true;
  bool stopped_ = false;
  bool quiet_ = false;  ///< the last turn found nothing waiting
  int exit_code_ = 0;
  std::string held_back_;  ///< as last told

  // Between the threads.
  mutable std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
};

}  // namespace remuda
