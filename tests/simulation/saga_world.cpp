#include "tests/simulation/saga_world.hpp"

#include <algorithm>
#include <sstream>

namespace remuda::saga::simulation {

namespace {

constexpr int task_timeout_s = 10;
/// Of a step, until it is given up: more than faults can use up, where the plan needs an answer.
int retries_of(const Plan& plan) {
  const bool needs_answers =
      plan.fate == Plan::Fate::completes || plan.fate == Plan::Fate::passes_pivot || plan.fate == Plan::Fate::undo_is_broken;
  return needs_answers ? 6 : 1;
}

constexpr int stuck_after = 2;  // attempts
constexpr int broken_undo_attempts = 4;
constexpr int turns_max = 400;
constexpr const char* other_definition =
    R"({"StartAt": "Other", "States": {"Other": {"Type": "Task", "Resource": "task:other", "End": true}}})";

std::string definition_of(const Plan& plan) {
  std::ostringstream text;
  const bool has_deadline = plan.fate == Plan::Fate::aborted || plan.fate == Plan::Fate::passes_pivot;
  text << R"({"StartAt": "Do1", )";
  // Half of the timeout of a task, so that it comes first.
  if (has_deadline) text << R"("TimeoutSeconds": )" << task_timeout_s / 2 << ", ";
  if (plan.fate == Plan::Fate::passes_pivot) text << R"("Pivot": "Do)" << plan.at - 1 << R"(", )";
  text << R"("States": {)";
  for (int step = 1; step <= plan.steps; ++step) {
    const std::string before = step == 1 ? "Failed" : "Undo" + std::to_string(step - 1);
    const std::string next = step == plan.steps ? "Notify" : "Do" + std::to_string(step + 1);
    text << R"("Do)" << step << R"(": {"Type": "Task", "Resource": "task:do)" << step << R"(", "TimeoutSeconds": )"
         << task_timeout_s << R"(, "ResultPath": "$.done)" << step << R"(", "Next": ")" << next
         << R"(", "Retry": [{"ErrorEquals": ["Busy", "States.Timeout"], "MaxAttempts": )" << retries_of(plan) << R"(}], "Catch": [)"
         << R"({"ErrorEquals": ["Refused"], "ResultPath": "$.error", "Next": ")" << before << R"("}, )"
         << R"({"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Undo)" << step << R"("}]}, )";
    text << R"("Undo)" << step << R"(": {"Type": "Task", "Resource": "task:undo)" << step << R"(", "TimeoutSeconds": )"
         << task_timeout_s << R"(, "ResultPath": null, "Next": ")" << before
         << R"(", "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 99999999, "MaxDelaySeconds": 60}]}, )";
  }
  text << R"("Notify": {"Type": "Task", "Resource": "publish:notices", "ResultPath": null, "End": true}, )"
       << R"("Failed": {"Type": "Fail", "Error": "Undone"}}})";
  return text.str();
}

/// `do3` is (`do`, 3).
std::pair<std::string, int> parts_of(const std::string& task) {
  const std::size_t digit = task.find_first_of("0123456789");
  return {task.substr(0, digit), std::stoi(task.substr(digit))};
}

/// The steps that a history wanted to be done, and the keys that it asked for them with.
std::map<int, std::string> intents_of(const std::vector<Effect>& history) {
  std::map<int, std::string> intents;
  for (const Effect& effect : history) {
    const auto* request = std::get_if<RequestTask>(&effect);
    if (request != nullptr && request->state.starts_with("Do")) intents[std::stoi(request->state.substr(2))] = request->key;
  }
  return intents;
}

int attempt_of(const Message& task) {
  return std::stoi(task.attributes.at("attempt").value);
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Plan& plan) {
  static constexpr std::array fate_names{"completes", "refused", "given_up", "undo_is_broken", "aborted", "passes_pivot"};
  return out << plan.steps << " steps, " << fate_names.at(static_cast<std::size_t>(plan.fate)) << " at " << plan.at
             << (plan.executed ? ", executed" : "");
}

std::ostream& operator<<(std::ostream& out, const Fault& fault) {
  static constexpr std::array crash_names{"no crash",
                                          "before_commit",
                                          "before_commit_late",
                                          "before_leaving",
                                          "before_leaving_late",
                                          "before_acknowledged",
                                          "before_acknowledged_late",
                                          "after"};
  static constexpr std::array loss_names{"no loss",      "request_late", "answer_lost",
                                         "answer_twice", "answer_late",  "answer_very_late"};
  return out << crash_names.at(static_cast<std::size_t>(fault.crash)) << " and "
             << loss_names.at(static_cast<std::size_t>(fault.loss));
}

World::World(const Plan& plan, std::string folder, Checks& checks)
    : plan_{plan}, folder_{std::move(folder)}, checks_{checks}, pinned_{*PinnedDefinition::make("saga", definition_of(plan))} {
  context_.folder = folder_;
  context_.sending_ports = {"ended", "notices", "other"};
  for (int step = 1; step <= plan_.steps; ++step)
    context_.sending_ports.insert({"do" + std::to_string(step), "undo" + std::to_string(step)});
  start_node(false);
  reader_ = std::make_unique<SagaStore>(folder_ + "/sagas.sqlite");
  context_.sends = [this](std::string_view port, const Message& message) { is_durable(port, message); };
}

void World::start_node(bool with_other_definition) {
  has_other_definition_ = with_other_definition;
  node_ = std::make_unique<SagaOrchestrator>();
  const auto made = Parameters::make(
      node_->describe().parameters,
      {{"reply_to", "\"replies\""},
       {"stuck_after", std::to_string(stuck_after)},
       {"definitions", "{ saga = '''" + (with_other_definition ? std::string{other_definition} : pinned_->text) + "''' }"}});
  if (!made) throw std::runtime_error{made.error().message};
  context_.values = *made;
  node_->start(context_);
}

void World::crash() {
  ++run_.crashes;
  node_.reset();
  context_.timers.clear();
  context_.sent.clear();
  // From now on another definition has the name; who has started goes on under its own.
  start_node(reader_->find(id_).has_value());
}

World::Run World::run(const Faults& faults) {
  if (has_other_definition_) {
    node_.reset();
    context_.timers.clear();
    context_.sent.clear();
    start_node(false);
  }
  id_ = "saga-" + std::to_string(++number_);
  faults_ = faults;
  run_ = {};
  armed_ = Loss::none;
  inbox_.clear();
  when_idle_.clear();
  after_timer_.clear();
  at_the_end_.clear();
  late_requests_.clear();
  steps_.assign(static_cast<std::size_t>(plan_.steps) + 1, {});
  left_.clear();
  undone_.clear();
  undo_attempts_.clear();
  notices_.clear();
  endings_.clear();
  was_stuck_ = false;
  has_waited_ = false;

  inbox_.push_back({"start", start_message(1)});
  while (go_on()) {
    if (run_.turns > turns_max) throw Violation{"progress", "it does not come to an end"};
  }
  check_the_end();
  return run_;
}

Message World::start_message(int amount) const {
  Message message;
  message.id = id_ + "/start";
  message.correlation_id = id_;
  message.datacontenttype = "application/json";
  message.body = R"({"amount":)" + std::to_string(amount) + "}";
  return message;
}

// ---- turns

/// One turn of whatever can happen next; false when all is over.
bool World::go_on() {
  if (!inbox_.empty()) {
    Input input = std::move(inbox_.front());
    inbox_.erase(inbox_.begin());
    message_turn(std::move(input));
    return true;
  }
  if (!context_.sent.empty()) {
    confirm_turn();
    return true;
  }
  const auto row = reader_->find(id_);
  const bool is_over = row && row->ended_ms > 0;
  const bool has_timer = row && !is_over && row->deadline_ms != SagaRow::never;
  if (!when_idle_.empty() && (has_waited_ || !has_timer)) {
    inbox_ = std::exchange(when_idle_, {});
    has_waited_ = false;
    return true;
  }
  if (has_timer) {
    look_at_stuck();
    has_waited_ = !when_idle_.empty();
    timer_turn(Time{Milliseconds{row->deadline_ms}});
    inbox_ = std::exchange(after_timer_, {});
    return true;
  }
  if (!is_over) throw Violation{"progress", "nothing can happen any more, and the saga has not ended"};
  if (late_requests_.empty() && at_the_end_.empty() && after_timer_.empty()) return false;
  for (const auto& [port, task] : std::exchange(late_requests_, {})) execute(task, Loss::none);
  for (Input& input : std::exchange(at_the_end_, {})) inbox_.push_back(std::move(input));
  for (Input& input : std::exchange(after_timer_, {})) inbox_.push_back(std::move(input));
  return true;
}

Fault World::fault_of_turn() {
  const auto found = faults_.find(run_.turns++);
  run_.asks.push_back(false);
  const Fault fault = found == faults_.end() ? Fault{} : found->second;
  if (fault.loss != Loss::none) armed_ = fault.loss;
  return fault;
}

void World::message_turn(Input input) {
  const Fault fault = fault_of_turn();
  const auto comes_again = [&](Crash late) {
    crash();
    ++input.receive_count;
    (fault.crash == late ? when_idle_ : inbox_).push_back(std::move(input));
  };
  FakeOutbox out;
  out.the_delivery.receive_count = input.receive_count;
  const Outcome outcome = node_->on_message(input.port, input.message, out);
  check("S2", outcome.kind() == Outcome::Kind::done, "a message was not taken: " + outcome.reason());
  if (fault.crash == Crash::before_commit || fault.crash == Crash::before_commit_late)
    return comes_again(Crash::before_commit_late);
  node_->commit();
  if (fault.crash == Crash::before_leaving || fault.crash == Crash::before_leaving_late)
    return comes_again(Crash::before_leaving_late);
  for (const auto& [port, message] : out.sent) {
    is_durable(port, message);
    leaves(port, message);
  }
  if (fault.crash == Crash::before_acknowledged || fault.crash == Crash::before_acknowledged_late)
    return comes_again(Crash::before_acknowledged_late);
  if (fault.crash == Crash::after) crash();
}

void World::confirm_turn() {
  const Fault fault = fault_of_turn();
  if (fault.crash != Crash::none && fault.crash < Crash::before_acknowledged) return crash();
  const auto sent = context_.sent.front();
  leaves(sent.port, sent.message);
  if (fault.crash == Crash::before_acknowledged || fault.crash == Crash::before_acknowledged_late) return crash();
  context_.confirm();
  if (fault.crash == Crash::after) crash();
}

void World::timer_turn(Time due) {
  const Fault fault = fault_of_turn();
  const auto now = std::chrono::time_point_cast<Milliseconds>(context_.manual_clock.wall_now());
  if (due > now) context_.manual_clock.advance(due - now);
  if (fault.crash == Crash::before_commit || fault.crash == Crash::before_commit_late) crash();
  context_.run_timers();
  if (fault.crash > Crash::before_commit_late) crash();
}

void World::look_at_stuck() {
  const auto row = reader_->find(id_);
  if (plan_.fate != Plan::Fate::undo_is_broken || row->states != "Undo" + std::to_string(plan_.at)) return;
  if (undo_attempts_[plan_.at] <= stuck_after) return;
  was_stuck_ = true;
  check("S6", row->status == Status::stuck, "an undo was tried more often than stuck_after, and the saga is not stuck");
  check("S6", !row->error.empty(), "a stuck saga does not say why");
}

// ---- what leaves

void World::is_durable(std::string_view port, const Message& message) {
  if (message.correlation_id != id_ && !message.correlation_id.starts_with(id_ + "/")) return;
  const auto row = reader_->find(id_);
  check("S1", row.has_value(), "something left before its saga was durable");
  if (port == "ended") return check("S1", row->ended_ms > 0, "an end was told before it was durable");
  const std::string key = message.attributes.at("idempotency-key").value;
  const auto attempt = message.attributes.find("attempt");
  const auto history = replay(*row);
  const bool is_recorded = std::any_of(history.begin(), history.end(), [&](const Effect& effect) {
    const auto* request = std::get_if<RequestTask>(&effect);
    return request != nullptr && request->key == key &&
           (attempt == message.attributes.end() || std::to_string(request->attempt) == attempt->second.value);
  });
  check("S1", is_recorded, "task " + message.correlation_id + " left before its intent was durable");
}

void World::leaves(const std::string& port, const Message& message) {
  if (message.correlation_id != id_ && !message.correlation_id.starts_with(id_ + "/")) return;  // of the saga before this one
  if (port == "notices") {
    notices_.insert(message.id);
    check("S4", undone_.empty(), "a success was told of a saga that is undone");
    return;
  }
  if (port == "ended") {
    endings_.insert(message.id + " " + message.body);
    return;
  }
  check("S10", port != "other", "it went on under another definition");
  task_leaves(message);
}

void World::task_leaves(const Message& task) {
  const std::string key = task.attributes.at("idempotency-key").value;
  const int attempt = attempt_of(task);
  const auto [kind, number] = parts_of(task.type);
  Step& step = steps_.at(static_cast<std::size_t>(number));
  run_.asks.back() = true;

  const auto history = replay(*reader_->find(id_));
  if (std::find(left_.begin(), left_.end(), std::pair{key, attempt}) == left_.end()) left_.emplace_back(key, attempt);
  if (kind == "do") {
    step.asked_as.insert(key);
    check("S3", step.asked_as.size() == 1, "step " + std::to_string(number) + " was asked for under another key");
  } else {
    check("S4", intents_of(history).contains(number), "a step without intent was undone");
    check("S8", !has_to_complete(history), "a saga that has passed its pivot, or where nothing went wrong, was undone");
    if (std::find(undone_.begin(), undone_.end(), number) == undone_.end()) undone_.push_back(number);
    undo_attempts_[number] = std::max(undo_attempts_[number], attempt);
  }
  const Loss loss = std::exchange(armed_, Loss::none);
  if (loss == Loss::request_late) {
    late_requests_.emplace_back(task.type, task);
    return;
  }
  execute(task, loss);
}

bool World::is_answered(const std::string& kind, int step, int attempt) const {
  if (kind != "do" || step != plan_.at) return true;
  if (plan_.fate == Plan::Fate::passes_pivot) return attempt > 1;
  return plan_.fate != Plan::Fate::given_up && plan_.fate != Plan::Fate::aborted;
}

void World::execute(const Message& task, Loss loss) {
  const std::string key = task.attributes.at("idempotency-key").value;
  const auto [kind, number] = parts_of(task.type);
  Step& step = steps_.at(static_cast<std::size_t>(number));
  const int attempt = attempt_of(task);
  const bool never_answered = !is_answered(kind, number, attempt);
  if (never_answered && plan_.fate != Plan::Fate::passes_pivot && !plan_.executed) return;
  std::string error;
  if (kind == "do") {
    const bool last = plan_.fate == Plan::Fate::undo_is_broken && number == plan_.steps;
    if (last || (plan_.fate == Plan::Fate::refused && number == plan_.at)) {
      error = "Refused";
    } else if (step.is_buried) {
      error = "Cancelled";  // S5: what was undone before it was done stays undone
    } else if (step.do_keys.insert(key).second) {
      step.stands = true;
      ++step.effects;
      check("S3", step.effects == 1, "step " + std::to_string(number) + " was done twice");
    }
  } else if (plan_.fate == Plan::Fate::undo_is_broken && number == plan_.at && attempt <= broken_undo_attempts) {
    error = "Broken";
  } else if (step.undo_keys.insert(key).second) {
    if (!step.stands) step.is_buried = true;
    step.stands = false;
    step.is_buried = true;
    check("S4", step.undo_keys.size() == 1, "step " + std::to_string(number) + " was undone twice");
  }
  if (never_answered) return;
  answer(task, error, loss);
}

void World::answer(const Message& task, const std::string& error, Loss loss) {
  Message reply;
  reply.id = task.id + "/reply";
  reply.correlation_id = task.correlation_id;
  reply.datacontenttype = "application/json";
  reply.type = error.empty() ? task.type + ".done" : std::string{task_failed_type};
  reply.body = error.empty() ? R"({"ok":true})" : R"({"Error":")" + error + R"(","Cause":"because"})";
  const Input input{"replies", std::move(reply)};
  switch (loss) {
    case Loss::answer_lost:
      return;
    case Loss::answer_late:
      return after_timer_.push_back(input);
    case Loss::answer_very_late:
      return at_the_end_.push_back(input);
    case Loss::answer_twice:
      inbox_.push_back(input);
      [[fallthrough]];
    case Loss::none:
    case Loss::request_late:
      return inbox_.push_back(input);
  }
}

// ---- promises

void World::check(const char* promise, bool holds, const std::string& text) {
  ++checks_[promise];
  if (!holds) throw Violation{promise, text};
}

std::vector<Effect> World::replay(const SagaRow& row) {
  check("S10", row.definition == pinned_->hash, "it is pinned to another definition");
  Execution execution{pinned_->definition, {id_, "saga"}, Sagas::Settings{}.rules};
  std::vector<Effect> all;
  for (const StoredEvent& stored : reader_->events(row.last_event)) {
    auto effects = execution.apply(*read_event(stored), Time{Milliseconds{stored.at_ms}});
    all.insert(all.end(), std::make_move_iterator(effects.begin()), std::make_move_iterator(effects.end()));
  }
  return all;
}

bool World::has_to_complete(const std::vector<Effect>& history) const {
  if (plan_.fate != Plan::Fate::passes_pivot) return plan_.fate == Plan::Fate::completes;
  const std::string pivot = "Do" + std::to_string(plan_.at - 1);
  return std::any_of(history.begin(), history.end(), [&](const Effect& effect) {
    const auto* left = std::get_if<StateLeft>(&effect);
    return left != nullptr && left->state == pivot && !left->error;
  });
}

bool World::was_refused(const SagaRow& row, const std::string& key) {
  const auto events = reader_->events(row.last_event);
  return std::any_of(events.begin(), events.end(), [&](const StoredEvent& stored) {
    const auto event = read_event(stored);
    const auto* failed = std::get_if<TaskFailed>(&*event);
    return failed != nullptr && failed->key == key && failed->error == "Refused";
  });
}

void World::check_the_end() {
  const auto row = reader_->find(id_);
  const auto history = replay(*row);
  const bool completes = has_to_complete(history);
  check("S7", row->status == (completes ? Status::completed : Status::failed),
        "it ended as " + std::string{name_of(row->status)} + ": " + row->error);
  check("S7", endings_.size() == 1, "its end was told " + std::to_string(endings_.size()) + " ways");
  check("S7", notices_.size() == (completes ? 1U : 0U), "its success was told under " + std::to_string(notices_.size()) + " ids");
  for (int number = 1; number <= plan_.steps; ++number) {
    const Step& step = steps_.at(static_cast<std::size_t>(number));
    check("S5", step.stands == completes,
          "step " + std::to_string(number) + (step.stands ? " stands although the saga is undone" : " does not stand"));
    check("S3", step.effects <= 1, "step " + std::to_string(number) + " was done twice");
  }
  check_order_of_undoing(*row, history);
  if (plan_.fate == Plan::Fate::undo_is_broken) {
    check("S6", was_stuck_, "it was never stuck");
    check("S6", undo_attempts_[plan_.at] > broken_undo_attempts, "an undo was given up");
  }
  check_history(*row, history);
  check_other_starts();
}

void World::check_order_of_undoing(const SagaRow& row, const std::vector<Effect>& history) {
  std::vector<int> expected;
  const auto intents = intents_of(history);
  for (auto intent = intents.rbegin(); intent != intents.rend() && !has_to_complete(history); ++intent) {
    if (!was_refused(row, intent->second)) expected.push_back(intent->first);
  }
  std::ostringstream text;
  text << "undone were";
  for (const int number : undone_) text << ' ' << number;
  text << ", and it had to be";
  for (const int number : expected) text << ' ' << number;
  check("S4", undone_ == expected, text.str());
}

void World::check_history(const SagaRow& row, const std::vector<Effect>& effects) {
  const auto ends = std::count_if(effects.begin(), effects.end(), [](const Effect& e) { return std::holds_alternative<Ended>(e); });
  check("S7", ends == 1 && std::holds_alternative<Ended>(effects.back()), "its history does not end once");
  std::set<std::pair<std::string, int>> requested;
  bool undoes = false;
  for (const Effect& effect : effects) {
    const auto* request = std::get_if<RequestTask>(&effect);
    if (request == nullptr) continue;
    requested.emplace(request->key, request->attempt);
    undoes = undoes || request->state.starts_with("Undo");
    check("S4", !undoes || !request->state.starts_with("Do"), "a step was wanted after the undoing had begun");
  }
  // The other way round does not hold: a killed orchestrator does not ask for what was answered meanwhile.
  for (const auto& task : left_)
    check("crash rule", requested.contains(task), "task " + task.first + " left, and its history, read again, does not say so");
  if (plan_.fate == Plan::Fate::aborted) {
    const auto events = reader_->events(row.last_event);
    check("S9", std::any_of(events.begin(), events.end(), [](const StoredEvent& e) { return e.kind == "time"; }),
          "the deadline is not in its history");
    check("S9", row.error.starts_with("Undone"), "the deadline did not lead to its compensation");
  }
}

void World::check_other_starts() {
  const auto before = reader_->find(id_);
  for (const int amount : {1, 2}) {
    FakeOutbox out;
    const Outcome outcome = node_->on_message("start", start_message(amount), out);
    node_->commit();
    const auto expected = amount == 1 ? Outcome::Kind::done : Outcome::Kind::reject;
    check("S2", outcome.kind() == expected, "a second start was taken wrongly: " + outcome.reason());
    check("S2", out.sent.empty(), "a second start led to something");
  }
  check("S2", reader_->find(id_)->events == before->events, "a second start is in the history");
}

}  // namespace remuda::saga::simulation
