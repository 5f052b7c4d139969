#pragma once
// The picture of a plan: nodes, channels and the messages' ways between them, drawn left to right without any other tool.

#include <string>
#include <vector>

#include "common/topology/plan.hpp"

namespace remuda::topology {

/// A box or a channel's shape.
struct Vertex {
  enum class Shape { node, pipe, topic, queue, stream, request, dead_letter_queue };
  Shape shape = Shape::node;
  std::string name;
  std::string detail;  ///< second line: the executable, the broker
  int replicas = 1;
};

struct Edge {
  enum class Kind { flow, ask, chain, dead_letter };
  std::size_t from = 0;
  std::size_t to = 0;
  Kind kind = Kind::flow;
  std::string label;        ///< the port, the filter in short form, `after 5 receives`
  std::string filter = {};  ///< of a flow from a topic that is read live: in short form; empty: everything
  /// Of a chain from one broker to another: `main ⇒ edge, over rides-outbox`. What carries the messages over is not drawn besides.
  std::string crossing = {};
};

struct Graph {
  std::string title;
  std::vector<Vertex> vertices;
  std::vector<Edge> edges;
};

[[nodiscard]] Graph graph_of(const Plan& plan);

/// At most 80 columns, box drawing characters, no colour. Every node with its outputs, every channel with who takes from it.
[[nodiscard]] std::string graph_as_text(const Graph& graph);
/// For Graphviz.
[[nodiscard]] std::string graph_as_dot(const Graph& graph);
/// Self-contained SVG with a layered layout; follows the viewer's light or dark scheme.
[[nodiscard]] std::string graph_as_svg(const Graph& graph);

}  // namespace remuda::topology
