#include "nodes/sqs_gateway/query_request.hpp"

#include <optional>

namespace remuda::sqs {
namespace {

constexpr std::size_t parameters_max = 1'000;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(16 * high + low);
    i += 2;
  }
  return out;
}

Failure<SqsError> refuse(std::string code, std::string message, int status = 400) {
  return {{status, std::move(code), std::move(message)}};
}

/// `/000000000000/rides` -> `rides`
std::string queue_of_path(std::string_view path) {
  const auto account_ends = path.find('/', 1);
  if (!path.starts_with('/') || account_ends == std::string_view::npos || account_ends == 1) return {};
  const auto name = path.substr(account_ends + 1);
  return name.find('/') == std::string_view::npos ? std::string{name} : std::string{};
}

std::string_view path_of_url(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return url;
  const auto path = url.find('/', scheme + 3);
  return path == std::string_view::npos ? std::string_view{} : url.substr(path);
}

}  // namespace

Result<std::map<std::string, std::string>, SqsError> read_form(std::string_view form) {
  std::map<std::string, std::string> parameters;
  while (!form.empty()) {
    const auto end = form.find('&');
    const auto pair = form.substr(0, end);
    form = end == std::string_view::npos ? std::string_view{} : form.substr(end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto name = decoded(pair.substr(0, equals));
    auto value = decoded(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1));
    if (!name || !value) return refuse("MalformedQueryString", "The query string contains a syntax error.");
    if (parameters.size() >= parameters_max) return refuse("MalformedQueryString", "There are too many parameters.");
    if (!parameters.emplace(std::move(*name), std::move(*value)).second)
      return refuse("MalformedQueryString", "A parameter is given twice.");
  }
  return parameters;
}

Result<QueryRequest, SqsError> read_query_request(const http::Request& request) {
  if (request.method != "POST") return refuse("InvalidAction", "Send requests with POST.", 405);
  auto parameters = read_form(request.body);
  if (!parameters) return Failure<SqsError>{parameters.error()};
  QueryRequest query;
  query.parameters = std::move(*parameters);
  if (const auto* action = query.find("Action")) query.action = *action;
  if (query.action.empty()) return refuse("MissingAction", "The request must contain the parameter Action.");
  const auto* url = query.find("QueueUrl");
  query.queue = queue_of_path(request.path() == "/" && url != nullptr ? path_of_url(*url) : request.path());
  if (query.queue.empty()) return refuse("InvalidAddress", "The address must end in a queue: /000000000000/QUEUE.");
  return query;
}

}  // namespace remuda::sqs
