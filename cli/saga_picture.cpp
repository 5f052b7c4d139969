#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "cli/saga_story.hpp"
#include "common/xml_text.hpp"

namespace remuda::cli {

namespace {

using saga::Json;
using saga::Machine;
using saga::State;
using Way = StatePicture::Way;

constexpr int row_height = 64;
constexpr int box_height = 40;
constexpr int box_width = 260;
constexpr int margin = 220;

/// What happened to states, from the history.
struct Travelled {
  std::map<std::string, int> visits;
  std::set<std::pair<std::string, std::string>> ways;
};

Travelled travelled(const Json& story) {
  Travelled found;
  std::map<std::uint64_t, std::string> left;  // by frame
  for (const Json& entry : story.value("history", Json::array())) {
    const std::string what = entry.value("what", "");
    const std::string state = entry.value("state", "");
    const auto frame = entry.value("frame", std::uint64_t{0});
    if (what == "left") left[frame] = state;
    if (what != "entered") continue;
    ++found.visits[state];
    if (const auto before = left.find(frame); before != left.end()) found.ways.emplace(before->second, state);
  }
  return found;
}

class Drawing {
 public:
  Drawing(const Travelled& travelled, const std::set<std::string>& current) : travelled_{travelled}, current_{current} {}

  std::size_t add_machine(const Machine& machine) {
    std::map<std::string, std::size_t> places;
    std::vector<const State*> states;
    for (const auto& [name, state] : machine.states) states.push_back(&state);
    std::sort(states.begin(), states.end(), [](const State* a, const State* b) { return a->offset < b->offset; });
    for (const State* state : states) places[state->name] = add_node(*state);
    for (const auto& [name, place] : places) {
      const State& state = machine.states.find(name)->second;
      for (const auto& [to, kind, label] : exits(state)) {
        if (places.contains(to)) picture.ways.push_back({place, places[to], kind, label, travelled_.ways.contains({name, to})});
      }
      for (const Machine& branch : state.branches) {
        const std::size_t first = add_machine(branch);
        picture.ways.push_back({place, first, Way::Kind::branch, state.type == saga::StateType::map ? "each" : "branch",
                                picture.nodes[first].visits > 0});
      }
    }
    return places[machine.start_at];
  }

  StatePicture picture;

 private:
  struct Exit {
    std::string to;
    Way::Kind kind;
    std::string label;
  };

  static std::vector<Exit> exits(const State& state) {
    std::vector<Exit> found;
    if (!state.next.empty()) found.push_back({state.next, Way::Kind::next, ""});
    for (const auto& rule : state.choices) found.push_back({rule.next, Way::Kind::choice, "if"});
    if (!state.default_next.empty()) found.push_back({state.default_next, Way::Kind::choice, "else"});
    for (const auto& catcher : state.catches) {
      std::string names;
      for (const auto& error : catcher.errors) names += (names.empty() ? "" : ", ") + error;
      found.push_back({catcher.next, Way::Kind::error, names});
    }
    return found;
  }

  std::size_t add_node(const State& state) {
    const std::string& resource = state.resource;
    const auto visits = travelled_.visits.find(state.name);
    picture.nodes.push_back({state.name, std::string{saga::name_of(state.type)},
                             resource.starts_with("task:") ? resource.substr(5) : resource,
                             visits == travelled_.visits.end() ? 0 : visits->second, current_.contains(state.name)});
    return picture.nodes.size() - 1;
  }

  const Travelled& travelled_;
  const std::set<std::string>& current_;
};

std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string_view style_of(Way::Kind kind) {
  return kind == Way::Kind::error ? "dashed" : kind == Way::Kind::branch ? "dotted" : "solid";
}

}  // namespace

Result<StatePicture> picture_of(const Json& story) {
  const auto reading = saga::read_definition(story.value("definition_text", ""));
  if (!reading.definition) return fail("failed", "the definition of this saga cannot be read here");
  std::set<std::string> current;
  std::string states = story.value("states", "");
  while (!states.empty()) {
    const std::size_t comma = std::min(states.find(", "), states.size());
    current.insert(states.substr(0, comma));
    states.erase(0, comma + 2);
  }
  const Travelled way = travelled(story);
  Drawing drawing{way, current};
  drawing.picture.title = story.value("id", "") + "  " + story.value("definition", "") + "  " + story.value("status", "");
  drawing.add_machine(reading.definition->machine);
  return std::move(drawing.picture);
}

std::string picture_as_text(const StatePicture& picture, bool colours) {
  std::string text = picture.title + "\n";
  for (std::size_t at = 0; at < picture.nodes.size(); ++at) {
    const auto& node = picture.nodes[at];
    const std::string mark = node.is_current ? "▶" : node.visits > 0 ? "●" : "○";
    text +=
        fmt::format("{} {}  {}{}{}\n", mark, paint(colours, node.visits > 0 ? Colour::bold : Colour::dim, node.name), node.type,
                    node.detail.empty() ? "" : " " + node.detail, node.visits > 1 ? fmt::format("  {} times", node.visits) : "");
    for (const auto& way : picture.ways) {
      if (way.from != at) continue;
      const std::string arrow = fmt::format("    {} {}{}", way.taken ? "━▶" : "╌▷", picture.nodes[way.to].name,
                                            way.label.empty() ? "" : "  (" + way.label + ")");
      text += paint(colours, way.taken ? Colour::green : Colour::dim, arrow) + "\n";
    }
  }
  return text;
}

std::string picture_as_dot(const StatePicture& picture) {
  std::string dot = "digraph saga {\n  label=" + quoted(picture.title) + ";\n  node [shape=box, style=rounded];\n";
  for (std::size_t at = 0; at < picture.nodes.size(); ++at) {
    const auto& node = picture.nodes[at];
    const std::string_view colour = node.is_current ? "orange" : node.visits > 0 ? "forestgreen" : "gray";
    dot += fmt::format("  s{} [label={}, color={}];\n", at, quoted(node.name + "\n" + node.type + " " + node.detail), colour);
  }
  for (const auto& way : picture.ways) {
    dot += fmt::format("  s{} -> s{} [label={}, style={}, color={}];\n", way.from, way.to, quoted(way.label), style_of(way.kind),
                       way.taken ? "forestgreen" : "gray");
  }
  return dot + "}\n";
}

/// One column of boxes; ways go down on the left, and those of errors on the right.
std::string picture_as_svg(const StatePicture& picture) {
  const int width = box_width + 2 * margin;
  const int height = row_height * static_cast<int>(picture.nodes.size()) + 60;
  const auto middle = [](std::size_t row) { return 60 + row_height * static_cast<int>(row) + box_height / 2; };
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" "
      "font-size=\"13\">\n<style>text{{fill:#222}} .box{{fill:#fff;stroke:#999}} "
      ".been{{fill:#e6f4ea;stroke:#188038;stroke-width:2}} "
      ".now{{fill:#fef3d6;stroke:#b06000;stroke-width:3}} .way{{fill:none;stroke:#bbb}} .taken{{stroke:#188038;stroke-width:2.5}} "
      ".error{{stroke-dasharray:6 4}} .small{{font-size:11px;fill:#666}} @media (prefers-color-scheme:dark){{text{{fill:#ddd}} "
      ".box{{fill:#222}} .been{{fill:#143d21}} .now{{fill:#4a3410}} .small{{fill:#aaa}}}}</style>\n"
      "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">"
      "<path d=\"M0 0L8 4L0 8z\" fill=\"#777\"/></marker></defs>\n<text x=\"{2}\" y=\"30\" font-weight=\"bold\">{3}</text>\n",
      width, height, margin, xml_escaped(picture.title));
  for (const auto& way : picture.ways) {
    const bool is_error = way.kind == Way::Kind::error;
    const std::size_t span = std::max(way.from, way.to) - std::min(way.from, way.to);
    const int side = is_error ? margin + box_width : margin;
    const int out = (is_error ? 1 : -1) * std::min(margin - 20, 24 + 14 * static_cast<int>(span));
    const int from = middle(way.from) + (is_error ? 8 : 4);
    const int to = middle(way.to) - 6;
    svg += fmt::format("<path class=\"way{}{}\" marker-end=\"url(#tip)\" d=\"M{} {}C{} {},{} {},{} {}\"><title>{}</title></path>\n",
                       way.taken ? " taken" : "", is_error ? " error" : "", side, from, side + out, from, side + out, to, side, to,
                       xml_escaped(picture.nodes[way.from].name + " → " + picture.nodes[way.to].name + " " + way.label));
  }
  for (std::size_t at = 0; at < picture.nodes.size(); ++at) {
    const auto& node = picture.nodes[at];
    const int top = middle(at) - box_height / 2;
    svg += fmt::format("<rect class=\"box{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n",
                       node.is_current   ? " now"
                       : node.visits > 0 ? " been"
                                         : "",
                       margin, top, box_width, box_height);
    svg += fmt::format("<text x=\"{}\" y=\"{}\">{}</text><text class=\"small\" x=\"{}\" y=\"{}\">{}</text>\n", margin + 12,
                       top + 17, xml_escaped(node.name), margin + 12, top + 33, xml_escaped(node.type + " " + node.detail));
  }
  return svg + "</svg>\n";
}

}  // namespace remuda::cli
