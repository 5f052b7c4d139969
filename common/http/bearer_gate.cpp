#include "common/http/bearer_gate.hpp"

#include <algorithm>

namespace remuda::http {

namespace {

constexpr std::chrono::seconds look_interval{1};
constexpr std::size_t token_size_max = 512;

Response refuse(int status, std::string detail, std::string challenge) {
  Response response = to_response({status, std::move(detail), {}});
  response.fields.emplace_back("WWW-Authenticate", std::move(challenge));
  return response;
}

}  // namespace

std::string_view bearer_token(const Request& request) {
  const auto is_authorization = [](const Field& field) { return equal_ignoring_case(field.first, "Authorization"); };
  const auto found = std::find_if(request.fields.begin(), request.fields.end(), is_authorization);
  if (found == request.fields.end() || std::any_of(std::next(found), request.fields.end(), is_authorization)) return {};
  const std::string_view value = found->second;
  const auto space = value.find(' ');
  if (space == std::string_view::npos || !equal_ignoring_case(value.substr(0, space), "Bearer")) return {};
  const auto begin = value.find_first_not_of(' ', space);
  if (begin == std::string_view::npos) return {};
  const auto token = value.substr(begin);
  return token.size() <= token_size_max ? token : std::string_view{};
}

std::optional<Response> refusal_of(const Request& request, const keys::Tokens& tokens) {
  const auto token = bearer_token(request);
  if (token.empty())
    return refuse(401, "this server wants a token: send it as 'Authorization: Bearer TOKEN', and never in the address", "Bearer");
  const auto* known = keys::find_token(tokens, token);
  if (known == nullptr)
    return refuse(401, "the token is not known here, or was revoked; `remuda keys token add` makes another",
                  "Bearer error=\"invalid_token\"");
  // What a queue node lets a role do with queues holds here: whoever may send may change something, whoever may look may read.
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (keys::allows(known->role, reads ? "queue_info" : "send")) return std::nullopt;
  return refuse(403,
                "the token has the role " + std::string{keys::name_of(known->role)} + ", which may only read; node and admin write",
                "Bearer error=\"insufficient_scope\"");
}

Result<BearerGate> BearerGate::open(const std::string& file, const Clock& clock, std::function<void(const std::string&)> tell) {
  auto tokens = keys::TokenList::open(file);
  if (!tokens) return Failure{tokens.error()};
  return BearerGate{*std::move(tokens), clock, std::move(tell)};
}

std::optional<Response> BearerGate::refusal(const Request& request) {
  look_again();
  return refusal_of(request, tokens_.tokens());
}

void BearerGate::look_again() {
  const Instant now = clock_->now();
  if (now - looked_ < look_interval) return;
  looked_ = now;
  std::string problem;
  tokens_.refresh(problem);
  if (!problem.empty()) tell_(problem);
}

}  // namespace remuda::http
