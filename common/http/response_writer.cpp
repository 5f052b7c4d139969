#include "common/http/response_writer.hpp"

#include <algorithm>
#include <array>
#include <ctime>

namespace remuda::http {

namespace {

bool is_field_safe(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  if (!is_field_safe(name) || !is_field_safe(value)) return;
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

void write_response(const Response& response, const ResponseFraming& framing, std::string_view date, std::string& out) {
  out.reserve(out.size() + response.body.size() + 256);
  out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ").append(reason_phrase(response.status)).append("\r\n");
  append_field(out, "Date", date);
  if (!response.body.empty()) append_field(out, "Content-Type", response.content_type);
  if (response.status != 204) append_field(out, "Content-Length", std::to_string(response.body.size()));
  append_field(out, "X-Content-Type-Options", "nosniff");
  append_field(out, "Cache-Control", "no-store");
  for (const auto& [name, value] : response.fields) append_field(out, name, value);
  append_field(out, "Connection", framing.keep_alive ? "keep-alive" : "close");
  out.append("\r\n");
  if (!framing.head && response.status != 204) out.append(response.body);
}

std::string http_date(WallTime time) {
  constexpr std::array days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 64> format{};
  // strftime's own names follow the locale, HTTP's do not.
  std::strftime(format.data(), format.size(), "%d @@@ %Y %H:%M:%S GMT", &utc);
  std::string date = std::string{days[static_cast<std::size_t>(utc.tm_wday)]} + ", " + format.data();
  date.replace(date.find("@@@"), 3, months[static_cast<std::size_t>(utc.tm_mon)]);
  return date;
}

}  // namespace remuda::http
