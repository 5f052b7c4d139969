#pragma once
// What may be asked of an orchestrator on its port `sagas`: a JSON object (or msgpack map) with a `verb`, or an http.request GET to a
// route with or without {id}. Pure.
//
//   {"verb": "ls", "status": "stuck", "before": 100, "limit": 50}      sagas, the newest first, and how many there are of each status
//   {"verb": "show", "id": ID}                                         one with its history and its definition
//   {"verb": "start", "id": ID, "definition": NAME, "input": {...}}    the same again changes nothing
//   {"verb": "retry", "id": ID}                                        what is parked or waits to be retried is tried now
//   {"verb": "skip", "id": ID, "output": ...}                          what is parked or waits to be retried counts as done
//   {"verb": "stop", "id": ID, "force": false}                         fails what runs, so that it compensates; by force: ends it as it is
//
// The last three take `by` and `note`, which stay in the history. An answer carries an HTTP status; one that refuses is
// `{"error": CODE, "message": TEXT}`.

#include "common/message.hpp"
#include "nodes/saga_orchestrator/saga_store.hpp"

namespace remuda::saga {

struct Question {
  std::string verb;
  std::string id;
  std::string definition;
  Json input = Json::object();
  Json output = nullptr;
  Json audit = Json::object();  ///< `by`, `note`
  bool force = false;
  std::optional<Status> status = {};
  std::int64_t before = INT64_MAX;
  std::int64_t limit = 100;  ///< 1 to 1000
};

/// Errors: `malformed_request` (definite), a sentence.
Result<Question> question_of(const Message& message);
Message refusal(int status, const std::string& code, const std::string& text);

}  // namespace remuda::saga
