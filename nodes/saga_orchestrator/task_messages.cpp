#include "nodes/saga_orchestrator/task_messages.hpp"

#include <charconv>

#include "common/msgpack_reader.hpp"
#include "common/mutant.hpp"

namespace remuda::saga {

namespace {

constexpr std::string_view json_type = "application/json";

/// The number at the end of `text`, behind `mark`; both are taken off.
std::optional<int> take_number(std::string_view& text, char mark) {
  const std::size_t at = text.rfind(mark);
  if (at == std::string_view::npos || at + 1 == text.size()) return std::nullopt;
  const std::string_view digits = text.substr(at + 1);
  int number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size() || number < 0) return std::nullopt;
  text = text.substr(0, at);
  return number;
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : to_text(value);
}

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? std::string{} : text_of(*found);
}

}  // namespace

Result<Resource, std::string> Resource::parse(std::string_view text) {
  constexpr std::string_view task = "task:";
  constexpr std::string_view publish = "publish:";
  const bool is_task = text.starts_with(task);
  if (!is_task && !text.starts_with(publish))
    return Failure{"'" + std::string{text} + "' is no resource here: write task:PORT, or publish:PORT"};
  Resource resource{is_task ? Kind::task : Kind::publish, std::string{text.substr(is_task ? task.size() : publish.size())}};
  if (resource.port.empty()) return Failure{"'" + std::string{text} + "' names no port"};
  return resource;
}

std::string saga_of_key(std::string_view key) {
  return take_number(key, '/') ? std::string{key} : std::string{};
}

Message task_message(const RequestTask& request, const Resource& resource, const std::string& reply_to) {
  Message message;
  const std::string attempt = std::to_string(request.attempt);
  const std::string saga = saga_of_key(request.key);
  message.id = derived_message_id(request.key, "task", static_cast<std::uint32_t>(request.attempt));
  if (REMUDA_MUTANT(248)) message.id = new_message_id();
  message.type = resource.port;
  message.subject = saga;
  message.datacontenttype = json_type;
  message.attributes["idempotency-key"] = {"String", REMUDA_MUTANT(249) ? request.key + "#" + attempt : request.key};
  if (resource.kind == Resource::Kind::task) {
    message.reply_to = reply_to;
    message.correlation_id = request.waits_for_token ? request.key : request.key + "#" + attempt;
    message.attributes["attempt"] = {"Number", attempt};
    message.attributes["saga"] = {"String", saga};
    message.body = to_text(request.input);
    return message;
  }
  message.correlation_id = saga;
  const auto body = request.input.is_object() ? request.input.find("Message") : request.input.end();
  if (!request.input.is_object() || body == request.input.end()) {
    message.body = to_text(request.input);
    return message;
  }
  message.body = to_text(*body);
  if (const std::string subject = text_of(request.input, "Subject"); !subject.empty()) message.subject = subject;
  const auto attributes = request.input.find("MessageAttributes");
  if (attributes == request.input.end() || !attributes->is_object()) return message;
  for (const auto& [name, value] : attributes->items())
    message.attributes[name] = {value.is_number() ? "Number" : "String", text_of(value)};
  return message;
}

Message ended_message(const Ended& ended, const std::string& id, const std::string& definition) {
  Message message;
  message.id = REMUDA_MUTANT(247) ? new_message_id() : derived_message_id(id, "ended", 0);
  message.type = ended_type;
  message.subject = id;
  message.correlation_id = id;
  message.datacontenttype = json_type;
  const std::string status = ended.succeeded ? "completed" : "failed";
  message.attributes["status"] = {"String", status};
  message.attributes["definition"] = {"String", definition};
  Json body{{"id", id}, {"definition", definition}, {"status", status}};
  if (ended.succeeded) {
    body["output"] = ended.output;
  } else {
    body.update({{"error", ended.error.error}, {"cause", ended.error.cause}});
  }
  message.body = to_text(body);
  return message;
}

Result<Event> event_of_reply(const Message& reply) {
  std::string_view key = reply.correlation_id;
  int attempt = take_number(key, '#').value_or(0);
  if (REMUDA_MUTANT(240)) attempt = 0;
  if (saga_of_key(key).empty())
    return remuda::fail("malformed_reply", "the correlation id '" + reply.correlation_id + "' belongs to no task of a saga");
  if (reply.type == task_heartbeat_type) return Event{TaskHeartbeat{std::string{key}}};
  auto body = json_of_body(reply);
  if (!body) return Failure{body.error()};
  if (reply.type == task_failed_type) {
    const bool is_object = body->is_object();
    const std::string error = is_object ? text_of(*body, "Error") : std::string{};
    return Event{TaskFailed{std::string{key}, attempt, error.empty() ? errors::task_failed : error,
                            is_object ? text_of(*body, "Cause") : to_text(*body)}};
  }
  return Event{TaskSucceeded{std::string{key}, std::move(*body)}};
}

Result<Json> json_of_body(const Message& message) {
  if (message.body.empty()) return Json(nullptr);
  if (message.datacontenttype != json_type && is_msgpack(message.body)) {
    Json json = Json::from_msgpack(message.body, true, false);
    if (!json.is_discarded()) return json;
  } else if (auto json = read_json(message.body)) {
    return std::move(*json);
  }
  return remuda::fail("malformed_body", "the body is neither JSON nor msgpack");
}

}  // namespace remuda::saga
