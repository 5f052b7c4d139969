// What each type of state does when it begins.

#include <cmath>

#include "common/mutant.hpp"
#include "common/saga/execution.hpp"

namespace remuda::saga {

namespace {

/// The time for a task that does not say how long it may take; one that waits for a token has no limit then.
constexpr int task_timeout_seconds = 60;

}  // namespace

void Execution::begin(std::uint64_t id) {
  const Frame& frame = frames_.at(id);
  const State& state = *frame.state;
  const Json context = context_of(frame);
  const bool has_parameters = state.parameters && state.type != StateType::map;
  Result<Json, StateError> input = Json();
  if (!has_parameters || !state.input_path.is_everything()) input = state.input_path.apply(frame.raw_input, context);
  if (!input) return fail_state(id, input.error());
  if (has_parameters) {
    auto made = state.parameters->evaluate({state.input_path.is_everything() ? frame.raw_input : *input, context, random_});
    if (!made) return fail_state(id, made.error());
    input = std::move(made);
    if (!within_limits(*input)) return fail_state(id, {errors::data_limit, "the Parameters are larger or deeper than data may be"});
  }
  switch (state.type) {
    case StateType::task:
      return begin_task(id, std::move(*input));
    case StateType::choice:
      return choose(id, *input);
    case StateType::parallel:
      return begin_parallel(id, *input);
    case StateType::map:
      return begin_map(id, std::move(*input));
    case StateType::wait:
      return begin_wait(id, *input);
    case StateType::pass:
      return complete(id, state.result ? *state.result : *input);
    case StateType::succeed:
      return leave(id, *input);
    case StateType::fail:
      return end_in_failure(id, *input);
  }
}

Result<std::optional<int>, StateError> Execution::seconds_of(const SecondsField& field, const Json& input, const Json& context,
                                                             int min) const {
  if (!field.path) return std::optional<int>{field.fixed};
  const auto value = field.path->select(field.path->of_context() ? context : input);
  if (!value) return failed(errors::runtime, "a path to a number selects nothing");
  const double number = value->is_number() ? value->get<double>() : -1;
  if (number < min || number > 99'999'999 || number != std::floor(number)) {
    return failed(errors::runtime,
                  "a path must select a whole number from " + std::to_string(min) + " to 99999999, not " + to_text(*value));
  }
  return std::optional<int>{static_cast<int>(number)};
}

void Execution::begin_task(std::uint64_t id, Json input) {
  Frame& frame = frames_.at(id);
  const State& state = *frame.state;
  const Json context = context_of(frame);
  // The paths of the limits look at the state's input, as it is before Parameters.
  const auto timeout = seconds_of(state.timeout, frame.raw_input, context, 1);
  if (!timeout) return fail_state(id, timeout.error());
  const auto heartbeat = seconds_of(state.heartbeat, frame.raw_input, context, 1);
  if (!heartbeat) return fail_state(id, heartbeat.error());
  frame.phase = Phase::working;
  if (*timeout || !state.waits_for_token) frame.due = now_ + std::chrono::seconds{timeout->value_or(task_timeout_seconds)};
  if (*heartbeat) {
    frame.heartbeat = std::chrono::seconds{**heartbeat};
    frame.heartbeat_due = now_ + frame.heartbeat;
  }
  effects_.emplace_back(
      RequestTask{key_of(frame), frame.attempt, state.resource, std::move(input), state.waits_for_token, state.name, frame.due});
}

void Execution::choose(std::uint64_t id, const Json& input) {
  const State& state = *frames_.at(id).state;
  const Json context = context_of(frames_.at(id));
  std::string next = state.default_next;
  for (const ChoiceRule& rule : state.choices) {
    const auto holds = rule.holds(input, context);
    if (!holds) return fail_state(id, holds.error());
    if (!*holds) continue;
    next = rule.next;
    if (!REMUDA_MUTANT(225)) break;
  }
  if (next.empty()) return fail_state(id, {errors::no_choice, "no rule of '" + state.name + "' holds and there is no Default"});
  auto output = state.output_path.apply(input, context);
  if (!output) return fail_state(id, output.error());
  effects_.emplace_back(StateLeft{state.name, id, std::nullopt});
  go_on(id, next, std::move(*output));
}

void Execution::begin_wait(std::uint64_t id, const Json& input) {
  Frame& frame = frames_.at(id);
  const State& state = *frame.state;
  const Json context = context_of(frame);
  std::optional<Time> until = state.wait_until;
  if (state.wait_until_path) {
    const Path& path = *state.wait_until_path;
    const auto value = path.select(path.of_context() ? context : input);
    until = value && value->is_string() ? read_timestamp(value->get_ref<const std::string&>()) : std::nullopt;
    if (!until) return fail_state(id, {errors::runtime, "the TimestampPath of '" + state.name + "' does not select a time"});
  } else if (!until) {
    const auto seconds = seconds_of(state.wait, input, context, 0);
    if (!seconds) return fail_state(id, seconds.error());
    until = now_ + std::chrono::seconds{seconds->value_or(0)};
  }
  frame.input = input;
  frame.phase = Phase::waiting;
  frame.due = std::max(*until, now_);
  effects_.emplace_back(WaitStarted{state.name, *frame.due - now_});
}

void Execution::end_in_failure(std::uint64_t id, const Json& input) {
  const State& state = *frames_.at(id).state;
  const Json context = context_of(frames_.at(id));
  StateError error{state.error.value_or(""), state.cause.value_or("")};
  for (const auto& [expression, text] : {std::pair{&state.error_path, &error.error}, std::pair{&state.cause_path, &error.cause}}) {
    if (!*expression) continue;
    const auto value = (*expression)->evaluate({input, context, random_});
    if (!value || !value->is_string()) return fail_state(id, {errors::runtime, "an ErrorPath or CausePath does not give a text"});
    *text = value->get<std::string>();
  }
  fail_state(id, std::move(error));
}

std::uint64_t Execution::add_child(std::uint64_t parent, std::size_t index, const Machine& machine, std::optional<Json> map_item) {
  const std::uint64_t id = ++frames_made_;
  Frame& frame = frames_[id];
  frame.parent = parent;
  frame.index = index;
  frame.machine = &machine;
  frame.map_item = std::move(map_item);
  return id;
}

void Execution::begin_parallel(std::uint64_t id, const Json& input) {
  Frame& frame = frames_.at(id);
  const std::vector<Machine>& branches = frame.state->branches;
  frame.phase = Phase::with_children;
  frame.outputs = Json(branches.size(), nullptr);
  frame.finished = 0;
  for (std::size_t at = 0; at < branches.size(); ++at) {
    const std::uint64_t child = add_child(id, at, branches[at]);
    agenda_.emplace_back(Enter{child, branches[at].start_at, input});
  }
}

void Execution::begin_map(std::uint64_t id, Json input) {
  Frame& frame = frames_.at(id);
  auto items = frame.state->items_path.apply(input, context_of(frame));
  if (!items) return fail_state(id, items.error());
  if (!items->is_array())
    return fail_state(id, {errors::runtime, "the ItemsPath of '" + frame.state->name + "' does not select an array"});
  if (items->empty()) return complete(id, Json::array());
  frame.phase = Phase::with_children;
  frame.items = std::move(*items);
  frame.outputs = Json(frame.items.size(), nullptr);
  frame.started = 0;
  frame.finished = 0;
  frame.failed = 0;
  frame.input = std::move(input);
  const Json context = context_of(frame);
  const auto count = seconds_of(frame.state->tolerated_count, frame.input, context, 0);
  const auto percentage = seconds_of(frame.state->tolerated_percentage, frame.input, context, 0);
  if (!count || !percentage) return fail_state(id, count ? percentage.error() : count.error());
  frame.tolerated.reset();
  if (*count) frame.tolerated = static_cast<std::size_t>(**count);
  if (*percentage) {
    const std::size_t share = frame.items.size() * static_cast<std::size_t>(**percentage) / 100;
    frame.tolerated = std::min(frame.tolerated.value_or(share), share);
  }
  start_items(id);
}

void Execution::start_items(std::uint64_t id) {
  Frame& frame = frames_.at(id);
  const State& state = *frame.state;
  const Machine& machine = state.branches.front();
  const auto at_once = seconds_of(state.concurrency, frame.input, context_of(frame), 0);
  if (!at_once) {
    drop_children(id);
    return fail_state(id, at_once.error());
  }
  const int limit = at_once->value_or(0);
  while (frame.started < frame.items.size() &&
         (limit == 0 || REMUDA_MUTANT(224) || frame.started - frame.finished < static_cast<std::size_t>(limit))) {
    const std::size_t at = frame.started++;
    Json item = frame.items[at];
    const std::uint64_t child = add_child(id, at, machine, Json{{"Index", at}, {"Value", item}});
    if (state.parameters) {
      Json context = context_of(frame);
      if (context.is_object()) context["Map"]["Item"] = *frames_.at(child).map_item;
      auto made = state.parameters->evaluate({frame.input, context, random_});
      if (!made) {
        drop_children(id);
        return fail_state(id, made.error());
      }
      item = std::move(*made);
    }
    agenda_.emplace_back(Enter{child, machine.start_at, std::move(item)});
  }
}

}  // namespace remuda::saga
