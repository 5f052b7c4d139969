// The smallest node: what comes in on `words` goes out on `echoes`.
#include "common/node.hpp"

namespace {

class EchoNode final : public remuda::Node {
 public:
  [[nodiscard]] remuda::NodeDescription describe() const override {
    remuda::NodeDescription description;
    description.name = "echo_node";
    description.summary = "Sends back what it receives.";
    description.ports.resize(2);
    description.ports[0].name = "words";
    description.ports[1].name = "echoes";
    description.ports[1].direction = remuda::Direction::output;
    return description;
  }
  void start(remuda::NodeContext&) override {}
  remuda::Outcome on_message(std::string_view, const remuda::Message& message, remuda::Outbox& out) override {
    remuda::Message echo;
    echo.body = message.body;
    out.send("echoes", std::move(echo));
    return remuda::Outcome::done;
  }
};

}  // namespace

int main(int argc, char** argv) {
  EchoNode node;
  return remuda::run_node(node, argc, argv);
}
