#include "nodes/rfq_result/rfq_result.hpp"

#include <nlohmann/json.hpp>

#include "common/http/http_messages.hpp"
#include "common/http/task.hpp"
#include "common/http/url.hpp"
#include "nodes/wild_rydes/questions.hpp"

namespace remuda::rides {
namespace {

using Json = nlohmann::ordered_json;

Json quote_of(const Json& entry) {
  const auto& answer = entry.at("answer");
  return {{"responder", entry.at("responder")},
          {"quote", answer.is_object() ? answer.value("quote", Json(nullptr)) : Json(nullptr)}};
}

}  // namespace

NodeDescription RfqResult::describe() const {
  return {
      .name = "rfq_result",
      .summary = "keeps requests for quotes and answers for them",
      .ports = {{.name = "rfqs", .direction = Direction::input, .message = "rfq.submitted", .wants_acknowledgement = true},
                {.name = "results", .direction = Direction::input, .message = "aggregate.closed", .wants_acknowledgement = true},
                {.name = "quotes", .direction = Direction::input, .message = "rfq.quote", .optional = true},
                {.name = "query", .direction = Direction::input, .message = std::string{http::request_type}, .request = true}},
      .parameters = {{"timeout", ParameterType::duration, "\"10s\"", "when a request is closed at the latest"},
                     {"on_its_way", ParameterType::duration, "\"1m\"",
                      "how long after its submission a request may still be on its way here"}}};
}

void RfqResult::start(NodeContext& context) {
  context_ = &context;
  timeout_ = context.parameters().duration("timeout");
  on_its_way_ = context.parameters().duration("on_its_way");
  ledger_ = std::make_unique<Ledger>(
      context.data_folder() + "/rfq_result.sqlite",
      "CREATE TABLE rfq (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;"
      "CREATE TABLE result (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;"
      "CREATE TABLE quote (id TEXT NOT NULL, responder TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (id, responder)) "
      "WITHOUT ROWID;",
      context.clock());
  Database& database = ledger_->database();
  add_rfq_ = database.prepare("INSERT OR IGNORE INTO rfq VALUES (?, ?)");
  find_rfq_ = database.prepare("SELECT body FROM rfq WHERE id = ?");
  add_result_ = database.prepare("INSERT OR IGNORE INTO result VALUES (?, ?)");
  find_result_ = database.prepare("SELECT body FROM result WHERE id = ?");
  add_quote_ = database.prepare("INSERT OR IGNORE INTO quote VALUES (?, ?, ?)");
  find_quotes_ = database.prepare("SELECT body FROM quote WHERE id = ?");
}

Outcome RfqResult::on_message(std::string_view port, const Message& message, Outbox& out) {
  if (port == "query") {
    out.reply(answer(message));
    return Outcome::done;
  }
  if (message.correlation_id.empty() || !Json::accept(message.body))
    return Outcome::reject.because("no JSON under a correlation id");
  const std::string_view id = message.correlation_id;
  const std::string_view body = message.body;
  context_->count(port);
  ledger_->change([&] {
    if (port == "rfqs") add_rfq_.run(id, body);
    if (port == "results") add_result_.run(id, body);
    if (port == "quotes") add_quote_.run(id, std::string_view{message.source}, body);
  });
  return Outcome::done;
}

Message RfqResult::answer(const Message& message) {
  const auto question = question_of(message);
  if (!question) return http::response_message({400, question.error().message, {}});
  const auto& parts = message.type == http::request_type ? question->path : question->query;
  const auto part = parts.find("id");
  const std::string id = part == parts.end() ? std::string{} : part->second;
  const std::string path = "/instant-ride-rfqs/" + http::percent_encode(id);
  const auto now_ms = to_unix_ms(context_->clock().wall_now());

  const std::string rfq = find(find_rfq_, id);
  const std::string result = find(find_result_, id);
  if (rfq.empty() && result.empty() && !http::may_be_task(id, now_ms, on_its_way_))
    return http::response_message({404, "there is no request for quotes '" + id + "'", {}});

  const Json closed = result.empty() ? Json(nullptr) : Json::parse(result);
  const Json request = !rfq.empty()         ? Json::parse(rfq)
                       : closed.is_object() ? closed.value("request", Json(nullptr))
                                            : Json(nullptr);
  const auto left_ms =
      request.is_object() ? request.value("closes_ms", now_ms) - now_ms : http::eta_left(id, now_ms, timeout_).count();
  Json state = Json::object();
  state["links"] = closed.is_null() ? Json{{"refresh", path}} : Json{{"result", path + "/result"}};
  state["status"] = closed.is_null() ? "running" : "done";
  if (closed.is_null()) state["eta"] = std::max<std::int64_t>(1, (left_ms + 999) / 1000);  // who asks earlier asks in vain
  if (question->route.empty() || question->route == "/instant-ride-rfqs/{id}") return http::response_message(200, state.dump());

  Json full{{"links", closed.is_null() ? Json{{"refresh", path}} : Json{{"self", path + "/result"}}},
            {"rfq-id", id},
            {"status", state["status"]},
            {"ride-data", Json::object()},
            {"quotes", Json::array()},
            {"best", nullptr}};
  for (const auto* name : {"customer", "from", "to"}) {
    if (request.is_object()) full["ride-data"][name] = request.value(name, Json(nullptr));
  }
  if (closed.is_null()) {
    find_quotes_.rows(std::string_view{id});
    while (find_quotes_.step()) {
      const Json quote = Json::parse(find_quotes_.text(0));
      full["quotes"].push_back({{"responder", quote.value("responder", "")}, {"quote", quote.value("quote", Json(nullptr))}});
    }
    find_quotes_.reset();
  } else {
    for (const auto& entry : closed.value("answers", Json::array())) full["quotes"].push_back(quote_of(entry));
    if (const auto best = closed.find("best"); best != closed.end() && best->is_object()) full["best"] = quote_of(*best);
  }
  return http::response_message(200, full.dump());
}

std::string RfqResult::find(Statement& statement, const std::string& id) {
  std::string body;
  if (statement.rows(std::string_view{id}).step()) body = statement.text(0);
  statement.reset();
  return body;
}

}  // namespace remuda::rides
