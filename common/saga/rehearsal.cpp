#include "common/saga/rehearsal.hpp"

#include <algorithm>

#include "common/saga/execution.hpp"

namespace remuda::saga {

namespace {

/// A machine that polls for ever ends here.
constexpr std::size_t invocations_max = 100'000;
constexpr const char* default_start = "2026-01-01T00:00:00Z";

struct Outcome {
  std::optional<Json> output;
  StateError error;
  Milliseconds delay{0};
};

/// What the participants answer, and how often each was asked.
class Script {
 public:
  explicit Script(Json tasks) : tasks_(std::move(tasks)) {}  // in braces it would become an array of one

  Outcome next(const std::string& name, const std::string& resource, const Json& input) {
    const auto found = tasks_.find(tasks_.contains(name) ? name : resource);
    if (found == tasks_.end()) return missing("nothing is scripted for task '" + name + "'");
    return choose(*found, name, input);
  }

 private:
  static Outcome missing(std::string cause) { return {.output = {}, .error = {errors::runtime, std::move(cause)}}; }

  Outcome choose(const Json& script, const std::string& place, const Json& input) {
    if (script.is_array()) {
      std::size_t& used = used_[place];
      const std::size_t at = script.size() == 1 ? 0 : used;
      ++used;
      if (at >= script.size()) return missing("invocation " + std::to_string(at + 1) + " of task '" + place + "' is not scripted");
      return choose(script[at], place + "/" + std::to_string(at), input);
    }
    if (!script.is_object()) return missing("the script of task '" + place + "' is no list of outcomes");
    if (script.contains("by")) return choose_case(script, place, input);
    Outcome outcome;
    if (const auto delay = script.find("delay_seconds"); delay != script.end() && delay->is_number()) {
      outcome.delay = Milliseconds{static_cast<std::int64_t>(std::clamp(delay->get<double>(), 0.0, 1e9) * 1000)};
    }
    if (script.contains("error")) {
      outcome.error = {text_of(script["error"]), script.contains("cause") ? text_of(script["cause"]) : ""};
    } else if (script.contains("echo")) {
      outcome.output = input;
    } else {
      outcome.output = script.value("return", Json::object());
    }
    return outcome;
  }

  Outcome choose_case(const Json& script, const std::string& place, const Json& input) {
    std::string field = text_of(script["by"]);
    if (!field.starts_with('$')) field = "$['" + field + "']";
    const auto path = Path::parse(field);
    const auto value = path ? path->select(input) : std::nullopt;
    const std::string chosen = value ? text_of(*value) : "";
    const auto cases = script.find("cases");
    if (cases == script.end() || !cases->is_object() || !cases->contains(chosen)) {
      return missing("task '" + place + "' has no case '" + chosen + "'");
    }
    return choose(cases->at(chosen), place + "/" + chosen, input);
  }

  static std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : to_text(value); }

  Json tasks_;
  std::map<std::string, std::size_t> used_;
};

class Rehearsal {
 public:
  Rehearsal(const Definition& definition, Script script, Time start)
      : execution_{definition, {"rehearsal", "rehearsal"}}, script_{std::move(script)}, now_{start} {}

  Json run(Json input) {
    carry_out(execution_.apply(Start{std::move(input)}, now_));
    while (!execution_.has_ended()) {
      const auto deadline = execution_.next_deadline();
      const auto answer = std::min_element(answers_.begin(), answers_.end(), [](const Answer& left, const Answer& right) {
        return left.at < right.at;  // of equal ones the first
      });
      if (answer != answers_.end() && (!deadline || answer->at <= *deadline)) {
        now_ = std::max(now_, answer->at);
        const Event event = answer->event;
        answers_.erase(answer);
        carry_out(execution_.apply(event, now_));
      } else if (deadline && invocations_.size() < invocations_max && ++steps_ < invocations_max) {
        now_ = std::max(now_, *deadline);
        carry_out(execution_.apply(TimePassed{}, now_));
      } else {
        carry_out(execution_.apply(Stop{errors::runtime, "the rehearsal does not come to an end"}, now_));
      }
    }
    report_["invocations"] = std::move(invocations_);
    report_["retry_delays_seconds"] = std::move(retry_delays_);
    report_["waits_seconds"] = std::move(waits_);
    return std::move(report_);
  }

 private:
  struct Answer {
    Time at;
    std::string key;
    Event event;
  };

  void carry_out(Effects effects) {
    for (Effect& effect : effects) {
      std::visit([this](auto& concrete) { carry_out(concrete); }, effect);
    }
  }

  void carry_out(RequestTask& request) {
    std::string name = request.resource;
    if (name.starts_with("task:")) name.erase(0, 5);
    Outcome outcome = script_.next(name, request.resource, request.input);
    invocations_.push_back({{"task", name}, {"input", std::move(request.input)}});
    if (invocations_.size() > invocations_max) outcome = {{}, {errors::runtime, "the rehearsal does not come to an end"}};
    Answer answer{now_ + outcome.delay, request.key, TimePassed{}};
    if (outcome.output) {
      answer.event = TaskSucceeded{request.key, std::move(*outcome.output)};
    } else {
      answer.event = TaskFailed{request.key, request.attempt, std::move(outcome.error.error), std::move(outcome.error.cause)};
    }
    answers_.push_back(std::move(answer));
  }

  void carry_out(const CancelTask& cancelled) {
    std::erase_if(answers_, [&](const Answer& answer) { return answer.key == cancelled.key; });
  }
  void carry_out(const RetryScheduled& retry) { retry_delays_.push_back(seconds(retry.delay)); }
  void carry_out(const WaitStarted& wait) { waits_.push_back(seconds(wait.duration)); }
  void carry_out(const StateEntered& /*entered*/) {}
  void carry_out(const StateLeft& /*left*/) {}
  void carry_out(const Parked& /*parked*/) {}

  void carry_out(Ended& ended) {
    report_["status"] = ended.succeeded ? "SUCCEEDED" : "FAILED";
    if (ended.succeeded) {
      report_["output"] = std::move(ended.output);
      return;
    }
    if (!ended.error.error.empty()) report_["error"] = ended.error.error;
    if (!ended.error.cause.empty()) report_["cause"] = ended.error.cause;
  }

  Execution execution_;
  Script script_;
  Time now_;
  std::size_t steps_ = 0;
  std::vector<Answer> answers_;
  Json report_ = Json::object();
  Json invocations_ = Json::array();
  Json retry_delays_ = Json::array();
  Json waits_ = Json::array();
};

Json rejected(Json problems) {
  return {{"status", "REJECTED"},
          {"invocations", Json::array()},
          {"retry_delays_seconds", Json::array()},
          {"waits_seconds", Json::array()},
          {"problems", std::move(problems)}};
}

Json rejected_line(const std::string& text) {
  return rejected(
      Json::array({{{"code", "S000"}, {"at", ""}, {"line", 1}, {"column", 1}, {"severity", "error"}, {"message", text}}}));
}

Json rehearse(std::string_view line) {
  const auto document = filter::parse_json(line);
  if (!document)
    return rejected_line("no valid JSON at byte " + std::to_string(document.error().offset) + ": " + document.error().what);
  const filter::JsonValue* definition = document->find("definition");
  if (definition == nullptr) return rejected_line("a line must be a JSON object with 'definition'");
  const bool is_text = definition->is(filter::JsonValue::Kind::text);
  const std::string text =
      is_text ? definition->text : std::string{line.substr(definition->begin, definition->end - definition->begin)};
  const Reading reading = read_definition(text);
  Json problems = describe_problems(reading.problems, text);
  if (!reading.definition) return rejected(std::move(problems));

  const filter::JsonValue* tasks = document->find("tasks");
  const filter::JsonValue* input = document->find("input");
  const filter::JsonValue* start_time = document->find("start_time");
  const auto start = read_timestamp(start_time != nullptr ? std::string_view{start_time->text} : default_start);
  if (!start) return rejected_line("'start_time' must be a time such as 2026-01-31T12:00:00Z");
  Json script = tasks != nullptr ? to_json(*tasks) : Json::object();
  if (!script.is_object()) return rejected_line("'tasks' must be an object");
  Rehearsal rehearsal{*reading.definition, Script{std::move(script)}, *start};
  Json report = rehearsal.run(input != nullptr ? to_json(*input) : Json::object());
  report["problems"] = std::move(problems);
  return report;
}

}  // namespace

Json describe_problems(const std::vector<Problem>& problems, std::string_view text) {
  Json described = Json::array();
  for (const Problem& problem : problems) {
    const std::string_view before = text.substr(0, problem.offset);
    const std::size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    described.push_back({{"code", problem.code},
                         {"at", problem.pointer},
                         {"line", 1 + std::count(before.begin(), before.end(), '\n')},
                         {"column", 1 + before.size() - line_start},
                         {"severity", problem.is_error ? "error" : "warning"},
                         {"message", problem.text}});
  }
  return described;
}

std::string rehearse_line(std::string_view json_line) {
  return to_text(rehearse(json_line));
}

}  // namespace remuda::saga
