#pragma once
// An HTTP request and its response as values: what handlers see. Framing, limits and connections are the server's business
// (server.hpp); nothing here has been near a socket.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace remuda::http {

using Field = std::pair<std::string, std::string>;

struct Request {
  std::string method;         ///< as sent: "GET"; a HEAD request says "HEAD"
  std::string target;         ///< as sent: "/rides/7?full=1"; begins with '/'
  std::vector<Field> fields;  ///< names as sent
  std::string body;           ///< decoded from chunks where it came in chunks
  bool keep_alive = true;     ///< whether the client wants the connection to stay
  bool has_body = false;      ///< whether the request declared a body, be it empty

  [[nodiscard]] std::string_view path() const { return std::string_view{target}.substr(0, target.find('?')); }
  /// What follows the first '?', still encoded; empty when there is none.
  [[nodiscard]] std::string_view query() const {
    const auto mark = target.find('?');
    return mark == std::string::npos ? std::string_view{} : std::string_view{target}.substr(mark + 1);
  }
  /// The value of the first field of that name, whatever the case of its letters; empty when absent.
  [[nodiscard]] std::string_view field(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";  ///< left out when the body is empty
  std::string body;
  std::vector<Field> fields;  ///< more header fields; a value with a control character is left out, so nobody can split a response
};

/// Equal but for the case of ASCII letters.
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

/// "Not Found" for 404; "Unknown" for a status that HTTP does not name.
[[nodiscard]] std::string_view reason_phrase(int status);

}  // namespace remuda::http
