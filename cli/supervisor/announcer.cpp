#include "cli/supervisor/announcer.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace remuda::supervisor {

namespace {

std::int64_t milliseconds_between(Instant from, Instant to) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count();
}

}  // namespace

Announcer::Announcer(const topology::Plan& plan, std::vector<ProcessFacts>& facts, Audience& audience, const Clock& clock,
                     const std::string& logs_folder)
    : plan_{plan}, facts_{facts}, audience_{audience}, clock_{clock}, logs_{logs_folder}, started_{clock.now()} {}

std::string Announcer::name_of(std::size_t process) const {
  const topology::ProcessPlan& plan = plan_.processes[process];
  const auto replicas = std::count_if(plan_.processes.begin(), plan_.processes.end(),
                                      [&](const topology::ProcessPlan& other) { return other.node == plan.node; });
  return process_name(plan.node, plan.replica, static_cast<int>(replicas));
}

void Announcer::lines(const std::vector<OutputCollector::Line>& lines) {
  for (const OutputCollector::Line& line : lines) {
    if (line.text.empty()) continue;
    const topology::ProcessPlan& plan = plan_.processes[line.process];
    publish(line.process, interpret_line(line.text, line.from_stderr, plan.node, plan.replica, clock_.wall_now()));
  }
}

void Announcer::publish(std::size_t process, const LogRecord& record) {
  facts_[process].remember(record);
  logs_.write(record);
  audience_.on_line(record);
}

void Announcer::note(std::size_t process, LogLevel level, const std::string& text) {
  const topology::ProcessPlan& plan = plan_.processes[process];
  publish(process, LogRecord{clock_.wall_now(), plan.node, plan.replica, level, text, {}});
}

void Announcer::say(LogLevel level, const std::string& text) {
  const LogRecord record{clock_.wall_now(), "remuda", 0, level, text, {}};
  logs_.write(record);
  audience_.on_line(record);
}

void Announcer::tell(Progress::Kind kind, const std::string& text) {
  Progress progress;
  progress.kind = kind;
  progress.milliseconds = milliseconds_between(started_, clock_.now());
  progress.count = plan_.processes.size();
  progress.text = text;
  audience_.on_progress(progress);
}

void Announcer::changes(const Fleet& fleet) {
  const Instant now = clock_.now();
  told_.resize(fleet.processes().size(), ProcessState::stopped);
  for (std::size_t i = 0; i < told_.size(); ++i) {
    const Process& process = fleet.processes()[i];
    if (process.state() == told_[i]) continue;
    told_[i] = process.state();
    change(i, process, now);
  }
  if (!all_ready_told_ && fleet.all_ready(fleet.everything())) {
    all_ready_told_ = true;
    tell(Progress::Kind::all_ready);
  }
}

void Announcer::change(std::size_t i, const Process& process, Instant now) {
  const std::string kind = process.plan().kind == topology::ProcessPlan::Kind::broker ? "broker" : "node";
  Progress progress;
  progress.process = name_of(i);
  progress.node_kind = kind;
  progress.text = process.trouble();
  switch (process.state()) {
    case ProcessState::ready:
      progress.milliseconds = process.started_at() ? milliseconds_between(*process.started_at(), now) : 0;
      break;
    case ProcessState::backoff:
      progress.kind = Progress::Kind::restarting;
      progress.milliseconds = process.next_deadline() ? milliseconds_between(now, *process.next_deadline()) : 0;
      say(LogLevel::warning, fmt::format("{} {}; started again in {} ms", progress.process, progress.text, progress.milliseconds));
      break;
    case ProcessState::failed:
      progress.kind = Progress::Kind::failed;
      progress.last_lines.assign(facts_[i].last_lines.begin(), facts_[i].last_lines.end());
      say(LogLevel::error, fmt::format("{} is held: {}", progress.process, progress.text));
      break;
    case ProcessState::stopped:
      progress.kind = Progress::Kind::stopped;
      break;
    case ProcessState::starting:
    case ProcessState::draining:
      return;
  }
  audience_.on_progress(progress);
}

}  // namespace remuda::supervisor
