#pragma once
// The bytes of a response. Pure; the length is always stated, so a client never has to guess where a response ends.

#include <string>

#include "common/clock.hpp"
#include "common/http/http_types.hpp"

namespace remuda::http {

struct ResponseFraming {
  bool head = false;       ///< the request was HEAD: state the length, leave the body out
  bool keep_alive = true;  ///< false: say `Connection: close`
};

/// Appends the response to `out`. Field values with control characters are left out.
void write_response(const Response& response, const ResponseFraming& framing, std::string_view date, std::string& out);

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7).
[[nodiscard]] std::string http_date(WallTime time);

}  // namespace remuda::http
