#include "common/http/task.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/crc32c.hpp"
#include "common/message.hpp"

namespace remuda::http {
namespace {

constexpr std::size_t uuid_size = 36;
constexpr std::size_t checksum_size = 8;
constexpr std::chrono::milliseconds clock_difference{60'000};  ///< between the hosts of one system, at most

bool is_uuid(std::string_view id, char version) {
  if (id.size() != uuid_size || id[14] != version) return false;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool digit = (id[i] >= '0' && id[i] <= '9') || (id[i] >= 'a' && id[i] <= 'f');
    if (dash ? id[i] != '-' : !digit) return false;
  }
  return true;
}

/// The time in a version 7 UUID. Source: RFC 9562, section 5.7.
std::optional<std::int64_t> time_of(std::string_view id) {
  if (!is_uuid(id, '7')) return std::nullopt;
  const std::string digits = std::string{id.substr(0, 8)} + std::string{id.substr(9, 4)};
  std::int64_t ms = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), ms, 16);
  return ms;
}

std::string checksum_of(std::string_view id) {
  std::array<char, checksum_size + 1> text{};
  std::snprintf(text.data(), text.size(), "%08x", crc32c(id.substr(0, uuid_size - checksum_size)));
  return text.data();
}

}  // namespace

std::string task_id(std::string_view request_id) {
  if (is_uuid(request_id, '7')) return std::string{request_id};
  std::string id = derived_message_id(request_id, "task", 0);
  id.replace(uuid_size - checksum_size, checksum_size, checksum_of(id));
  return id;
}

bool may_be_task(std::string_view id, std::int64_t now_ms, std::chrono::milliseconds lifetime) {
  if (const auto made = time_of(id)) return *made <= now_ms + clock_difference.count() && *made >= now_ms - lifetime.count();
  return is_uuid(id, '8') && id.substr(uuid_size - checksum_size) == checksum_of(id);
}

std::string running_task(std::string_view id, std::string_view path, std::chrono::milliseconds eta) {
  const auto seconds = std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(eta).count());
  const nlohmann::ordered_json json{{"id", id}, {"links", {{"refresh", path}}}, {"status", "running"}, {"eta", seconds}};
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::chrono::milliseconds eta_left(std::string_view id, std::int64_t now_ms, std::chrono::milliseconds eta) {
  const auto made = time_of(id);
  if (!made) return eta;
  return std::clamp(eta - std::chrono::milliseconds{now_ms - *made}, std::chrono::milliseconds{0}, eta);
}

}  // namespace remuda::http
