#pragma once
// Makes a failing run short: leaves out ever smaller pieces of its steps as long as it still fails (delta debugging, Zeller and
// Hildebrandt 2002). What is left cannot lose any one step, unless the budget of attempts ended first.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace remuda::broker::test {

using Steps = std::vector<std::uint64_t>;

/// `fails`: whether a run of these steps alone fails in the same way; it does for `steps` themselves. Asked at most `attempts_max` times.
inline Steps shrink(Steps steps, const std::function<bool(const Steps&)>& fails, std::size_t attempts_max) {
  Steps without;
  for (std::size_t piece = (steps.size() + 1) / 2; piece > 0; piece = piece == 1 ? 0 : (piece + 1) / 2) {
    for (bool again = true; again;) {
      again = false;
      for (std::size_t end = steps.size(); end > 0;) {  // from the end: what came last matters to the fewest others
        const std::size_t begin = end > piece ? end - piece : 0;
        if (attempts_max-- == 0) return steps;
        without.assign(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(begin));
        without.insert(without.end(), steps.begin() + static_cast<std::ptrdiff_t>(end), steps.end());
        if (fails(without)) {
          steps.swap(without);
          again = piece == 1;  // one that had to stay may go now
        }
        end = begin;
      }
    }
  }
  return steps;
}

}  // namespace remuda::broker::test
