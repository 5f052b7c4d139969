#pragma once
// Nodes under measurement, each on a thread of its own with the runtime that every node has: what is measured is what a node gets,
// from its handler's send to another's handler.

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "common/clock.hpp"
#include "common/node.hpp"
#include "common/socket.hpp"

namespace remuda::bench {

/// Runs the node until `stop` is set and it has drained. Throws std::runtime_error when a binding is refused.
void run_bound_node(Node& node, const std::vector<std::string>& bindings, Context& context, const Clock& clock,
                    const std::atomic<bool>& stop);

/// Sends as fast as `may_send` allows, in bursts, until told to end.
class Source final : public Node {
 public:
  Source(std::size_t size, std::function<bool(std::uint64_t sent)> may_send, const std::atomic<bool>& end)
      : size_{size}, may_send_{std::move(may_send)}, end_{end} {}
  [[nodiscard]] NodeDescription describe() const override {
    return {"source", "", {{.name = "out", .direction = Direction::output, .message = "", .request = false}}, {}};
  }
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view, const Message&, Outbox&) override { return Outcome::done; }
  /// Messages that it has sent; final once it is done.
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] bool is_done() const { return done_; }

 private:
  void burst();

  std::size_t size_;
  std::function<bool(std::uint64_t)> may_send_;
  const std::atomic<bool>& end_;
  NodeContext* context_ = nullptr;
  std::uint64_t unconfirmed_ = 0;
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<bool> done_{false};
};

/// Counts what comes.
class Sink final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override {
    return {"sink", "", {{.name = "in", .direction = Direction::input, .message = "", .request = false}}, {}};
  }
  void start(NodeContext&) override {}
  Outcome on_message(std::string_view, const Message&, Outbox&) override {
    received_.store(received_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return Outcome::done;
  }
  [[nodiscard]] std::uint64_t received() const { return received_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> received_{0};
};

}  // namespace remuda::bench
