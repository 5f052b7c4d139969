#pragma once
// A saga's definition: a state machine in the Amazon States Language (JSONPath dialect), read and checked.
//
// read_definition() says everything that is wrong in one pass, each with its place. What it accepts, Execution runs.
// SAGA.md lists what is refused. Source: states-language.net, Amazon States Language.

#include <map>

#include "common/saga/choice.hpp"
#include "common/saga/template.hpp"

namespace remuda::saga {

enum class StateType : std::uint8_t { task, choice, parallel, map, wait, pass, succeed, fail };
std::string_view name_of(StateType type);

/// InputPath and OutputPath: a part of the data; `null` selects an empty object.
struct Selection {
  bool empty_object = false;
  Path path = {};
  [[nodiscard]] bool is_everything() const { return !empty_object && path.is_root(); }
  [[nodiscard]] Result<Json, StateError> apply(const Json& data, const Json& context) const;
};

/// ResultPath: where a result goes in the state's raw input; `null` drops it.
struct ResultPlace {
  bool dropped = false;
  Path path = {};
  [[nodiscard]] Result<Json, StateError> apply(const Json& raw_input, Json result) const;
  /// The same without a copy: `raw_input` becomes the output. False, and both are as they were, where that might go wrong.
  [[nodiscard]] bool hand_over(Json& raw_input, Json& result) const;
};

struct Retrier {
  std::vector<std::string> errors;
  int interval_seconds = 1;
  int attempts_max = 3;  ///< retries, not invocations
  double backoff_rate = 2.0;
  std::optional<int> delay_seconds_max = {};
  bool full_jitter = false;
};

struct Catcher {
  std::vector<std::string> errors;
  std::string next;
  ResultPlace result_path = {};
};

/// Does one of `names` stand for `error`? States.ALL and States.TaskFailed stand for many; see SAGA.md.
bool names_error(const std::vector<std::string>& names, std::string_view error);

/// A number of seconds, as written or where to find it.
struct SecondsField {
  std::optional<int> fixed = {};
  std::optional<Path> path = {};
  [[nodiscard]] bool given() const { return fixed || path; }
};

struct Machine;

struct State {
  std::string name;
  StateType type = StateType::pass;
  std::size_t offset = 0;  ///< of its name in the definition's text
  /// The state of the same machine that this one undoes; empty: none. From a Comment that begins with `Undoes STATE`.
  std::string undoes = {};
  std::string next = {};  ///< empty: it ends its machine
  Selection input_path = {}, output_path = {};
  std::optional<Template> parameters = {};  ///< Parameters of Task, Pass, Parallel; ItemSelector of Map
  std::optional<Template> result_selector = {};
  ResultPlace result_path = {};
  std::vector<Retrier> retry = {};
  std::vector<Catcher> catches = {};

  // Task
  std::string resource = {};  ///< without `.waitForTaskToken`
  bool waits_for_token = false;
  SecondsField timeout = {}, heartbeat = {};
  // Choice
  std::vector<ChoiceRule> choices = {};
  std::string default_next = {};
  // Wait
  SecondsField wait = {};
  std::optional<Time> wait_until = {};
  std::optional<Path> wait_until_path = {};
  // Pass
  std::optional<Json> result = {};
  // Fail
  std::optional<std::string> error = {}, cause = {};
  std::optional<Expression> error_path = {}, cause_path = {};
  // Parallel: one each; Map: the only one runs for every item
  std::vector<Machine> branches;
  Selection items_path = {};
  SecondsField concurrency = {};
  SecondsField tolerated_count = {}, tolerated_percentage = {};  ///< of items that may fail
};

struct Machine {
  std::string start_at;
  std::map<std::string, State, std::less<>> states;
};

struct Definition {
  Machine machine;
  std::optional<int> timeout_seconds;
  std::string comment;
  /// The state after which there is no way back: once it is left, the execution is not aborted any more. Empty: none. Ours, not the
  /// language's.
  std::string pivot;
  bool uses_context = false;  ///< some path begins with `$$`
};

struct Problem {
  bool is_error = true;
  /// Stable: `S0` syntax and fields, `S1` names and transitions, `S2` values, `S3` paths and templates, `S4` retry and catch.
  std::string code;
  std::string pointer;  ///< JSON pointer to the place
  std::string text;
  std::size_t offset = 0;  ///< of the place in the definition's text, in bytes
  std::size_t length = 1;
};

struct Reading {
  std::optional<Definition> definition;  ///< absent when a problem is an error
  std::vector<Problem> problems;         ///< in the order of the text
};

Reading read_definition(std::string_view text);

}  // namespace remuda::saga
