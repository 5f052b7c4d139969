#include "common/filter/packed_body.hpp"

#include "common/filter/json_to_msgpack.hpp"

namespace remuda::filter {

std::optional<std::string_view> packed_body(std::string_view body, std::string& buffer) {
  const bool begins_like_json = !body.empty() && std::string_view{"{ \t\n\r"}.find(body.front()) != std::string_view::npos;
  if (!begins_like_json) return body;
  buffer.clear();
  buffer.reserve(body.size());
  if (!json_to_msgpack(body, buffer)) return std::nullopt;
  return buffer;
}

}  // namespace remuda::filter
