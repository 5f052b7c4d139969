#include "broker/access.hpp"

#include <string>
#include <variant>
#include <vector>

namespace remuda::broker {

namespace {

using Names = std::vector<std::string_view>;

template <class Request>
void add_names(const Request& request, Names& names) {
  const auto add = [&](std::string_view name) {
    if (!name.empty()) names.push_back(name);
  };
  if constexpr (requires { request.queue; }) add(request.queue);
  if constexpr (requires { request.topic; }) add(request.topic);
  if constexpr (requires { request.stream; }) add(request.stream);
  if constexpr (requires { request.source; }) add(request.source);
  if constexpr (requires { request.to; }) add(request.to);
  if constexpr (requires { request.from_topic; }) add(request.from_topic);
  if constexpr (requires { request.dead_letter_queue; }) add(request.dead_letter_queue);
  if constexpr (requires { request.steps; }) {
    for (const wire::Step& step : request.steps) std::visit([&](const auto& each) { add_names(each, names); }, step);
  }
}

Error forbidden(const std::string& what, const std::string& remedy) {
  return {"forbidden", what + "; " + remedy + " in the file `clients` of the queue node's key folder. Nothing was done", true};
}

}  // namespace

std::optional<Error> refusal_for(const keys::KnownClient& client, const wire::Command& command) {
  const std::string_view operation = wire::name_of(command);
  if (!keys::allows(client.role, operation)) {
    return forbidden("'" + client.name + "' has the role " + std::string{keys::name_of(client.role)} + ", which may not " +
                         std::string{operation},
                     "give it another role");
  }
  Names names;
  std::visit([&](const auto& request) { add_names(request, names); }, command);
  for (const std::string_view name : names) {
    if (!keys::matches_any(client.patterns, name))
      return forbidden("'" + client.name + "' may not touch '" + std::string{name} + "'", "add a pattern that matches it");
  }
  return std::nullopt;
}

}  // namespace remuda::broker
