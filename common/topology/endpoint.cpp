#include "common/topology/endpoint.hpp"

#include <algorithm>
#include <charconv>

namespace remuda::topology {
namespace {

/// Four numbers from 0 to 255 with dots between, the first of them 127.
bool is_loopback_ipv4(std::string_view host) {
  int parts = 0;
  while (true) {
    const std::string_view part = host.substr(0, host.find('.'));
    int number = -1;
    const auto [end, problem] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (problem != std::errc{} || end != part.data() + part.size() || number < 0 || number > 255) return false;
    if (++parts == 1 && number != 127) return false;
    if (part.size() == host.size()) return parts == 4;
    host.remove_prefix(part.size() + 1);
  }
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
  const auto invalid = [&](const std::string& why) {
    return fail("invalid_endpoint", "'" + std::string{text} + "' is no endpoint: " + why +
                                        "; write \"tcp://127.0.0.1:5550\", \"ipc://@name\" or \"ipc:///path\"");
  };
  Endpoint endpoint;
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == ',' || c == '?'; })) {
    return invalid("it holds a space, a comma or a question mark");
  }
  if (text.substr(0, 6) == "ipc://") {
    endpoint.name = text.substr(6);
    if (endpoint.name.size() < 2 || (endpoint.name.front() != '@' && endpoint.name.front() != '/'))
      return invalid("the name begins with '@' or '/'");
    if (endpoint.name.size() > ipc_name_max_bytes) {
      return fail("name_too_long", "the ipc name is " + std::to_string(endpoint.name.size()) +
                                       " bytes long, and the system allows " + std::to_string(ipc_name_max_bytes));
    }
    return endpoint;
  }
  if (text.substr(0, 6) != "tcp://") return invalid("only tcp and ipc are served");
  endpoint.tcp = true;
  const std::string_view address = text.substr(6);
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return invalid("it has no host and port");
  endpoint.host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  const auto [end, problem] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (problem != std::errc{} || end != port.data() + port.size() || endpoint.port < 1 || endpoint.port > 65'535) {
    return invalid("the port is a number from 1 to 65535");
  }
  return endpoint;
}

bool is_loopback_host(std::string_view host) {
  return host == "localhost" || host == "::1" || host == "[::1]" || is_loopback_ipv4(host);
}

bool is_loopback(const Endpoint& endpoint) {
  return !endpoint.tcp || is_loopback_host(endpoint.host);
}

}  // namespace remuda::topology
