// printer: prints every message it receives, one JSON line each. The node to wire to any channel to see what travels there,
// and, with nothing wired to it, the smallest process that a topology can hold.
#include <iostream>

#include <nlohmann/json.hpp>

#include "common/msgpack_reader.hpp"
#include "common/node.hpp"

namespace {

/// The body as JSON when it is msgpack or JSON text, else as plain text.
nlohmann::json readable(const std::string& body) {
  if (remuda::is_msgpack(body)) return nlohmann::json::from_msgpack(body, true, false);
  auto json = nlohmann::json::parse(body, nullptr, false);
  return json.is_discarded() ? nlohmann::json(body) : json;
}

class Printer final : public remuda::Node {
 public:
  [[nodiscard]] remuda::NodeDescription describe() const override {
    remuda::NodeDescription description;
    description.name = "printer";
    description.summary = "Prints every message it receives, one JSON line each.";
    remuda::PortDescription messages;
    messages.name = "messages";
    messages.optional = true;
    description.ports = {messages};
    return description;
  }
  void start(remuda::NodeContext&) override {}
  remuda::Outcome on_message(std::string_view, const remuda::Message& message, remuda::Outbox&) override {
    nlohmann::ordered_json line;
    line["id"] = message.id;
    if (!message.source.empty()) line["source"] = message.source;
    if (!message.type.empty()) line["type"] = message.type;
    for (const auto& [name, attribute] : message.attributes) line["attributes"][name] = attribute.value;
    line["body"] = readable(message.body);
    std::cout << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    return remuda::Outcome::done;
  }
  void commit() override { std::cout.flush(); }
};

}  // namespace

int main(int argc, char** argv) {
  Printer printer;
  return remuda::run_node(printer, argc, argv);
}
