#pragma once
// One saga of a real orchestrator, node and store, in a simulated world: its channels, its participants and the clock. The world does what a
// schedule says: it kills the orchestrator at a turn, loses requests, loses, doubles and delays answers. What the orchestrator promises
// (ORCHESTRATOR.md: S1 to S10) is checked by name whenever something leaves it, and in the end.

#include <map>
#include <memory>
#include <ostream>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "nodes/saga_orchestrator/saga_orchestrator.hpp"
#include "tests/unit/nodes/fake_context.hpp"

namespace remuda::saga::simulation {

/// What becomes of a saga of `steps` steps, whatever is killed and lost.
struct Plan {
  enum class Fate : std::uint8_t {
    completes,
    refused,         ///< step `at` is refused, as often as it is asked for
    given_up,        ///< nobody ever answers step `at`
    undo_is_broken,  ///< the last step is refused, and the undo of step `at` fails so often that the saga is stuck for a while
    aborted,         ///< the saga's own deadline comes while step `at` is not answered
    passes_pivot,  ///< the same after the pivot, which is the step before `at`: the deadline means nothing, and step `at` is answered late
  };
  int steps = 1;
  Fate fate = Fate::completes;
  int at = 0;
  bool executed = false;  ///< given_up, aborted: the participant has done step `at`; its answers are lost
};
std::ostream& operator<<(std::ostream& out, const Plan& plan);

/// At which moment of a turn the orchestrator is killed. Where its input is not acknowledged yet, it comes again: at once, or only when
/// everything else that can happen has happened.
enum class Crash : std::uint8_t {
  none,
  before_commit,
  before_commit_late,
  before_leaving,  ///< committed; what follows from it has not left
  before_leaving_late,
  before_acknowledged,  ///< it has left; the input is not acknowledged
  before_acknowledged_late,
  after,
};
/// What becomes of the next task that leaves.
enum class Loss : std::uint8_t {
  none,
  request_late,     ///< it reaches the participant when all is over
  answer_lost,      ///< executed
  answer_twice,     ///< executed
  answer_late,      ///< executed; the answer comes after the timeout
  answer_very_late  ///< executed; the answer comes when all is over
};
constexpr int losses = 6;
struct Fault {
  Crash crash = Crash::none;
  Loss loss = Loss::none;
};
std::ostream& operator<<(std::ostream& out, const Fault& fault);
using Faults = std::map<int, Fault>;  ///< by turn

struct Violation : std::runtime_error {
  Violation(const std::string& promise, const std::string& text) : std::runtime_error{promise + ": " + text} {}
};

/// How often each promise was held against what happened.
using Checks = std::map<std::string, std::uint64_t>;

/// Runs sagas of one plan, one after the other, on one store.
class World {
 public:
  World(const Plan& plan, std::string folder, Checks& checks);

  struct Run {
    int turns = 0;
    std::vector<bool> asks;  ///< by turn: did a task leave in it, so that a loss makes a difference?
    int crashes = 0;
  };
  /// One saga from its start to its end. Throws Violation.
  Run run(const Faults& faults);

 private:
  struct Input {
    std::string port;
    Message message;
    std::uint32_t receive_count = 1;
  };
  struct Step {
    std::set<std::string> do_keys, undo_keys;  ///< under which it was carried out
    std::set<std::string> asked_as;            ///< the keys it was asked for with
    bool stands = false;
    bool is_buried = false;  ///< undone before it was done: a tombstone
    int effects = 0;
  };

  // constant after construction
  Plan plan_;
  std::string folder_;
  Checks& checks_;
  Pinned pinned_;
  // of the orchestrator's life
  FakeContext context_;
  std::unique_ptr<SagaOrchestrator> node_;
  std::unique_ptr<SagaStore> reader_;  ///< sees what is durable, and nothing else
  bool has_other_definition_ = false;
  // of the present saga
  int number_ = 0;
  std::string id_;
  Faults faults_;
  Run run_;
  Loss armed_ = Loss::none;
  std::vector<Input> inbox_, when_idle_, after_timer_, at_the_end_;
  std::vector<std::pair<std::string, Message>> late_requests_;
  std::vector<Step> steps_;
  std::vector<std::pair<std::string, int>> left_;  ///< key and attempt of each task, when it left first
  std::vector<int> undone_;                        ///< steps, in the order in which they were asked to be undone
  std::map<int, int> undo_attempts_;
  std::set<std::string> notices_, endings_;
  bool was_stuck_ = false;
  bool has_waited_ = false;  ///< a timer came before what comes again late

  void start_node(bool other_definition);
  void crash();
  [[nodiscard]] Fault fault_of_turn();

  void message_turn(Input input);
  void confirm_turn();
  void timer_turn(Time due);
  bool go_on();
  void look_at_stuck();

  /// What is sent, and however slowly it travels, is durable already.
  void is_durable(std::string_view port, const Message& message);
  void leaves(const std::string& port, const Message& message);
  void task_leaves(const Message& message);
  void execute(const Message& task, Loss loss);
  void answer(const Message& task, const std::string& error, Loss loss);
  [[nodiscard]] bool is_answered(const std::string& kind, int step, int attempt) const;

  [[nodiscard]] Message start_message(int amount) const;
  [[nodiscard]] std::vector<Effect> replay(const SagaRow& row);
  /// Does it have to end well, as far as its history goes?
  [[nodiscard]] bool has_to_complete(const std::vector<Effect>& history) const;
  [[nodiscard]] bool was_refused(const SagaRow& row, const std::string& key);
  void check(const char* promise, bool holds, const std::string& text);
  void check_the_end();
  void check_order_of_undoing(const SagaRow& row, const std::vector<Effect>& history);
  void check_history(const SagaRow& row, const std::vector<Effect>& history);
  void check_other_starts();
};

}  // namespace remuda::saga::simulation
