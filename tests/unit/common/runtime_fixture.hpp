#pragma once
// A node whose channels live in memory and whose time stands still until told otherwise.

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/channels/memory.hpp"
#include "common/channels/queue.hpp"
#include "common/runtime/node_runtime.hpp"

namespace remuda::test {

/// Does what the test says; counts what the runtime asks of it.
class ScriptedNode final : public Node {
 public:
  using Handler = std::function<Outcome(const Message&, Outbox&)>;

  Handler handler = [](const Message&, Outbox&) { return Outcome::done; };
  std::function<void()> on_commit = [] {};
  std::vector<std::string> handled;  ///< ids, in order
  std::size_t commits = 0;
  bool stopped = false;
  bool is_idle = true;

  [[nodiscard]] NodeDescription describe() const override { return {}; }
  void start(NodeContext& context) override { context_ = &context; }
  Outcome on_message(std::string_view /*port*/, const Message& message, Outbox& out) override {
    handled.push_back(message.id);
    return handler(message, out);
  }
  void commit() override {
    ++commits;
    on_commit();
  }
  [[nodiscard]] bool idle() const override { return is_idle; }
  void stop() override { stopped = true; }
  [[nodiscard]] NodeContext& context() const { return *context_; }

 private:
  NodeContext* context_ = nullptr;
};

inline Message ride(std::string id, std::string body = "ride") {
  Message message;
  message.id = std::move(id);
  message.body = std::move(body);
  return message;
}

/// Port `rides` takes from queue `rides` on broker `home`; port `copy` puts into queue `copies` there; `elsewhere` into queue
/// `copies` on another broker; `direct` on a direct channel; port `ask` answers requests; port `ticks` is a live topic.
struct RuntimeFixture {
  ManualClock clock;
  MemoryBroker home{"home"};
  MemoryBroker abroad{"abroad"};
  QueueInput rides{home, "rides", 64};
  BrokerOutput copy{home, BrokerOutput::Kind::queue, "copies"};
  BrokerOutput elsewhere{abroad, BrokerOutput::Kind::queue, "copies"};
  MemoryOutput direct;
  MemoryInput ask;
  MemoryInput ticks;
  PortTable ports;
  Parameters parameters;
  ScriptedNode node;
  std::unique_ptr<NodeRuntime> runtime;

  RuntimeFixture() {
    home.declare("rides");
    home.declare("copies");
    abroad.declare("copies");
    ports.inputs = {{"rides", false, &rides}, {"ask", true, &ask}, {"ticks", false, &ticks}};
    ports.outputs["copy"] = {&copy};
    ports.outputs["elsewhere"] = {&elsewhere};
    ports.outputs["direct"] = {&direct};
    ports.outputs["everywhere"] = {&copy, &elsewhere, &direct};
    ports.outputs["unwired"] = {};
    ports.brokers = {&home, &abroad};
    ports.sources = {&home, &abroad, &rides};
    runtime = std::make_unique<NodeRuntime>(node, NodeIdentity{"copier", 0, "/nowhere"}, parameters, ports, clock);
    runtime->start();
  }

  void given(const std::string& id, const std::string& body = "ride") { home.send("rides", ride(id, body)); }
  void on_ride(ScriptedNode::Handler handler) { node.handler = std::move(handler); }
  /// Turns until nothing more happens by itself.
  void run() {
    for (int idle = 0; idle < 3; ++idle) {
      while (runtime->turn()) idle = 0;
    }
  }
  void advance(Duration by) {
    clock.advance(by);
    run();
  }
  [[nodiscard]] std::vector<std::string> ids(const MemoryBroker& broker, const std::string& queue) const {
    std::vector<std::string> ids;
    for (const auto& message : broker.messages(queue)) ids.push_back(message.id);
    return ids;
  }
  [[nodiscard]] std::int64_t figure(const std::string& name) const {
    const auto counts = runtime->figures().report(clock.now()).counts;
    const auto found = counts.find(name);
    return found == counts.end() ? 0 : found->second;
  }
};

/// A handler that sends one copy of the ride to `port`.
inline ScriptedNode::Handler copying_to(std::string port) {
  return [port = std::move(port)](const Message& ride, Outbox& out) {
    Message copy;
    copy.body = ride.body;
    out.send(port, std::move(copy));
    return Outcome::done;
  };
}

}  // namespace remuda::test
