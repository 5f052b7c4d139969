#include "nodes/gateway/accept_route.hpp"

#include <nlohmann/json.hpp>

#include "common/http/task.hpp"
#include "common/units.hpp"

namespace remuda {
namespace {

constexpr std::string_view id_part = "{id}";

bool is_empty(const nlohmann::json& value) {
  return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().find_first_not_of(' ') == std::string::npos);
}

Failure<Error> wrong(const std::string& what) {
  return fail("invalid_parameter", what);
}

}  // namespace

Result<AcceptRoute> AcceptRoute::from_json(const nlohmann::json& table) {
  AcceptRoute route;
  if (!table.is_object()) return wrong("must name a port, or be a table { send = \"PORT\", task = \"/PATH/{id}\" }");
  for (const auto& [key, value] : table.items()) {
    if (key == "required" && value.is_array()) {
      for (const auto& field : value) {
        if (!field.is_string()) return wrong("has a field in 'required' that is no text");
        route.required.push_back(field.get<std::string>());
      }
      continue;
    }
    if (!value.is_string()) return wrong("has a key '" + key + "' that is no text");
    const auto text = value.get<std::string>();
    if (key == "send") {
      route.port = text;
    } else if (key == "task") {
      route.task = text;
    } else if (key == "type") {
      route.type = text;
    } else if (key == "eta") {
      const auto eta = parse_duration(text);
      if (!eta) return wrong("has an 'eta' that is no duration: " + eta.error().message);
      route.eta = *eta;
    } else {
      return wrong("has no key '" + key + "'; it knows send, task, eta, type, required");
    }
  }
  if (route.port.empty()) return wrong("does not say where to: add send = \"PORT\"");
  if (!route.task.starts_with('/') || route.task.find(id_part) == std::string::npos)
    return wrong("does not say where its task is asked for: add task = \"/PATH/{id}\"");
  return route;
}

Result<Message, http::Problem> AcceptRoute::accept(const Message& request, std::string_view source) const {
  const auto body = nlohmann::json::parse(request.body, nullptr, false);
  if (!body.is_object()) return Failure<http::Problem>{{400, "the body must be a JSON object", {}}};
  http::Problem problem{400, "some fields are missing", {}};
  for (const auto& field : required) {
    const auto found = body.find(field);
    if (found == body.end()) {
      problem.errors.push_back({field, "is missing"});
    } else if (is_empty(*found)) {
      problem.errors.push_back({field, "must not be empty"});
    }
  }
  if (!problem.errors.empty()) return Failure<http::Problem>{std::move(problem)};
  Message message;
  message.id = http::task_id(request.id);
  message.source = source;
  message.type = type;
  message.time_ms = request.time_ms;
  message.datacontenttype = "application/json";
  message.traceparent = request.traceparent;
  message.body = request.body;
  return message;
}

http::Response AcceptRoute::answer(std::string_view id) const {
  std::string path = task;
  path.replace(path.find(id_part), id_part.size(), id);
  http::Response response;
  response.status = 202;
  response.body = http::running_task(id, path, eta);
  response.fields.emplace_back("Location", path);
  return response;
}

}  // namespace remuda
