#include "common/saga/execution.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace remuda::saga {

namespace {

/// FNV-1a: chance differs from saga to saga and is the same after a restart.
std::uint64_t seed_of(std::string_view id) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace

Execution::Execution(const Definition& definition, Identity identity)
    : definition_{&definition}, identity_{std::move(identity)}, random_{seed_of(identity_.id)} {}

Effects Execution::apply(const Event& event, Time now) {
  now_ = now;
  entries_ = 0;
  effects_.clear();
  if (!ended_ && (running_ || std::holds_alternative<Start>(event))) {
    std::visit([this](const auto& concrete) { handle(concrete); }, event);
    run_agenda();
  }
  return std::exchange(effects_, {});
}

void Execution::handle(const Start& event) {
  if (running_) return;
  running_ = true;
  started_ = now_;
  execution_input_ = event.input;
  if (!within_limits(event.input)) return end(failed(errors::data_limit, "the input is larger or deeper than data may be"));
  const std::uint64_t root = add_child(0, 0, definition_->machine);
  agenda_.emplace_back(Enter{root, definition_->machine.start_at, event.input});
}

void Execution::handle(const TaskSucceeded& event) {
  std::uint64_t id = 0;
  if (find_task(event.key, &id) == nullptr) return;
  drop_work(id);
  complete(id, event.output);
}

void Execution::handle(const TaskFailed& event) {
  std::uint64_t id = 0;
  const Frame* frame = find_task(event.key, &id);
  if (frame != nullptr && frame->attempt == event.attempt) fail_state(id, {event.error, event.cause});
}

void Execution::handle(const TaskHeartbeat& event) {
  std::uint64_t id = 0;
  Frame* frame = find_task(event.key, &id);
  if (frame != nullptr && frame->heartbeat_due) frame->heartbeat_due = now_ + frame->heartbeat;
}

void Execution::handle(const TimePassed& /*event*/) {
  if (definition_->timeout_seconds && now_ >= started_ + std::chrono::seconds{*definition_->timeout_seconds}) {
    return end(failed(errors::timeout, "the execution took longer than its TimeoutSeconds"));
  }
  std::vector<std::pair<Time, std::uint64_t>> due;
  for (const auto& [id, frame] : frames_) {
    const Time at = std::min(frame.due.value_or(Time::max()), frame.heartbeat_due.value_or(Time::max()));
    if (at <= now_) due.emplace_back(at, id);
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

std::optional<Time> Execution::next_deadline() const {
  if (!running_ || ended_) return std::nullopt;
  std::optional<Time> first;
  const auto consider = [&](std::optional<Time> due) {
    if (due && (!first || *due < *first)) first = due;
  };
  if (definition_->timeout_seconds) consider(started_ + std::chrono::seconds{*definition_->timeout_seconds});
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

void Execution::run_agenda() {
  while (!agenda_.empty() && !ended_) {
    Action action = std::move(agenda_.front());
    agenda_.pop_front();
    if (auto* entering = std::get_if<Enter>(&action)) {
      enter(*entering);
    } else {
      finish(std::get<Finish>(std::move(action)));
    }
  }
  agenda_.clear();
}

void Execution::enter(const Enter& action) {
  const auto found = frames_.find(action.frame);
  if (found == frames_.end()) return;
  if (++entries_ > entries_max)
    return end(failed(errors::runtime, "it runs in circles: 25,000 states were entered without waiting"));
  Frame& frame = found->second;
  frame.state = &frame.machine->states.find(action.state)->second;
  frame.raw_input = action.input;
  frame.entered = now_;
  frame.attempt = 1;
  frame.retries.assign(frame.state->retry.size(), 0);
  frame.step = ++steps_;
  effects_.emplace_back(StateEntered{frame.state->name, action.frame});
  begin(action.frame);
}

void Execution::finish(Finish action) {
  const auto found = frames_.find(action.frame);
  if (found == frames_.end()) return;
  const std::uint64_t parent_id = found->second.parent;
  const std::size_t index = found->second.index;
  if (parent_id == 0) return end(std::move(action.outcome));
  if (!action.outcome) {
    drop_children(parent_id);
    return fail_state(parent_id, action.outcome.error());
  }
  frames_.erase(found);
  Frame& parent = frames_.at(parent_id);
  parent.outputs[index] = std::move(*action.outcome);
  ++parent.finished;
  if (parent.finished == parent.outputs.size()) {
    drop_work(parent_id);
    return complete(parent_id, std::exchange(parent.outputs, {}));
  }
  if (parent.state->type == StateType::map) start_items(parent_id);
}

void Execution::complete(std::uint64_t id, Json result) {
  const Frame& frame = frames_.at(id);
  const State& state = *frame.state;
  if (!within_limits(result)) return fail_state(id, {errors::data_limit, "the result is larger or deeper than data may be"});
  if (state.result_selector) {
    const Json context = context_of(frame);
    auto selected = state.result_selector->evaluate({result, context, random_});
    if (!selected) return fail_state(id, selected.error());
    result = std::move(*selected);
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
  effects_.emplace_back(StateLeft{frame.state->name, id, std::nullopt});
  go_on(id, frame.state->next, std::move(*output));
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
  if (schedule_retry(id, error)) return;
  const Frame& frame = frames_.at(id);
  const State& state = *frame.state;
  for (const Catcher& catcher : state.catches) {
    if (!names_error(catcher.errors, error.error)) continue;
    Json output{{"Error", error.error}, {"Cause", error.cause}};
    auto placed = catcher.result_path.apply(frame.raw_input, std::move(output));
    if (!placed) {
      error = placed.error();
      break;
    }
    effects_.emplace_back(StateLeft{state.name, id, error});
    return go_on(id, catcher.next, std::move(*placed));
  }
  effects_.emplace_back(StateLeft{state.name, id, error});
  agenda_.emplace_back(Finish{id, Failure{std::move(error)}});
}

bool Execution::schedule_retry(std::uint64_t id, const StateError& error) {
  Frame& frame = frames_.at(id);
  const std::vector<Retrier>& retry = frame.state->retry;
  for (std::size_t at = 0; at < retry.size(); ++at) {
    const Retrier& retrier = retry[at];
    if (!names_error(retrier.errors, error.error)) continue;
    if (frame.retries[at] >= retrier.attempts_max) return false;
    double delay = retrier.interval_seconds * std::pow(retrier.backoff_rate, frame.retries[at]++);
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
  frame.due.reset();
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
    if (frame.phase == Phase::working) effects_.emplace_back(CancelTask{key_of(frame)});
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
  effects_.emplace_back(std::move(last));
}

Execution::Frame* Execution::find_task(std::string_view key, std::uint64_t* id) {
  if (!key.starts_with(identity_.id) || !key.substr(identity_.id.size()).starts_with('/')) return nullptr;
  const std::string_view written = key.substr(identity_.id.size() + 1);
  std::uint64_t step = 0;
  if (std::from_chars(written.data(), written.data() + written.size(), step).ptr != written.data() + written.size()) return nullptr;
  for (auto& [number, frame] : frames_) {
    if (frame.phase != Phase::working || frame.step != step) continue;
    *id = number;
    return &frame;
  }
  return nullptr;
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
