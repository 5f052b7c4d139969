#pragma once
// Endpoints as text: `ipc://@name` (abstract, Linux), `ipc:///path`, `tcp://host:port`.

#include <string>
#include <string_view>

#include "common/result.hpp"

namespace remuda::topology {

/// What a UNIX socket address holds besides its ending zero; an abstract name counts with its '@'.
constexpr std::size_t ipc_name_max_bytes = 107;

struct Endpoint {
  bool tcp = false;
  std::string host;  ///< tcp
  int port = 0;      ///< tcp
  std::string name;  ///< ipc: the path, or '@' and the abstract name
};

/// Errors: `invalid_endpoint`: another transport, no port from 1 to 65535, a relative path; `name_too_long`.
Result<Endpoint> parse_endpoint(std::string_view text);

/// True for ipc and for addresses that other machines cannot reach: 127.0.0.0/8, ::1, localhost.
[[nodiscard]] bool is_loopback(const Endpoint& endpoint);
[[nodiscard]] bool is_loopback_host(std::string_view host);

}  // namespace remuda::topology
