#include "nodes/gateway/http_requests.hpp"

#include <algorithm>

#include "common/http/http_messages.hpp"
#include "common/http/url.hpp"

namespace remuda {

namespace {

bool is_idempotency_key(std::string_view key) {
  return !key.empty() && key.size() <= 128 && std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c <= '~'; });
}

/// application/json and what is built on it, with or without parameters such as charset.
bool is_json(std::string_view content_type) {
  auto type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
  constexpr std::string_view suffix = "+json";
  return http::equal_ignoring_case(type, "application/json") ||
         (type.size() > suffix.size() && http::equal_ignoring_case(type.substr(type.size() - suffix.size()), suffix));
}

RefusedRequest refuse(const http::Route* route, int status, std::string detail) {
  return {route, {status, std::move(detail), {}}, {}};
}

}  // namespace

std::variant<OutgoingRequest, RefusedRequest> route_request(const http::Router& router, const http::Request& request,
                                                            std::int64_t now_ms) {
  auto found = router.find(request.method, request.path());
  if (std::holds_alternative<http::NoSuchPath>(found)) return refuse(nullptr, 404, "nothing is served at this path");
  if (std::holds_alternative<http::BadPath>(found)) return refuse(nullptr, 400, "the path does not decode to UTF-8 text");
  if (auto* method = std::get_if<http::NoSuchMethod>(&found)) {
    auto refused = refuse(nullptr, 405, "this path answers " + method->allow);
    refused.allow = std::move(method->allow);
    return refused;
  }
  auto& match = std::get<http::RouteMatch>(found);
  if (!request.body.empty()) {
    const auto type = request.field("Content-Type");
    if (!type.empty() && !is_json(type)) return refuse(match.route, 415, "send the body as application/json");
    const auto encoding = request.field("Content-Encoding");
    if (!encoding.empty() && !http::equal_ignoring_case(encoding, "identity"))
      return refuse(match.route, 415, "send the body uncompressed");
  }
  if (!http::parse_query(request.query())) return refuse(match.route, 400, "the query does not decode to UTF-8 text");
  const auto key = request.field("Idempotency-Key");
  if (!key.empty() && !is_idempotency_key(key))
    return refuse(match.route, 400, "Idempotency-Key must be 1 to 128 printable ASCII characters");

  OutgoingRequest outgoing{match.route, {}};
  Message& message = outgoing.message;
  message.id = key.empty() ? new_message_id() : std::string{key};
  message.type = http::request_type;
  message.time_ms = now_ms;
  message.datacontenttype = "application/json";
  message.traceparent = request.field("traceparent").size() <= 128 ? request.field("traceparent") : std::string_view{};
  message.attributes["http-method"] = {"String", match.route->method};  // HEAD is asked as GET
  message.attributes["http-path"] = {"String", std::string{request.path()}};
  message.attributes["http-route"] = {"String", match.route->path};
  if (!request.query().empty()) message.attributes["http-query"] = {"String", std::string{request.query()}};
  for (auto& [name, part] : match.parts) message.attributes["path." + name] = {"String", std::move(part)};
  message.body = request.body;
  return outgoing;
}

http::Problem problem_of(const Error& error) {
  if (error.code == "timed_out")
    return {504, "no answer in time; the request may have been carried out, so repeat it with the same Idempotency-Key", {}};
  if (error.code == "unreachable")
    return {503, "the service cannot be reached now; repeat the request with the same Idempotency-Key", {}};
  if (error.code == "overloaded")
    return {
        503, "the service takes no more at present (" + error.message + "); repeat the request with the same Idempotency-Key", {}};
  if (error.code == "retry_later")
    return {503, "the service could not do it now; repeat the request with the same Idempotency-Key", {}};
  return {502, "the service refused the request: " + error.message, {}};
}

}  // namespace remuda
