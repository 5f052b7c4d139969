#pragma once
// "Did you mean ...?": the known name closest to a mistyped one.

#include <span>
#include <string>
#include <string_view>

namespace remuda {

/// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other.
[[nodiscard]] std::size_t edit_distance(std::string_view from, std::string_view to);

/// The closest of `known` when it is near enough to be a slip (a third of its length, at least 1 change), else empty.
[[nodiscard]] std::string_view closest_name(std::string_view given, std::span<const std::string_view> known);

}  // namespace remuda
