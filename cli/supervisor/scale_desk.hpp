#pragma once
// Scale commands: the nodes that one names get their replicas one node after the other. New replicas come all at once, each course a
// Join; surplus ones leave one by one, the highest number first, each course a Swap without a successor. The plan, and with it what a
// neighbour's next start is given, changes at the moment at which neighbours are told.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/supervisor/announcer.hpp"
#include "cli/supervisor/fleet.hpp"
#include "cli/supervisor/join.hpp"
#include "cli/supervisor/process_report.hpp"
#include "cli/supervisor/scaled_plan.hpp"
#include "cli/supervisor/swap_course.hpp"
#include "common/topology/plan.hpp"

namespace remuda::supervisor {

struct ScaleCommand {
  std::uint64_t connection = 0;
  std::vector<std::pair<std::string, int>> nodes;  ///< and how many replicas each shall have
  std::chrono::milliseconds ready_time{};
};

class ScaleDesk {
 public:
  static constexpr std::chrono::seconds rewire_time{10};

  /// What it cannot do itself.
  struct Supervisor {
    Tell tell;
    std::function<void(const std::set<std::size_t>& processes)> start;
    std::function<void(const std::set<std::size_t>& processes)> stop;
    std::function<void(std::size_t process)> kill;
    /// For those who ask later; without what has left.
    std::function<void(const topology::Plan& before, const topology::Plan& now)> record;
  };

  /// All of them must outlive the desk. It adds to the plan's processes, the fleet and the facts: a process is at the same place in
  /// all of them, and stays there when it has left. `numbers` as SwapCourse has them.
  ScaleDesk(topology::Plan& plan, Fleet& fleet, std::vector<ProcessFacts>& facts, Announcer& announcer, std::uint64_t& numbers,
            Supervisor supervisor);

  /// Whether it can be carried out, and which queues must be there before. Errors, all definite: `scale_in_progress`, `node_not_running`, and
  /// those of scaled() and Fleet::select.
  [[nodiscard]] Result<std::vector<ReplyQueue>> look(const ScaleCommand& command) const;
  /// Errors: the same.
  Result<void> begin(const ScaleCommand& command, Instant now);

  // What happened.
  void started(std::size_t process);  ///< with the arguments that the plan says now
  void greeted(std::size_t process, Instant now);
  void said(std::size_t process, const ControlMessage& message, Instant now);
  void ready(std::size_t process, Instant now);
  void ended(std::size_t process, bool well, const std::string& how, Instant now);
  void tick(Instant now);
  void abandon(Instant now);  ///< everything is to be stopped
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  [[nodiscard]] bool is_busy() const { return command_.has_value(); }
  /// The process is of a node that is being scaled, or will be by the same command.
  [[nodiscard]] bool is_scaling(std::size_t process) const;
  /// The plan without the processes that have left.
  [[nodiscard]] topology::Plan present_plan() const;
  /// The command that has come to its end, once.
  struct Done {
    ScaleCommand command;
    bool ok = false;
    std::string scales;  ///< a JSON list: `{node, before, replicas, wanted, outcome, why, remarks, took_ms}`
  };
  [[nodiscard]] std::optional<Done> take_done();

 private:
  void next(Instant now);
  void come(Instant now);
  void carry_out(const JoinActions& actions, Instant now);
  void leave_next(Instant now);
  void left(const Swap& swap, Instant now);
  void finish_one(bool ok, const std::string& outcome, const std::string& why, Instant now);
  /// The plan is `scaled` now; who runs and has other ports by it is told, and returned.
  std::set<std::size_t> rewire(const topology::Plan& scaled);
  /// True when it knows others than the plan says, and was told.
  bool tell_ports(std::size_t process);
  [[nodiscard]] std::size_t place_of(const topology::ProcessPlan& process) const;

  // Constant after construction.
  topology::Plan& plan_;
  Fleet& fleet_;
  std::vector<ProcessFacts>& facts_;
  Announcer& announcer_;
  std::uint64_t& numbers_;
  Supervisor supervisor_;

  SwapCourse course_;                                   ///< of one that leaves
  std::map<std::size_t, topology::ProcessPlan> known_;  ///< by process: the ports that it was started with or told last
  std::optional<ScaleCommand> command_;
  std::deque<std::pair<std::string, int>> to_do_;
  std::optional<Join> join_;
  topology::Plan wanted_;     ///< once the new ones are ready
  std::uint64_t number_ = 0;  ///< of the latest rewire
  int before_ = 0;
  std::size_t narrator_ = 0;  ///< the node's first replica: lines about the node are its
  Instant began_{};
  std::string why_;  ///< what was wrong with those that left
  std::vector<std::string> results_;
  bool all_scaled_ = true;
  bool abandoned_ = false;
  std::optional<Done> done_;
};

}  // namespace remuda::supervisor
