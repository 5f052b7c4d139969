#pragma once
// One supervised process as a pure state machine: what happened and the time go in, what to do about it comes out. It starts
// nothing, kills nothing and reads no clock; supervisor.cpp carries the effects out.
//
//   stopped --start--> starting --ready--> ready --drain--> draining --exited--> stopped
//                        |  ^                |
//                        |  |                +--exited--+
//                        |  +-- delay over -- backoff <-+--- exited by itself, to be restarted
//                        +--exited------------^  |
//                                                +--- too often: failed (held until somebody starts it)

#include <chrono>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "cli/supervisor/restart_backoff.hpp"
#include "common/clock.hpp"
#include "common/topology/plan.hpp"

namespace remuda::supervisor {

/// The states of `ps --json`, each in one sentence.
enum class ProcessState {
  starting,  ///< the process runs and has not yet said that it can work
  ready,     ///< it said so
  draining,  ///< it was asked to finish and end
  stopped,   ///< nothing runs and nothing will by itself
  backoff,   ///< it ended by itself and is started again when a delay is over
  failed,    ///< it ended by itself too often, or in a way that a restart does not mend: held
};
std::ostream& operator<<(std::ostream& out, ProcessState state);
std::string_view name_of(ProcessState state);

/// How a process ended: its exit code, or the signal that ended it.
struct Ending {
  int exit_code = 0;
  int signal = 0;  ///< 0: it exited by itself
  [[nodiscard]] bool success() const { return signal == 0 && exit_code == 0; }
  /// "exit 1", "SIGKILL".
  [[nodiscard]] std::string text() const;
  static Ending from_wait_status(int status);
  friend bool operator==(const Ending&, const Ending&) = default;
};

/// What the supervisor has to do.
enum class Effect {
  spawn,  ///< start the process
  drain,  ///< send the drain request and SIGTERM
  kill,   ///< SIGKILL to its process group
};
std::ostream& operator<<(std::ostream& out, Effect effect);

class Process {
 public:
  /// A broker that ends with this code does not know what its disk holds; one restart reads it again, a second would spin.
  static constexpr int poisoned_exit_code = 70;
  /// Without a heartbeat for this long a process is shown as unresponsive.
  static constexpr std::chrono::seconds unresponsive_after{5};

  Process(const topology::ProcessPlan& plan, std::uint64_t jitter_seed) : plan_{&plan}, backoff_{plan.restart, jitter_seed} {}

  // What happened. Each returns what to do now.
  std::vector<Effect> start(Instant now);    ///< somebody wants it to run; nothing when it does
  std::vector<Effect> stop(Instant now);     ///< somebody wants it to end; nothing when it has
  std::vector<Effect> restart(Instant now);  ///< stop, then start
  std::vector<Effect> kill();                ///< at once
  void spawned(int pid, Instant now);
  std::vector<Effect> spawn_failed(const std::string& why, Instant now);
  void said_ready(Instant now);
  void heartbeat(Instant now) { last_heartbeat_ = now; }
  std::vector<Effect> exited(const Ending& ending, Instant now);
  std::vector<Effect> tick(Instant now);  ///< a deadline may have passed
  /// When tick() has something to do at the latest.
  [[nodiscard]] std::optional<Instant> next_deadline() const { return deadline_; }

  /// Its plan stands elsewhere, or differs in what its next start is given. Must outlive the process.
  void adopt(const topology::ProcessPlan& plan) { plan_ = &plan; }

  // How it is.
  [[nodiscard]] const topology::ProcessPlan& plan() const { return *plan_; }
  [[nodiscard]] ProcessState state() const { return state_; }
  [[nodiscard]] bool is_running() const { return pid_ != 0; }
  [[nodiscard]] int pid() const { return pid_; }
  [[nodiscard]] int restarts() const { return restarts_; }
  /// When its latest start was asked for.
  [[nodiscard]] std::optional<Instant> started_at() const { return started_at_; }
  [[nodiscard]] std::optional<Instant> ready_at() const { return ready_at_; }
  [[nodiscard]] const std::optional<Ending>& last_ending() const { return last_ending_; }
  /// Why it is in `backoff` or `failed`: a sentence; empty otherwise.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  [[nodiscard]] bool is_unresponsive(Instant now) const;
  /// True once it was ready, or ended with success: what waits for it may start.
  [[nodiscard]] bool was_ready() const { return was_ready_; }

 private:
  const topology::ProcessPlan* plan_;
  RestartBackoff backoff_;
  ProcessState state_ = ProcessState::stopped;
  std::optional<Instant> deadline_;  // backoff: when to spawn; draining: when to kill
  bool spawning_ = false;            // spawn was asked for and neither a pid nor a failure is known yet
  bool stop_when_spawned_ = false;
  bool start_when_stopped_ = false;
  bool poisoned_before_ = false;
  int pid_ = 0;
  int restarts_ = 0;
  std::optional<Instant> started_at_;
  std::optional<Instant> ready_at_;
  std::optional<Instant> last_heartbeat_;
  std::optional<Ending> last_ending_;
  std::string trouble_;
  bool was_ready_ = false;

  std::vector<Effect> spawn(Instant now);
  std::vector<Effect> after_own_ending(const std::string& what, Instant now, Duration healthy_for);
  void hold(std::string why);
};

}  // namespace remuda::supervisor
