#pragma once
// Text inside XML: what pictures and Amazon's query protocol have in common.

#include <string>
#include <string_view>

namespace remuda {

/// `text` with what XML reserves escaped; characters that XML cannot hold become U+FFFD.
[[nodiscard]] std::string xml_escaped(std::string_view text);

}  // namespace remuda
