#include "common/topology/graph.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace remuda::topology {
namespace {

using Json = nlohmann::ordered_json;

Vertex::Shape shape_of(ChannelKind kind) {
  switch (kind) {
    case ChannelKind::pipe:
      return Vertex::Shape::pipe;
    case ChannelKind::topic:
      return Vertex::Shape::topic;
    case ChannelKind::queue:
      return Vertex::Shape::queue;
    case ChannelKind::stream:
      return Vertex::Shape::stream;
    case ChannelKind::request:
      return Vertex::Shape::request;
  }
  return Vertex::Shape::queue;
}

std::string value_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// One entry of a key's array in few characters: `>= 50`, `prefix b`, `red`.
std::string condition(const Json& entry) {
  if (!entry.is_object() || entry.empty()) return "= " + value_text(entry);
  const std::string name = entry.begin().key();
  const Json& operand = entry.begin().value();
  std::string out = name == "numeric" ? "" : name;
  if (!operand.is_array()) return out + " " + value_text(operand);
  for (const auto& part : operand) out += (out.empty() ? "" : " ") + value_text(part);
  return out;
}

/// A policy as people say it: `fare >= 50, distance >= 20`.
std::string short_filter(const std::string& policy) {
  const Json json = Json::parse(policy, nullptr, false);
  if (!json.is_object()) return "filter";
  std::string out;
  for (const auto& [key, entries] : json.items()) {
    if (!entries.is_array() || key == "$or") {
      out += (out.empty() ? "" : ", ") + key;
      continue;
    }
    std::string any;
    for (const auto& entry : entries) any += (any.empty() ? "" : " or ") + condition(entry);
    out += (out.empty() ? "" : ", ") + key + " " + any;
  }
  return out;
}

class Builder {
 public:
  explicit Builder(const Plan& plan) : plan_{plan} { graph_.title = plan.name; }

  Graph build() {
    for (const auto& process : plan_.processes) {
      if (process.kind != ProcessPlan::Kind::node || process.implied) continue;
      const auto [at, is_new] = nodes_.emplace(process.node, graph_.vertices.size());
      if (is_new) {
        graph_.vertices.push_back({Vertex::Shape::node, process.node, process.exec, 1});
      } else {
        ++graph_.vertices[at->second].replicas;
      }
    }
    std::set<std::string> dead_letter_queues;
    for (const auto& queue : plan_.queues) {
      if (queue.outbox_of.empty()) dead_letter_queues.insert(queue.dead_letter_queue);
    }
    for (const auto& stream : plan_.streams) dead_letter_queues.insert(stream.dead_letter_queue);
    for (const auto& topic : plan_.topics) channel(topic.name, Vertex::Shape::topic, topic.broker);
    for (const auto& queue : plan_.queues) {
      if (is_part(queue)) continue;
      const bool dead = dead_letter_queues.count(queue.name) > 0;
      channel(queue.name, dead ? Vertex::Shape::dead_letter_queue : Vertex::Shape::queue, queue.broker);
    }
    for (const auto& stream : plan_.streams) channel(stream.name, Vertex::Shape::stream, stream.broker);
    for (const auto& link : plan_.links) channel(link.channel, shape_of(link.kind), "");
    add_edges();
    return std::move(graph_);
  }

 private:
  const Plan& plan_;
  Graph graph_;
  std::map<std::string, std::size_t> nodes_;
  std::map<std::string, std::size_t> channels_;

  /// A request channel and a way over to another broker are drawn, and not what they are made of.
  [[nodiscard]] static bool is_part(const QueuePlan& queue) { return queue.of_request || !queue.outbox_of.empty(); }

  [[nodiscard]] std::string crossing(const std::string& outbox, const std::string& to) const {
    for (const auto& queue : plan_.queues) {
      if (queue.name == outbox) return queue.broker + " ⇒ " + to + ", over " + outbox;
    }
    return {};
  }

  void channel(const std::string& name, Vertex::Shape shape, const std::string& broker) {
    if (!channels_.emplace(name, graph_.vertices.size()).second) return;
    graph_.vertices.push_back({shape, name, broker, 1});
  }

  void add_edges() {
    for (const auto& link : plan_.links) {
      const auto node = nodes_.find(link.node);
      if (node == nodes_.end()) continue;
      const std::size_t other = channels_.at(link.channel);
      const Edge::Kind kind = link.kind == ChannelKind::request ? Edge::Kind::ask : Edge::Kind::flow;
      const std::string filter = link.filter_policy.empty() ? "" : short_filter(link.filter_policy);
      graph_.edges.push_back(link.into_node ? Edge{other, node->second, kind, link.port, filter}
                                            : Edge{node->second, other, kind, link.port});
    }
    for (const auto& queue : plan_.queues) {
      if (!is_part(queue)) add_chain(queue);
    }
    for (const auto& stream : plan_.streams) add_chain(stream);
  }

  /// Of a queue or a stream.
  template <class ChannelPlan>
  void add_chain(const ChannelPlan& plan) {
    const std::size_t here = channels_.at(plan.name);
    if (const auto topic = channels_.find(plan.from_topic); topic != channels_.end()) {
      graph_.edges.push_back({topic->second,
                              here,
                              Edge::Kind::chain,
                              plan.filter_policy.empty() ? "" : short_filter(plan.filter_policy),
                              {},
                              crossing(plan.outbox, plan.broker)});
    }
    if (const auto letters = channels_.find(plan.dead_letter_queue); letters != channels_.end()) {
      graph_.edges.push_back(
          {here, letters->second, Edge::Kind::dead_letter, "after " + std::to_string(plan.max_receives) + " receives"});
    }
  }
};

}  // namespace

Graph graph_of(const Plan& plan) {
  return Builder{plan}.build();
}

}  // namespace remuda::topology
