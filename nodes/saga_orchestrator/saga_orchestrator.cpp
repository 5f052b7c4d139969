#include "nodes/saga_orchestrator/saga_orchestrator.hpp"

#include <stdexcept>
#include <utility>

#include "common/http/http_messages.hpp"
#include "common/log.hpp"
#include "common/mutant.hpp"
#include "nodes/saga_orchestrator/timeline.hpp"

namespace remuda::saga {

namespace {

constexpr std::chrono::milliseconds tick_interval{20};
constexpr std::uint64_t ticks_between_forgetting = 50;
constexpr std::int64_t due_max = 256;
constexpr std::int64_t forget_max = 500;
/// How long a request channel may take for a task: a drain waits as long.
constexpr std::chrono::milliseconds ask_deadline_max{60'000};

void collect_resources(const Machine& machine, std::set<std::string>& resources) {
  for (const auto& [name, state] : machine.states) {
    if (state.type == StateType::task) resources.insert(state.resource);
    for (const Machine& branch : state.branches) collect_resources(branch, resources);
  }
}

bool was_redelivered(const Outbox& out) {
  return out.delivery().receive_count > 1;
}

}  // namespace

NodeDescription SagaOrchestrator::describe() const {
  return {.name = "saga_orchestrator",
          .summary = "runs sagas written in the Amazon States Language, durably",
          .ports = {{.name = "start",
                     .direction = Direction::input,
                     .message = "saga.start",
                     .wants_acknowledgement = true,
                     .optional = true},
                    {.name = "replies",
                     .direction = Direction::input,
                     .message = "task.reply",
                     .wants_acknowledgement = true,
                     .optional = true},
                    {.name = "ended",
                     .direction = Direction::output,
                     .message = std::string{ended_type},
                     .wants_acknowledgement = true,
                     .optional = true},
                    {.name = "sagas", .direction = Direction::input, .message = "question", .request = true, .optional = true}},
          .parameters = {{"definitions", ParameterType::table, "",
                          "name = the definition's text: { fare = \"${file:fare.asl.json}\" }"},
                         {"saga_id", ParameterType::text, "\"correlation_id\"",
                          "what in a message on start is the saga's id: correlation_id, id, body.PATH, attributes.NAME"},
                         {"reply_to", ParameterType::text, "\"\"", "the return address in tasks: the queue behind port replies"},
                         {"uncaught", ParameterType::text, "\"stuck\"",
                          "an error that nobody catches makes a saga stuck, or, as the language has it, failed: stuck, fail"},
                         {"stuck_after", ParameterType::integer, "10",
                          "a task that was tried this often makes its saga stuck; it is still tried"},
                         {"cache", ParameterType::integer, "20000",
                          "sagas in memory; the others are read when something happens to them"},
                         {"keep_ended", ParameterType::duration, "\"7d\"", "how long an ended saga is known"}},
          .open_request_ports = true,
          .open_outputs = true};
}

void SagaOrchestrator::start(NodeContext& context) {
  context_ = &context;
  const Parameters& parameters = context.parameters();
  reply_to_ = parameters.text("reply_to");
  keep_ended_ = parameters.duration("keep_ended");
  tells_end_ = context.is_wired("ended");
  if (const std::string written = parameters.text("saga_id"); written != "correlation_id") {
    auto selector = Selector::compile(written);
    if (!selector) throw std::invalid_argument{"parameter saga_id: " + selector.error().message};
    saga_id_ = std::move(*selector);
  }
  const std::string uncaught = parameters.text("uncaught");
  if (uncaught != "stuck" && uncaught != "fail") throw std::invalid_argument{"parameter uncaught: it is stuck or fail"};
  std::map<std::string, Pinned, std::less<>> definitions;
  read_definitions(definitions);
  Sagas::Settings settings;
  settings.rules.parks = uncaught == "stuck";
  settings.stuck_after = static_cast<int>(std::max<std::int64_t>(1, parameters.integer("stuck_after")));
  settings.cached_max = static_cast<std::size_t>(std::max<std::int64_t>(1, parameters.integer("cache")));
  store_ = std::make_unique<SagaStore>(context.data_folder() + "/sagas.sqlite");
  sagas_ = std::make_unique<Sagas>(*store_, std::move(definitions), settings);
  for (const std::string& id : REMUDA_MUTANT(238) ? std::vector<std::string>{} : store_->unsent())
    carry_out(id, sagas_->open_effects(id), nullptr);
  commit();
  context.every(tick_interval, [this] { tick(); });
}

void SagaOrchestrator::read_definitions(std::map<std::string, Pinned, std::less<>>& definitions) {
  std::string problems;
  for (const auto& [name, text] : context_->parameters().json("definitions").items()) {
    auto pinned = PinnedDefinition::make(name, text.is_string() ? text.get<std::string>() : text.dump());
    if (!pinned) {
      problems += pinned.error();
      continue;
    }
    std::set<std::string> resources;
    collect_resources((*pinned)->definition.machine, resources);
    for (const std::string& written : resources) {
      auto parsed = Resource::parse(written);
      if (!parsed) {
        problems += "\n  " + name + ": " + parsed.error();
      } else if (!context_->is_wired(parsed->port)) {
        problems += "\n  " + name + ": port '" + parsed->port + "' of '" + written + "' is not wired";
      }
    }
    definitions.emplace(name, std::move(*pinned));
  }
  if (!problems.empty()) throw std::invalid_argument{"parameter definitions:" + problems};
  if (definitions.empty()) throw std::invalid_argument{"parameter definitions: there is none"};
}

const Resource& SagaOrchestrator::resource(const std::string& text) {
  const auto known = resources_.find(text);
  if (known != resources_.end()) return known->second;
  auto parsed = Resource::parse(text);  // of an older definition: its port may be gone
  if (!parsed) throw rides::StoreError{parsed.error()};
  return resources_.emplace(text, std::move(*parsed)).first->second;
}

Outcome SagaOrchestrator::on_message(std::string_view port, const Message& message, Outbox& out) {
  if (port == "start") return on_start(message, out);
  if (port == "replies") return on_reply(message, out);
  out.reply(answer(message, out));
  return Outcome::done;
}

Outcome SagaOrchestrator::on_start(const Message& message, Outbox& out) {
  std::string id = message.correlation_id;
  if (saga_id_) {
    const std::string packed = pack(message);
    const auto view = view_message(packed);
    id = view ? saga_id_->value(*view).value_or("") : std::string{};
  }
  if (id.empty()) return Outcome::reject.because("the message has no saga id");
  auto input = json_of_body(message);
  if (!input) return Outcome::reject.because(input.error().message);
  const auto named = message.attributes.find("definition");
  auto change = start_saga(id, named == message.attributes.end() ? std::string{} : named->second.value, std::move(*input));
  if (!change) return Outcome::reject.because(change.error().code + ": " + change.error().message);
  carry_out(id, change->effects, &out);
  if (!change->happened && was_redelivered(out) && !REMUDA_MUTANT(235)) send_again(id, out);
  return Outcome::done;
}

Outcome SagaOrchestrator::on_reply(const Message& message, Outbox& out) {
  auto event = event_of_reply(message);
  if (!event) return Outcome::reject.because(event.error().message);
  const std::string_view correlation = message.correlation_id;
  std::string id = saga_of_key(correlation.substr(0, correlation.rfind('#')));
  if (id.empty()) id = saga_of_key(correlation);
  const Sagas::Change change = sagas_->apply(id, std::move(*event), now());
  carry_out(id, change.effects, &out);
  if (change.happened) return Outcome::done;
  context_->count(change.is_known ? "late_replies" : "foreign_replies");
  // It was recorded before, and the process ended before what follows from it had left.
  if (change.is_known && was_redelivered(out) && !REMUDA_MUTANT(234)) send_again(id, out);
  return Outcome::done;
}

Result<Sagas::Change> SagaOrchestrator::start_saga(const std::string& id, const std::string& definition, Json input) {
  const auto& known = sagas_->definitions();
  const std::string& name = definition.empty() && known.size() == 1 ? known.begin()->first : definition;
  auto result = sagas_->start(id, name, std::move(input), now());
  if (result && result->happened) context_->count("started");
  return result;
}

void SagaOrchestrator::apply_alone(const std::string& id, const Event& event) {
  try {
    carry_out(id, sagas_->apply(id, event, now()).effects, nullptr);
  } catch (const rides::StoreError& error) {
    log_error("a saga's event could not be recorded", {{"saga", id}, {"reason", error.what()}});
  }
  if (std::exchange(flush_is_posted_, true)) return;
  context_->post([this] {
    flush_is_posted_ = false;
    flush();
  });
}

void SagaOrchestrator::send_again(const std::string& id, Outbox& out) {
  context_->count("sent_again");
  carry_out(id, sagas_->open_effects(id), &out);
}

// ---- effects

void SagaOrchestrator::carry_out(const std::string& id, const Effects& effects, Outbox* out) {
  for (const Effect& effect : effects) {
    if (const auto* asked = std::get_if<RequestTask>(&effect)) {
      request(id, *asked, out);
    } else if (const auto* parked = std::get_if<Parked>(&effect)) {
      context_->count("parked");
      log_warning("a saga is stuck: decide with `remuda saga show`, retry, skip, stop",
                  {{"saga", id}, {"state", parked->state}, {"error", parked->error.error}});
    } else if (std::holds_alternative<RetryScheduled>(effect)) {
      context_->count("retries");
    } else if (const auto* ended = std::get_if<Ended>(&effect)) {
      context_->count(ended->succeeded ? "completed" : "failed");
      if (!tells_end_) continue;
      const auto row = sagas_->row(id);
      send(id, "ended", ended_message(*ended, id, row ? row->name : std::string{}), out);
    }
  }
}

void SagaOrchestrator::request(const std::string& id, const RequestTask& request, Outbox* out) {
  const Resource& to = resource(request.resource);
  Message message = task_message(request, to, reply_to_);
  if (to.kind == Resource::Kind::publish) return publish(id, request, to.port, std::move(message));
  if (context_->can_ask(to.port)) return ask(id, request, to.port, std::move(message));
  send(id, to.port, std::move(message), out);
}

void SagaOrchestrator::send(const std::string& id, std::string port, Message message, Outbox* out) {
  if (out != nullptr) return out->send(port, std::move(message));
  depart(id, [this, id, port = std::move(port), message = std::move(message)] {
    context_->send(port, message, [this, id](const Result<void>& confirmed) {
      if (confirmed && !REMUDA_MUTANT(246)) arrived(id);
    });
  });
}

void SagaOrchestrator::publish(const std::string& id, const RequestTask& request, std::string port, Message message) {
  depart(id, [this, id, key = request.key, attempt = request.attempt, port = std::move(port), message = std::move(message)] {
    if (REMUDA_MUTANT(255)) {
      arrived(id);
      apply_alone(id, TaskSucceeded{key, {{"MessageId", message.id}}});
    }
    context_->send(port, message, [this, id, key, attempt, message_id = message.id](const Result<void>& confirmed) {
      arrived(id);
      if (confirmed) return apply_alone(id, TaskSucceeded{key, {{"MessageId", message_id}}});
      apply_alone(id, TaskFailed{key, attempt, errors::task_failed, confirmed.error().message});
    });
  });
}

void SagaOrchestrator::ask(const std::string& id, const RequestTask& request, std::string port, Message message) {
  auto deadline = ask_deadline_max;
  if (request.due) deadline = std::clamp(*request.due - now(), Milliseconds{1}, ask_deadline_max);
  depart(id,
         [this, id, key = request.key, attempt = request.attempt, deadline, port = std::move(port), message = std::move(message)] {
           context_->request(port, message, deadline, [this, id, key, attempt](const Result<Message>& answer) {
             arrived(id);
             if (!answer) {
               const char* error = answer.error().definite ? errors::task_failed : errors::timeout;
               return apply_alone(id, TaskFailed{key, attempt, error, answer.error().code + ": " + answer.error().message});
             }
             Message reply = *answer;
             reply.correlation_id = key + "#" + std::to_string(attempt);
             const auto event = event_of_reply(reply);
             apply_alone(id, event ? *event : Event{TaskFailed{key, attempt, errors::task_failed, event.error().message}});
           });
         });
}

void SagaOrchestrator::depart(const std::string& id, std::function<void()> leave) {
  ++on_the_way_[id];
  sagas_->mark_unsent(id);
  if (REMUDA_MUTANT(231)) return leave();
  departures_.push_back({id, std::move(leave)});
}

void SagaOrchestrator::arrived(const std::string& id) {
  const auto found = on_the_way_.find(id);
  if (found == on_the_way_.end() || --found->second > 0) return;
  on_the_way_.erase(found);
  sagas_->mark_sent(id);
}

// ---- transactions and time

void SagaOrchestrator::commit() {
  auto& transaction = store_->transaction();
  try {
    if (sagas_->has_changes()) {
      transaction.begin();
      sagas_->write();
    }
    if (transaction.is_open() && !REMUDA_MUTANT(241)) transaction.commit();
  } catch (const rides::StoreError&) {
    transaction.roll_back();
    sagas_->forget_all();
    for (const Departure& departure : std::exchange(departures_, {})) {
      const auto found = on_the_way_.find(departure.saga);
      if (found != on_the_way_.end() && --found->second == 0) on_the_way_.erase(found);
    }
    throw;
  }
  for (const Departure& departure : std::exchange(departures_, {})) departure.leave();
}

void SagaOrchestrator::flush() {
  try {
    commit();
  } catch (const rides::StoreError& error) {
    // What was answered is asked again: from the history, by timeouts or after a restart.
    log_error("sagas could not be stored", {{"reason", error.what()}});
  }
}

void SagaOrchestrator::tick() {
  for (const std::string& id : store_->due(now().time_since_epoch().count(), due_max)) {
    if (damaged_.contains(id)) continue;
    try {
      const auto effects = sagas_->apply(id, TimePassed{}, now()).effects;
      if (!REMUDA_MUTANT(257)) carry_out(id, effects, nullptr);
    } catch (const std::exception& error) {
      damaged_.insert(id);
      log_error("a saga cannot go on", {{"saga", id}, {"reason", error.what()}});
    }
  }
  if (++ticks_ % ticks_between_forgetting == 0) {
    damaged_.clear();
    const std::int64_t before = (now() - keep_ended_).time_since_epoch().count();
    try {
      store_->transaction().apply([&] { store_->forget_ended(before, forget_max); });
    } catch (const rides::StoreError& error) {
      log_error("ended sagas could not be forgotten", {{"reason", error.what()}});
    }
  }
  flush();
}

Time SagaOrchestrator::now() const {
  return std::chrono::time_point_cast<Milliseconds>(context_->clock().wall_now());
}

// ---- questions

Message SagaOrchestrator::answer(const Message& message, Outbox& out) {
  const auto question = question_of(message);
  if (!question) return refusal(400, question.error().code, question.error().message);
  if (question->verb == "ls") return list(*question);
  if (question->verb == "show") return show(*question);
  return operate(*question, out);
}

Message SagaOrchestrator::list(const Question& question) {
  store_->transaction().apply([this] { sagas_->write(); });
  Json sagas = Json::array();
  for (const SagaRow& row : store_->list(question.status, question.before, question.limit)) {
    Json json = describe_row(row);
    json["number"] = row.number;
    sagas.push_back(std::move(json));
  }
  return http::response_message(200, to_text({{"sagas", std::move(sagas)}, {"counts", store_->counts()}}));
}

Message SagaOrchestrator::show(const Question& question) {
  const auto story = sagas_->story(question.id);
  if (!story) return refusal(404, "no_such_saga", "there is no saga '" + question.id + "'");
  return http::response_message(200, to_text(*story));
}

Message SagaOrchestrator::operate(const Question& question, Outbox& out) {
  const std::string& id = question.id;
  if (question.verb == "start") {
    auto change = start_saga(id, question.definition, question.input);
    if (!change) return refusal(change.error().code == "saga_exists" ? 409 : 400, change.error().code, change.error().message);
    carry_out(id, change->effects, &out);
    return http::response_message(200, to_text(describe_row(*sagas_->row(id))));
  }
  const auto row = sagas_->row(id);
  if (!row) return refusal(404, "no_such_saga", "there is no saga '" + id + "'");
  if (row->ended_ms > 0)
    return refusal(409, "saga_ended", "saga '" + id + "' is " + std::string{name_of(row->status)} + ": it is over");
  Event event = RetryNow{};
  if (question.verb == "skip") event = Skip{question.output};
  const StateError stopped{"Saga.Stopped", question.audit.value("note", "by hand")};
  if (question.verb == "stop")
    event = question.force ? Event{Stop{stopped.error, stopped.cause}} : Event{Abort{stopped.error, stopped.cause}};
  if (question.verb == "stop" && !question.force) {
    if (sagas_->passed_pivot(id) && !REMUDA_MUTANT(253))
      return refusal(409, "passed_pivot", "it has passed its pivot: from there it only goes on. --force ends it as it is");
    for (const Effect& effect : sagas_->rehearse(id, event, now()).effects) {
      const auto* ended = std::get_if<Ended>(&effect);
      if (ended != nullptr && ended->error == stopped && !REMUDA_MUTANT(254))
        return refusal(409, "not_caught", "no catcher compensates where it is now (" + row->states + "). --force ends it as it is");
    }
  }
  const Sagas::Change change = sagas_->apply(id, event, now(), REMUDA_MUTANT(252) ? Json(nullptr) : question.audit);
  if (!change.happened)
    return refusal(409, "nothing_to_do", "saga '" + id + "' is in " + row->states + ": nothing there to " + question.verb);
  carry_out(id, change.effects, &out);
  log_info("an operator changed a saga", {{"saga", id}, {"verb", question.verb}, {"by", question.audit.value("by", "")}});
  return http::response_message(200, to_text(describe_row(*sagas_->row(id))));
}

}  // namespace remuda::saga
