#pragma once
// How an HTTP request travels to a node and its answer back: the contract between the gateway and every node that answers
// one of its routes. A node that reads these messages needs no HTTP library and can be asked from `remuda call` as well.
//
// Request   type `http.request`; id = the client's Idempotency-Key, else a new one; body = the HTTP body as it came;
//           attributes `http-method`, `http-path` (decoded nowhere), `http-route` (the template), `http-query` (encoded) and
//           `path.NAME` for each part of the template.
// Response  body = the HTTP body; datacontenttype = its media type; attributes `status` (Number) and `location`.

#include <map>
#include <string>

#include "common/http/http_types.hpp"
#include "common/http/problem.hpp"
#include "common/message.hpp"
#include "common/result.hpp"

namespace remuda::http {

inline constexpr std::string_view request_type = "http.request";
inline constexpr std::string_view response_type = "http.response";

/// A request as the answering node sees it.
struct RoutedRequest {
  std::string method;
  std::string route;                        ///< "/customers/{customer}/account"
  std::map<std::string, std::string> path;  ///< "customer" -> "cmr"
  std::map<std::string, std::string> query;
};

/// Errors: `malformed_request` (definite) when the message is no http.request or its query does not decode.
Result<RoutedRequest> routed_request(const Message& message);

/// The answer as a message; `location` only where the answer has one.
[[nodiscard]] Message response_message(int status, std::string json_body, std::string location = {});
[[nodiscard]] Message response_message(const Problem& problem);

/// What the gateway gives the client for a node's answer. An answer without a `status` is 200, as nodes that know nothing of HTTP
/// may answer too; a status outside 200 to 599 is 502.
[[nodiscard]] Response response_of(const Message& message);

}  // namespace remuda::http
