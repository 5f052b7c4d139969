#pragma once
// One run of a definition: a pure state machine. Events and the present time go in, effects come out in the order they must be
// carried out. No socket, clock, disk or thread; chance comes from a seed. Equal events at equal times give equal effects, so the
// record of the events is the saga.
//
// A machine that runs is a frame: the whole one, each branch of a Parallel and each item of a Map. SAGA.md has the picture.

#include <deque>
#include <variant>

#include "common/saga/definition.hpp"

namespace remuda::saga {

// --- events

struct Start {
  Json input;
};
/// The answer to a RequestTask. `key` and `attempt` are the request's; one that nobody waits for any more changes nothing.
/// A success counts whichever attempt it answers, since all of them carry the same key; a failure only of the present one (attempt 0:
/// of whichever runs, as who holds a task token does not know).
struct TaskSucceeded {
  std::string key;
  Json output;
};
struct TaskFailed {
  std::string key;
  int attempt = 1;
  std::string error;
  std::string cause;
};
/// The participant is still at work: its heartbeat counts from now again.
struct TaskHeartbeat {
  std::string key;
};
/// next_deadline() has come.
struct TimePassed {};
/// From outside: the execution fails now, and nobody catches it.
struct Stop {
  std::string error;
  std::string cause;
};
/// From outside: whatever runs fails now, is not retried, and goes to its catcher: that is how a saga is made to compensate.
struct Abort {
  std::string error;
  std::string cause;
};
/// From outside: what is parked, or waits to be retried, is tried now.
struct RetryNow {};
/// From outside: what is parked, or waits to be retried, counts as done, with this output.
struct Skip {
  Json output;
};
using Event = std::variant<Start, TaskSucceeded, TaskFailed, TaskHeartbeat, TimePassed, Stop, Abort, RetryNow, Skip>;

// --- effects

/// Ask the participant behind `resource`. `key` is the same for every attempt during one stay in the state.
struct RequestTask {
  std::string key;
  int attempt = 1;
  std::string resource;
  Json input;
  bool waits_for_token = false;
  std::string state = {};
  std::optional<Time> due = {};  ///< when it is too late for an answer
};
/// Nobody waits for this task any more. What it did, it did.
struct CancelTask {
  std::string key;
};
struct StateEntered {
  std::string state;
  std::uint64_t frame = 0;
};
struct StateLeft {
  std::string state;
  std::uint64_t frame = 0;
  std::optional<StateError> error;  ///< when a catcher or the end of the machine took it from there
};
struct RetryScheduled {
  std::string state;
  StateError error;
  int retry = 1;
  Milliseconds delay{0};
};
struct WaitStarted {
  std::string state;
  Milliseconds duration{0};
};
/// Nobody catches this error: with Rules::parks it stays here until somebody decides (RetryNow, Skip, Stop) or a late success comes.
struct Parked {
  std::string state;
  StateError error;
};
/// The last effect of an execution, exactly once.
struct Ended {
  bool succeeded = false;
  Json output;       ///< of a success
  StateError error;  ///< of a failure; either text may be empty
};
using Effect = std::variant<RequestTask, CancelTask, StateEntered, StateLeft, RetryScheduled, WaitStarted, Parked, Ended>;
using Effects = std::vector<Effect>;

struct Identity {
  std::string id;       ///< of this execution: unique, and the beginning of every task key
  std::string machine;  ///< the definition's name
};

/// Where an execution departs from the language, because a saga that gives up halfway leaves a mess.
struct Rules {
  bool parks = false;  ///< an error that nobody catches parks the state instead of failing the execution, except in a Fail state
  bool aborts_at_deadline = false;  ///< the definition's TimeoutSeconds is an Abort
};

class Execution {
 public:
  /// So many states may be entered by one event: a machine that runs in circles without waiting fails instead of hanging.
  static constexpr std::size_t entries_max = 25'000;

  /// `definition` must outlive it.
  Execution(const Definition& definition, Identity identity, Rules rules = {});

  Effects apply(Event event, Time now);
  /// When TimePassed is due; nothing when only an answer can move it.
  [[nodiscard]] std::optional<Time> next_deadline() const;
  [[nodiscard]] bool has_ended() const { return ended_; }
  /// The states in which it is at the moment, outer ones first.
  [[nodiscard]] std::vector<std::string> current_states() const;
  [[nodiscard]] bool is_parked() const;
  /// Does it wait for an answer to this RequestTask?
  [[nodiscard]] bool is_at_work(std::string_view key);
  /// Of what runs at the moment, the one that is at its highest attempt.
  [[nodiscard]] int attempts_most() const;
  [[nodiscard]] bool passed_pivot() const { return passed_pivot_; }

 private:
  enum class Phase : std::uint8_t { between, working, waiting, before_retry, with_children, parked };

  struct Frame {
    std::uint64_t parent = 0;  ///< 0: none
    std::size_t index = 0;     ///< which child of its parent
    const Machine* machine = nullptr;
    const State* state = nullptr;
    Phase phase = Phase::between;
    Json raw_input;
    Json input = {};  ///< of a Map that has children: what their items are selected from
    Time entered{};
    std::optional<Time> due = {};            ///< end of the wait, of the delay before a retry, of the time for the task
    std::optional<Time> heartbeat_due = {};  ///< earlier than `due` when it counts
    Milliseconds heartbeat{0};
    int attempt = 1;
    std::vector<int> retries = {};  ///< by retrier
    std::uint64_t step = 0;
    // Parallel and Map
    Json items = {};
    Json outputs = {};
    std::size_t started = 0, finished = 0;
    std::size_t failed = 0;
    std::optional<std::size_t> tolerated = {};  ///< so many items may fail
    std::optional<Json> map_item = {};          ///< `$$.Map.Item`, of this iteration
  };
  struct Enter {
    std::uint64_t frame;
    std::string state;
    Json input;
  };
  struct Finish {
    std::uint64_t frame;
    Result<Json, StateError> outcome;
  };
  using Action = std::variant<Enter, Finish>;

  // constant after construction
  const Definition* definition_;
  Identity identity_;
  Rules rules_;
  // changed by apply
  Random random_;
  Json execution_input_;  ///< kept only where the definition looks at the context object
  Time started_{};
  bool running_ = false;
  bool ended_ = false;
  bool aborted_ = false;
  bool passed_pivot_ = false;
  std::map<std::uint64_t, Frame> frames_;
  std::uint64_t frames_made_ = 0;
  std::uint64_t steps_ = 0;
  // during apply only
  std::deque<Action> agenda_;
  std::size_t entries_ = 0;
  bool aborting_ = false;
  Time now_{};
  Effects effects_;

  void handle(Start event);
  void handle(TaskSucceeded event);
  void handle(const TaskFailed& event);
  void handle(const TaskHeartbeat& event);
  void handle(const TimePassed& event);
  void handle(const Stop& event);
  void handle(const Abort& event);
  void handle(const RetryNow& event);
  void handle(const Skip& event);

  void run_agenda();
  void enter(Enter action);
  void finish(Finish action);
  /// One attempt at the work of the state that `id` is in.
  void begin(std::uint64_t id);
  void begin_task(std::uint64_t id, Json input);
  void begin_wait(std::uint64_t id, const Json& input);
  void begin_parallel(std::uint64_t id, const Json& input);
  void begin_map(std::uint64_t id, Json input);
  void start_items(std::uint64_t id);
  void choose(std::uint64_t id, const Json& input);
  void end_in_failure(std::uint64_t id, const Json& input);
  std::uint64_t add_child(std::uint64_t parent, std::size_t index, const Machine& machine, std::optional<Json> map_item = {});

  /// The work of a state is done: selector, place and OutputPath, then on to the next.
  void complete(std::uint64_t id, Json result);
  void leave(std::uint64_t id, const Json& output_before_path);
  void leave_with(std::uint64_t id, Json output);
  /// The work of a state went wrong: retriers, then catchers, then the frame fails.
  void fail_state(std::uint64_t id, StateError error);
  bool schedule_retry(std::uint64_t id, const StateError& error);
  /// Is there a state around this one that retries or catches `error`?
  [[nodiscard]] bool is_caught_above(const Frame& frame, const StateError& error) const;
  void go_on(std::uint64_t id, const std::string& next, Json data);
  /// An item of a Map has failed and the Map may go on without it.
  bool tolerates(Frame& map, std::size_t index, const StateError& error);
  void drop_children(std::uint64_t id);
  void drop_work(std::uint64_t id);
  void end(Result<Json, StateError> outcome);

  enum class Wanted : std::uint8_t { at_work, unfinished };
  Frame* find_task(std::string_view key, Wanted wanted, std::uint64_t* id);
  [[nodiscard]] std::optional<Time> deadline() const;
  [[nodiscard]] std::string key_of(const Frame& frame) const;
  [[nodiscard]] Json context_of(const Frame& frame) const;
  Result<std::optional<int>, StateError> seconds_of(const SecondsField& field, const Json& input, const Json& context,
                                                    int min) const;
};

}  // namespace remuda::saga
