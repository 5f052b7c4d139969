#include "common/saga/execution.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "common/mutant.hpp"

namespace remuda::saga {

namespace {

/// FNV-1a: chance differs from saga to saga and is the same after a restart.
std::uint64_t seed_of(std::string_view id) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace

Execution::Execution(const Definition& definition, Identity identity, Rules rules)
    : definition_{&definition}, identity_{std::move(identity)}, rules_{rules}, random_{seed_of(identity_.id)} {}

Effects Execution::apply(Event event, Time now) {
  now_ = now;
  entries_ = 0;
  aborting_ = false;
  effects_.clear();
  if ((!ended_ || REMUDA_MUTANT(218)) && (running_ || std::holds_alternative<Start>(event))) {
    std::visit([this](auto& concrete) { handle(std::move(concrete)); }, event);
    run_agenda();
  }
  return std::exchange(effects_, {});
}

void Execution::handle(Start event) {
  if (running_) return;
  running_ = true;
  started_ = now_;
  if (definition_->uses_context) execution_input_ = event.input;
  if (!within_limits(event.input)) return end(failed(errors::data_limit, "the input is larger or deeper than data may be"));
  const std::uint64_t root = add_child(0, 0, definition_->machine);
  agenda_.emplace_back(Enter{root, definition_->machine.start_at, std::move(event.input)});
}

void Execution::handle(TaskSucceeded event) {
  std::uint64_t id = 0;
  if (find_task(event.key, REMUDA_MUTANT(201) ? Wanted::at_work : Wanted::unfinished, &id) == nullptr) return;
  drop_work(id);
  complete(id, std::move(event.output));
}

void Execution::handle(const TaskFailed& event) {
  std::uint64_t id = 0;
  const Frame* frame = find_task(event.key, Wanted::at_work, &id);
  if (frame != nullptr && (event.attempt == 0 || frame->attempt == event.attempt || REMUDA_MUTANT(202)))
    fail_state(id, {event.error, event.cause});
}

void Execution::handle(const TaskHeartbeat& event) {
  std::uint64_t id = 0;
  Frame* frame = find_task(event.key, Wanted::at_work, &id);
  if (frame != nullptr && frame->heartbeat_due) frame->heartbeat_due = now_ + frame->heartbeat;
}

void Execution::handle(const TimePassed& /*event*/) {
  if (const auto last = deadline(); last && now_ >= *last) {
    const StateError late{errors::timeout, "the execution took longer than its TimeoutSeconds"};
    return rules_.aborts_at_deadline && !REMUDA_MUTANT(208) ? handle(Abort{late.error, late.cause}) : end(Failure{late});
  }
  std::vector<std::pair<Time, std::uint64_t>> due;
  for (const auto& [id, frame] : frames_) {
    const Time at = std::min(frame.due.value_or(Time::max()), frame.heartbeat_due.value_or(Time::max()));
    if (REMUDA_MUTANT(211) ? at < now_ : at <= now_) due.emplace_back(at, id);
  }
  std::sort(due.begin(), due.end());
  for (const auto& [at, id] : due) {
    const auto found = frames_.find(id);
    if (found == frames_.end()) continue;
    Frame& frame = found->second;
    if (frame.phase == Phase::waiting) {
      frame.due.reset();
      leave(id, frame.input);
    } else if (frame.phase == Phase::before_retry) {
      frame.due.reset();
      ++frame.attempt;
      begin(id);
    } else if (frame.phase == Phase::working) {
      const bool is_timeout = frame.due && *frame.due == at;
      effects_.emplace_back(CancelTask{key_of(frame)});
      fail_state(id, is_timeout ? StateError{errors::timeout, "no answer within TimeoutSeconds"}
                                : StateError{errors::heartbeat_timeout, "no heartbeat within HeartbeatSeconds"});
    }
    run_agenda();
  }
}

void Execution::handle(const Stop& event) {
  end(failed(event.error, event.cause));
}

void Execution::handle(const Abort& event) {
  if (passed_pivot_ && !REMUDA_MUTANT(206)) return;
  aborted_ = !REMUDA_MUTANT(209);
  aborting_ = true;
  std::vector<std::uint64_t> running;
  for (const auto& [id, frame] : frames_) {
    if (frame.phase != Phase::with_children && frame.phase != Phase::between) running.push_back(id);
  }
  for (const std::uint64_t id : running) {
    const auto found = frames_.find(id);
    if (found == frames_.end()) continue;  // it went with a neighbour of its
    if (found->second.phase == Phase::working) effects_.emplace_back(CancelTask{key_of(found->second)});
    fail_state(id, {event.error, event.cause});
    run_agenda();
  }
}

void Execution::handle(const RetryNow& /*event*/) {
  for (auto& [id, frame] : std::map{frames_}) {
    if (frame.phase != Phase::parked && frame.phase != Phase::before_retry) continue;
    Frame& retried = frames_.at(id);
    retried.due.reset();
    if (!REMUDA_MUTANT(223)) ++retried.attempt;
    begin(id);
  }
}

void Execution::handle(const Skip& event) {
  for (const auto& [id, frame] : std::map{frames_}) {
    if (frame.phase != Phase::parked && frame.phase != Phase::before_retry) continue;
    drop_work(id);
    complete(id, event.output);
  }
}

std::optional<Time> Execution::deadline() const {
  if (!definition_->timeout_seconds || (rules_.aborts_at_deadline && (aborted_ || (passed_pivot_ && !REMUDA_MUTANT(206)))))
    return std::nullopt;
  return started_ + std::chrono::seconds{*definition_->timeout_seconds};
}

std::optional<Time> Execution::next_deadline() const {
  if (!running_ || ended_) return std::nullopt;
  std::optional<Time> first;
  const auto consider = [&](std::optional<Time> due) {
    if (due && (!first || *due < *first)) first = due;
  };
  consider(deadline());
  for (const auto& [id, frame] : frames_) {
    consider(frame.due);
    consider(frame.heartbeat_due);
  }
  return first;
}

std::vector<std::string> Execution::current_states() const {
  std::vector<std::string> names;
  for (const auto& [id, frame] : frames_) {
    if (frame.state != nullptr) names.push_back(frame.state->name);
  }
  return names;
}

bool Execution::is_at_work(std::string_view key) {
  std::uint64_t id = 0;
  return find_task(key, Wanted::at_work, &id) != nullptr;
}

bool Execution::is_parked() const {
  return std::any_of(frames_.begin(), frames_.end(), [](const auto& entry) { return entry.second.phase == Phase::parked; });
}

int Execution::attempts_most() const {
  int most = 0;
  for (const auto& [id, frame] : frames_) most = std::max(most, frame.attempt);
  return most;
}

void Execution::run_agenda() {
  while (!agenda_.empty() && !ended_) {
    Action action = std::move(agenda_.front());
    agenda_.pop_front();
    if (auto* entering = std::get_if<Enter>(&action)) {
      enter(std::move(*entering));
    } else {
      finish(std::get<Finish>(std::move(action)));
    }
  }
  agenda_.clear();
}

void Execution::enter(Enter action) {
  const auto found = frames_.find(action.frame);
  if (found == frames_.end()) return;
  if (++entries_ > entries_max)
    return end(failed(errors::runtime, "it runs in circles: 25,000 states were entered without waiting"));
  Frame& frame = found->second;
  frame.state = &frame.machine->states.find(action.state)->second;
  frame.raw_input = std::move(action.input);
  frame.entered = now_;
  frame.attempt = 1;
  frame.retries.assign(frame.state->retry.size(), 0);
  frame.step = REMUDA_MUTANT(219) ? 1 : ++steps_;
  effects_.emplace_back(StateEntered{frame.state->name, action.frame});
  begin(action.frame);
}

void Execution::finish(Finish action) {
  const auto found = frames_.find(action.frame);
  if (found == frames_.end()) return;
  const std::uint64_t parent_id = found->second.parent;
  const std::size_t index = found->second.index;
  if (parent_id == 0) return end(std::move(action.outcome));
  Frame& parent = frames_.at(parent_id);
  if (action.outcome) {
    parent.outputs[index] = std::move(*action.outcome);
  } else if (!tolerates(parent, index, action.outcome.error())) {
    StateError error = parent.tolerated ? StateError{errors::too_many_failures,
                                                     "more items failed than may: the last with " + action.outcome.error().error}
                                        : action.outcome.error();
    drop_children(parent_id);
    return fail_state(parent_id, std::move(error));
  }
  frames_.erase(found);
  ++parent.finished;
  if (parent.finished == parent.outputs.size()) {
    drop_work(parent_id);
    return complete(parent_id, std::exchange(parent.outputs, {}));
  }
  if (parent.state->type == StateType::map) start_items(parent_id);
}

bool Execution::tolerates(Frame& map, std::size_t index, const StateError& error) {
  if (!map.tolerated || map.failed >= *map.tolerated || aborting_) return false;
  ++map.failed;
  map.outputs[index] = Json{{"Error", error.error}, {"Cause", error.cause}};
  return true;
}

void Execution::complete(std::uint64_t id, Json result) {
  Frame& frame = frames_.at(id);
  const State& state = *frame.state;
  if (!within_limits(result)) return fail_state(id, {errors::data_limit, "the result is larger or deeper than data may be"});
  if (state.result_selector) {
    const Json context = context_of(frame);
    auto selected = state.result_selector->evaluate({result, context, random_});
    if (!selected) return fail_state(id, selected.error());
    result = std::move(*selected);
  } else if (state.output_path.is_everything() && state.result_path.hand_over(frame.raw_input, result)) {
    return leave_with(id, std::move(frame.raw_input));
  }
  auto placed = state.result_path.apply(frame.raw_input, std::move(result));
  if (!placed) return fail_state(id, placed.error());
  leave(id, *placed);
}

void Execution::leave(std::uint64_t id, const Json& output_before_path) {
  const Frame& frame = frames_.at(id);
  auto output = frame.state->output_path.apply(output_before_path, context_of(frame));
  if (!output) return fail_state(id, output.error());
  if (!within_limits(*output)) return fail_state(id, {errors::data_limit, "the output is larger or deeper than data may be"});
  leave_with(id, std::move(*output));
}

void Execution::leave_with(std::uint64_t id, Json output) {
  const Frame& frame = frames_.at(id);
  if (frame.parent == 0 && frame.state->name == definition_->pivot && !REMUDA_MUTANT(207)) passed_pivot_ = true;
  effects_.emplace_back(StateLeft{frame.state->name, id, std::nullopt});
  go_on(id, frame.state->next, std::move(output));
}

void Execution::go_on(std::uint64_t id, const std::string& next, Json data) {
  frames_.at(id).phase = Phase::between;
  if (next.empty()) {
    agenda_.emplace_back(Finish{id, std::move(data)});
  } else {
    agenda_.emplace_back(Enter{id, next, std::move(data)});
  }
}

void Execution::fail_state(std::uint64_t id, StateError error) {
  drop_work(id);
  if ((!aborting_ || REMUDA_MUTANT(205)) && schedule_retry(id, error)) return;
  Frame& frame = frames_.at(id);
  const State& state = *frame.state;
  for (const Catcher& catcher : state.catches) {
    if (!names_error(catcher.errors, error.error) && !REMUDA_MUTANT(213)) continue;
    Json output{{"Error", error.error}, {"Cause", error.cause}};
    auto placed = catcher.result_path.apply(frame.raw_input, std::move(output));
    if (!placed) {
      error = placed.error();
      break;
    }
    effects_.emplace_back(StateLeft{state.name, id, error});
    return go_on(id, catcher.next, std::move(*placed));
  }
  if (rules_.parks && !REMUDA_MUTANT(210) && !aborting_ && state.type != StateType::fail && !is_caught_above(frame, error)) {
    frame.phase = Phase::parked;
    effects_.emplace_back(Parked{state.name, std::move(error)});
    return;
  }
  effects_.emplace_back(StateLeft{state.name, id, error});
  agenda_.emplace_back(Finish{id, Failure{std::move(error)}});
}

bool Execution::is_caught_above(const Frame& frame, const StateError& error) const {
  for (std::uint64_t at = frame.parent; at != 0;) {
    const Frame& around = frames_.at(at);
    const auto& [retry, catches] = std::tie(around.state->retry, around.state->catches);
    for (std::size_t i = 0; i < retry.size(); ++i) {
      if (!names_error(retry[i].errors, error.error)) continue;
      if (around.retries[i] < retry[i].attempts_max) return true;
      break;
    }
    if (std::any_of(catches.begin(), catches.end(), [&](const Catcher& c) { return names_error(c.errors, error.error); }))
      return true;
    if (around.tolerated) return true;
    at = around.parent;
  }
  return false;
}

bool Execution::schedule_retry(std::uint64_t id, const StateError& error) {
  Frame& frame = frames_.at(id);
  const std::vector<Retrier>& retry = frame.state->retry;
  for (std::size_t at = 0; at < retry.size(); ++at) {
    const Retrier& retrier = retry[at];
    if (!names_error(retrier.errors, error.error)) continue;
    if (frame.retries[at] >= retrier.attempts_max && !REMUDA_MUTANT(204)) return false;
    double delay = retrier.interval_seconds * std::pow(REMUDA_MUTANT(215) ? 1.0 : retrier.backoff_rate, frame.retries[at]++);
    delay = std::min(delay, static_cast<double>(retrier.delay_seconds_max.value_or(31'622'400)));
    if (retrier.full_jitter) delay *= random_.fraction();
    const Milliseconds duration{std::llround(delay * 1000)};
    frame.phase = Phase::before_retry;
    frame.due = now_ + duration;
    effects_.emplace_back(RetryScheduled{frame.state->name, error, frame.attempt, duration});
    return true;
  }
  return false;
}

void Execution::drop_work(std::uint64_t id) {
  Frame& frame = frames_.at(id);
  frame.phase = Phase::between;
  if (!REMUDA_MUTANT(217)) frame.due.reset();
  frame.heartbeat_due.reset();
  frame.input = nullptr;
  frame.items = nullptr;
}

void Execution::drop_children(std::uint64_t id) {
  // A child is always made after its parent: one pass in order finds all that hang on `id`.
  std::vector<std::uint64_t> gone{id};
  for (auto at = frames_.upper_bound(id); at != frames_.end();) {
    const Frame& frame = at->second;
    if (std::find(gone.begin(), gone.end(), frame.parent) == gone.end()) {
      ++at;
      continue;
    }
    if (frame.phase == Phase::working && !REMUDA_MUTANT(220)) effects_.emplace_back(CancelTask{key_of(frame)});
    if (frame.phase == Phase::with_children) gone.push_back(at->first);
    at = frames_.erase(at);
  }
}

void Execution::end(Result<Json, StateError> outcome) {
  for (const auto& [id, frame] : frames_) {
    if (frame.phase == Phase::working) effects_.emplace_back(CancelTask{key_of(frame)});
  }
  frames_.clear();
  ended_ = true;
  Ended last;
  last.succeeded = outcome.ok();
  if (outcome) {
    last.output = std::move(*outcome);
  } else {
    last.error = outcome.error();
  }
  if (REMUDA_MUTANT(221)) effects_.emplace_back(last);
  effects_.emplace_back(std::move(last));
}

Execution::Frame* Execution::find_task(std::string_view key, Wanted wanted, std::uint64_t* id) {
  if (!key.starts_with(identity_.id) || !key.substr(identity_.id.size()).starts_with('/')) return nullptr;
  const std::string_view written = key.substr(identity_.id.size() + 1);
  std::uint64_t step = 0;
  if (std::from_chars(written.data(), written.data() + written.size(), step).ptr != written.data() + written.size()) return nullptr;
  for (auto& [number, frame] : frames_) {
    const bool unfinished = frame.phase == Phase::before_retry || frame.phase == Phase::parked;
    if (frame.step != step || (frame.phase != Phase::working && (wanted == Wanted::at_work || !unfinished))) continue;
    if (frame.state->type != StateType::task) return nullptr;
    *id = number;
    return &frame;
  }
  return nullptr;
}

std::string Execution::key_of(const Frame& frame) const {
  return identity_.id + "/" + std::to_string(frame.step + (REMUDA_MUTANT(203) ? static_cast<unsigned>(frame.attempt - 1) : 0U));
}

Json Execution::context_of(const Frame& frame) const {
  if (!definition_->uses_context) return {};
  Json context{
      {"Execution",
       {{"Id", identity_.id},
        {"Name", identity_.id},
        {"Input", execution_input_},
        {"RoleArn", ""},
        {"StartTime", write_timestamp(started_)}}},
      {"StateMachine", {{"Id", identity_.machine}, {"Name", identity_.machine}}},
      {"State", {{"Name", frame.state->name}, {"EnteredTime", write_timestamp(frame.entered)}, {"RetryCount", frame.attempt - 1}}}};
  for (const Frame* at = &frame; at != nullptr; at = at->parent == 0 ? nullptr : &frames_.at(at->parent)) {
    if (!at->map_item) continue;
    context["Map"]["Item"] = *at->map_item;
    break;
  }
  if (frame.state->waits_for_token) context["Task"]["Token"] = key_of(frame);
  return context;
}

}  // namespace remuda::saga
