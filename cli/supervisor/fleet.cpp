#include "cli/supervisor/fleet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/suggestion.hpp"

namespace remuda::supervisor {

std::ostream& operator<<(std::ostream& out, const Action& action) {
  return out << action.effect << ' ' << action.process;
}

Fleet::Fleet(const std::vector<topology::ProcessPlan>& plans, std::uint64_t jitter_seed) : jitter_seed_{jitter_seed} {
  adopt(plans);
}

void Fleet::adopt(const std::vector<topology::ProcessPlan>& plans) {
  for (std::size_t i = 0; i < processes_.size(); ++i) processes_[i].adopt(plans[i]);
  while (processes_.size() < plans.size()) processes_.emplace_back(plans[processes_.size()], jitter_seed_ + processes_.size() + 1);
}

std::set<std::size_t> Fleet::everything() const {
  std::set<std::size_t> all;
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    if (!is_gone(i)) all.insert(all.end(), i);
  }
  return all;
}

Result<std::set<std::size_t>> Fleet::select(const std::vector<std::string>& names) const {
  if (names.empty()) return everything();
  std::set<std::size_t> selected;
  for (const std::string& name : names) {
    bool found = false;
    for (std::size_t i = 0; i < processes_.size(); ++i) {
      const topology::ProcessPlan& plan = processes_[i].plan();
      if (is_gone(i)) continue;
      if (name != plan.node && name != fmt::format("{}/{}", plan.node, plan.replica)) continue;
      selected.insert(i);
      found = true;
    }
    if (found) continue;
    std::vector<std::string_view> known;
    for (const Process& process : processes_) known.push_back(process.plan().node);
    const std::string_view meant = closest_name(name, known);
    return fail("no_such_node", fmt::format("no node or broker '{}' here{}", name,
                                            meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant)));
  }
  return selected;
}

void Fleet::collect(std::size_t process, const std::vector<Effect>& effects, Actions& actions) const {
  for (const Effect effect : effects) actions.push_back({process, effect});
}

Actions Fleet::start(const std::set<std::size_t>& which, Instant now) {
  // A request that comes while another is under way joins it, so that the order holds across both.
  if (to_start_.empty()) start_group_.clear();
  for (const std::size_t i : which) {
    to_stop_.erase(i);
    stop_asked_.erase(i);
    if (processes_[i].state() == ProcessState::starting || processes_[i].state() == ProcessState::ready) continue;
    start_group_.insert(i);
    to_start_.insert(i);
    start_again_.erase(i);
  }
  return advance(now);
}

Actions Fleet::stop(const std::set<std::size_t>& which, Instant now) {
  for (const std::size_t i : which) {
    start_group_.erase(i);
    to_start_.erase(i);
    start_again_.erase(i);
    to_stop_.insert(i);
  }
  return advance(now);
}

Actions Fleet::restart(const std::set<std::size_t>& which, Instant now) {
  Actions actions = stop(which, now);
  start_again_.insert(which.begin(), which.end());
  const Actions more = advance(now);
  actions.insert(actions.end(), more.begin(), more.end());
  return actions;
}

Actions Fleet::kill_all() {
  to_start_.clear();
  start_again_.clear();
  Actions actions;
  for (std::size_t i = 0; i < processes_.size(); ++i) collect(i, processes_[i].kill(), actions);
  return actions;
}

Actions Fleet::advance(Instant now) {
  Actions actions;
  const auto has_ended = [&](std::size_t i) { return processes_[i].state() == ProcessState::stopped; };
  const auto still_to_end = [&](int rank) {
    return std::any_of(to_stop_.begin(), to_stop_.end(), [&](std::size_t i) { return processes_[i].plan().start_rank > rank; });
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (auto it = to_stop_.rbegin(); it != to_stop_.rend(); ++it) {
      if (stop_asked_.contains(*it) || still_to_end(processes_[*it].plan().start_rank)) continue;
      stop_asked_.insert(*it);
      collect(*it, processes_[*it].stop(now), actions);
      changed = true;
    }
    for (auto it = to_stop_.begin(); it != to_stop_.end();) {
      if (!has_ended(*it)) {
        ++it;
        continue;
      }
      stop_asked_.erase(*it);
      it = to_stop_.erase(it);
      changed = true;
    }
  }
  if (to_stop_.empty() && !start_again_.empty()) {
    if (to_start_.empty()) start_group_.clear();
    start_group_.insert(start_again_.begin(), start_again_.end());
    to_start_.merge(start_again_);
    start_again_.clear();
  }
  const auto waits_for_lower = [&](std::size_t process) {
    const int rank = processes_[process].plan().start_rank;
    return std::any_of(start_group_.begin(), start_group_.end(), [&](std::size_t i) {
      return processes_[i].plan().start_rank < rank && (to_start_.contains(i) || !processes_[i].was_ready());
    });
  };
  std::vector<std::size_t> now_starting;
  for (const std::size_t i : to_start_) {
    if (!waits_for_lower(i)) now_starting.push_back(i);
  }
  for (const std::size_t i : now_starting) {
    to_start_.erase(i);
    collect(i, processes_[i].start(now), actions);
  }
  return actions;
}

Actions Fleet::spawned(std::size_t process, int pid, Instant now) {
  processes_[process].spawned(pid, now);
  Actions actions;
  collect(process, processes_[process].tick(now), actions);
  return actions;
}

Actions Fleet::spawn_failed(std::size_t process, const std::string& why, Instant now) {
  Actions actions;
  collect(process, processes_[process].spawn_failed(why, now), actions);
  const Actions more = advance(now);
  actions.insert(actions.end(), more.begin(), more.end());
  return actions;
}

Actions Fleet::said_ready(std::size_t process, Instant now) {
  processes_[process].said_ready(now);
  return advance(now);
}

Actions Fleet::exited(std::size_t process, const Ending& ending, Instant now) {
  Actions actions;
  collect(process, processes_[process].exited(ending, now), actions);
  const Actions more = advance(now);
  actions.insert(actions.end(), more.begin(), more.end());
  return actions;
}

Actions Fleet::tick(Instant now) {
  Actions actions;
  for (std::size_t i = 0; i < processes_.size(); ++i) collect(i, processes_[i].tick(now), actions);
  return actions;
}

std::optional<Instant> Fleet::next_deadline() const {
  std::optional<Instant> next;
  for (const Process& process : processes_) {
    const auto deadline = process.next_deadline();
    if (deadline && (!next || *deadline < *next)) next = deadline;
  }
  return next;
}

bool Fleet::all_ready(const std::set<std::size_t>& which) const {
  return std::all_of(which.begin(), which.end(), [&](std::size_t i) {
    const Process& process = processes_[i];
    return process.state() == ProcessState::ready || (process.state() == ProcessState::stopped && process.was_ready());
  });
}

bool Fleet::all_stopped(const std::set<std::size_t>& which) const {
  return std::all_of(which.begin(), which.end(), [&](std::size_t i) {
    const ProcessState state = processes_[i].state();
    return !to_start_.contains(i) && !processes_[i].is_running() &&
           (state == ProcessState::stopped || state == ProcessState::failed);
  });
}

bool Fleet::is_settled(const std::set<std::size_t>& which) const {
  return std::none_of(which.begin(), which.end(),
                      [&](std::size_t i) { return to_start_.contains(i) || to_stop_.contains(i) || start_again_.contains(i); });
}

bool Fleet::none_running() const {
  return std::none_of(processes_.begin(), processes_.end(), [](const Process& p) {
    return p.is_running() || p.state() == ProcessState::starting || p.state() == ProcessState::draining;
  });
}

}  // namespace remuda::supervisor
