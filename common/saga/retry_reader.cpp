#include "common/saga/retry_reader.hpp"

#include <algorithm>
#include <array>

namespace remuda::saga {

namespace {

using filter::JsonValue;
using Kind = JsonValue::Kind;
using Problems = std::vector<Problem>;

constexpr int delay_seconds_limit = 31'622'400;  // excluded

std::vector<std::string> read_error_names(Fields& fields, bool is_last) {
  const JsonValue* value = fields.take("ErrorEquals");
  std::vector<std::string> names;
  if (value == nullptr || !value->is(Kind::array) || value->elements.empty()) {
    fields.problem("S401", "ErrorEquals", "'ErrorEquals' must be an array of error names and not empty");
    return names;
  }
  for (const JsonValue& element : value->elements) {
    if (!element.is(Kind::text)) {
      fields.problem("S401", "ErrorEquals", "an error name must be text");
      continue;
    }
    if (element.text.starts_with("States.") && !is_reserved_error(element.text)) {
      fields.problem("S402", "ErrorEquals", "'" + element.text + "' is unknown: names that begin with 'States.' are reserved");
    }
    names.push_back(element.text);
  }
  if (std::find(names.begin(), names.end(), errors::all) == names.end()) return names;
  if (names.size() > 1) fields.problem("S403", "ErrorEquals", "'States.ALL' must stand alone");
  if (!is_last)
    fields.problem("S403", "ErrorEquals", "'States.ALL' must stand in the last of the list: nothing after it is ever reached");
  return names;
}

Retrier read_retrier(Fields& fields, bool is_last) {
  Retrier retrier;
  fields.take("Comment");
  retrier.errors = read_error_names(fields, is_last);
  retrier.interval_seconds = fields.whole_number("IntervalSeconds", 1).value_or(1);
  retrier.attempts_max = fields.whole_number("MaxAttempts", 0).value_or(3);
  retrier.delay_seconds_max = fields.whole_number("MaxDelaySeconds", 1, delay_seconds_limit - 1);
  if (retrier.delay_seconds_max && *retrier.delay_seconds_max <= retrier.interval_seconds) {
    fields.problem("S404", "MaxDelaySeconds", "'MaxDelaySeconds' must be larger than 'IntervalSeconds'");
  }
  if (const JsonValue* rate = fields.take("BackoffRate")) {
    const Json number = to_json(*rate);
    if (number.is_number() && number.get<double>() >= 1.0) {
      retrier.backoff_rate = number.get<double>();
    } else {
      fields.problem("S404", "BackoffRate", "'BackoffRate' must be a number of at least 1");
    }
  }
  if (const auto jitter = fields.text("JitterStrategy")) {
    retrier.full_jitter = *jitter == "FULL";
    if (*jitter != "FULL" && *jitter != "NONE") fields.problem("S404", "JitterStrategy", "'JitterStrategy' must be FULL or NONE");
  }
  fields.finish();
  return retrier;
}

/// The operand of a comparison in the form that `comparator` needs.
void read_operand(Fields& fields, const std::string& key, const Comparator& comparator, ChoiceRule& rule) {
  using Comparison = ChoiceRule::Comparison;
  rule.type = comparator.type;
  rule.comparison = comparator.comparison;
  const JsonValue* value = fields.take(key);
  if (comparator.with_path) {
    rule.operand_path = fields.path(key);
    return;
  }
  rule.operand = to_json(*value);
  const bool wants_boolean = comparator.comparison >= Comparison::is_present || comparator.type == ChoiceRule::Type::boolean;
  if (wants_boolean) {
    if (!value->is(Kind::boolean)) fields.problem("S204", key, "'" + key + "' must be true or false");
  } else if (comparator.type == ChoiceRule::Type::number) {
    if (!value->is(Kind::number)) fields.problem("S204", key, "'" + key + "' must be a number");
  } else if (!value->is(Kind::text)) {
    fields.problem("S204", key, "'" + key + "' must be text");
  } else if (comparator.type == ChoiceRule::Type::timestamp && !read_timestamp(value->text)) {
    fields.problem("S204", key, "'" + key + "' must be a time such as 2026-01-31T12:00:00Z");
  }
}

ChoiceRule read_rule(const JsonValue& object, const std::string& pointer, bool outermost, Problems& problems) {
  Fields fields{object, pointer, outermost ? "a choice rule" : "a rule inside another", problems};
  ChoiceRule rule;
  fields.take("Comment");
  if (outermost) {
    rule.next = fields.text("Next").value_or("");
    if (!fields.has("Next")) fields.problem("S004", "Next", "a choice rule needs 'Next'");
  }
  std::vector<std::string> operators;
  for (const auto& member : object.members) {
    if (member.key == "And" || member.key == "Or" || member.key == "Not" || find_comparator(member.key))
      operators.push_back(member.key);
  }
  if (operators.size() != 1) {
    fields.problem("S005", "",
                   operators.empty() ? "a rule needs a comparison, or And, Or or Not" : "a rule has exactly one comparison");
    for (const std::string& key : operators) fields.take(key);
    fields.take("Variable");
    fields.finish();
    return rule;
  }
  const std::string& key = operators.front();
  if (key == "And" || key == "Or") {
    rule.kind = key == "And" ? ChoiceRule::Kind::all_of : ChoiceRule::Kind::any_of;
    for (const auto& [part, place] : fields.objects(key, true)) rule.parts.push_back(read_rule(*part, place, false, problems));
  } else if (key == "Not") {
    rule.kind = ChoiceRule::Kind::none_of;
    const JsonValue* part = fields.take(key);
    if (part->is(Kind::object)) {
      rule.parts.push_back(read_rule(*part, fields.pointer_to(key), false, problems));
    } else {
      fields.problem("S003", key, "'Not' must be a rule");
    }
  } else {
    if (auto variable = fields.path("Variable")) rule.variable = std::move(*variable);
    if (!fields.has("Variable")) fields.problem("S004", "Variable", "a comparison needs 'Variable'");
    read_operand(fields, key, *find_comparator(key), rule);
  }
  fields.finish();
  return rule;
}

}  // namespace

bool is_reserved_error(std::string_view name) {
  static constexpr std::array<std::string_view, 16> reserved{"States.ALL",
                                                             "States.HeartbeatTimeout",
                                                             "States.Timeout",
                                                             "States.TaskFailed",
                                                             "States.Permissions",
                                                             "States.ResultPathMatchFailure",
                                                             "States.ParameterPathFailure",
                                                             "States.BranchFailed",
                                                             "States.NoChoiceMatched",
                                                             "States.IntrinsicFailure",
                                                             "States.ExceedToleratedFailureThreshold",
                                                             "States.ItemReaderFailed",
                                                             "States.ResultWriterFailed",
                                                             "States.Runtime",
                                                             "States.DataLimitExceeded",
                                                             "States.QueryEvaluationError"};
  return std::find(reserved.begin(), reserved.end(), name) != reserved.end();
}

std::vector<Retrier> read_retry(Fields& state, Problems& problems) {
  std::vector<Retrier> retry;
  const auto objects = state.objects("Retry", false);
  for (const auto& [object, place] : objects) {
    Fields fields{*object, place, "a retrier", problems};
    retry.push_back(read_retrier(fields, object == objects.back().first));
  }
  return retry;
}

std::vector<Catcher> read_catch(Fields& state, Problems& problems) {
  std::vector<Catcher> catches;
  const auto objects = state.objects("Catch", false);
  for (const auto& [object, place] : objects) {
    Fields fields{*object, place, "a catcher", problems};
    Catcher catcher;
    fields.take("Comment");
    catcher.errors = read_error_names(fields, object == objects.back().first);
    catcher.next = fields.text("Next").value_or("");
    if (!fields.has("Next")) fields.problem("S004", "Next", "a catcher needs 'Next'");
    catcher.result_path = fields.result_place("ResultPath");
    fields.finish();
    catches.push_back(std::move(catcher));
  }
  return catches;
}

std::vector<ChoiceRule> read_choices(Fields& state, Problems& problems) {
  std::vector<ChoiceRule> rules;
  for (const auto& [object, place] : state.objects("Choices", true)) rules.push_back(read_rule(*object, place, true, problems));
  return rules;
}

}  // namespace remuda::saga
