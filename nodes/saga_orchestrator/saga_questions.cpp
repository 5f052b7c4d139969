#include "nodes/saga_orchestrator/saga_questions.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/http/http_messages.hpp"
#include "nodes/saga_orchestrator/task_messages.hpp"

namespace remuda::saga {

namespace {

constexpr std::array<std::string_view, 6> verbs{"ls", "show", "start", "retry", "skip", "stop"};

Failure<Error> malformed(const std::string& text) {
  return remuda::fail("malformed_request", text);
}

/// A GET as the object that asks the same.
Result<Json> object_of_http(const Message& message) {
  const auto request = http::routed_request(message);
  if (!request) return Failure{request.error()};
  if (request->method != "GET") return malformed("sagas are asked for with GET");
  Json object = Json::object();
  for (const auto& [name, value] : request->query) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    const bool is_number = error == std::errc{} && end == value.data() + value.size();
    object[name] = is_number && name != "status" ? Json(number) : Json(value);
  }
  const auto id = request->path.find("id");
  object["verb"] = id == request->path.end() ? "ls" : "show";
  if (id != request->path.end()) object["id"] = id->second;
  return object;
}

}  // namespace

Result<Question> question_of(const Message& message) {
  const auto body = message.type == http::request_type ? object_of_http(message) : json_of_body(message);
  if (!body) return Failure{body.error()};
  if (!body->is_object()) return malformed("the question must be an object with a 'verb'");
  Question question;
  for (const auto& [name, text] :
       {std::pair{"verb", &question.verb}, std::pair{"id", &question.id}, std::pair{"definition", &question.definition}}) {
    const auto found = body->find(name);
    if (found == body->end()) continue;
    if (!found->is_string()) return malformed("'" + std::string{name} + "' must be text");
    *text = found->get<std::string>();
  }
  if (std::find(verbs.begin(), verbs.end(), question.verb) == verbs.end())
    return malformed("'verb' must be ls, show, start, retry, skip or stop");
  if (question.verb != "ls" && question.id.empty()) return malformed("'id' is missing");
  question.input = body->value("input", question.input);
  question.output = body->value("output", question.output);
  for (const char* name : {"by", "note"}) {
    if (const auto found = body->find(name); found != body->end() && found->is_string()) question.audit[name] = *found;
  }
  if (const auto found = body->find("force"); found != body->end()) question.force = *found == true;
  for (const auto& [name, number] : {std::pair{"before", &question.before}, std::pair{"limit", &question.limit}}) {
    const auto found = body->find(name);
    if (found == body->end()) continue;
    if (!found->is_number_integer()) return malformed("'" + std::string{name} + "' must be a whole number");
    *number = found->get<std::int64_t>();
  }
  question.limit = std::clamp<std::int64_t>(question.limit, 1, 1000);
  if (const auto found = body->find("status"); found != body->end()) {
    question.status = found->is_string() ? status_named(found->get_ref<const std::string&>()) : std::nullopt;
    if (!question.status) return malformed("'status' must be running, stuck, completed or failed");
  }
  return question;
}

Message refusal(int status, const std::string& code, const std::string& text) {
  return http::response_message(status, to_text({{"error", code}, {"message", text}}));
}

}  // namespace remuda::saga
