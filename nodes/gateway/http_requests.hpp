#pragma once
// What the gateway decides before anything leaves it: whether a request is fit to travel, and as what message. Pure.

#include <map>
#include <string>
#include <variant>

#include "common/http/http_types.hpp"
#include "common/http/problem.hpp"
#include "common/http/router.hpp"
#include "common/message.hpp"

namespace remuda {

/// A request on its way: the message and where it goes.
struct OutgoingRequest {
  const http::Route* route = nullptr;
  Message message;
};
/// A request that is answered at once. `route` is null where none was found; `allow` goes with 405.
struct RefusedRequest {
  const http::Route* route = nullptr;
  http::Problem problem;
  std::string allow;
};

/// Applies routes and the rules of the HTTP face: 404, 405 with Allow, 415 for a body that is not JSON or is compressed, 400 for an
/// Idempotency-Key that is not 1 to 128 printable ASCII characters or a path or query that does not decode. The message's id is the
/// Idempotency-Key, or a new one.
std::variant<OutgoingRequest, RefusedRequest> route_request(const http::Router& router, const http::Request& request,
                                                            std::int64_t now_ms);

/// What a client gets for a request that no node answered: 504 when time ran out, 503 when nobody could be reached or the node
/// could not do it now, and 502 when the node refused to say anything.
[[nodiscard]] http::Problem problem_of(const Error& error);

}  // namespace remuda
