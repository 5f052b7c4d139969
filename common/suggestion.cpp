#include "common/suggestion.hpp"

#include <algorithm>
#include <vector>

namespace remuda {

std::size_t edit_distance(std::string_view from, std::string_view to) {
  // Optimal string alignment: three rows of the matrix are enough to see a swap of neighbours.
  std::vector<std::size_t> before_last(to.size() + 1);
  std::vector<std::size_t> last(to.size() + 1);
  std::vector<std::size_t> row(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (from[i - 1] == to[j - 1] ? 0U : 1U)});
      const bool swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[to.size()];
}

std::string_view closest_name(std::string_view given, std::span<const std::string_view> known) {
  std::string_view closest;
  std::size_t least = std::max<std::size_t>(1, given.size() / 3) + 1;
  for (const auto name : known) {
    if (const auto distance = edit_distance(given, name); distance < least) {
      least = distance;
      closest = name;
    }
  }
  return closest;
}

}  // namespace remuda
