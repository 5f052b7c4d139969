#pragma once
// The way of one Swap through the supervisor: its actions become words to processes, their answers become what happened. What it
// cannot do itself, programs and their ends, is its owner's.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/supervisor/announcer.hpp"
#include "cli/supervisor/fleet.hpp"
#include "cli/supervisor/process_report.hpp"
#include "cli/supervisor/swap.hpp"
#include "common/topology/plan.hpp"

namespace remuda::supervisor {

using Tell = std::function<void(std::size_t process, const ControlRequest& request)>;

class SwapCourse {
 public:
  static constexpr std::chrono::seconds deliver_time{5};

  struct Owner {
    Tell tell;
    std::function<void(SwapAction::Kind what, std::size_t process)> carry_out;  ///< run_new, leave, run_old, kill
    std::function<void(const Swap& swap, Instant now)> over;                    ///< may begin the next one
  };

  /// All of them must outlive the course. `numbers`: of the latest course of this supervisor: on the wire, so that a late word of an
  /// earlier one is none of a later one.
  SwapCourse(const topology::Plan& plan, const Fleet& fleet, const std::vector<ProcessFacts>& facts, Announcer& announcer,
             std::uint64_t& numbers, Owner owner);

  void begin(std::size_t process, bool leaves, std::chrono::milliseconds ready_time, Instant now);
  void greeted(std::size_t process, Instant now);
  void said(std::size_t process, const ControlMessage& message, Instant now);
  void ready(std::size_t process, Instant now);
  void ended(std::size_t process, bool well, const std::string& how, Instant now);
  void tick(Instant now);
  void abandon(Instant now);
  [[nodiscard]] std::optional<Instant> next_deadline() const { return swap_ ? swap_->next_deadline() : std::nullopt; }
  /// Why it was no success, with the names of those it waited for.
  [[nodiscard]] std::string why_of(const Swap& swap) const;

 private:
  void carry_out(const SwapActions& actions, Instant now);

  // Constant after construction.
  const topology::Plan& plan_;
  const Fleet& fleet_;
  const std::vector<ProcessFacts>& facts_;
  Announcer& announcer_;
  std::uint64_t& numbers_;
  Owner owner_;

  std::optional<Swap> swap_;
  std::uint64_t number_ = 0;
  std::vector<std::string> endpoints_;
};

/// `copier/1`
[[nodiscard]] std::string name_of(const topology::ProcessPlan& process);

}  // namespace remuda::supervisor
