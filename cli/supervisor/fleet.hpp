#pragma once
// All processes of a topology on this machine, and the order in which they start and stop. Pure, like Process.
//
// Starting goes in waves: a process starts when all those of lower rank in the same request have been ready once. Stopping
// goes the other way: a process is asked to drain when all those of higher rank in the same request have ended.
//
// Processes come and leave while others run. One that has left keeps its number, which others know it by, and can come back; until then
// no name means it.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/supervisor/process.hpp"
#include "common/result.hpp"

namespace remuda::supervisor {

struct Action {
  std::size_t process = 0;
  Effect effect = Effect::spawn;
  friend bool operator==(const Action&, const Action&) = default;
};
std::ostream& operator<<(std::ostream& out, const Action& action);
using Actions = std::vector<Action>;

class Fleet {
 public:
  /// The plans must outlive the fleet, or be replaced by adopt().
  Fleet(const std::vector<topology::ProcessPlan>& plans, std::uint64_t jitter_seed);

  /// The processes that `names` mean: `accounting` is all its replicas, `accounting/1` one of them; no names: all.
  /// Errors: `no_such_node` (definite), with the closest name.
  [[nodiscard]] Result<std::set<std::size_t>> select(const std::vector<std::string>& names) const;

  /// The plans stand here now. The first are those of the processes that are known, in their order; further ones are new processes.
  void adopt(const std::vector<topology::ProcessPlan>& plans);
  /// It has stopped, and is none of the topology any more, until it comes back.
  void leave(std::size_t process) { gone_.insert(process); }
  void come_back(std::size_t process) { gone_.erase(process); }
  [[nodiscard]] bool is_gone(std::size_t process) const { return gone_.contains(process); }

  // What somebody wants.
  Actions start(const std::set<std::size_t>& which, Instant now);
  Actions stop(const std::set<std::size_t>& which, Instant now);
  Actions restart(const std::set<std::size_t>& which, Instant now);
  Actions kill_all();

  // What happened.
  Actions spawned(std::size_t process, int pid, Instant now);
  Actions spawn_failed(std::size_t process, const std::string& why, Instant now);
  Actions said_ready(std::size_t process, Instant now);
  void heartbeat(std::size_t process, Instant now) { processes_[process].heartbeat(now); }
  Actions exited(std::size_t process, const Ending& ending, Instant now);
  Actions tick(Instant now);
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  /// Also those that have left.
  [[nodiscard]] const std::vector<Process>& processes() const { return processes_; }
  /// All of `which` are ready, or ended with success.
  [[nodiscard]] bool all_ready(const std::set<std::size_t>& which) const;
  /// None of `which` runs or will run by itself.
  [[nodiscard]] bool all_stopped(const std::set<std::size_t>& which) const;
  /// No start or stop of `which` is under way or waits for its turn.
  [[nodiscard]] bool is_settled(const std::set<std::size_t>& which) const;
  [[nodiscard]] bool none_running() const;
  /// All but those that have left.
  [[nodiscard]] std::set<std::size_t> everything() const;
  /// True while the process waits for a lower rank to become ready.
  [[nodiscard]] bool waits_to_start(std::size_t process) const { return to_start_.contains(process); }

 private:
  std::vector<Process> processes_;
  std::uint64_t jitter_seed_;  // of the first
  std::set<std::size_t> gone_;
  std::set<std::size_t> start_group_;  // the request that is being started: whom the members wait for
  std::set<std::size_t> to_start_;     // members that have not been started yet
  std::set<std::size_t> to_stop_;      // asked to stop and not ended yet
  std::set<std::size_t> stop_asked_;   // of those: drain is under way
  std::set<std::size_t> start_again_;  // restart: to be started when to_stop_ has ended

  Actions advance(Instant now);
  void collect(std::size_t process, const std::vector<Effect>& effects, Actions& actions) const;
};

}  // namespace remuda::supervisor
