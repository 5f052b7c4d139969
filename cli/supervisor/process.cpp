#include "cli/supervisor/process.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <utility>

namespace remuda::supervisor {

using std::chrono::milliseconds;

std::string_view name_of(ProcessState state) {
  switch (state) {
    case ProcessState::starting:
      return "starting";
    case ProcessState::ready:
      return "ready";
    case ProcessState::draining:
      return "draining";
    case ProcessState::stopped:
      return "stopped";
    case ProcessState::backoff:
      return "backoff";
    case ProcessState::failed:
      return "failed";
  }
  return "unknown";
}

std::ostream& operator<<(std::ostream& out, ProcessState state) {
  return out << name_of(state);
}

std::ostream& operator<<(std::ostream& out, Effect effect) {
  switch (effect) {
    case Effect::spawn:
      return out << "spawn";
    case Effect::drain:
      return out << "drain";
    case Effect::kill:
      return out << "kill";
  }
  return out;
}

std::string Ending::text() const {
  if (signal == 0) return fmt::format("exit {}", exit_code);
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", signal);
}

Ending Ending::from_wait_status(int status) {
  if (WIFSIGNALED(status)) return Ending{.exit_code = 0, .signal = WTERMSIG(status)};
  return Ending{.exit_code = WEXITSTATUS(status), .signal = 0};
}

std::vector<Effect> Process::spawn(Instant now) {
  state_ = ProcessState::starting;
  spawning_ = true;
  stop_when_spawned_ = false;
  started_at_ = now;
  deadline_.reset();
  ready_at_.reset();
  last_heartbeat_.reset();
  return {Effect::spawn};
}

std::vector<Effect> Process::start(Instant now) {
  switch (state_) {
    case ProcessState::starting:
    case ProcessState::ready:
      return {};
    case ProcessState::draining:
      start_when_stopped_ = true;
      return {};
    case ProcessState::stopped:
    case ProcessState::backoff:
    case ProcessState::failed:
      break;
  }
  backoff_.reset();
  poisoned_before_ = false;
  was_ready_ = false;
  trouble_.clear();
  return spawn(now);
}

std::vector<Effect> Process::stop(Instant now) {
  start_when_stopped_ = false;
  if (spawning_) {
    stop_when_spawned_ = true;
    state_ = ProcessState::draining;
    deadline_ = now + plan_->stop_grace;
    return {};
  }
  if (!is_running()) {
    state_ = ProcessState::stopped;
    deadline_.reset();
    trouble_.clear();
    return {};
  }
  if (state_ == ProcessState::draining) return {};
  state_ = ProcessState::draining;
  deadline_ = now + plan_->stop_grace;
  return {Effect::drain};
}

std::vector<Effect> Process::restart(Instant now) {
  std::vector<Effect> effects = stop(now);
  if (state_ == ProcessState::stopped) return start(now);
  start_when_stopped_ = true;
  return effects;
}

std::vector<Effect> Process::kill() {
  start_when_stopped_ = false;
  if (spawning_) stop_when_spawned_ = true;
  if (!is_running()) {
    if (!spawning_) state_ = ProcessState::stopped;
    deadline_.reset();
    return {};
  }
  state_ = ProcessState::draining;
  deadline_.reset();
  return {Effect::kill};
}

void Process::spawned(int pid, Instant now) {
  spawning_ = false;
  pid_ = pid;
  last_heartbeat_ = now;
  // A stop that came while the process was being born takes effect at the next tick: there is a pid to signal now.
  if (stop_when_spawned_) deadline_ = now;
}

std::vector<Effect> Process::spawn_failed(const std::string& why, Instant now) {
  spawning_ = false;
  if (stop_when_spawned_) {
    state_ = ProcessState::stopped;
    deadline_.reset();
    return {};
  }
  return after_own_ending(why, now, Duration::zero());
}

void Process::said_ready(Instant now) {
  last_heartbeat_ = now;
  if (state_ != ProcessState::starting) return;
  state_ = ProcessState::ready;
  ready_at_ = now;
  was_ready_ = true;
  trouble_.clear();
}

std::vector<Effect> Process::exited(const Ending& ending, Instant now) {
  const Duration healthy_for = ready_at_ ? Duration{now - *ready_at_} : Duration::zero();
  const bool asked_to = state_ == ProcessState::draining;
  pid_ = 0;
  stop_when_spawned_ = false;
  ready_at_.reset();
  last_ending_ = ending;
  if (asked_to) {
    state_ = ProcessState::stopped;
    deadline_.reset();
    trouble_.clear();
    return std::exchange(start_when_stopped_, false) ? start(now) : std::vector<Effect>{};
  }
  if (ending.success()) was_ready_ = true;
  const auto when = plan_->restart.when;
  if (when == topology::RestartPolicy::When::never || (when == topology::RestartPolicy::When::on_failure && ending.success())) {
    if (ending.success()) {
      state_ = ProcessState::stopped;
      deadline_.reset();
    } else {
      hold(fmt::format("ended with {}; its restart policy is never", ending.text()));
    }
    return {};
  }
  if (plan_->kind == topology::ProcessPlan::Kind::broker && ending.exit_code == poisoned_exit_code &&
      std::exchange(poisoned_before_, true)) {
    hold("its storage failed again after a restart; look at the disk, then start it");
    return {};
  }
  return after_own_ending("ended with " + ending.text(), now, healthy_for);
}

std::vector<Effect> Process::after_own_ending(const std::string& what, Instant now, Duration healthy_for) {
  const auto delay = backoff_.after_failure(now, healthy_for);
  if (!delay) {
    hold(fmt::format("{}; held after {} failures", what, backoff_.recent_failures()));
    return {};
  }
  state_ = ProcessState::backoff;
  deadline_ = now + *delay;
  trouble_ = what;
  return {};
}

void Process::hold(std::string why) {
  state_ = ProcessState::failed;
  deadline_.reset();
  trouble_ = std::move(why);
}

std::vector<Effect> Process::tick(Instant now) {
  if (!deadline_ || now < *deadline_) return {};
  deadline_.reset();
  if (state_ == ProcessState::backoff) {
    ++restarts_;
    return spawn(now);
  }
  if (state_ == ProcessState::draining && is_running()) {
    if (std::exchange(stop_when_spawned_, false)) {
      deadline_ = now + plan_->stop_grace;
      return {Effect::drain};
    }
    return {Effect::kill};
  }
  return {};
}

bool Process::is_unresponsive(Instant now) const {
  return is_running() && last_heartbeat_ && now - *last_heartbeat_ > unresponsive_after;
}

}  // namespace remuda::supervisor
