#pragma once
// Swap commands: the processes that one names are swapped one after the other, each by a Swap. The shell between Swap and the
// supervisor: turns its actions into words to processes, and into programs to run.

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/supervisor/announcer.hpp"
#include "cli/supervisor/fleet.hpp"
#include "cli/supervisor/process_report.hpp"
#include "cli/supervisor/program_file.hpp"
#include "cli/supervisor/swap.hpp"
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
  static constexpr std::chrono::seconds deliver_time{5};

  /// What it cannot do itself.
  struct Supervisor {
    std::function<void(std::size_t process, const ControlRequest& request)> tell;
    std::function<void(std::size_t process)> run_again;  ///< end it, if it runs, and start its program
    std::function<void(std::size_t process)> kill;
  };

  /// All of them must outlive the desk; it writes `program` and `wanted_program` of the facts.
  SwapDesk(const topology::Plan& plan, const Fleet& fleet, std::vector<ProcessFacts>& facts, Announcer& announcer,
           std::string program_folder, Supervisor supervisor);

  /// Errors: `swap_in_progress`, `not_swappable` (a broker), `not_running`; all definite: nothing was changed.
  Result<void> begin(const SwapCommand& command, Instant now);

  // What happened.
  void started(std::size_t process);  ///< from its program, as it is on disk now
  void greeted(std::size_t process, Instant now);
  void said(std::size_t process, const ControlMessage& message, Instant now);
  void ready(std::size_t process, Instant now);
  void ended(std::size_t process, bool well, const std::string& how, Instant now);
  void tick(Instant now);
  void abandon(Instant now);  ///< everything is to be stopped
  [[nodiscard]] std::optional<Instant> next_deadline() const;

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
  void carry_out(const SwapActions& actions, Instant now);
  void finish_one(Instant now);
  [[nodiscard]] std::string name_of(std::size_t process) const;

  // Constant after construction.
  const topology::Plan& plan_;
  const Fleet& fleet_;
  std::vector<ProcessFacts>& facts_;
  Announcer& announcer_;
  std::string program_folder_;
  Supervisor supervisor_;

  std::vector<std::optional<FileIdentity>> files_;  ///< by process: what it was last started from

  std::optional<SwapCommand> command_;
  std::deque<std::size_t> to_do_;
  std::optional<Swap> swap_;
  std::uint64_t number_ = 0;  ///< of the latest swap: on the wire, so that a late word of an earlier one is none of this
  std::vector<std::string> endpoints_;
  std::string old_program_;
  std::string new_program_;
  Instant began_{};
  std::vector<std::string> results_;
  bool all_swapped_ = true;
  std::optional<Done> done_;
};

}  // namespace remuda::supervisor
