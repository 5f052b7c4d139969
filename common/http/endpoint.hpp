#pragma once
// Where an HTTP server listens: "127.0.0.1:8080", "[::1]:8080", "localhost:8080"; port 0 lets the system choose.

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.hpp"

namespace remuda::http {

struct Endpoint {
  std::string host;  ///< an address, without brackets
  std::uint16_t port = 0;

  [[nodiscard]] bool is_loopback() const;
  /// "127.0.0.1:8080", "[::1]:8080"
  [[nodiscard]] std::string text() const;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// Errors: `invalid_endpoint` (definite). Only addresses and `localhost`: no name is looked up.
Result<Endpoint> parse_endpoint(std::string_view text);

}  // namespace remuda::http
