#include "common/topology/layout.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace remuda::topology {
namespace {

constexpr int ordering_sweeps = 12;
constexpr int settling_sweeps = 80;
constexpr double bend_height = 14;

/// The graph with its circles cut and long edges split at bends; vertices beyond the graph's own are bends.
struct Layered {
  std::vector<int> column;
  std::vector<Size> size;
  std::vector<std::vector<std::size_t>> left;  ///< neighbours one column to the left
  std::vector<std::vector<std::size_t>> right;
  std::vector<std::vector<std::size_t>> chain;  ///< by edge: vertices from its left end to its right end
  std::vector<bool> reversed;                   ///< by edge: drawn against its direction
  std::vector<std::vector<std::size_t>> order;  ///< by column, from the top
};

class Layouter {
 public:
  Layouter(const Graph& graph, const std::vector<Size>& sizes, double column_gap, double row_gap)
      : graph_{graph}, column_gap_{column_gap}, row_gap_{row_gap} {
    g_.size = sizes;
  }

  Layout run() {
    cut_circles();
    choose_columns();
    split_long_edges();
    order_columns();
    settle_heights();
    close_gaps();
    return place();
  }

 private:
  const Graph& graph_;
  double column_gap_;
  double row_gap_;
  Layered g_;
  std::vector<double> centre_;

  [[nodiscard]] std::size_t source(std::size_t edge) const {
    return g_.reversed[edge] ? graph_.edges[edge].to : graph_.edges[edge].from;
  }
  [[nodiscard]] std::size_t target(std::size_t edge) const {
    return g_.reversed[edge] ? graph_.edges[edge].from : graph_.edges[edge].to;
  }

  /// Depth first; an edge back to an open vertex is turned round.
  void cut_circles() {
    const std::size_t count = graph_.vertices.size();
    g_.reversed.assign(graph_.edges.size(), false);
    std::vector<std::vector<std::size_t>> out(count);
    for (std::size_t e = 0; e < graph_.edges.size(); ++e) out[graph_.edges[e].from].push_back(e);
    enum class Mark { none, open, done };
    std::vector<Mark> marks(count, Mark::none);
    std::vector<std::pair<std::size_t, std::size_t>> path;
    for (std::size_t start = 0; start < count; ++start) {
      if (marks[start] != Mark::none) continue;
      path.emplace_back(start, 0);
      marks[start] = Mark::open;
      while (!path.empty()) {
        auto& [vertex, next] = path.back();
        if (next == out[vertex].size()) {
          marks[vertex] = Mark::done;
          path.pop_back();
          continue;
        }
        const std::size_t edge = out[vertex][next++];
        const std::size_t to = graph_.edges[edge].to;
        if (marks[to] == Mark::open) g_.reversed[edge] = true;
        if (marks[to] != Mark::none) continue;
        marks[to] = Mark::open;
        path.emplace_back(to, 0);
      }
    }
  }

  void choose_columns() {
    const std::size_t count = graph_.vertices.size();
    g_.column.assign(count, 0);
    push_right();
    for (std::size_t v = 0; v < count; ++v) {
      if (graph_.vertices[v].shape == Vertex::Shape::node) continue;
      int nearest = -1;
      for (std::size_t e = 0; e < graph_.edges.size(); ++e) {
        if (source(e) == v && graph_.edges[e].kind != Edge::Kind::dead_letter && (nearest < 0 || g_.column[target(e)] < nearest))
          nearest = g_.column[target(e)];
      }
      if (nearest > 0) g_.column[v] = std::max(g_.column[v], nearest - 1);
    }
    push_right();
  }

  /// Moves every edge's right end beyond its left end. Without circles the longest way is bounded, so a round comes
  /// that changes nothing.
  void push_right() {
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t e = 0; e < graph_.edges.size(); ++e) {
        const int wanted = g_.column[source(e)] + 1;
        if (source(e) == target(e) || g_.column[target(e)] >= wanted) continue;
        g_.column[target(e)] = wanted;
        changed = true;
      }
    }
  }

  void connect(std::size_t from, std::size_t to) {
    g_.right[from].push_back(to);
    g_.left[to].push_back(from);
  }

  void split_long_edges() {
    g_.left.resize(g_.column.size());
    g_.right.resize(g_.column.size());
    g_.chain.resize(graph_.edges.size());
    for (std::size_t e = 0; e < graph_.edges.size(); ++e) {
      std::size_t here = source(e);
      const std::size_t end = target(e);
      g_.chain[e].push_back(here);
      for (int column = g_.column[here] + 1; column < g_.column[end]; ++column) {
        const std::size_t bend = g_.column.size();
        g_.column.push_back(column);
        g_.size.push_back({0, bend_height, 0});
        g_.left.emplace_back();
        g_.right.emplace_back();
        connect(here, bend);
        g_.chain[e].push_back(bend);
        here = bend;
      }
      if (here != end) connect(here, end);
      g_.chain[e].push_back(end);
    }
    int columns = 0;
    for (const int column : g_.column) columns = std::max(columns, column + 1);
    g_.order.resize(static_cast<std::size_t>(columns));
    for (std::size_t v = 0; v < g_.column.size(); ++v) g_.order[static_cast<std::size_t>(g_.column[v])].push_back(v);
  }

  void order_columns() {
    std::vector<double> rank(g_.column.size());
    const auto number = [&](const std::vector<std::size_t>& column) {
      for (std::size_t i = 0; i < column.size(); ++i) rank[column[i]] = static_cast<double>(i);
    };
    for (const auto& column : g_.order) number(column);
    const auto arrange = [&](std::vector<std::size_t>& column, const std::vector<std::vector<std::size_t>>& neighbours) {
      std::vector<std::pair<double, std::size_t>> keys;
      for (const std::size_t v : column) {
        double sum = 0;
        for (const std::size_t n : neighbours[v]) sum += rank[n];
        keys.emplace_back(neighbours[v].empty() ? rank[v] : sum / static_cast<double>(neighbours[v].size()), v);
      }
      std::stable_sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
      for (std::size_t i = 0; i < keys.size(); ++i) column[i] = keys[i].second;
      number(column);
    };
    auto best = g_.order;
    std::size_t fewest = crossings();
    for (int sweep = 0; sweep < ordering_sweeps && fewest > 0; ++sweep) {
      for (std::size_t c = 1; c < g_.order.size(); ++c) arrange(g_.order[c], g_.left);
      for (std::size_t c = g_.order.size() - 1; c-- > 0;) arrange(g_.order[c], g_.right);
      if (const std::size_t now = crossings(); now < fewest) {
        fewest = now;
        best = g_.order;
      }
    }
    g_.order = std::move(best);
  }

  [[nodiscard]] std::size_t crossings() const {
    std::vector<std::size_t> rank(g_.column.size());
    for (const auto& column : g_.order) {
      for (std::size_t i = 0; i < column.size(); ++i) rank[column[i]] = i;
    }
    std::size_t count = 0;
    for (const auto& column : g_.order) {
      std::vector<std::size_t> ends;  // of the edges to the right, by their left ends
      for (const std::size_t v : column) {
        std::vector<std::size_t> own;
        for (const std::size_t n : g_.right[v]) own.push_back(rank[n]);
        std::sort(own.begin(), own.end());
        for (const std::size_t end : own) {
          count +=
              static_cast<std::size_t>(std::count_if(ends.begin(), ends.end(), [&](std::size_t earlier) { return earlier > end; }));
        }
        ends.insert(ends.end(), own.begin(), own.end());
      }
    }
    return count;
  }

  [[nodiscard]] double distance(std::size_t upper, std::size_t lower) const {
    const std::size_t own = graph_.vertices.size();
    const double gap = upper >= own && lower >= own ? row_gap_ / 3 : row_gap_;
    return (g_.size[upper].height + g_.size[lower].height) / 2 + gap;
  }

  /// Pulls every vertex to the mean height of its neighbours, in turn from left and right, keeping order and distances
  /// in the column.
  void settle_heights() {
    centre_.assign(g_.column.size(), 0);
    for (const auto& column : g_.order) {
      for (std::size_t i = 1; i < column.size(); ++i)
        centre_[column[i]] = centre_[column[i - 1]] + distance(column[i - 1], column[i]);
    }
    for (int sweep = 0; sweep < settling_sweeps; ++sweep) {
      const bool from_left = sweep % 2 == 0;
      for (std::size_t c = 0; c < g_.order.size(); ++c) {
        settle(g_.order[from_left ? c : g_.order.size() - 1 - c],
               sweep + 4 < settling_sweeps ? (from_left ? &g_.left : &g_.right) : nullptr);
      }
    }
  }

  /// Long edges should run straight before anything else, and boxes follow their edges.
  [[nodiscard]] double stiffness(std::size_t a, std::size_t b) const {
    const std::size_t own = graph_.vertices.size();
    return a >= own && b >= own ? 8 : a >= own || b >= own ? 2 : 1;
  }

  /// Least squares under the order: neighbours that would overlap are merged into blocks, which stand at the mean of their wishes.
  void settle(const std::vector<std::size_t>& column, const std::vector<std::vector<std::size_t>>* side) {
    struct Block {
      double wish = 0;  ///< sum over its vertices of (wished height - offset in the block)
      double weight = 0;
      std::size_t first = 0;
      [[nodiscard]] double top() const { return wish / weight; }
    };
    std::vector<double> offset(column.size(), 0);
    for (std::size_t i = 1; i < column.size(); ++i) offset[i] = offset[i - 1] + distance(column[i - 1], column[i]);
    std::vector<Block> blocks;
    for (std::size_t i = 0; i < column.size(); ++i) {
      double sum = 0;
      double pull = 0;
      for (const auto* neighbours : {&g_.left, &g_.right}) {
        for (const std::size_t n : (*neighbours)[column[i]]) {
          const double strength = stiffness(column[i], n) * (side == nullptr || side == neighbours ? 1 : 0.2);
          sum += centre_[n] * strength;
          pull += strength;
        }
      }
      const double wish = pull == 0 ? centre_[column[i]] : sum / pull;
      const double weight = column[i] >= graph_.vertices.size() ? 2 : 1;
      Block block{(wish - offset[i]) * weight, weight, i};
      while (!blocks.empty() && blocks.back().top() > block.top()) {
        block = {blocks.back().wish + block.wish, blocks.back().weight + block.weight, blocks.back().first};
        blocks.pop_back();
      }
      blocks.push_back(block);
    }
    for (std::size_t b = 0; b < blocks.size(); ++b) {
      const std::size_t end = b + 1 < blocks.size() ? blocks[b + 1].first : column.size();
      for (std::size_t i = blocks[b].first; i < end; ++i) centre_[column[i]] = blocks[b].top() + offset[i];
    }
  }

  [[nodiscard]] double top_of(std::size_t v) const { return centre_[v] - g_.size[v].height / 2; }
  [[nodiscard]] double bottom_of(std::size_t v) const { return centre_[v] + g_.size[v].height / 2; }

  /// What no edge holds stays where it was while the others settle elsewhere: stripes with nothing in them are made narrow.
  void close_gaps() {
    std::vector<std::size_t> downwards(centre_.size());
    std::iota(downwards.begin(), downwards.end(), std::size_t{0});
    std::stable_sort(downwards.begin(), downwards.end(), [&](std::size_t a, std::size_t b) { return top_of(a) < top_of(b); });
    double up = 0;
    double bottom = downwards.empty() ? 0 : top_of(downwards.front());
    for (const std::size_t v : downwards) {
      up += std::max(0.0, top_of(v) - up - bottom - row_gap_);
      centre_[v] -= up;
      bottom = std::max(bottom, bottom_of(v));
    }
  }

  Layout place() {
    Layout out;
    const std::size_t own = graph_.vertices.size();
    double top = centre_.empty() ? 0 : top_of(0);
    double bottom = top;
    for (std::size_t v = 0; v < centre_.size(); ++v) {
      top = std::min(top, top_of(v));
      bottom = std::max(bottom, bottom_of(v));
    }
    std::vector<double> column_left(g_.order.size() + 1, 0);
    std::vector<double> column_width(g_.order.size(), 0);
    for (std::size_t c = 0; c < g_.order.size(); ++c) {
      for (const std::size_t v : g_.order[c]) column_width[c] = std::max(column_width[c], g_.size[v].width);
      column_left[c + 1] = column_left[c] + column_width[c] + column_gap_;
    }
    for (std::size_t v = 0; v < own; ++v) {
      const auto c = static_cast<std::size_t>(g_.column[v]);
      out.boxes.push_back({column_left[c] + (column_width[c] - g_.size[v].width) / 2, centre_[v] - g_.size[v].height / 2 - top,
                           g_.size[v].width, g_.size[v].height});
    }
    out.width = std::max(0.0, column_left.back() - column_gap_);
    out.height = bottom - top;
    spread_ends(out, column_left, column_width, top);
    return out;
  }

  /// Edges that meet at one side of a box end at different heights there, ordered as they come.
  void spread_ends(Layout& out, const std::vector<double>& column_left, const std::vector<double>& column_width, double top) const {
    const std::size_t own = graph_.vertices.size();
    struct End {
      std::size_t edge;
      double towards;
    };
    std::vector<std::vector<End>> leaving(own);
    std::vector<std::vector<End>> entering(own);
    for (std::size_t e = 0; e < graph_.edges.size(); ++e) {
      const auto& chain = g_.chain[e];
      leaving[source(e)].push_back({e, centre_[chain[1]]});
      entering[target(e)].push_back({e, centre_[chain[chain.size() - 2]]});
    }
    std::vector<double> start(graph_.edges.size());
    std::vector<double> end(graph_.edges.size());
    const auto spread = [&](std::vector<End>& ends, std::size_t v, std::vector<double>& heights) {
      const Box& box = out.boxes[v];
      const double side = g_.size[v].side > 0 ? g_.size[v].side : box.height;
      std::stable_sort(ends.begin(), ends.end(), [](const End& a, const End& b) { return a.towards < b.towards; });
      for (std::size_t i = 0; i < ends.size(); ++i) {
        heights[ends[i].edge] = box.top + side * (static_cast<double>(i) + 1) / (static_cast<double>(ends.size()) + 1);
      }
    };
    for (std::size_t v = 0; v < own; ++v) {
      spread(leaving[v], v, start);
      spread(entering[v], v, end);
    }
    for (std::size_t e = 0; e < graph_.edges.size(); ++e) {
      const Box& from = out.boxes[source(e)];
      const Box& to = out.boxes[target(e)];
      std::vector<Point> route{{from.left + from.width, start[e]}};
      for (std::size_t i = 1; i + 1 < g_.chain[e].size(); ++i) {
        const std::size_t bend = g_.chain[e][i];
        const auto c = static_cast<std::size_t>(g_.column[bend]);
        route.push_back({column_left[c], centre_[bend] - top});
        route.push_back({column_left[c] + column_width[c], centre_[bend] - top});
      }
      route.push_back({to.left, end[e]});
      if (g_.reversed[e]) std::reverse(route.begin(), route.end());
      out.routes.push_back(std::move(route));
    }
  }
};

}  // namespace

Layout layout(const Graph& graph, const std::vector<Size>& sizes, double column_gap, double row_gap) {
  return Layouter{graph, sizes, column_gap, row_gap}.run();
}

}  // namespace remuda::topology
