#include "cli/supervisor/process_report.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace remuda::supervisor {

void ProcessFacts::remember(const LogRecord& record) {
  last_lines.push_back(record);
  if (last_lines.size() > last_lines_max) last_lines.pop_front();
  const bool is_error = record.level == LogLevel::error;
  if (is_error || (record.level == LogLevel::warning && !last_error_is_error)) {
    last_error = record.text;
    last_error_is_error = is_error;
  }
}

void ProcessFacts::begin() {
  routing_id.clear();
  report = {};
  last_lines.clear();
  last_error_is_error = false;
}

std::string why_not_ready(const Process& process, const ProcessFacts& facts, bool waits_to_start, Instant now) {
  const auto seconds_since = [&](Instant then) { return std::chrono::duration<double>(now - then).count(); };
  if (waits_to_start) return "waits for what it depends on";
  if (process.is_unresponsive(now)) return "no heartbeat for more than 5 s";
  switch (process.state()) {
    case ProcessState::backoff:
    case ProcessState::failed: {
      std::string why = process.trouble();
      if (!facts.last_error.empty()) why += ": " + facts.last_error;
      return why;
    }
    case ProcessState::starting:
      if (process.started_at() && seconds_since(*process.started_at()) > 5) {
        return fmt::format("not ready for {:.0f} s{}", seconds_since(*process.started_at()),
                           facts.last_error.empty() ? "" : ": " + facts.last_error);
      }
      return {};
    case ProcessState::draining:
      return fmt::format("{} in flight", facts.report.in_flight);
    case ProcessState::ready:
      return facts.report.held_back.empty() ? std::string{} : "held back: " + facts.report.held_back;
    case ProcessState::stopped:
      return {};
  }
  return {};
}

std::string process_as_json(const std::string& topology, const Process& process, const ProcessFacts& facts, bool waits_to_start,
                            Instant now) {
  const topology::ProcessPlan& plan = process.plan();
  nlohmann::ordered_json json;
  json["topology"] = topology;
  json["node"] = plan.node;
  json["replica"] = plan.replica;
  json["host"] = plan.host;
  json["kind"] = plan.kind == topology::ProcessPlan::Kind::broker ? "broker" : "node";
  // A process that waits for its turn has not been started; for people and scripts it is on its way all the same.
  json["state"] = waits_to_start ? name_of(ProcessState::starting) : name_of(process.state());
  json["pid"] = process.is_running() ? nlohmann::ordered_json(process.pid()) : nlohmann::ordered_json(nullptr);
  json["restarts"] = process.restarts();
  const bool up = process.is_running() && process.started_at();
  json["uptime_s"] = up ? std::round(std::chrono::duration<double, std::milli>(now - *process.started_at()).count()) / 1000.0 : 0.0;
  // After a swap the launch file's word is not what runs.
  const bool swapped = facts.program != facts.launched_program;
  json["exec"] = swapped ? facts.program : plan.exec;
  json["swapped"] = swapped;
  json["program"] = facts.program;
  json["wanted_program"] = facts.wanted_program;
  json["last_exit"] =
      process.last_ending() ? nlohmann::ordered_json(process.last_ending()->text()) : nlohmann::ordered_json(nullptr);
  json["why"] = why_not_ready(process, facts, waits_to_start, now);
  json["last_error"] = facts.last_error;
  json["unresponsive"] = process.is_unresponsive(now);
  json["version"] = facts.version;
  json["held_back"] = facts.report.held_back;
  json["in_flight"] = facts.report.in_flight;
  json["processed"] = facts.report.processed;
  json["failed"] = facts.report.failed;
  json["redelivered"] = facts.report.redelivered;
  json["counts"] = facts.report.counts;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace remuda::supervisor
