#include "nodes/saga_orchestrator/timeline.hpp"

namespace remuda::saga {

namespace {

Json entry(const RequestTask& request) {
  return {{"what", "asked"},    {"state", request.state}, {"task", request.resource}, {"attempt", request.attempt},
          {"key", request.key}, {"input", request.input}};
}
Json entry(const CancelTask& cancelled) {
  return {{"what", "given up"}, {"key", cancelled.key}};
}
Json entry(const StateEntered& entered) {
  return {{"what", "entered"}, {"state", entered.state}, {"frame", entered.frame}};
}
Json entry(const StateLeft& left) {
  Json json{{"what", "left"}, {"state", left.state}, {"frame", left.frame}};
  if (left.error) json.update({{"error", left.error->error}, {"cause", left.error->cause}});
  return json;
}
Json entry(const RetryScheduled& retry) {
  return {{"what", "retry"},
          {"state", retry.state},
          {"retry", retry.retry},
          {"in_ms", retry.delay.count()},
          {"error", retry.error.error},
          {"cause", retry.error.cause}};
}
Json entry(const WaitStarted& wait) {
  return {{"what", "waits"}, {"state", wait.state}, {"in_ms", wait.duration.count()}};
}
Json entry(const Parked& parked) {
  return {{"what", "parked"}, {"state", parked.state}, {"error", parked.error.error}, {"cause", parked.error.cause}};
}
Json entry(const Ended& ended) {
  if (ended.succeeded) return {{"what", "ended"}, {"status", "completed"}, {"output", ended.output}};
  return {{"what", "ended"}, {"status", "failed"}, {"error", ended.error.error}, {"cause", ended.error.cause}};
}

/// What came from outside.
Json cause_of(const StoredEvent& event) {
  if (event.kind == "time") return nullptr;
  Json json = Json::object();
  if (event.kind != "start") {
    json = Json::parse(event.body, nullptr, false);
    if (!json.is_object()) json = Json::object();
  }
  json["what"] = event.kind == "start"       ? "started"
                 : event.kind == "succeeded" ? "answered"
                 : event.kind == "retry"     ? "retried"
                                             : event.kind;
  return json;
}

}  // namespace

Json describe_row(const SagaRow& row) {
  Json json{{"id", row.id},
            {"definition", row.name},
            {"definition_hash", row.definition},
            {"status", name_of(row.status)},
            {"states", row.states},
            {"started_ms", row.started_ms},
            {"events", row.events}};
  if (row.ended_ms > 0) json["ended_ms"] = row.ended_ms;
  if (row.deadline_ms != SagaRow::never) json["deadline_ms"] = row.deadline_ms;
  if (!row.error.empty()) json["error"] = row.error;
  return json;
}

void append_entries(const StoredEvent& event, const Effects& effects, Json& entries) {
  const auto add = [&](Json json) {
    json["at_ms"] = event.at_ms;
    entries.push_back(std::move(json));
  };
  if (Json cause = cause_of(event); !cause.is_null()) add(std::move(cause));
  for (const Effect& effect : effects) add(std::visit([](const auto& concrete) { return entry(concrete); }, effect));
}

}  // namespace remuda::saga
