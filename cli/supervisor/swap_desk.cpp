#include "cli/supervisor/swap_desk.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/supervisor/direct_edges.hpp"

namespace remuda::supervisor {

using topology::ProcessPlan;

namespace {

std::int64_t milliseconds(Duration time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

}  // namespace

SwapDesk::SwapDesk(const topology::Plan& plan, const Fleet& fleet, std::vector<ProcessFacts>& facts, Announcer& announcer,
                   std::string program_folder, Supervisor supervisor)
    : plan_{plan},
      fleet_{fleet},
      facts_{facts},
      announcer_{announcer},
      program_folder_{std::move(program_folder)},
      supervisor_{std::move(supervisor)},
      files_(plan.processes.size()) {}

std::string SwapDesk::name_of(std::size_t process) const {
  return fmt::format("{}/{}", plan_.processes[process].node, plan_.processes[process].replica);
}

Result<void> SwapDesk::begin(const SwapCommand& command, Instant now) {
  if (command_) {
    return fail("swap_in_progress", fmt::format("{} is being swapped; one swap at a time", name_of(*command_->processes.begin())));
  }
  for (const std::size_t i : command.processes) {
    if (plan_.processes[i].kind == ProcessPlan::Kind::broker)
      return fail("not_swappable", fmt::format("{} is a broker; 'remuda restart' keeps what is in it", plan_.processes[i].node));
    if (fleet_.processes()[i].state() == ProcessState::stopped || fleet_.processes()[i].state() == ProcessState::draining)
      return fail("not_running", fmt::format("{} does not run, so there is nothing to swap", name_of(i)));
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
  ProcessFacts& facts = facts_[process];
  const DirectEdges edges = direct_edges_of(plan_, process);
  if (!edges.senders_elsewhere.empty()) {
    announcer_.note(process, LogLevel::warning,
                    fmt::format("swap: {} on other machines cannot be held; what they send directly meanwhile may be lost",
                                fmt::join(edges.senders_elsewhere, ", ")));
  }
  const auto that_run = [&](const std::set<std::size_t>& which) {
    std::set<std::size_t> running;
    for (const std::size_t i : which) {
      if (fleet_.processes()[i].is_running() && !facts_[i].routing_id.empty()) running.insert(i);
    }
    return running;
  };
  SwapOptions options;
  options.process = process;
  options.old_runs = old.is_running() || old.state() == ProcessState::starting;
  options.old_works = old.state() == ProcessState::ready && !facts.routing_id.empty();
  options.senders = edges.senders;
  options.running = that_run(edges.senders);
  options.receivers = that_run(edges.receivers);
  options.barrier_time = plan_.processes[process].stop_grace;
  options.deliver_time = deliver_time;
  options.ready_time = command_->ready_time;
  endpoints_ = edges.endpoints;
  new_program_ = command_->program.empty() ? facts.wanted_program : command_->program;
  old_program_ = facts.program;
  began_ = now;
  ++number_;
  swap_.emplace(options);
  if (old.is_running()) {
    const ProcessPlan& plan = plan_.processes[process];
    const Result<std::string> kept =
        program_of(old.pid(), facts.program, files_[process], fmt::format("{}/{}.{}", program_folder_, plan.node, plan.replica));
    if (kept) {
      old_program_ = *kept;
    } else {
      announcer_.note(process, LogLevel::warning, "swap: " + kept.error().message);
    }
  }
  carry_out(swap_->begin(now), now);
}

void SwapDesk::carry_out(const SwapActions& actions, Instant now) {
  using Kind = SwapAction::Kind;
  for (const auto& [kind, process] : actions) {
    switch (kind) {
      case Kind::hold:
        supervisor_.tell(process, ControlHold{number_, endpoints_});
        break;
      case Kind::await:
      case Kind::deliver:
        supervisor_.tell(process, ControlAwait{number_, kind == Kind::await, swap_->sent()});
        break;
      case Kind::finish:
        supervisor_.tell(process, ControlFinish{number_});
        break;
      case Kind::run_new:
      case Kind::run_old:
        facts_[process].program = kind == Kind::run_new ? new_program_ : old_program_;
        supervisor_.run_again(process);
        break;
      case Kind::kill:
        supervisor_.kill(process);
        break;
      case Kind::resume:
        supervisor_.tell(process, ControlResume{number_, swap_->was_replaced()});
        break;
    }
  }
  if (swap_ && swap_->is_over()) finish_one(now);
}

void SwapDesk::finish_one(Instant now) {
  const Swap swap = *std::exchange(swap_, std::nullopt);
  const std::size_t process = swap.process();
  std::string why = swap.why();
  if (!swap.waited_for().empty()) {
    std::vector<std::string> names;
    for (const std::size_t i : swap.waited_for()) names.push_back(name_of(i));
    why += fmt::format(": {}", fmt::join(names, ", "));
  }
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
      {"process", name_of(process)},
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

void SwapDesk::greeted(std::size_t process, Instant now) {
  if (swap_) carry_out(swap_->greeted(process, now), now);
}

void SwapDesk::said(std::size_t process, const ControlMessage& message, Instant now) {
  if (!swap_) return;
  if (const auto* held = std::get_if<ControlHeld>(&message); held != nullptr && held->number == number_)
    return carry_out(swap_->held(process, held->sent, now), now);
  if (const auto* arrived = std::get_if<ControlArrived>(&message); arrived != nullptr && arrived->number == number_)
    carry_out(swap_->arrived(process, arrived->missing, now), now);
}

void SwapDesk::ready(std::size_t process, Instant now) {
  if (swap_) carry_out(swap_->ready(process, now), now);
}

void SwapDesk::ended(std::size_t process, bool well, const std::string& how, Instant now) {
  if (swap_) carry_out(swap_->ended(process, well, how, now), now);
}

void SwapDesk::tick(Instant now) {
  if (swap_) carry_out(swap_->tick(now), now);
}

void SwapDesk::abandon(Instant now) {
  to_do_.resize(std::min<std::size_t>(to_do_.size(), 1));
  if (swap_) carry_out(swap_->abandon(now), now);
}

std::optional<Instant> SwapDesk::next_deadline() const {
  return swap_ ? swap_->next_deadline() : std::nullopt;
}

bool SwapDesk::is_swapping(std::size_t process) const {
  return command_ && command_->processes.contains(process);
}

std::optional<SwapDesk::Done> SwapDesk::take_done() {
  return std::exchange(done_, std::nullopt);
}

}  // namespace remuda::supervisor
