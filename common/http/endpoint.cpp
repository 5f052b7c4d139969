#include "common/http/endpoint.hpp"

#include <arpa/inet.h>

#include <charconv>

namespace remuda::http {

namespace {

bool is_ipv4(const std::string& host) {
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool is_ipv6(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

}  // namespace

bool Endpoint::is_loopback() const {
  return host.starts_with("127.") || host == "::1";
}

std::string Endpoint::text() const {
  const bool brackets = host.find(':') != std::string::npos;
  return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  const auto wrong = [&] {
    return fail("invalid_endpoint", "'" + std::string{text} + "' is not an address and port such as 127.0.0.1:8080 or [::1]:8080");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  Endpoint endpoint;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (error != std::errc{} || end != port.data() + port.size()) return wrong();
  if (host.starts_with('[') && host.ends_with(']')) {
    endpoint.host = host.substr(1, host.size() - 2);
    if (!is_ipv6(endpoint.host)) return wrong();
  } else {
    endpoint.host = host == "localhost" ? "127.0.0.1" : host;
    if (!is_ipv4(endpoint.host)) return wrong();
  }
  return endpoint;
}

}  // namespace remuda::http
