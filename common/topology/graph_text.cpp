#include <algorithm>
#include <set>

#include "common/topology/graph.hpp"

namespace remuda::topology {
namespace {

constexpr std::size_t columns_max = 80;

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string repeated(std::string_view piece, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += piece;
  return out;
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  return out;
}

/// Cut to the width of a terminal, with an ellipsis.
std::string fitted(std::string line) {
  if (columns(line) <= columns_max) return line;
  std::size_t at = 0;
  for (std::size_t seen = 0; at < line.size(); ++at) {
    if ((static_cast<unsigned char>(line[at]) & 0xC0U) != 0x80U && seen++ == columns_max - 1) break;
  }
  return line.substr(0, at) + "…";
}

class TextWriter {
 public:
  explicit TextWriter(const Graph& graph) : graph_{graph}, out_(graph.vertices.size()) {
    for (std::size_t e = 0; e < graph.edges.size(); ++e) {
      if (graph.edges[e].kind != Edge::Kind::dead_letter) out_[graph.edges[e].from].push_back(e);
    }
  }

  std::string write() {
    line(printable(graph_.title));
    for (std::size_t v = 0; v < graph_.vertices.size(); ++v) {
      if (is_node(v) && (!out_[v].empty() || !is_reader(v))) node(v);
    }
    from_outside();
    dead_letters();
    legend();
    return text_;
  }

 private:
  const Graph& graph_;
  std::vector<std::vector<std::size_t>> out_;  ///< edges that leave a vertex, dead letters excepted
  std::set<std::size_t> shown_;                ///< channels drawn below a node
  std::string text_;

  [[nodiscard]] bool is_node(std::size_t v) const { return graph_.vertices[v].shape == Vertex::Shape::node; }
  [[nodiscard]] bool is_reader(std::size_t v) const {
    return std::any_of(graph_.edges.begin(), graph_.edges.end(), [&](const Edge& edge) { return edge.to == v; });
  }

  void line(std::string content) { text_ += fitted(std::move(content)) + "\n"; }

  [[nodiscard]] std::string label(std::size_t v) const {
    const Vertex& vertex = graph_.vertices[v];
    const std::string name = printable(vertex.name);
    switch (vertex.shape) {
      case Vertex::Shape::node:
        return vertex.replicas > 1 ? name + " ×" + std::to_string(vertex.replicas) : name;
      case Vertex::Shape::topic:
        return "(" + name + ")";
      case Vertex::Shape::stream:
        return "{" + name + "}";
      case Vertex::Shape::queue:
      case Vertex::Shape::dead_letter_queue:
        return "[" + name + "]";
      case Vertex::Shape::request:
        return "<" + name + ">";
      case Vertex::Shape::pipe:
        return "=" + name + "=";
    }
    return name;
  }

  void node(std::size_t v) {
    const std::string name = label(v);
    const std::string bar = repeated("─", columns(name) + 2);
    line("");
    line(" ┌" + bar + "┐");
    line(" │ " + name + " │ " + printable(graph_.vertices[v].detail));
    line(out_[v].empty() ? " └" + bar + "┘" : " └┬" + repeated("─", columns(name) + 1) + "┘");
    branches(out_[v], "  ");
  }

  /// One line per edge; what the channel feeds follows on the same line when it is one node, else as branches of its own.
  void branches(const std::vector<std::size_t>& edges, const std::string& indent) {
    std::size_t widest_port = 0;
    std::size_t widest_channel = 0;
    for (const std::size_t e : edges) {
      if (graph_.edges[e].kind != Edge::Kind::chain) widest_port = std::max(widest_port, columns(printable(graph_.edges[e].label)));
      widest_channel = std::max(widest_channel, columns(label(graph_.edges[e].to)));
    }
    for (std::size_t i = 0; i < edges.size(); ++i) {
      const Edge& edge = graph_.edges[edges[i]];
      const bool last = i + 1 == edges.size();
      const std::string under = indent + (last ? " " : "│");
      std::string head = indent + (last ? "└" : "├") + (edge.crossing.empty() ? "─" : "═");
      if (edge.kind == Edge::Kind::chain) {
        head += "▶ ";
      } else {
        const std::string port = printable(edge.label);
        head += " " + port + " " + repeated("─", widest_port - columns(port) + 1) + "▶ ";
      }
      channel(edge.to, head, under, widest_channel, edge);
    }
  }

  void channel(std::size_t v, const std::string& head, const std::string& under, std::size_t widest, const Edge& edge) {
    const bool again = !shown_.insert(v).second;
    std::vector<std::size_t> readers;
    std::vector<std::size_t> chains;
    for (const std::size_t e : out_[v]) (is_node(graph_.edges[e].to) ? readers : chains).push_back(e);
    std::string row = head + label(v);
    const std::string below = under + std::string(columns(head) - columns(under), ' ');
    if (again) {
      line(row + (out_[v].empty() ? "" : "  (see above)"));
      return;
    }
    const std::string pad = repeated("─", chains.empty() ? widest - columns(label(v)) : 0);
    std::string names;
    for (const std::size_t e : readers) names += (names.empty() ? "" : ", ") + label(graph_.edges[e].to);
    const std::string arrow = " " + pad + "─▶ ";
    const bool filters =
        std::any_of(readers.begin(), readers.end(), [&](std::size_t e) { return !graph_.edges[e].filter.empty(); });
    if (readers.empty() || (!filters && columns(row + arrow + names) <= columns_max)) {
      line(readers.empty() ? row : row + arrow + names);
    } else {
      line(row);
      for (const std::size_t e : readers) {
        const Edge& reader = graph_.edges[e];
        line(below + " ─▶ " + label(reader.to) + (reader.filter.empty() ? "" : "  if " + printable(reader.filter)));
      }
    }
    if (!edge.crossing.empty()) line(below + " " + printable(edge.crossing));
    if (edge.kind == Edge::Kind::chain && !edge.label.empty()) line(below + " if " + printable(edge.label));
    branches(chains, below + " ");
  }

  /// Channels that no node writes to and nothing is chained into: people, programs and dead letters do.
  void from_outside() {
    for (std::size_t v = 0; v < graph_.vertices.size(); ++v) {
      if (is_node(v) || shown_.count(v) > 0 || graph_.vertices[v].shape == Vertex::Shape::dead_letter_queue) continue;
      if (std::any_of(graph_.edges.begin(), graph_.edges.end(),
                      [&](const Edge& edge) { return edge.to == v && edge.kind == Edge::Kind::chain; }))
        continue;
      line("");
      channel(v, "  ", "  ", columns(label(v)), {});
    }
  }

  void dead_letters() {
    for (std::size_t v = 0; v < graph_.vertices.size(); ++v) {
      std::vector<const Edge*> sources;
      for (const auto& edge : graph_.edges) {
        if (edge.kind == Edge::Kind::dead_letter && edge.to == v) sources.push_back(&edge);
      }
      if (sources.empty()) continue;
      line("");
      std::size_t widest = 0;
      for (const Edge* edge : sources) widest = std::max(widest, columns(label(edge->from)));
      for (std::size_t i = 0; i < sources.size(); ++i) {
        const bool only = sources.size() == 1;
        const bool first = i == 0;
        const bool last = i + 1 == sources.size();
        const std::string joint = only ? "──" : first ? "┐" : last ? "┴─" : "┤";
        std::string row =
            "  " + label(sources[i]->from) + " " + repeated("─", widest - columns(label(sources[i]->from)) + 1) + joint;
        if (last) row += "▶ " + label(v) + "  " + sources[i]->label;
        line(row);
      }
      std::string readers;
      for (const std::size_t e : out_[v]) readers += (readers.empty() ? "" : ", ") + label(graph_.edges[e].to);
      if (!readers.empty()) line("  " + label(v) + " ─▶ " + readers);
    }
  }

  void legend() {
    std::string words;
    const auto add = [&](Vertex::Shape shape, const std::string& word) {
      const bool used =
          std::any_of(graph_.vertices.begin(), graph_.vertices.end(), [&](const Vertex& vertex) { return vertex.shape == shape; });
      if (used) words += (words.empty() ? "" : "  ") + word;
    };
    add(Vertex::Shape::request, "<request>");
    add(Vertex::Shape::topic, "(topic)");
    add(Vertex::Shape::queue, "[queue]");
    add(Vertex::Shape::stream, "{stream}");
    add(Vertex::Shape::pipe, "=pipe=");
    if (std::any_of(graph_.edges.begin(), graph_.edges.end(), [](const Edge& edge) { return !edge.crossing.empty(); }))
      words += "  ═▶ to another broker";
    if (words.empty()) return;
    line("");
    line("  " + words);
  }
};

}  // namespace

std::string graph_as_text(const Graph& graph) {
  return TextWriter{graph}.write();
}

}  // namespace remuda::topology
