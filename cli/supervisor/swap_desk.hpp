#pragma once
// Swap commands: the processes that one names are swapped one after the other. Which programs they run is decided here; the course of
// each swap is SwapCourse's.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/supervisor/announcer.hpp"
#include "cli/supervisor/fleet.hpp"
#include "cli/supervisor/process_report.hpp"
#include "cli/supervisor/program_file.hpp"
#include "cli/supervisor/swap_course.hpp"
#include "common/topology/plan.hpp"

namespace remuda::supervisor {

struct SwapCommand {
  std::uint64_t connection = 0;
  std::set<std::size_t> processes;
  std::string program;  ///< absolute; empty: the one that each was last given, as it is on disk now
  std::chrono::milliseconds ready_time{};
};

class SwapDesk {
 public:
  /// What it cannot do itself.
  struct Supervisor {
    Tell tell;
    std::function<void(std::size_t process)> run_again;  ///< end it, if it runs, and start its program
    std::function<void(std::size_t process)> kill;
  };

  /// All of them must outlive the desk; it writes `program` and `wanted_program` of the facts. `numbers` as SwapCourse has them.
  SwapDesk(const topology::Plan& plan, const Fleet& fleet, std::vector<ProcessFacts>& facts, Announcer& announcer,
           std::uint64_t& numbers, std::string program_folder, Supervisor supervisor);

  /// Errors: `swap_in_progress`, `not_swappable` (a broker), `not_running`; all definite: nothing was changed.
  Result<void> begin(const SwapCommand& command, Instant now);

  // What happened.
  void started(std::size_t process);  ///< from its program, as it is on disk now
  void abandon(Instant now);          ///< everything is to be stopped
  /// Everything else that happened.
  [[nodiscard]] SwapCourse& course() { return course_; }

  [[nodiscard]] bool is_busy() const { return command_.has_value(); }
  /// The process is being swapped, or will be by the same command.
  [[nodiscard]] bool is_swapping(std::size_t process) const;
  /// The command that has come to its end, once.
  struct Done {
    SwapCommand command;
    bool ok = false;
    std::string swaps;  ///< a JSON list: `{process, outcome, why, took_ms, held_ms}`
  };
  [[nodiscard]] std::optional<Done> take_done();

 private:
  void next(Instant now);
  void carry_out(SwapAction::Kind what, std::size_t process);
  void finish_one(const Swap& swap, Instant now);
  [[nodiscard]] std::string name(std::size_t process) const { return name_of(plan_.processes[process]); }

  // Constant after construction.
  const topology::Plan& plan_;
  const Fleet& fleet_;
  std::vector<ProcessFacts>& facts_;
  Announcer& announcer_;
  std::string program_folder_;
  Supervisor supervisor_;

  SwapCourse course_;
  std::map<std::size_t, std::optional<FileIdentity>> files_;  ///< by process: what it was last started from

  std::optional<SwapCommand> command_;
  std::deque<std::size_t> to_do_;
  std::string old_program_;
  std::string new_program_;
  Instant began_{};
  std::vector<std::string> results_;
  bool all_swapped_ = true;
  std::optional<Done> done_;
};

}  // namespace remuda::supervisor
