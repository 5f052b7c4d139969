#include "cli/supervisor/join.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <utility>

namespace remuda::supervisor {

namespace {

double seconds(std::chrono::milliseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

std::ostream& operator<<(std::ostream& out, JoinAction::Kind kind) {
  static constexpr std::array names{"start", "rewire", "stop", "kill"};
  return out << names.at(static_cast<std::size_t>(kind));
}

std::ostream& operator<<(std::ostream& out, const JoinAction& action) {
  return out << action.kind << ' ' << fmt::format("{}", fmt::join(action.processes, " "));
}

std::ostream& operator<<(std::ostream& out, Join::Outcome outcome) {
  return out << (outcome == Join::Outcome::joined ? "joined" : "undone");
}

JoinActions Join::begin(Instant now) {
  phase_ = Phase::starting;
  deadline_ = now + options_.ready_time;
  missing_ = running_ = options_.processes;
  return {{JoinAction::Kind::start, options_.processes}};
}

JoinActions Join::ready(std::size_t process, Instant /*now*/) {
  if (phase_ != Phase::starting || missing_.erase(process) == 0 || !missing_.empty()) return {};
  phase_ = Phase::rewiring;
  deadline_.reset();
  return {{JoinAction::Kind::rewire, options_.processes}};
}

JoinActions Join::told(std::set<std::size_t> neighbours, Instant now) {
  missing_ = std::move(neighbours);
  deadline_ = now + options_.rewire_time;
  return missing_.empty() ? end(Outcome::joined) : JoinActions{};
}

JoinActions Join::rewired(std::size_t process, Instant /*now*/) {
  if (phase_ != Phase::rewiring || missing_.erase(process) == 0 || !missing_.empty()) return {};
  return end(Outcome::joined);
}

JoinActions Join::ended(std::size_t process, const std::string& how, Instant now) {
  if (phase_ == Phase::rewiring) return rewired(process, now);  // it will begin with it
  if (running_.erase(process) == 0) return {};
  if (phase_ == Phase::withdrawing) return running_.empty() ? end(Outcome::undone) : JoinActions{};
  if (phase_ != Phase::starting) return {};
  waited_for_ = {process};
  return withdraw(fmt::format("it ended before it was ready ({})", how), now);
}

JoinActions Join::tick(Instant now) {
  if (!deadline_ || now < *deadline_) return {};
  deadline_.reset();
  switch (phase_) {
    case Phase::starting:
      waited_for_ = missing_;
      return withdraw(fmt::format("not ready within {:g} s", seconds(options_.ready_time)), now);
    case Phase::rewiring:
      waited_for_ = missing_;
      why_ = fmt::format("not heard within {:g} s that it sends to the new ones; a restart makes it so",
                         seconds(options_.rewire_time));
      return end(Outcome::joined);
    case Phase::withdrawing:
      return {{JoinAction::Kind::kill, running_}};
    case Phase::over:
      break;
  }
  return {};
}

JoinActions Join::abandon(Instant /*now*/) {
  if (is_over()) return {};
  why_ = "everything is being stopped";
  return end(Outcome::undone);
}

JoinActions Join::withdraw(std::string why, Instant now) {
  why_ = std::move(why);
  phase_ = Phase::withdrawing;
  deadline_ = now + options_.withdraw_time;
  JoinActions actions{{JoinAction::Kind::stop, options_.processes}};
  if (running_.empty()) end(Outcome::undone);
  return actions;
}

JoinActions Join::end(Outcome outcome) {
  phase_ = Phase::over;
  outcome_ = outcome;
  deadline_.reset();
  return {};
}

}  // namespace remuda::supervisor
