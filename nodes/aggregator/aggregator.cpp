#include "nodes/aggregator/aggregator.hpp"

#include <utility>

namespace remuda {
namespace {

constexpr std::chrono::milliseconds tick_interval{50};
constexpr int ticks_between_forgetting = 100;
constexpr int schema_version = 1;

std::string schema() {
  return "CREATE TABLE aggregate (id TEXT PRIMARY KEY, request TEXT NOT NULL, deadline_ms INTEGER NOT NULL, closed_ms INTEGER NOT "
         "NULL) "
         "WITHOUT ROWID;"
         "CREATE INDEX aggregate_due ON aggregate (closed_ms, deadline_ms);"
         "CREATE TABLE answer (aggregate TEXT NOT NULL, responder TEXT NOT NULL, position INTEGER NOT NULL, declined INTEGER NOT "
         "NULL, "
         "body TEXT NOT NULL, PRIMARY KEY (aggregate, responder)) WITHOUT ROWID;" +
         std::string{rides::OutboxRelay::schema};
}

std::string text_of(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

NodeDescription Aggregator::describe() const {
  auto parameters = AggregationRules::parameters();
  parameters.push_back(
      {"remember", ParameterType::duration, "\"1h\"", "how long a closed aggregate is known, so that late answers are told"});
  parameters.push_back({"remember_max", ParameterType::integer, "100000", "how many closed aggregates are known at most"});
  return {
      .name = "aggregator",
      .summary = "gathers answers that belong together and publishes what they come to",
      .ports = {{.name = "requests",
                 .direction = Direction::input,
                 .message = "request",
                 .wants_acknowledgement = true,
                 .optional = true},
                {.name = "scatter", .direction = Direction::output, .message = "request", .optional = true},
                {.name = "answers", .direction = Direction::input, .message = "answer", .wants_acknowledgement = true},
                {.name = "close", .direction = Direction::input, .message = "event", .optional = true},
                {.name = "results", .direction = Direction::output, .message = "aggregate.closed", .wants_acknowledgement = true},
                {.name = "query", .direction = Direction::input, .message = "question", .request = true, .optional = true}},
      .parameters = std::move(parameters)};
}

void Aggregator::start(NodeContext& context) {
  context_ = &context;
  rules_.emplace(context.parameters());
  remember_ = context.parameters().duration("remember");
  remember_max_ = context.parameters().integer("remember_max");
  scatters_ = context.is_wired("scatter");
  database_ = std::make_unique<rides::Database>(context.data_folder() + "/aggregator.sqlite", schema(), schema_version);
  transaction_ = std::make_unique<rides::BatchTransaction>(*database_);
  relay_ =
      std::make_unique<rides::OutboxRelay>(*database_, *transaction_, context, "results", context.data_folder() + "/relay.lock");
  find_ = database_->prepare("SELECT closed_ms FROM aggregate WHERE id = ?");
  open_ = database_->prepare("INSERT OR IGNORE INTO aggregate VALUES (?, ?, ?, 0)");
  request_ = database_->prepare("SELECT request FROM aggregate WHERE id = ?");
  answers_ = database_->prepare("SELECT responder, declined, body FROM answer WHERE aggregate = ? ORDER BY position");
  add_answer_ =
      database_->prepare("INSERT OR IGNORE INTO answer SELECT ?1, ?2, (SELECT count(*) FROM answer WHERE aggregate = ?1), ?3, ?4");
  replace_answer_ = database_->prepare("UPDATE answer SET declined = ?3, body = ?4 WHERE aggregate = ?1 AND responder = ?2");
  close_ = database_->prepare("UPDATE aggregate SET closed_ms = ?2 WHERE id = ?1 AND closed_ms = 0");
  due_ = database_->prepare("SELECT id FROM aggregate WHERE closed_ms = 0 AND deadline_ms <= ? LIMIT 500");
  forget_answers_ = database_->prepare("DELETE FROM answer WHERE aggregate = ?");
  forget_ = database_->prepare(
      "DELETE FROM aggregate WHERE id IN (SELECT id FROM aggregate WHERE closed_ms > 0 AND closed_ms < ?1 LIMIT 500) OR (closed_ms "
      "> 0 AND "
      "closed_ms < (SELECT closed_ms FROM aggregate WHERE closed_ms > 0 ORDER BY closed_ms DESC LIMIT 1 OFFSET ?2))");
  count_ = database_->prepare("SELECT count(*) FROM aggregate WHERE closed_ms = 0");
  context.every(tick_interval, [this] { tick(); });
  relay_->relay();
}

Outcome Aggregator::on_message(std::string_view port, const Message& message, Outbox& out) {
  if (port == "query") {
    out.reply(figures());
    return Outcome::done;
  }
  if (port == "requests") {
    transaction_->apply([&] { on_request(message, out); });
  } else if (port == "answers") {
    transaction_->apply([&] { on_answer(message); });
  } else {
    const std::string id = rules_->correlation_of(message);
    transaction_->apply([&] {
      if (state_of(id) == State::open) close(id, "event");
    });
  }
  return Outcome::done;
}

void Aggregator::on_request(const Message& message, Outbox& out) {
  std::string id = rules_->correlation_of(message);
  if (id.empty()) id = message.id;
  const int opened =
      open_.run(std::string_view{id}, std::string_view{text_of(json_body(message))}, now_ms() + rules_->timeout().count());
  count(opened > 0 ? "opened" : "repeated_requests");
  // A request that comes again may not have reached the responders the first time; those who have answered answer twice.
  if (!scatters_ || state_of(id) != State::open) return;
  Message question = message;
  question.correlation_id = id;
  out.send("scatter", std::move(question));
}

void Aggregator::on_answer(const Message& message) {
  const std::string id = rules_->correlation_of(message);
  const std::string responder = rules_->responder_of(message);
  auto state = id.empty() || responder.empty() ? State::unknown : state_of(id);
  if (state == State::unknown && rules_->is_self_starting() && !id.empty() && !responder.empty()) {
    open_.run(std::string_view{id}, std::string_view{"null"}, now_ms() + rules_->timeout().count());
    count("opened");
    state = State::open;
  }
  if (state != State::open) return count(state == State::closed ? "late" : "foreign");
  const bool declined = rules_->is_decline(message);
  const std::string body = text_of(json_body(message));
  const auto values = [&](rides::Statement& statement) {
    return statement.run(std::string_view{id}, std::string_view{responder}, std::int64_t{declined ? 1 : 0}, std::string_view{body});
  };
  if (values(add_answer_) == 0) {
    count("duplicate");
    if (!rules_->keeps_last()) return;
    values(replace_answer_);
  }
  count(declined ? "declined" : "answers");
  if (rules_->is_complete(answers_to(id))) close(id, "complete");
}

void Aggregator::close(const std::string& id, const std::string& reason) {
  if (close_.run(std::string_view{id}, now_ms()) == 0) return;  // another replica was quicker
  request_.rows(std::string_view{id}).step();
  auto request = nlohmann::ordered_json::parse(request_.text(0), nullptr, false);
  request_.reset();
  nlohmann::ordered_json body{{"id", id}, {"reason", reason}, {"request", std::move(request)}};
  body.update(rules_->combined(answers_to(id)));
  forget_answers_.run(std::string_view{id});  // a closed aggregate is a name, its answers are in the result
  Message result;
  result.id = derived_message_id(id, "results", 0);
  result.source = context_->node_name();
  result.type = "aggregate.closed";
  result.correlation_id = id;
  result.time_ms = now_ms();
  result.datacontenttype = "application/json";
  result.body = text_of(body);
  relay_->add(result);
  count("closed." + reason);
}

void Aggregator::tick() {
  std::vector<std::string> due;
  due_.rows(now_ms());
  while (due_.step()) due.push_back(due_.text(0));
  due_.reset();
  const bool forgets = ++ticks_ % ticks_between_forgetting == 0;
  if (!due.empty() || forgets) {
    transaction_->apply([&] {
      for (const auto& id : due) close(id, "timeout");
      if (forgets) forget_.run(now_ms() - remember_.count(), remember_max_);
    });
    commit();
  }
  relay_->tick();
}

void Aggregator::commit() {
  if (!transaction_->is_open()) return;
  try {
    relay_->delete_confirmed();
    transaction_->commit();
  } catch (const rides::StoreError&) {
    transaction_->roll_back();
    throw;
  }
  relay_->relay();
}

Aggregator::State Aggregator::state_of(const std::string& id) {
  auto state = State::unknown;
  if (find_.rows(std::string_view{id}).step()) state = find_.integer(0) == 0 ? State::open : State::closed;
  find_.reset();
  return state;
}

std::vector<Answer> Aggregator::answers_to(const std::string& id) {
  std::vector<Answer> found;
  answers_.rows(std::string_view{id});
  while (answers_.step()) {
    auto body = nlohmann::ordered_json::parse(answers_.text(2), nullptr, false);
    found.push_back({answers_.text(0), std::move(body), answers_.integer(1) != 0});
  }
  answers_.reset();
  return found;
}

void Aggregator::count(const std::string& figure) {
  ++figures_[figure];
  context_->count(figure);
}

std::int64_t Aggregator::now_ms() const {
  return to_unix_ms(context_->clock().wall_now());
}

Message Aggregator::figures() {
  count_.rows().step();
  nlohmann::ordered_json json{{"open", count_.integer(0)}};
  count_.reset();
  for (const auto& [name, value] : figures_) json[name] = value;
  Message answer;
  answer.type = "aggregator.figures";
  answer.datacontenttype = "application/json";
  answer.body = json.dump();
  return answer;
}

}  // namespace remuda
