#include "cli/supervisor/scale_desk.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace remuda::supervisor {

using topology::Plan;
using topology::ProcessPlan;

ScaleDesk::ScaleDesk(Plan& plan, Fleet& fleet, std::vector<ProcessFacts>& facts, Announcer& announcer, std::uint64_t& numbers,
                     Supervisor supervisor)
    : plan_{plan},
      fleet_{fleet},
      facts_{facts},
      announcer_{announcer},
      numbers_{numbers},
      supervisor_{std::move(supervisor)},
      course_{plan,
              fleet,
              facts,
              announcer,
              numbers,
              {supervisor_.tell,
               [this](SwapAction::Kind, std::size_t process) {  // it leaves: nothing else can come
                 const ProcessPlan& leaving = plan_.processes[process];
                 if (const Result<Plan> fewer = scaled(present_plan(), leaving.node, leaving.replica)) rewire(*fewer);
                 supervisor_.stop({process});
               },
               [this](const Swap& swap, Instant now) { left(swap, now); }}} {}

Result<std::vector<ReplyQueue>> ScaleDesk::look(const ScaleCommand& command) const {
  if (command_) return fail("scale_in_progress", fmt::format("{} is being scaled; one at a time", command_->nodes.front().first));
  Plan plan = present_plan();
  const Plan present = plan;
  for (const auto& [node, replicas] : command.nodes) {
    const Result<std::set<std::size_t>> known = fleet_.select({node});
    if (!known) return Failure<Error>{known.error()};
    const std::string& name = plan_.processes[*known->begin()].node;
    if (name != node)
      return fail("wrong_usage", fmt::format("{} is one replica; say how many {} shall have: {}={}", node, name, name, replicas));
    Result<Plan> then = scaled(plan, node, replicas);
    if (!then) return Failure<Error>{then.error()};
    plan = std::move(*then);
    for (const std::size_t i : *known) {
      const ProcessState state = fleet_.processes()[i].state();
      if (state == ProcessState::stopped || state == ProcessState::draining)
        return fail("node_not_running",
                    fmt::format("{} does not run; start it, then scale: remuda start {}", name_of(plan_.processes[i]), node));
    }
  }
  return reply_queues_added(present, plan);
}

Result<void> ScaleDesk::begin(const ScaleCommand& command, Instant now) {
  if (const auto possible = look(command); !possible) return Failure<Error>{possible.error()};
  command_ = command;
  to_do_.assign(command.nodes.begin(), command.nodes.end());
  results_.clear();
  all_scaled_ = true;
  abandoned_ = false;
  next(now);
  return {};
}

void ScaleDesk::next(Instant now) {
  const auto& [node, replicas] = to_do_.front();
  const Plan present = present_plan();
  before_ = replicas_of(present, node);
  narrator_ = *fleet_.select({node})->begin();
  began_ = now;
  why_.clear();
  if (replicas < before_) return leave_next(now);
  if (replicas == before_) return finish_one(true, "scaled", {}, now);
  Result<Plan> more = scaled(present, node, replicas);
  if (!more) return finish_one(false, "unchanged", more.error().message, now);
  wanted_ = std::move(*more);
  come(now);
}

// ---- up

void ScaleDesk::come(Instant now) {
  const ProcessFacts siblings = facts_[narrator_];
  JoinOptions options;
  options.ready_time = command_->ready_time;
  options.rewire_time = rewire_time;
  for (const ProcessPlan& process : wanted_.processes) {
    if (process.node != to_do_.front().first || process.replica < before_) continue;
    const std::size_t i = place_of(process);
    if (i < plan_.processes.size()) {
      plan_.processes[i] = process;
    } else {
      plan_.processes.push_back(process);
      facts_.emplace_back();
    }
    // What a swap has put in the place of the launch file's program is what the others run.
    facts_[i].launched_program = siblings.launched_program;
    facts_[i].program = facts_[i].wanted_program = siblings.wanted_program;
    options.processes.insert(i);
  }
  fleet_.adopt(plan_.processes);
  for (const std::size_t i : options.processes) fleet_.come_back(i);
  join_.emplace(options);
  carry_out(join_->begin(now), now);
}

void ScaleDesk::carry_out(const JoinActions& actions, Instant now) {
  for (const auto& [kind, processes] : actions) {
    switch (kind) {
      case JoinAction::Kind::start:
        supervisor_.start(processes);
        break;
      case JoinAction::Kind::rewire:
        return carry_out(join_->told(rewire(wanted_), now), now);
      case JoinAction::Kind::stop:
        supervisor_.stop(processes);
        break;
      case JoinAction::Kind::kill:
        for (const std::size_t i : processes) supervisor_.kill(i);
        break;
    }
  }
  if (!join_ || !join_->is_over()) return;
  const Join join = *std::exchange(join_, std::nullopt);
  std::string why = join.why();
  std::vector<std::string> names;
  for (const std::size_t i : join.waited_for()) names.push_back(name_of(plan_.processes[i]));
  if (!names.empty()) why = fmt::format("{}: {}", fmt::join(names, ", "), why);
  const bool joined = join.outcome() == Join::Outcome::joined;
  if (!joined && !abandoned_) {
    for (const std::size_t i : join.processes()) fleet_.leave(i);
  }
  finish_one(joined, joined ? "scaled" : "undone", why, now);
}

// ---- down

void ScaleDesk::leave_next(Instant now) {
  const Plan present = present_plan();
  const auto& [node, replicas] = to_do_.front();
  if (replicas_of(present, node) <= replicas) return finish_one(true, "scaled", why_, now);
  std::size_t highest = narrator_;
  for (const std::size_t i : fleet_.everything()) {
    if (plan_.processes[i].node == node && plan_.processes[i].replica > plan_.processes[highest].replica) highest = i;
  }
  course_.begin(highest, true, std::chrono::milliseconds{0}, now);
}

void ScaleDesk::left(const Swap& swap, Instant now) {
  const std::string why = course_.why_of(swap);
  if (!why.empty()) why_ += fmt::format("{}{}: {}", why_.empty() ? "" : "; ", name_of(plan_.processes[swap.process()]), why);
  if (swap.outcome() != Swap::Outcome::left) return finish_one(false, "unfinished", why_, now);
  fleet_.leave(swap.process());
  leave_next(now);
}

// ---- both

std::set<std::size_t> ScaleDesk::rewire(const Plan& scaled) {
  const Plan before = present_plan();
  number_ = ++numbers_;
  std::set<std::size_t> told;
  for (const ProcessPlan& process : scaled.processes) {
    const std::size_t i = place_of(process);
    plan_.processes[i] = process;
    if (fleet_.processes()[i].is_running() && !facts_[i].routing_id.empty() && tell_ports(i)) told.insert(i);
  }
  plan_.queues = scaled.queues;
  supervisor_.record(before, scaled);
  return told;
}

bool ScaleDesk::tell_ports(std::size_t process) {
  const auto known = known_.find(process);
  if (known == known_.end()) return false;
  ControlRewire rewire{number_, changed_ports(known->second, plan_.processes[process])};
  if (rewire.ports.empty()) return false;
  known->second = plan_.processes[process];
  supervisor_.tell(process, rewire);
  return true;
}

void ScaleDesk::finish_one(bool ok, const std::string& outcome, const std::string& why, Instant now) {
  const auto [node, wanted] = to_do_.front();
  to_do_.pop_front();
  const Plan present = present_plan();
  const int replicas = replicas_of(present, node);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now - began_).count();
  announcer_.note(narrator_, ok ? LogLevel::info : LogLevel::error,
                  fmt::format("scaled from {} to {} in {} ms{}{}", before_, replicas, took, why.empty() ? "" : ": ", why));
  results_.push_back(nlohmann::ordered_json{
      {"node", node},
      {"before", before_},
      {"replicas", replicas},
      {"wanted", wanted},
      {"outcome", outcome},
      {"why", why},
      {"remarks", remarks_on(present, node)},
      {"took_ms", took}}.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  all_scaled_ = all_scaled_ && ok;
  if (ok && !to_do_.empty()) return next(now);
  done_ = Done{*std::exchange(command_, std::nullopt), all_scaled_, fmt::format("[{}]", fmt::join(results_, ","))};
  to_do_.clear();
}

std::size_t ScaleDesk::place_of(const ProcessPlan& process) const {
  const auto found = std::find_if(plan_.processes.begin(), plan_.processes.end(), [&](const ProcessPlan& known) {
    return known.node == process.node && known.replica == process.replica;
  });
  return static_cast<std::size_t>(found - plan_.processes.begin());
}

Plan ScaleDesk::present_plan() const {
  Plan present = plan_;
  present.processes.clear();
  for (const std::size_t i : fleet_.everything()) {
    const ProcessPlan& process = plan_.processes[i];
    // Replicas stand together, also those that came late.
    const auto last = std::find_if(present.processes.rbegin(), present.processes.rend(),
                                   [&](const ProcessPlan& other) { return other.node == process.node; });
    present.processes.insert(last == present.processes.rend() ? present.processes.end() : last.base(), process);
  }
  return present;
}

bool ScaleDesk::is_scaling(std::size_t process) const {
  return command_ && std::any_of(command_->nodes.begin(), command_->nodes.end(),
                                 [&](const auto& one) { return one.first == plan_.processes[process].node; });
}

std::optional<ScaleDesk::Done> ScaleDesk::take_done() {
  return std::exchange(done_, std::nullopt);
}

// ---- what happened

void ScaleDesk::started(std::size_t process) {
  known_[process] = plan_.processes[process];
}

void ScaleDesk::greeted(std::size_t process, Instant now) {
  tell_ports(process);  // they changed while it was being born
  course_.greeted(process, now);
}

void ScaleDesk::said(std::size_t process, const ControlMessage& message, Instant now) {
  const auto* const rewired = std::get_if<ControlRewired>(&message);
  if (rewired == nullptr) return course_.said(process, message, now);
  if (join_ && rewired->number == number_) carry_out(join_->rewired(process, now), now);
}

void ScaleDesk::ready(std::size_t process, Instant now) {
  if (join_) carry_out(join_->ready(process, now), now);
}

void ScaleDesk::ended(std::size_t process, bool well, const std::string& how, Instant now) {
  course_.ended(process, well, how, now);
  if (join_) carry_out(join_->ended(process, how, now), now);
}

void ScaleDesk::tick(Instant now) {
  course_.tick(now);
  if (join_) carry_out(join_->tick(now), now);
}

void ScaleDesk::abandon(Instant now) {
  abandoned_ = true;
  to_do_.resize(std::min<std::size_t>(to_do_.size(), 1));
  course_.abandon(now);
  if (join_) carry_out(join_->abandon(now), now);
}

std::optional<Instant> ScaleDesk::next_deadline() const {
  return join_ ? join_->next_deadline() : course_.next_deadline();
}

}  // namespace remuda::supervisor
