#include "cli/supervisor/swap.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace remuda::supervisor {

namespace {

double seconds(std::chrono::milliseconds time) {
  return std::chrono::duration<double>(time).count();
}

void append(SwapActions& actions, const SwapActions& more) {
  actions.insert(actions.end(), more.begin(), more.end());
}

}  // namespace

std::ostream& operator<<(std::ostream& out, SwapAction::Kind kind) {
  static constexpr std::array names{"hold", "await", "finish", "deliver", "run_new", "leave", "run_old", "kill", "resume"};
  return out << names.at(static_cast<std::size_t>(kind));
}

std::ostream& operator<<(std::ostream& out, const SwapAction& action) {
  return out << action.kind << ' ' << action.process;
}

std::ostream& operator<<(std::ostream& out, Swap::Phase phase) {
  static constexpr std::array names{"holding",  "awaiting",    "finishing", "delivering", "ending",
                                    "starting", "withdrawing", "returning", "over"};
  return out << names.at(static_cast<std::size_t>(phase));
}

std::string_view name_of(Swap::Outcome outcome) {
  static constexpr std::array<std::string_view, 5> names{"swapped", "left", "unchanged", "rolled_back", "failed"};
  return names.at(static_cast<std::size_t>(outcome));
}

std::ostream& operator<<(std::ostream& out, Swap::Outcome outcome) {
  return out << name_of(outcome);
}

SwapActions Swap::begin(Instant now) {
  began_ = now;
  phase_ = Phase::holding;
  deadline_ = now + options_.barrier_time;
  holding_ = options_.running;
  SwapActions actions;
  for (const std::size_t sender : options_.running) actions.push_back({SwapAction::Kind::hold, sender});
  if (!options_.old_works) {
    // What came to it so far was lost or waits in a queue; there is nothing to wait for.
    append(actions, options_.old_runs ? run_new(now) : run_new_at_once(now));
    return actions;
  }
  missing_ = options_.running;
  if (!missing_.empty()) return actions;
  // Nobody owes it anything, and a topic's messages that it has not read yet are read by those who stay.
  return options_.leaves ? finish_old(now) : await_old(now);
}

SwapActions Swap::held(std::size_t process, const std::vector<SentUpTo>& sent, Instant now) {
  if (phase_ == Phase::finishing && process == options_.process) return deliver(sent, now);
  if (phase_ != Phase::holding || missing_.erase(process) == 0) return {};
  sent_.insert(sent_.end(), sent.begin(), sent.end());
  return missing_.empty() ? await_old(now) : SwapActions{};
}

SwapActions Swap::await_old(Instant /*now*/) {
  phase_ = Phase::awaiting;
  return {{SwapAction::Kind::await, options_.process}};
}

SwapActions Swap::finish_old(Instant now) {
  phase_ = Phase::finishing;
  deadline_ = now + options_.barrier_time;
  return {{SwapAction::Kind::finish, options_.process}};
}

SwapActions Swap::arrived(std::size_t process, std::uint64_t missing, Instant now) {
  if (phase_ == Phase::awaiting && process == options_.process) {
    if (missing > 0) note(fmt::format("{} messages that were sent to it had not arrived", missing));
    return finish_old(now);
  }
  if (phase_ != Phase::delivering || missing_.erase(process) == 0) return {};
  if (missing > 0) note(fmt::format("{} messages that the old one had sent did not arrive", missing));
  return missing_.empty() ? run_new(now) : SwapActions{};
}

SwapActions Swap::deliver(std::vector<SentUpTo> sent, Instant now) {
  sent_ = std::move(sent);
  if (sent_.empty() || options_.receivers.empty()) return run_new(now);
  phase_ = Phase::delivering;
  deadline_ = now + options_.deliver_time;
  missing_ = options_.receivers;
  SwapActions actions;
  for (const std::size_t receiver : missing_) actions.push_back({SwapAction::Kind::deliver, receiver});
  return actions;
}

/// How long the old one may take to end is the business of Process, which kills it then.
SwapActions Swap::run_new(Instant /*now*/) {
  phase_ = Phase::ending;
  deadline_.reset();
  return {{options_.leaves ? SwapAction::Kind::leave : SwapAction::Kind::run_new, options_.process}};
}

/// Nothing runs that would have to end first.
SwapActions Swap::run_new_at_once(Instant now) {
  SwapActions actions = run_new(now);
  append(actions, old_is_gone(now));
  return actions;
}

SwapActions Swap::run_old(Instant now, const std::string& why) {
  note(why);
  const bool runs = phase_ == Phase::starting && deadline_ && now >= *deadline_;
  phase_ = runs ? Phase::withdrawing : Phase::returning;
  deadline_ = now + (runs ? options_.withdraw_time : options_.ready_time);
  return {{SwapAction::Kind::run_old, options_.process}};
}

SwapActions Swap::ready(std::size_t process, Instant now) {
  if (process != options_.process) return {};
  if (phase_ == Phase::starting) return end(Outcome::swapped, now);
  if (phase_ == Phase::returning) return end(Outcome::rolled_back, now);
  return {};
}

SwapActions Swap::old_is_gone(Instant now) {
  if (options_.leaves) return end(Outcome::left, now);
  replaced_ = true;
  phase_ = Phase::starting;
  deadline_ = now + options_.ready_time;
  return {};
}

SwapActions Swap::ended(std::size_t process, bool well, const std::string& how, Instant now) {
  if (process != options_.process) {
    // Who sent has lost what it had not handed over; who received has lost what it had. Neither is waited for.
    if (missing_.erase(process) == 0 || !missing_.empty()) return {};
    if (phase_ == Phase::holding) return await_old(now);
    return phase_ == Phase::delivering ? run_new(now) : SwapActions{};
  }
  switch (phase_) {
    case Phase::holding:
    case Phase::awaiting:
      note(fmt::format("it ended by itself meanwhile ({})", how));
      if (options_.leaves) return run_new_at_once(now);
      replaced_ = true;
      return end(Outcome::unchanged, now);
    case Phase::finishing:
    case Phase::delivering:
      note(fmt::format("the old one ended before it had finished ({})", how));
      return run_new_at_once(now);
    case Phase::ending:
      if (!well && options_.old_works)
        note(fmt::format("the old one ended with {}; what it had taken from queues comes again", how));
      return old_is_gone(now);
    case Phase::starting:
      deadline_.reset();
      return run_old(now, fmt::format("the new one ended before it was ready ({})", how));
    case Phase::withdrawing:
      phase_ = Phase::returning;
      deadline_ = now + options_.ready_time;
      return {};
    case Phase::returning:
      note(fmt::format("the old one did not get ready again either ({})", how));
      return end(Outcome::failed, now);
    case Phase::over:
      break;
  }
  return {};
}

SwapActions Swap::greeted(std::size_t process, Instant now) {
  static_cast<void>(now);
  if (is_over() || !options_.senders.contains(process)) return {};
  // What it sends before it reads this waits in its transport until somebody listens.
  holding_.insert(process);
  return {{SwapAction::Kind::hold, process}};
}

SwapActions Swap::tick(Instant now) {
  if (!deadline_ || now < *deadline_) return {};
  switch (phase_) {
    case Phase::holding:
      waited_for_ = missing_;
      note(fmt::format("those who send to it did not hold within {:g} s", seconds(options_.barrier_time)));
      return end(Outcome::unchanged, now);
    case Phase::awaiting:
      note(fmt::format("what was sent to it was not worked off within {:g} s", seconds(options_.barrier_time)));
      return end(Outcome::unchanged, now);
    case Phase::finishing:
      note(fmt::format("the old one did not finish within {:g} s; what it took from queues comes again",
                       seconds(options_.barrier_time)));
      return run_new(now);
    case Phase::delivering:
      note(fmt::format("not everything that the old one had sent was taken within {:g} s", seconds(options_.deliver_time)));
      return run_new(now);
    case Phase::starting:
      return run_old(now, fmt::format("the new one was not ready within {:g} s", seconds(options_.ready_time)));
    case Phase::withdrawing:
      deadline_.reset();
      return {{SwapAction::Kind::kill, options_.process}};
    case Phase::returning:
      note(fmt::format("the old one was not ready again within {:g} s", seconds(options_.ready_time)));
      return end(Outcome::failed, now);
    case Phase::ending:
    case Phase::over:
      break;
  }
  return {};
}

SwapActions Swap::abandon(Instant now) {
  if (is_over()) return {};
  note("everything is being stopped");
  return end(replaced_ ? Outcome::failed : Outcome::unchanged, now);
}

SwapActions Swap::end(Outcome outcome, Instant now) {
  phase_ = Phase::over;
  outcome_ = outcome;
  deadline_.reset();
  resumed_at_ = now;
  SwapActions actions;
  for (const std::size_t sender : holding_) actions.push_back({SwapAction::Kind::resume, sender});
  holding_.clear();
  return actions;
}

void Swap::note(const std::string& text) {
  why_ += (why_.empty() ? "" : "; ") + text;
}

}  // namespace remuda::supervisor
