#include "common/topology/graph.hpp"

namespace remuda::topology {
namespace {

std::string quoted_id(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "\"";
}

std::string_view attributes(Vertex::Shape shape) {
  switch (shape) {
    case Vertex::Shape::node:
      return R"(shape=box, style="rounded,filled", fillcolor="#eef3f8", color="#9fb3c8")";
    case Vertex::Shape::topic:
      return R"(shape=box, style="rounded,filled", fillcolor="#fdf1d8", color="#d9a441", peripheries=2)";
    case Vertex::Shape::queue:
      return R"(shape=box, style=filled, fillcolor="#e2f3ea", color="#4fa37a")";
    case Vertex::Shape::stream:
      return R"(shape=box3d, style=filled, fillcolor="#e2f3ea", color="#4fa37a")";
    case Vertex::Shape::request:
      return R"(shape=hexagon, style=filled, fillcolor="#e6eafc", color="#7286d8")";
    case Vertex::Shape::pipe:
      return R"(shape=cds, style=filled, fillcolor="#f0f0f0", color="#8d8d8d")";
    case Vertex::Shape::dead_letter_queue:
      return R"(shape=box, style=filled, fillcolor="#fbe6e4", color="#cc6a5e")";
  }
  return "shape=box";
}

std::string_view attributes(Edge::Kind kind) {
  switch (kind) {
    case Edge::Kind::flow:
      return "";
    case Edge::Kind::ask:
      return R"(, color="#7286d8")";
    case Edge::Kind::chain:
      return R"(, color="#d9a441")";
    case Edge::Kind::dead_letter:
      return R"(, color="#cc6a5e", style=dashed)";
  }
  return "";
}

std::string label_of(const Edge& edge) {
  if (!edge.crossing.empty()) return edge.crossing + (edge.label.empty() ? "" : ": " + edge.label);
  return edge.filter.empty() ? edge.label : edge.label + ": " + edge.filter;
}

}  // namespace

std::string graph_as_dot(const Graph& graph) {
  std::string out = "digraph " + quoted_id(graph.title) + " {\n  rankdir=LR;\n  node [fontname=\"sans-serif\", fontsize=11];\n" +
                    "  edge [fontname=\"sans-serif\", fontsize=9];\n";
  // Vertices are numbered: a node and a channel may bear the same name.
  for (std::size_t v = 0; v < graph.vertices.size(); ++v) {
    const Vertex& vertex = graph.vertices[v];
    const std::string count = vertex.replicas > 1 ? " x " + std::to_string(vertex.replicas) : "";
    out += "  v" + std::to_string(v) + " [label=" + quoted_id(vertex.name + count) + ", " + std::string{attributes(vertex.shape)} +
           "];\n";
  }
  for (const auto& edge : graph.edges) {
    out += "  v" + std::to_string(edge.from) + " -> v" + std::to_string(edge.to) + " [label=" + quoted_id(label_of(edge)) +
           std::string{attributes(edge.kind)} + (edge.crossing.empty() ? "" : ", style=bold") + "];\n";
  }
  return out + "}\n";
}

}  // namespace remuda::topology
