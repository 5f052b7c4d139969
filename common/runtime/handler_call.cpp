#include "common/runtime/handler_call.hpp"

#include <stdexcept>
#include <utility>

namespace remuda {
namespace {

class CollectingOutbox final : public Outbox {
 public:
  CollectingOutbox(const InputPort& port, const Incoming& incoming, const PortTable& ports, const Sender& sender, Handled& handled)
      : port_{port}, incoming_{incoming}, ports_{ports}, sender_{sender}, handled_{handled} {}

  void send(std::string_view port, Message message) override {
    const auto output = ports_.outputs.find(port);
    if (output == ports_.outputs.end()) throw std::logic_error{"there is no output port `" + std::string{port} + "`"};
    const auto ordinal = ordinal_++;  // also for unwired ports: the ids of the others do not depend on the wiring
    if (message.id.empty()) message.id = derived_message_id(incoming_.message.id, port, ordinal);
    if (message.correlation_id.empty()) message.correlation_id = incoming_.message.correlation_id;
    complete(message);
    const auto packed = pack(message);
    for (auto* channel : output->second) handled_.outputs.push_back({channel, packed});
  }

  void reply(Message message) override {
    if (!port_.request) throw std::logic_error{"port `" + port_.name + "` is no request: nobody waits for a reply"};
    if (handled_.reply) throw std::logic_error{"a request is answered once"};
    if (message.id.empty()) message.id = derived_message_id(incoming_.message.id, "reply", 0);
    if (message.correlation_id.empty()) {
      const auto& asked = incoming_.message;
      message.correlation_id = asked.correlation_id.empty() ? asked.id : asked.correlation_id;
    }
    complete(message);
    handled_.reply = std::make_unique<Message>(std::move(message));
  }

  [[nodiscard]] Delivery delivery() const override { return incoming_.delivery; }

 private:
  void complete(Message& message) const {
    if (message.source.empty()) message.source = sender_.node_name;
    if (message.traceparent.empty()) message.traceparent = incoming_.message.traceparent;
    if (message.time_ms == 0) message.time_ms = to_unix_ms(sender_.clock.wall_now());
  }

  const InputPort& port_;
  const Incoming& incoming_;
  const PortTable& ports_;
  const Sender& sender_;
  Handled& handled_;
  std::uint32_t ordinal_ = 0;
};

}  // namespace

Handled call_handler(Node& node, const InputPort& port, Incoming&& incoming, const PortTable& ports, const Sender& sender) {
  Handled handled;
  handled.input = port.channel;
  CollectingOutbox outbox{port, incoming, ports, sender, handled};
  try {
    handled.outcome = node.on_message(port.name, incoming.message, outbox);
    if (port.request && !handled.reply && handled.outcome.kind() == Outcome::Kind::done) outbox.reply({});
  } catch (const std::exception& error) {
    handled.outcome = Outcome::retry_later.because(error.what());
  } catch (...) {
    handled.outcome = Outcome::retry_later.because("the handler threw something that is no std::exception");
  }
  handled.ticket = std::move(incoming.ticket);
  return handled;
}

}  // namespace remuda
