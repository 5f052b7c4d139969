#include "nodes/saga_orchestrator/saga_event.hpp"

namespace remuda::saga {

namespace {

struct Written {
  const char* kind;
  Json body;
};

Written write(const Start& event) {
  return {"start", event.input};
}
Written write(const TaskSucceeded& event) {
  return {"succeeded", {{"key", event.key}, {"output", event.output}}};
}
Written write(const TaskFailed& event) {
  return {"failed", {{"key", event.key}, {"attempt", event.attempt}, {"error", event.error}, {"cause", event.cause}}};
}
Written write(const TaskHeartbeat& event) {
  return {"heartbeat", {{"key", event.key}}};
}
Written write(const TimePassed& /*event*/) {
  return {"time", Json::object()};
}
Written write(const Stop& event) {
  return {"stop", {{"error", event.error}, {"cause", event.cause}}};
}
Written write(const Abort& event) {
  return {"abort", {{"error", event.error}, {"cause", event.cause}}};
}
Written write(const RetryNow& /*event*/) {
  return {"retry", Json::object()};
}
Written write(const Skip& event) {
  return {"skip", {{"output", event.output}}};
}

std::string text(const Json& body, const char* name) {
  const auto found = body.find(name);
  return found != body.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

}  // namespace

StoredEvent store_event(const Event& event, Time at, const Json& audit) {
  // These two are nearly all there are: their data goes into the text without a copy.
  if (const auto* start = std::get_if<Start>(&event)) return {at.time_since_epoch().count(), "start", to_text(start->input)};
  if (const auto* done = std::get_if<TaskSucceeded>(&event); done != nullptr && !audit.is_object())
    return {at.time_since_epoch().count(), "succeeded",
            "{\"key\":" + to_text(done->key) + ",\"output\":" + to_text(done->output) + "}"};
  Written written = std::visit([](const auto& concrete) { return write(concrete); }, event);
  if (audit.is_object() && !std::holds_alternative<Start>(event)) written.body.update(audit);
  return {at.time_since_epoch().count(), written.kind, to_text(written.body)};
}

Result<Event, std::string> read_event(const StoredEvent& stored) {
  const Json body = Json::parse(stored.body, nullptr, false);
  if (body.is_discarded()) return Failure{std::string{"an event of the history is no JSON"}};
  if (stored.kind == "start") return Event{Start{body}};
  if (!body.is_object()) return Failure{std::string{"an event of the history is no object"}};
  const std::string key = text(body, "key");
  if (stored.kind == "succeeded") return Event{TaskSucceeded{key, body.value("output", Json(nullptr))}};
  if (stored.kind == "failed") return Event{TaskFailed{key, body.value("attempt", 0), text(body, "error"), text(body, "cause")}};
  if (stored.kind == "heartbeat") return Event{TaskHeartbeat{key}};
  if (stored.kind == "time") return Event{TimePassed{}};
  if (stored.kind == "stop") return Event{Stop{text(body, "error"), text(body, "cause")}};
  if (stored.kind == "abort") return Event{Abort{text(body, "error"), text(body, "cause")}};
  if (stored.kind == "retry") return Event{RetryNow{}};
  if (stored.kind == "skip") return Event{Skip{body.value("output", Json(nullptr))}};
  return Failure{"the history holds a '" + stored.kind + "', which this version does not know"};
}

}  // namespace remuda::saga
