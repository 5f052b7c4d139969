#include "common/http/http_messages.hpp"

#include <charconv>

#include "common/http/url.hpp"

namespace remuda::http {

Result<RoutedRequest> routed_request(const Message& message) {
  RoutedRequest request;
  if (message.type != request_type)
    return fail("malformed_request", "expected a message of type http.request, got '" + message.type + "'");
  constexpr std::string_view path_prefix = "path.";
  for (const auto& [name, attribute] : message.attributes) {
    if (name == "http-method") {
      request.method = attribute.value;
    } else if (name == "http-route") {
      request.route = attribute.value;
    } else if (name == "http-query") {
      auto query = parse_query(attribute.value);
      if (!query) return fail("malformed_request", "the query '" + attribute.value + "' does not decode");
      request.query = std::move(*query);
    } else if (name.starts_with(path_prefix)) {
      request.path[name.substr(path_prefix.size())] = attribute.value;
    }
  }
  if (request.method.empty()) return fail("malformed_request", "attribute 'http-method' is missing");
  return request;
}

Message response_message(int status, std::string json_body, std::string location) {
  Message message;
  message.type = response_type;
  message.datacontenttype = "application/json";
  message.attributes["status"] = {"Number", std::to_string(status)};
  if (!location.empty()) message.attributes["location"] = {"String", std::move(location)};
  message.body = std::move(json_body);
  return message;
}

Message response_message(const Problem& problem) {
  Message message = response_message(problem.status, to_json(problem));
  message.datacontenttype = "application/problem+json";
  return message;
}

Response response_of(const Message& message) {
  Response response;
  const auto status = message.attributes.find("status");
  if (status != message.attributes.end()) {
    const std::string& text = status->second.value;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), response.status);
    if (error != std::errc{} || end != text.data() + text.size() || response.status < 200 || response.status > 599) {
      return to_response({502, "the answering node gave the status '" + text + "'", {}});
    }
  }
  response.content_type = message.datacontenttype.empty() ? "application/msgpack" : message.datacontenttype;
  response.body = message.body;
  const auto location = message.attributes.find("location");
  if (location != message.attributes.end()) response.fields.emplace_back("Location", location->second.value);
  if (response.status == 429 || response.status == 503) response.fields.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace remuda::http
