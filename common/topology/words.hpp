#pragma once
// Small sentences for diagnostics.

#include <string>
#include <string_view>
#include <vector>

namespace remuda::topology {

/// `did you mean 'rides'?` for the known word nearest to a wrong one, else for one that contains it; or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view wrong, const std::vector<std::string>& known);

/// `a, b, c`; `none` when empty; cut after `most` with the number of those left out.
[[nodiscard]] std::string listed(const std::vector<std::string>& words, std::size_t most = 12);

/// 'word'
[[nodiscard]] std::string in_quotes(std::string_view word);

}  // namespace remuda::topology
