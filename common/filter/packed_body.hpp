#pragma once
// A body in the packed form that matchers read, whether it came so or as JSON text.

#include <optional>
#include <string>
#include <string_view>

namespace remuda::filter {

/// The body itself when it does not begin like JSON, else its msgpack form in `buffer`. Nothing when it is broken JSON.
[[nodiscard]] std::optional<std::string_view> packed_body(std::string_view body, std::string& buffer);

}  // namespace remuda::filter
