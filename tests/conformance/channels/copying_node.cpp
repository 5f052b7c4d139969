// A node for tests: puts a copy of each ride into `copies`, answers `count`, and can be made to stand still.

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "common/node.hpp"

namespace {

using namespace remuda;

class CopyingNode final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override {
    NodeDescription description;
    description.name = "copying_node";
    description.summary = "Copies rides.";
    description.ports = {{"rides", Direction::input, "ride", true, false, false},
                         {"copies", Direction::output, "ride", true, false, true},
                         {"count", Direction::input, "count.get", false, true, true}};
    description.parameters = {{"stand_still", ParameterType::text, "\"\"",
                               "a FIFO: a ride with the body `stand still` waits until somebody writes to it"}};
    return description;
  }
  void start(NodeContext& context) override { context_ = &context; }
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override {
    if (port == "count") {
      Message answer;
      answer.body = std::to_string(copied_);
      out.reply(std::move(answer));
      return Outcome::done;
    }
    if (message.body == "stand still") stand_still();
    Message copy;
    copy.body = message.body;
    out.send("copies", std::move(copy));
    ++copied_;
    context_->count("copied");
    return Outcome::done;
  }

 private:
  /// Until a writer has come and gone. In poll() and not in open(): the thread sanitizer holds signals back except in calls that it
  /// knows to wait, and a second interrupt must be able to end this.
  void stand_still() const {
    const int fifo = open(context_->parameters().text("stand_still").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fifo < 0) return;
    pollfd item{fifo, 0, 0};  // only the hang-up of the last writer
    while (::poll(&item, 1, -1) < 0 && errno == EINTR) {}
    close(fifo);
  }

  NodeContext* context_ = nullptr;
  int copied_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  CopyingNode node;
  return run_node(node, argc, argv);
}
