#include "nodes/fare_register/fare_register.hpp"

#include "common/http/http_messages.hpp"
#include "common/http/url.hpp"
#include "nodes/wild_rydes/questions.hpp"

namespace remuda::rides {

namespace {

constexpr std::string_view submitted_type = "fare.submitted";
constexpr int eta_seconds = 1;

std::string path_of(const std::string& fare) {
  return "/fares/" + http::percent_encode(fare);
}

}  // namespace

FareRegister::FareRegister()
    : Participant{
          {.executable = "fare_register",
           .summary = "takes fares and knows what became of each",
           .operations = {"register", "complete_fare", "fail_fare"},
           .schema =
               "CREATE TABLE fare (id TEXT PRIMARY KEY, customer TEXT NOT NULL, amount TEXT NOT NULL, card_token TEXT NOT NULL,"
               " registered INTEGER NOT NULL, status TEXT NOT NULL) WITHOUT ROWID;",
           .ports = {{.name = "submit",
                      .direction = Direction::input,
                      .message = std::string{http::request_type},
                      .request = true,
                      .optional = true},
                     {.name = "fares",
                      .direction = Direction::output,
                      .message = std::string{submitted_type},
                      .wants_acknowledgement = true,
                      .optional = true},
                     {.name = "outcomes",
                      .direction = Direction::input,
                      .message = "saga.ended",
                      .wants_acknowledgement = true,
                      .optional = true}}}} {}

void FareRegister::prepare(Database& database) {
  find_ = database.prepare("SELECT customer, amount, card_token, status FROM fare WHERE id = ?");
  submit_ = database.prepare("INSERT INTO fare VALUES (?, ?, ?, ?, 0, 'running')");
  register_ = database.prepare("INSERT INTO fare VALUES (?, ?, ?, '', 1, 'running') ON CONFLICT (id) DO UPDATE SET registered = 1");
  set_status_ = database.prepare("INSERT INTO fare VALUES (?1, '', '', '', 0, ?2) ON CONFLICT (id) DO UPDATE SET status = ?2");
}

std::optional<FareRegister::Fare> FareRegister::find(const std::string& fare) {
  std::optional<Fare> found;
  if (find_.rows(std::string_view{fare}).step()) found = {find_.text(0), find_.text(1), find_.text(2), find_.text(3)};
  find_.reset();
  return found;
}

Answer FareRegister::perform(const std::string& operation, const Json& input) {
  if (auto error = missing(input, {"fareId"})) return Failure{std::move(*error)};
  const std::string fare = text_of(input, "fareId");
  if (operation == "complete_fare") return set_status(fare, "completed");
  if (operation == "fail_fare") return set_status(fare, "failed");
  if (auto error = missing(input, {"customerId", "fareAmount"})) return Failure{std::move(*error)};
  const std::string customer = text_of(input, "customerId");
  if (doomed(customer, "fail_register")) return refused("RegistrationException", "the fare was not registered");
  register_.run(std::string_view{fare}, std::string_view{customer}, std::string_view{text_of(input, "fareAmount")});
  return Json{{"fareId", fare}};
}

Answer FareRegister::set_status(const std::string& fare, const std::string& status) {
  const auto known = find(fare);
  if (known && known->status == "completed" && status == "failed") return refused("FareCompleted", "the fare is completed");
  set_status_.run(std::string_view{fare}, std::string_view{status});
  return Json{{"fareId", fare}, {"fareStatus", status}};
}

Outcome FareRegister::on_other(std::string_view port, const Message& message, Outbox& out) {
  if (port == "outcomes") {
    const Json ended = json_of(message);
    const std::string fare = text_of(ended, "id");
    const auto known = find(fare);
    if (text_of(ended, "status") == "failed" && known && known->status == "running")
      transaction().apply([&] { set_status_.run(std::string_view{fare}, std::string_view{"failed"}); });
    return Outcome::done;
  }
  const auto question = question_of(message);
  if (!question) return Outcome::reject.because(question.error().message);
  if (question->method == "POST") {
    out.reply(submit(message, out));
  } else {
    const auto& parts = message.type == http::request_type ? question->path : question->query;
    const auto id = parts.find("fareId");
    out.reply(get(id == parts.end() ? std::string{} : id->second));
  }
  return Outcome::done;
}

Message FareRegister::submit(const Message& request, Outbox& out) {
  const auto submitted = read_submitted_fare(request.body);
  if (!submitted) {
    context().count("rejected");
    return http::response_message(submitted.error());
  }
  auto known = find(submitted->fare);
  if (known && (known->customer != submitted->customer || known->amount != submitted->amount))
    return http::response_message({422, "this fareId came with another customer or amount before", {}});
  if (!known) {
    // A service that keeps cards gives a token for one; nothing here is able to tell the card from it.
    known = Fare{submitted->customer, submitted->amount, code_for("card_", new_message_id()), "running"};
    transaction().apply([&] {
      submit_.run(std::string_view{submitted->fare}, std::string_view{known->customer}, std::string_view{known->amount},
                  std::string_view{known->card_token});
    });
    context().count("submitted");
  }
  const std::string path = path_of(submitted->fare);
  if (known->status != "running") return get(submitted->fare);
  Message fare;
  fare.id = derived_message_id(submitted->fare, "fares", 0);
  fare.source = context().node_name();
  fare.type = submitted_type;
  fare.subject = submitted->fare;
  fare.correlation_id = submitted->fare;
  fare.datacontenttype = "application/json";
  fare.attributes["event"] = {"String", std::string{submitted_type}};
  fare.body = Json{{"customerId", known->customer},
                   {"fareId", submitted->fare},
                   {"fareAmount", known->amount},
                   {"cardToken", known->card_token}}
                  .dump();
  out.send("fares", std::move(fare));
  const Json answer{{"fareId", submitted->fare}, {"links", {{"refresh", path}}}, {"status", "running"}, {"eta", eta_seconds}};
  return http::response_message(202, answer.dump(), path);
}

Message FareRegister::get(const std::string& id) {
  const auto fare = find(id);
  if (!fare) return http::response_message({404, "there is no fare '" + id + "'", {}});
  Json answer{{"fareId", id},
              {"customerId", fare->customer},
              {"fareAmount", fare->amount},
              {"status", fare->status},
              {"links", {{"self", path_of(id)}}}};
  if (fare->status == "running") answer.update({{"eta", eta_seconds}, {"links", {{"refresh", path_of(id)}}}});
  return http::response_message(200, answer.dump());
}

}  // namespace remuda::rides
