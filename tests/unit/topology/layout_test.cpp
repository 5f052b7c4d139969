// Where boxes and lines of a picture stand.

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <random>

#include "common/topology/layout.hpp"

using namespace remuda::topology;

namespace {

constexpr double row_gap = 20;
constexpr Size box_size{100, 40, 0};

/// Up to 12 nodes, some of them wired to nothing.
Graph some_graph(std::uint32_t seed) {
  std::mt19937 random{seed};
  Graph graph;
  const std::size_t count = 2 + random() % 11;
  for (std::size_t i = 0; i < count; ++i) {
    Vertex vertex;
    vertex.name = "node-" + std::to_string(i);
    graph.vertices.push_back(vertex);
  }
  for (std::size_t i = random() % (2 * count); i > 0; --i) {
    Edge edge;
    edge.from = random() % count;
    edge.to = random() % count;
    if (edge.from != edge.to) graph.edges.push_back(edge);
  }
  return graph;
}

/// Top and bottom of everything that is drawn, downwards.
std::vector<std::pair<double, double>> extents(const Layout& picture) {
  std::vector<std::pair<double, double>> all;
  for (const Box& each : picture.boxes) all.emplace_back(each.top, each.top + each.height);
  for (const auto& route : picture.routes) {
    for (const Point& point : route) all.emplace_back(point.y, point.y);
  }
  std::ranges::sort(all);
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_picture_has_no_empty_stripe_above_between_or_below_what_is_drawn) {
  constexpr double line = 14;  // the room that a line has for itself
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    const Graph graph = some_graph(seed);
    const Layout picture = layout(graph, std::vector<Size>(graph.vertices.size(), box_size), 80, row_gap);
    double bottom = 0;
    for (const auto& [top, end] : extents(picture)) {
      BOOST_TEST_REQUIRE(top - bottom <= row_gap + line, "seed " << seed << ": nothing between " << bottom << " and " << top);
      bottom = std::max(bottom, end);
    }
    BOOST_TEST_REQUIRE(picture.height - bottom <= line,
                       "seed " << seed << ": nothing below " << bottom << " of " << picture.height);
  }
}
