#pragma once
// A layered layout (Sugiyama, Tagawa and Toda 1981): vertices in columns, edges from left to right around them.
//
// Circles are cut, vertices get columns by their longest way from the left, channels move next to who reads them, long edges get a
// bend in every column they cross, columns are ordered by the medians of their neighbours, and heights settle by pulling each
// vertex towards its neighbours. Deterministic: the same graph gives the same picture.

#include <cstddef>
#include <vector>

#include "common/topology/graph.hpp"

namespace remuda::topology {

struct Size {
  double width = 0;
  double height = 0;
  double side = 0;  ///< how far down from the top edges may touch; 0: the whole height
};
struct Point {
  double x = 0;
  double y = 0;
};
struct Box {
  double left = 0;
  double top = 0;
  double width = 0;
  double height = 0;
};

struct Layout {
  double width = 0;
  double height = 0;
  std::vector<Box> boxes;  ///< by vertex
  std::vector<std::vector<Point>>
      routes;  ///< by edge: from the border of its first vertex over its bends to the border of its second
};

/// `sizes`: what each vertex needs. `column_gap`: the space between columns, for edges and their labels.
[[nodiscard]] Layout layout(const Graph& graph, const std::vector<Size>& sizes, double column_gap, double row_gap);

}  // namespace remuda::topology
