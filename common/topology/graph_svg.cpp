#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

#include "common/topology/graph.hpp"
#include "common/topology/layout.hpp"
#include "common/xml_text.hpp"

namespace remuda::topology {
namespace {

constexpr double margin = 28;
constexpr double title_height = 44;
constexpr double legend_height = 40;
constexpr double column_gap = 96;
constexpr double arrow_room = 14;  // beside a port's name
constexpr double row_gap = 22;
constexpr double name_width = 7.7;  // of one character, generous: the viewer's font is not known
constexpr double detail_width = 6.3;
constexpr double box_height = 44;
constexpr double port_height = 18;
constexpr double channel_height = 34;
constexpr double note_height = 15;

constexpr std::string_view style = R"(
  text { font-family: system-ui, "DejaVu Sans", "Helvetica Neue", Arial, sans-serif; font-size: 11px; }
  .title { font-size: 18px; font-weight: 600; }
  .name { font-size: 13px; text-anchor: middle; }
  .node .name { font-weight: 600; }
  .detail { text-anchor: middle; }
  .port { paint-order: stroke; stroke-width: 3; stroke-linejoin: round; }
  .shape { stroke-width: 1.3; }
  .slot { fill: none; stroke-width: 1.3; }
  .edge { fill: none; stroke-width: 1.4; marker-end: url(#arrow); }
  .edge.ask { marker-end: url(#arrow-ask); }
  .edge.dead { stroke-dasharray: 4 4; stroke-width: 1.1; marker-end: url(#arrow-dead); }
)";

struct Colours {
  std::string_view fill;
  std::string_view line;
};

/// Plain colours instead of CSS variables: many viewers that are no browsers know no variables.
struct Palette {
  std::string_view ground, ink, soft, line;
  Colours node, topic, queue, request, pipe, dead;
};

constexpr Palette light{"#ffffff",
                        "#1c2733",
                        "#5b6b7b",
                        "#7d8fa1",
                        {"#eef3f8", "#9fb3c8"},
                        {"#fdf1d8", "#d9a441"},
                        {"#e2f3ea", "#4fa37a"},
                        {"#e6eafc", "#7286d8"},
                        {"#f0f0f0", "#8d8d8d"},
                        {"#fbe6e4", "#cc6a5e"}};
constexpr Palette dark{"#14191f",
                       "#e7edf3",
                       "#9aabbc",
                       "#71859a",
                       {"#222c37", "#4d6277"},
                       {"#3a2f16", "#b98a35"},
                       {"#17332a", "#3f8f6c"},
                       {"#232b4d", "#6478cc"},
                       {"#2a2a2a", "#7a7a7a"},
                       {"#3d2020", "#b95f55"}};

std::string rules(const Palette& palette) {
  std::string out;
  const auto rule = [&](std::string_view selector, std::string_view property, std::string_view colour) {
    out.append("  ").append(selector).append(" { ").append(property).append(": ").append(colour).append("; }\n");
  };
  rule(".ground", "fill", palette.ground);
  rule(".title, .name", "fill", palette.ink);
  rule(".detail, .port, .legend", "fill", palette.soft);
  rule(".port", "stroke", palette.ground);
  rule(".edge", "stroke", palette.line);
  rule(".head", "fill", palette.line);
  rule(".edge.ask", "stroke", palette.request.line);
  rule(".head.ask", "fill", palette.request.line);
  rule(".edge.dead", "stroke", palette.dead.line);
  rule(".head.dead", "fill", palette.dead.line);
  const std::array<std::pair<std::string_view, Colours>, 7> shapes{{{".node", palette.node},
                                                                    {".topic", palette.topic},
                                                                    {".queue", palette.queue},
                                                                    {".stream", palette.queue},
                                                                    {".request", palette.request},
                                                                    {".pipe", palette.pipe},
                                                                    {".dead", palette.dead}}};
  for (const auto& [selector, colours] : shapes) {
    rule(std::string{selector} + " .shape", "fill", colours.fill);
    rule(std::string{selector} + " .shape, " + std::string{selector} + " .slot", "stroke", colours.line);
  }
  return out;
}

constexpr std::array<std::pair<Vertex::Shape, const char*>, 7> legend_words{
    {{Vertex::Shape::node, "node"},
     {Vertex::Shape::request, "request"},
     {Vertex::Shape::topic, "topic"},
     {Vertex::Shape::queue, "queue"},
     {Vertex::Shape::dead_letter_queue, "dead-letter queue"},
     {Vertex::Shape::pipe, "pipe"},
     {Vertex::Shape::stream, "stream"}}};

/// One decimal is finer than a pixel.
std::string number(double value) {
  std::array<char, 32> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::round(value * 10) / 10, std::chars_format::fixed, 1);
  std::string text{buffer.data(), end.ptr};
  return text.substr(text.size() - 2) == ".0" ? text.substr(0, text.size() - 2) : text;
}

std::string at(const char* x, double value) {
  return std::string{" "} + x + "=\"" + number(value) + "\"";
}

std::string_view css_class(Vertex::Shape shape) {
  switch (shape) {
    case Vertex::Shape::node:
      return "node";
    case Vertex::Shape::pipe:
      return "pipe";
    case Vertex::Shape::topic:
      return "topic";
    case Vertex::Shape::queue:
      return "queue";
    case Vertex::Shape::stream:
      return "stream";
    case Vertex::Shape::request:
      return "request";
    case Vertex::Shape::dead_letter_queue:
      return "dead";
  }
  return "node";
}

bool is_queue_like(Vertex::Shape shape) {
  return shape == Vertex::Shape::queue || shape == Vertex::Shape::dead_letter_queue;
}

class SvgWriter {
 public:
  explicit SvgWriter(const Graph& graph) : graph_{graph}, notes_(graph.vertices.size()) {
    // A filter and a dead letter's rule belong to what they lead to: written once, below it.
    double widest_port = 0;
    for (const auto& edge : graph.edges) {
      if (has_port(edge)) widest_port = std::max(widest_port, static_cast<double>(edge.label.size()) * detail_width);
      const auto& note = has_port(edge) ? edge.filter : edge.label;
      if (!note.empty()) notes_[edge.to].insert(note);
      if (!edge.crossing.empty()) notes_[edge.to].insert(edge.crossing);
    }
    std::vector<Size> sizes;
    for (std::size_t v = 0; v < graph.vertices.size(); ++v) sizes.push_back(size_of(v));
    layout_ = layout(graph, sizes, std::max(column_gap, widest_port + arrow_room), row_gap);
  }

  std::string write() {
    const double width = std::max(layout_.width, legend_width()) + 2 * margin;
    const double height = layout_.height + 2 * margin + title_height + legend_height;
    out_ = "<svg xmlns=\"http://www.w3.org/2000/svg\"" + at("width", width) + at("height", height) + " viewBox=\"0 0 " +
           number(width) + " " + number(height) + "\" role=\"img\" aria-label=\"" + xml_escaped(graph_.title) + "\">\n<style>" +
           std::string{style} + rules(light) + "  @media (prefers-color-scheme: dark) {\n" + rules(dark) +
           "  }\n</style>\n<defs>\n";
    marker("arrow", "head");
    marker("arrow-ask", "head ask");
    marker("arrow-dead", "head dead");
    out_ += "</defs>\n<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n";
    out_ += "<text class=\"title\"" + at("x", margin) + at("y", margin + 10) + ">" + xml_escaped(graph_.title) + "</text>\n";
    out_ += "<g transform=\"translate(" + number(margin) + " " + number(margin + title_height) + ")\">\n";
    for (std::size_t e = 0; e < graph_.edges.size(); ++e) edge(e);
    for (std::size_t v = 0; v < graph_.vertices.size(); ++v) vertex(v);
    for (std::size_t e = 0; e < graph_.edges.size(); ++e) port(e);
    out_ += "</g>\n";
    legend(height - margin + 8);
    return out_ + "</svg>\n";
  }

 private:
  const Graph& graph_;
  std::vector<std::set<std::string>> notes_;
  Layout layout_;
  std::string out_;

  [[nodiscard]] Size size_of(std::size_t v) const {
    const Vertex& vertex = graph_.vertices[v];
    const auto wide = [](std::string_view text, double each) { return static_cast<double>(text.size()) * each; };
    if (vertex.shape == Vertex::Shape::node) {
      const double name = wide(vertex.name, name_width) + (vertex.replicas > 1 ? 30 : 0);
      double width = std::max({name, wide(vertex.detail, detail_width), 70.0}) + 26;
      for (const auto& note : notes_[v]) width = std::max(width, wide(note, detail_width));
      const double height = std::max(box_height, port_height * static_cast<double>(busier_side(v) + 1));
      return {width, height + note_height * static_cast<double>(notes_[v].size()), height};
    }
    double width = wide(vertex.name, name_width) + (is_queue_like(vertex.shape) ? 46 : 40);
    for (const auto& note : notes_[v]) width = std::max(width, wide(note, detail_width));
    return {width, channel_height + note_height * static_cast<double>(notes_[v].size()), channel_height};
  }

  /// How many ports need room at the left or right side of a node, whichever has more.
  [[nodiscard]] std::size_t busier_side(std::size_t v) const {
    const auto in = std::count_if(graph_.edges.begin(), graph_.edges.end(), [&](const Edge& edge) { return edge.to == v; });
    const auto out = std::count_if(graph_.edges.begin(), graph_.edges.end(), [&](const Edge& edge) { return edge.from == v; });
    return static_cast<std::size_t>(std::max(in, out));
  }

  void marker(const std::string& id, const std::string& css) {
    out_ += "<marker id=\"" + id +
            "\" viewBox=\"0 0 8 8\" refX=\"7.4\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">" +
            "<path class=\"" + css + "\" d=\"M0 0.6 L8 4 L0 7.4 Z\"/></marker>\n";
  }

  /// The route as curves that leave and enter level; between the two points of a bend it stays straight.
  void edge(std::size_t e) {
    const auto& route = layout_.routes[e];
    std::string path = "M" + number(route.front().x) + " " + number(route.front().y);
    for (std::size_t i = 1; i < route.size(); ++i) {
      const Point a = route[i - 1];
      const Point b = route[i];
      const double middle = (a.x + b.x) / 2;
      if (std::abs(a.y - b.y) < 0.05) {
        path += " L" + number(b.x) + " " + number(b.y);
      } else {
        path += " C" + number(middle) + " " + number(a.y) + " " + number(middle) + " " + number(b.y) + " " + number(b.x) + " " +
                number(b.y);
      }
    }
    const Edge::Kind kind = graph_.edges[e].kind;
    const char* css = kind == Edge::Kind::ask ? "edge ask" : kind == Edge::Kind::dead_letter ? "edge dead" : "edge";
    const char* heavy = graph_.edges[e].crossing.empty() ? "" : " style=\"stroke-width:3\"";  // from one broker to another
    out_ += std::string{"<path class=\""} + css + "\"" + heavy + " d=\"" + path + "\"/>\n";
  }

  [[nodiscard]] static bool has_port(const Edge& edge) {
    return edge.kind != Edge::Kind::chain && edge.kind != Edge::Kind::dead_letter;
  }
  [[nodiscard]] bool leaves_node(const Edge& edge) const { return graph_.vertices[edge.from].shape == Vertex::Shape::node; }
  [[nodiscard]] Point port_of(std::size_t e) const {
    return leaves_node(graph_.edges[e]) ? layout_.routes[e].front() : layout_.routes[e].back();
  }
  /// One port with several channels is named once, at its topmost line.
  [[nodiscard]] bool is_named_above(std::size_t e) const {
    const Edge& edge = graph_.edges[e];
    for (std::size_t other = 0; other < graph_.edges.size(); ++other) {
      const Edge& its = graph_.edges[other];
      const bool same = has_port(its) && its.label == edge.label && leaves_node(its) == leaves_node(edge) &&
                        (leaves_node(edge) ? its.from == edge.from : its.to == edge.to);
      if (same && port_of(other).y < port_of(e).y) return true;
    }
    return false;
  }

  /// The name of the port, at the node's end of the line and outside its box: an answer's way back may come in from the right.
  void port(std::size_t e) {
    const Edge& edge = graph_.edges[e];
    if (!has_port(edge) || is_named_above(e)) return;
    const bool leaves = leaves_node(edge);
    const Box& box = layout_.boxes[leaves ? edge.from : edge.to];
    const Point end = port_of(e);
    const bool on_the_right = end.x > box.left + box.width / 2;
    const double space = leaves ? 5 : 10;  // an arrow's head needs more
    out_ += "<text class=\"port\" text-anchor=\"" + std::string{on_the_right ? "start" : "end"} + "\"" +
            at("x", end.x + (on_the_right ? space : -space)) + at("y", end.y - 4) + ">" + xml_escaped(edge.label) + "</text>\n";
  }

  void rectangle(const Box& box, double radius, double shift = 0) {
    out_ += "<rect class=\"shape\"" + at("x", box.left + shift) + at("y", box.top - shift) + at("width", box.width) +
            at("height", box.height) + at("rx", radius) + "/>";
  }

  void vertex(std::size_t v) {
    const Vertex& vertex = graph_.vertices[v];
    Box box = layout_.boxes[v];
    out_ += "<g class=\"" + std::string{css_class(vertex.shape)} + "\">";
    box.height -= note_height * static_cast<double>(notes_[v].size());
    if (vertex.shape == Vertex::Shape::node) {
      if (vertex.replicas > 1) rectangle(box, 7, 5);
      rectangle(box, 7);
      const std::string count = vertex.replicas > 1 ? " × " + std::to_string(vertex.replicas) : "";
      const double middle = box.top + box.height / 2;
      text("name", box.left + box.width / 2, middle - 3, vertex.name + count);
      text("detail", box.left + box.width / 2, middle + 12, vertex.detail);
    } else {
      channel(vertex.shape, box);
      text("name", box.left + box.width / 2 - (is_queue_like(vertex.shape) ? 9 : 0), box.top + 22, vertex.name);
    }
    double line = box.top + box.height + 12;
    for (const auto& note : notes_[v]) {
      text("detail", box.left + box.width / 2, line, note);
      line += note_height;
    }
    out_ += "</g>\n";
  }

  void text(const char* css, double x, double y, const std::string& content) {
    out_ += std::string{"<text class=\""} + css + "\"" + at("x", x) + at("y", y) + ">" + xml_escaped(content) + "</text>";
  }

  void polygon(const std::vector<Point>& points) {
    out_ += "<polygon class=\"shape\" points=\"";
    for (const auto& point : points) out_ += number(point.x) + "," + number(point.y) + " ";
    out_ += "\"/>";
  }

  /// Topic: rounded ends, everybody hears it. Queue: a row of slots. Stream: a tape that stays. Request: pointed both ways. Pipe: a tube.
  void channel(Vertex::Shape shape, const Box& box) {
    const double right = box.left + box.width;
    const double bottom = box.top + box.height;
    const double middle = box.top + box.height / 2;
    if (is_queue_like(shape)) {
      rectangle(box, 2);
      for (int slot = 1; slot <= 3; ++slot) {
        const double x = right - 7.0 * slot;
        out_ += "<path class=\"slot\" d=\"M" + number(x) + " " + number(box.top) + " V" + number(bottom) + "\"/>";
      }
    } else if (shape == Vertex::Shape::stream) {
      rectangle(box, 2);
      const double tape = bottom - std::min(7.0, box.height / 2);
      std::string path = "M" + number(box.left) + " " + number(tape) + " H" + number(right);
      const int slots = std::max(0, static_cast<int>((right - 3 - box.left) / 9));
      for (int slot = 1; slot <= slots; ++slot)
        path += " M" + number(box.left + 9.0 * slot) + " " + number(tape) + " V" + number(bottom);
      out_ += "<path class=\"slot\" d=\"" + path + "\"/>";
    } else if (shape == Vertex::Shape::request) {
      polygon({{box.left, middle},
               {box.left + 10, box.top},
               {right - 10, box.top},
               {right, middle},
               {right - 10, bottom},
               {box.left + 10, bottom}});
    } else if (shape == Vertex::Shape::pipe) {
      out_ += "<path class=\"shape\" d=\"M" + number(box.left + 7) + " " + number(box.top) + " H" + number(right - 7) + " A7 " +
              number(box.height / 2) + " 0 0 1 " + number(right - 7) + " " + number(bottom) + " H" + number(box.left + 7) + " A7 " +
              number(box.height / 2) + " 0 0 1 " + number(box.left + 7) + " " + number(box.top) + " A7 " + number(box.height / 2) +
              " 0 0 1 " + number(box.left + 7) + " " + number(bottom) + "\"/>";
    } else {
      rectangle(box, box.height / 2);
    }
  }

  [[nodiscard]] bool uses(Vertex::Shape shape) const {
    return std::any_of(graph_.vertices.begin(), graph_.vertices.end(), [&](const Vertex& vertex) { return vertex.shape == shape; });
  }

  static double legend_step(std::string_view word) { return 35 + static_cast<double>(word.size()) * detail_width + 22; }

  [[nodiscard]] double legend_width() const {
    double width = 0;
    for (const auto& [shape, word] : legend_words) width += uses(shape) ? legend_step(word) : 0;
    return width;
  }

  void legend(double y) {
    double x = margin;
    for (const auto& [shape, word] : legend_words) {
      if (!uses(shape)) continue;
      out_ += "<g class=\"" + std::string{css_class(shape)} + "\">";
      const Box box{x, y - 11, 28, 14};
      if (shape == Vertex::Shape::node) {
        rectangle(box, 4);
      } else {
        channel(shape, box);
      }
      out_ += "</g><text class=\"legend\"" + at("x", x + 35) + at("y", y) + ">" + word + "</text>\n";
      x += legend_step(word);
    }
  }
};

}  // namespace

std::string graph_as_svg(const Graph& graph) {
  return SvgWriter{graph}.write();
}

}  // namespace remuda::topology
