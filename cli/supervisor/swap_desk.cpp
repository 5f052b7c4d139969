#include "cli/supervisor/swap_desk.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace remuda::supervisor {

using topology::ProcessPlan;

namespace {

std::int64_t milliseconds(Duration time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

}  // namespace

SwapDesk::SwapDesk(const topology::Plan& plan, const Fleet& fleet, std::vector<ProcessFacts>& facts, Announcer& announcer,
                   std::uint64_t& numbers, std::string program_folder, Supervisor supervisor)
    : plan_{plan},
      fleet_{fleet},
      facts_{facts},
      announcer_{announcer},
      program_folder_{std::move(program_folder)},
      supervisor_{std::move(supervisor)},
      course_{plan,
              fleet,
              facts,
              announcer,
              numbers,
              {supervisor_.tell, [this](SwapAction::Kind what, std::size_t process) { carry_out(what, process); },
               [this](const Swap& swap, Instant now) { finish_one(swap, now); }}} {}

Result<void> SwapDesk::begin(const SwapCommand& command, Instant now) {
  if (command_) {
    return fail("swap_in_progress", fmt::format("{} is being swapped; one swap at a time", name(*command_->processes.begin())));
  }
  for (const std::size_t i : command.processes) {
    if (plan_.processes[i].kind == ProcessPlan::Kind::broker)
      return fail("not_swappable", fmt::format("{} is a broker; 'remuda restart' keeps what is in it", plan_.processes[i].node));
    if (fleet_.processes()[i].state() == ProcessState::stopped || fleet_.processes()[i].state() == ProcessState::draining)
      return fail("not_running", fmt::format("{} does not run, so there is nothing to swap", name(i)));
  }
  command_ = command;
  to_do_.assign(command.processes.begin(), command.processes.end());
  results_.clear();
  all_swapped_ = true;
  next(now);
  return {};
}

void SwapDesk::next(Instant now) {
  const std::size_t process = to_do_.front();
  const Process& old = fleet_.processes()[process];
  const ProcessFacts& facts = facts_[process];
  new_program_ = command_->program.empty() ? facts.wanted_program : command_->program;
  old_program_ = facts.program;
  began_ = now;
  if (old.is_running()) {
    const Result<std::string> kept = program_of(old.pid(), facts.program, files_[process],
                                                fmt::format("{}/{}.{}", program_folder_, old.plan().node, old.plan().replica));
    if (kept) {
      old_program_ = *kept;
    } else {
      announcer_.note(process, LogLevel::warning, "swap: " + kept.error().message);
    }
  }
  course_.begin(process, false, command_->ready_time, now);
}

void SwapDesk::carry_out(SwapAction::Kind what, std::size_t process) {
  if (what == SwapAction::Kind::kill) return supervisor_.kill(process);
  facts_[process].program = what == SwapAction::Kind::run_new ? new_program_ : old_program_;
  supervisor_.run_again(process);
}

void SwapDesk::finish_one(const Swap& swap, Instant now) {
  const std::size_t process = swap.process();
  const std::string why = course_.why_of(swap);
  const bool swapped = swap.outcome() == Swap::Outcome::swapped;
  if (swapped && !command_->program.empty()) facts_[process].wanted_program = command_->program;
  const std::int64_t took = milliseconds(now - began_);
  const std::int64_t held = milliseconds(swap.held_for(now));
  if (swapped) {
    announcer_.note(process, LogLevel::info, fmt::format("swapped in {} ms: runs {}", took, facts_[process].program));
    if (!why.empty()) announcer_.note(process, LogLevel::warning, "swap: " + why);
  } else {
    announcer_.note(process, LogLevel::error, fmt::format("not swapped: {}; program {}", why, facts_[process].program));
  }
  results_.push_back(nlohmann::ordered_json{
      {"process", name(process)},
      {"outcome", supervisor::name_of(swap.outcome())},
      {"why", why},
      {"program", facts_[process].program},
      {"took_ms", took},
      {"held_ms", held}}.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  all_swapped_ = all_swapped_ && swapped;
  to_do_.pop_front();
  // A program that does not work is not tried on the other replicas.
  if (swapped && !to_do_.empty()) return next(now);
  done_ = Done{*std::exchange(command_, std::nullopt), all_swapped_, fmt::format("[{}]", fmt::join(results_, ","))};
  to_do_.clear();
}

void SwapDesk::started(std::size_t process) {
  files_[process] = file_identity(facts_[process].program);
}

void SwapDesk::abandon(Instant now) {
  to_do_.resize(std::min<std::size_t>(to_do_.size(), 1));
  course_.abandon(now);
}

bool SwapDesk::is_swapping(std::size_t process) const {
  return command_ && command_->processes.contains(process);
}

std::optional<SwapDesk::Done> SwapDesk::take_done() {
  return std::exchange(done_, std::nullopt);
}

}  // namespace remuda::supervisor
