#include "cli/supervisor/swap_course.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "cli/supervisor/direct_edges.hpp"

namespace remuda::supervisor {

std::string name_of(const topology::ProcessPlan& process) {
  return fmt::format("{}/{}", process.node, process.replica);
}

SwapCourse::SwapCourse(const topology::Plan& plan, const Fleet& fleet, const std::vector<ProcessFacts>& facts, Announcer& announcer,
                       std::uint64_t& numbers, Owner owner)
    : plan_{plan}, fleet_{fleet}, facts_{facts}, announcer_{announcer}, numbers_{numbers}, owner_{std::move(owner)} {}

void SwapCourse::begin(std::size_t process, bool leaves, std::chrono::milliseconds ready_time, Instant now) {
  const Process& old = fleet_.processes()[process];
  const DirectEdges edges = leaves ? direct_edges_of_leaving(plan_, process) : direct_edges_of(plan_, process);
  if (!edges.senders_elsewhere.empty()) {
    announcer_.note(process, LogLevel::warning,
                    fmt::format("{}: {} on other machines cannot be held; what they send directly meanwhile may be lost",
                                leaves ? "scale" : "swap", fmt::join(edges.senders_elsewhere, ", ")));
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
  options.leaves = leaves;
  options.old_runs = old.is_running() || old.state() == ProcessState::starting;
  options.old_works = old.state() == ProcessState::ready && !facts_[process].routing_id.empty();
  options.senders = edges.senders;
  options.running = that_run(edges.senders);
  options.receivers = that_run(edges.receivers);
  options.barrier_time = old.plan().stop_grace;
  options.deliver_time = deliver_time;
  options.ready_time = ready_time;
  endpoints_ = edges.endpoints;
  number_ = ++numbers_;
  swap_.emplace(options);
  carry_out(swap_->begin(now), now);
}

void SwapCourse::carry_out(const SwapActions& actions, Instant now) {
  using Kind = SwapAction::Kind;
  for (const auto& [kind, process] : actions) {
    switch (kind) {
      case Kind::hold:
        owner_.tell(process, ControlHold{number_, endpoints_});
        break;
      case Kind::await:
      case Kind::deliver:
        owner_.tell(process, ControlAwait{number_, kind == Kind::await, swap_->sent()});
        break;
      case Kind::finish:
        owner_.tell(process, ControlFinish{number_});
        break;
      case Kind::resume:
        owner_.tell(process, ControlResume{number_, swap_->was_replaced()});
        break;
      case Kind::run_new:
      case Kind::leave:
      case Kind::run_old:
      case Kind::kill:
        owner_.carry_out(kind, process);
        break;
    }
  }
  if (!swap_ || !swap_->is_over()) return;
  const Swap swap = *std::exchange(swap_, std::nullopt);
  owner_.over(swap, now);
}

std::string SwapCourse::why_of(const Swap& swap) const {
  if (swap.waited_for().empty()) return swap.why();
  std::vector<std::string> names;
  for (const std::size_t i : swap.waited_for()) names.push_back(name_of(plan_.processes[i]));
  return fmt::format("{}: {}", swap.why(), fmt::join(names, ", "));
}

void SwapCourse::greeted(std::size_t process, Instant now) {
  if (swap_) carry_out(swap_->greeted(process, now), now);
}

void SwapCourse::said(std::size_t process, const ControlMessage& message, Instant now) {
  if (!swap_) return;
  if (const auto* held = std::get_if<ControlHeld>(&message); held != nullptr && held->number == number_)
    return carry_out(swap_->held(process, held->sent, now), now);
  if (const auto* arrived = std::get_if<ControlArrived>(&message); arrived != nullptr && arrived->number == number_)
    carry_out(swap_->arrived(process, arrived->missing, now), now);
}

void SwapCourse::ready(std::size_t process, Instant now) {
  if (swap_) carry_out(swap_->ready(process, now), now);
}

void SwapCourse::ended(std::size_t process, bool well, const std::string& how, Instant now) {
  if (swap_) carry_out(swap_->ended(process, well, how, now), now);
}

void SwapCourse::tick(Instant now) {
  if (swap_) carry_out(swap_->tick(now), now);
}

void SwapCourse::abandon(Instant now) {
  if (swap_) carry_out(swap_->abandon(now), now);
}

}  // namespace remuda::supervisor
