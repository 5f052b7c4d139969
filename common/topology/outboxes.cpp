#include "common/topology/outboxes.hpp"

#include <algorithm>
#include <utility>

#include "common/topology/words.hpp"

namespace remuda::topology {
namespace {

using namespace std::chrono_literals;

template <class Spec>
const Spec* find(const std::vector<Spec>& specs, std::string_view name) {
  const auto found = std::find_if(specs.begin(), specs.end(), [&](const Spec& spec) { return spec.name.text == name; });
  return found == specs.end() ? nullptr : &*found;
}

class Outboxes {
 public:
  Outboxes(LaunchFile& file, Diagnostics& diagnostics) : file_{file}, diagnostics_{diagnostics} {}

  void run() {
    for (std::size_t i = 0, written = file_.queues.size(); i < written; ++i) {
      const std::uint64_t size = file_.queues[i].settings.max_message_size_bytes;
      add(file_.queues[i], "queue", size);
    }
    for (auto& stream : file_.streams) add(stream, "stream", QueuePlan{}.max_message_size_bytes);
    std::move(outboxes_.begin(), outboxes_.end(), std::back_inserter(file_.queues));
    for (auto& forwarder : forwarders_) {
      if (forwarder.is_taken) continue;  // that is an error, and one is enough
      forwarder.node.parameters.push_back({{"outboxes", forwarder.node.name.place}, std::move(forwarder.outboxes)});
      file_.nodes.push_back(std::move(forwarder.node));
    }
  }

 private:
  struct Forwarder {
    NodeSpec node;
    Value outboxes;
    bool is_taken;
  };
  LaunchFile& file_;
  Diagnostics& diagnostics_;
  std::vector<QueueSpec> outboxes_;
  std::vector<Forwarder> forwarders_;

  template <class Spec>
  void add(Spec& channel, const std::string& kind, std::uint64_t max_message_size_bytes) {
    const TopicSpec* topic = find(file_.topics, channel.from.text);
    if (topic == nullptr || topic->broker.empty() || channel.broker.empty() || topic->broker.text == channel.broker.text) return;
    const BrokerSpec* from = find(file_.brokers, topic->broker.text);
    const BrokerSpec* to = find(file_.brokers, channel.broker.text);
    if (from == nullptr || to == nullptr) return;  // an error of its own

    const Place place = channel.from.place;
    QueueSpec outbox;
    outbox.name = {outbox_name(channel.name.text), place};
    outbox.broker = {from->name.text, place};
    outbox.from = channel.from;
    outbox.filter = channel.filter;
    outbox.created = true;
    outbox.outbox_of = channel.name.text;
    outbox.dead_letter = {outbox.name.text + "-dlq", place};
    outbox.settings.name = outbox.name.text;
    outbox.settings.broker = from->name.text;
    outbox.settings.outbox_of = channel.name.text;
    outbox.settings.filter_on_attributes = channel.settings.filter_on_attributes || channel.filter.on_attributes;
    outbox.settings.max_message_size_bytes = max_message_size_bytes;
    // The forwarder gives back uncounted what it does not get rid of, and nothing but a refusal for ever makes a dead letter.
    outbox.settings.visibility_timeout = 12h;
    outbox.settings.retention = 14 * 24h;
    outbox.settings.max_receives = 1'000;
    QueueSpec letters;
    letters.name = outbox.dead_letter;
    letters.broker = outbox.broker;
    letters.created = true;
    letters.outbox_of = channel.name.text;
    letters.settings.name = letters.name.text;
    letters.settings.broker = from->name.text;
    letters.settings.outbox_of = channel.name.text;
    letters.settings.max_message_size_bytes = max_message_size_bytes;
    letters.settings.retention = 14 * 24h;
    const std::string whose = "the outbox of " + kind + " " + in_quotes(channel.name.text);
    if (!is_free(outbox.name, whose) || !is_free(letters.name, "the dead-letter queue of " + whose)) return;

    Value target;
    target.place = place;
    target.add(kind, Value::of(channel.name.text));
    forwarder_between(*from, *to, place).outboxes.add(outbox.name.text, std::move(target));
    channel.outbox = outbox.name.text;
    outboxes_.push_back(std::move(outbox));
    outboxes_.push_back(std::move(letters));
  }

  Forwarder& forwarder_between(const BrokerSpec& from, const BrokerSpec& to, const Place& place) {
    const std::string name = forwarder_name(from.name.text, to.name.text);
    for (auto& known : forwarders_) {
      if (known.node.name.text == name) return known;
    }
    const std::string whose = "what brings this queue its messages from broker " + in_quotes(from.name.text);
    const bool is_taken = find(file_.nodes, name) != nullptr || find(file_.brokers, name) != nullptr;
    if (is_taken) taken({name, place}, whose);
    NodeSpec node;
    node.name = {name, place};
    node.exec = {std::string{forwarder_executable}, place};
    node.host = from.host;
    node.implied = true;
    node.ports_place = node.replicas_place = place;
    // It is never given up: what it has to carry is safe meanwhile, and somebody waits for it.
    node.restart.when = RestartPolicy::When::always;
    node.restart.max_delay = 1s;
    node.restart.max_restarts = 100'000;  // more than fit into the window
    for (const auto& [parameter, broker] : {std::pair{"from", &from}, {"to", &to}}) {
      Value value = Value::of(broker->name.text);
      value.place = place;
      node.parameters.push_back({{parameter, place}, std::move(value)});
    }
    Value outboxes;
    outboxes.place = place;
    return forwarders_.emplace_back(Forwarder{std::move(node), std::move(outboxes), is_taken});
  }

  bool is_free(const Name& name, const std::string& whose) {
    if (!is_name(name.text)) {
      diagnostics_.error(name.place, "T008",
                         in_quotes(name.text) + " would be the name of " + whose + ", and a name has at most 80 characters",
                         "shorten the name");
      return false;
    }
    if (!file_.kind_of(name.text)) return true;
    taken(name, whose);
    return false;
  }

  void taken(const Name& name, const std::string& whose) {
    diagnostics_.error(name.place, "T107",
                       in_quotes(name.text) + " is taken, and would be the name of " + whose + ": its topic is on another broker",
                       "rename what is written under that name");
  }
};

}  // namespace

std::string outbox_name(std::string_view channel) {
  constexpr std::string_view fifo = ".fifo";
  if (channel.ends_with(fifo)) channel.remove_suffix(fifo.size());
  return std::string{channel} + "-outbox";
}

std::string forwarder_name(std::string_view from, std::string_view to) {
  return std::string{from} + "-to-" + std::string{to};
}

void add_outboxes(LaunchFile& file, Diagnostics& diagnostics) {
  Outboxes{file, diagnostics}.run();
}

}  // namespace remuda::topology
