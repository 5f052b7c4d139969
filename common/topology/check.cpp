#include "common/topology/check.hpp"

#include <algorithm>
#include <functional>
#include <set>

#include "common/topology/checks.hpp"
#include "common/topology/words.hpp"

namespace remuda::topology {
namespace {

/// Remembers who took a name, and reports whoever wants it again.
class NameSpace {
 public:
  NameSpace(std::string_view what, Diagnostics& diagnostics) : what_{what}, diagnostics_{diagnostics} {}

  void add(const Name& name, std::string_view kind) {
    const auto [earlier, is_new] = taken_.emplace(name.text, Taken{name.place, std::string{kind}});
    if (is_new) return;
    const Place& place = earlier->second.place;
    diagnostics_.error(name.place, "T107",
                       in_quotes(name.text) + " is already the name of a " + earlier->second.kind + " (" +
                           diagnostics_.source_name(place.source) + ":" + std::to_string(place.line) + ":" +
                           std::to_string(place.column) + "); " + std::string{what_});
  }

 private:
  struct Taken {
    Place place;
    std::string kind;
  };
  std::string_view what_;
  Diagnostics& diagnostics_;
  std::map<std::string, Taken> taken_;
};

void check_host(const LaunchFile& file, const Name& host, Diagnostics& diagnostics) {
  if (host.empty()) return;
  std::vector<std::string> names;
  for (const auto& known : file.hosts) names.push_back(known.name.text);
  if (std::find(names.begin(), names.end(), host.text) != names.end()) return;
  diagnostics.error(host.place, "T102", "there is no host " + in_quotes(host.text) + "; [hosts] has: " + listed(names),
                    did_you_mean(host.text, names));
}

}  // namespace

void check_names(const LaunchFile& file, Diagnostics& diagnostics) {
  NameSpace channels{"channels share one name space across kinds", diagnostics};
  for (const auto& topic : file.topics) channels.add(topic.name, "topic");
  for (const auto& queue : file.queues) channels.add(queue.name, "queue");
  for (const auto& pipe : file.pipes) channels.add(pipe.name, "pipe");
  for (const auto& request : file.requests) channels.add(request.name, "request");
  for (const auto& stream : file.streams) channels.add(stream.name, "stream");
  NameSpace processes{"brokers and nodes share one name space", diagnostics};
  for (const auto& broker : file.brokers) processes.add(broker.name, "broker");
  for (const auto& node : file.nodes) processes.add(node.name, "node");
  NameSpace hosts{"a host is written once", diagnostics};
  for (const auto& host : file.hosts) hosts.add(host.name, "host");

  for (const auto& broker : file.brokers) check_host(file, broker.host, diagnostics);
  for (const auto& node : file.nodes) check_host(file, node.host, diagnostics);

  std::vector<std::string> brokers;
  for (const auto& broker : file.brokers) brokers.push_back(broker.name.text);
  const auto check_broker = [&](const Name& broker) {
    if (broker.empty() || std::find(brokers.begin(), brokers.end(), broker.text) != brokers.end()) return;
    diagnostics.error(broker.place, "T103", "there is no broker " + in_quotes(broker.text) + "; [brokers] has: " + listed(brokers),
                      did_you_mean(broker.text, brokers));
  };
  for (const auto& topic : file.topics) check_broker(topic.broker);
  for (const auto& queue : file.queues) check_broker(queue.broker);
  for (const auto& stream : file.streams) check_broker(stream.broker);
  for (const auto& request : file.requests) check_broker(request.broker);
}

void check_dependencies(const LaunchFile& file, Diagnostics& diagnostics) {
  std::vector<std::string> names;
  std::map<std::string, const NodeSpec*> nodes;
  for (const auto& broker : file.brokers) names.push_back(broker.name.text);
  for (const auto& node : file.nodes) {
    names.push_back(node.name.text);
    nodes.emplace(node.name.text, &node);
  }
  for (const auto& node : file.nodes) {
    for (const auto& other : node.depends_on) {
      if (std::find(names.begin(), names.end(), other.text) != names.end()) continue;
      diagnostics.error(
          other.place, "T104",
          in_quotes(node.name.text) + " depends on " + in_quotes(other.text) + ", which is neither a node nor a broker",
          did_you_mean(other.text, names));
    }
  }

  // Depth first; each circle is reported once, where the node that was entered first names its successor. Marks are kept on the
  // heap: the depth is bounded by the number of nodes, which a file chooses.
  enum class Mark { open, done };
  std::map<const NodeSpec*, Mark> marks;
  struct Step {
    const NodeSpec* node;
    std::size_t next;
  };
  for (const auto& start : file.nodes) {
    if (marks.count(&start) > 0) continue;
    std::vector<Step> path{{&start, 0}};
    marks[&start] = Mark::open;
    while (!path.empty()) {
      Step& step = path.back();
      if (step.next == step.node->depends_on.size()) {
        marks[step.node] = Mark::done;
        path.pop_back();
        continue;
      }
      const Name& name = step.node->depends_on[step.next++];
      const auto other = nodes.find(name.text);
      if (other == nodes.end()) continue;
      const auto mark = marks.find(other->second);
      if (mark == marks.end()) {
        marks[other->second] = Mark::open;
        path.push_back({other->second, 0});
      } else if (mark->second == Mark::open) {
        std::string circle;
        bool inside = false;
        for (const auto& on_path : path) {
          inside = inside || on_path.node == other->second;
          if (inside) circle += on_path.node->name.text + " -> ";
        }
        diagnostics.error(name.place, "T304", "these nodes wait for each other: " + circle + name.text);
      }
    }
  }
}

void check(const LaunchFile& file, const Descriptions& descriptions, Diagnostics& diagnostics) {
  check_names(file, diagnostics);
  check_chains(file, diagnostics);
  check_channels(file, descriptions, diagnostics);
  check_endpoints(file, diagnostics);
  check_filters(file, diagnostics);
  check_nodes(file, descriptions, diagnostics);
  check_dependencies(file, diagnostics);
}

}  // namespace remuda::topology
