#include "nodes/aggregator/aggregation_rules.hpp"

#include <algorithm>
#include <stdexcept>

#include "common/msgpack_reader.hpp"

namespace remuda {
namespace {

[[noreturn]] void refuse(const std::string& parameter, const std::string& what) {
  throw std::invalid_argument{"parameter " + parameter + ": " + what};
}

std::optional<Selector> selector(const Parameters& parameters, const std::string& name, std::string_view header) {
  const std::string text = parameters.text(name);
  if (text == header) return std::nullopt;
  auto compiled = Selector::compile(text);
  if (!compiled) refuse(name, compiled.error().message);
  return std::move(compiled).value();
}

std::string selected(const Selector& selector, const Message& message) {
  const std::string packed = pack(message);
  const auto view = view_message(packed);
  return view ? selector.value(*view).value_or("") : std::string{};
}

}  // namespace

std::vector<ParameterDescription> AggregationRules::parameters() {
  return {
      {"complete", ParameterType::text, "\"all\"",
       "when an aggregate is closed: all (expected have answered), timeout, first (acceptable), score (timeout, or earlier with an "
       "acceptable answer), event (a message on port close)"},
      {"timeout", ParameterType::duration, "\"10s\"", "after which it is closed in any case"},
      {"expected", ParameterType::integer, "0", "how many responders there are; 0: not known"},
      {"acceptable", ParameterType::table, "{}", "filter policy on the body of answers: the ones that close it"},
      {"combine", ParameterType::list, "[\"collect\"]", "what is made of the answers: best, condense (count, sum, mean), collect"},
      {"value", ParameterType::text, "\"\"", "the field of an answer that is compared and summed: a key of its body"},
      {"prefer", ParameterType::text, "\"lowest\"", "the best value: lowest or highest; of equal ones the earlier"},
      {"correlate_by", ParameterType::text, "\"correlation_id\"",
       "what belongs together: correlation_id, body.PATH, attributes.NAME"},
      {"responder", ParameterType::text, "\"source\"", "who answers: source, body.PATH, attributes.NAME"},
      {"keep", ParameterType::text, "\"first\"", "of several answers of one responder: first or last"},
      {"self_starting", ParameterType::boolean, "false", "an answer that belongs to nothing known opens an aggregate"}};
}

AggregationRules::AggregationRules(const Parameters& parameters)
    : timeout_{parameters.duration("timeout")},
      expected_{parameters.integer("expected")},
      correlation_{selector(parameters, "correlate_by", "correlation_id")},
      responder_{selector(parameters, "responder", "source")},
      value_{parameters.text("value")},
      self_starting_{parameters.boolean("self_starting")} {
  const auto one_of = [&](const std::string& name, const std::vector<std::string>& known) {
    const std::string text = parameters.text(name);
    const auto found = std::find(known.begin(), known.end(), text);
    std::string all;
    for (const auto& each : known) all += (all.empty() ? "" : ", ") + each;
    if (found == known.end()) refuse(name, "it is one of " + all + ", not '" + text + "'");
    return found - known.begin();
  };
  completeness_ = static_cast<Completeness>(one_of("complete", {"all", "timeout", "first", "score", "event"}));
  highest_ = one_of("prefer", {"lowest", "highest"}) == 1;
  keeps_last_ = one_of("keep", {"first", "last"}) == 1;
  if (timeout_ <= std::chrono::milliseconds{0}) refuse("timeout", "an aggregate that misses an answer would never be closed");
  if (expected_ < 0) refuse("expected", "it cannot be negative");
  if (completeness_ == Completeness::all && expected_ == 0) refuse("expected", "to wait for all, say how many there are");
  for (const auto& algorithm : parameters.json("combine")) {
    const std::string name = algorithm.is_string() ? algorithm.get<std::string>() : std::string{};
    if (name != "best" && name != "condense" && name != "collect") refuse("combine", "it lists best, condense and collect");
    (name == "best" ? best_ : name == "condense" ? condense_ : collect_) = true;
  }
  if ((best_ || condense_) && value_.empty()) refuse("value", "best and condense need the field that they look at");
  auto acceptable = FilterPolicy::compile(parameters.json("acceptable").dump(), FilterScope::body);
  if (!acceptable) refuse("acceptable", acceptable.error().message);
  acceptable_ = *std::move(acceptable);
}

std::string AggregationRules::correlation_of(const Message& message) const {
  return correlation_ ? selected(*correlation_, message) : message.correlation_id;
}

std::string AggregationRules::responder_of(const Message& message) const {
  return responder_ ? selected(*responder_, message) : message.source;
}

bool AggregationRules::is_decline(const Message& message) const {
  return message.type == "declined" || message.type.ends_with(".declined");
}

bool AggregationRules::is_complete(const std::vector<Answer>& answers) const {
  const bool everybody = expected_ > 0 && static_cast<std::int64_t>(answers.size()) >= expected_;
  const bool acceptable = std::any_of(answers.begin(), answers.end(),
                                      [&](const Answer& a) { return !a.declined && acceptable_.matches_body(a.body.dump()); });
  switch (completeness_) {
    case Completeness::all:
      return everybody;
    case Completeness::first:
    case Completeness::score:
      return everybody || acceptable;
    case Completeness::timeout:
    case Completeness::event:
      return false;
  }
  return false;
}

std::optional<double> AggregationRules::value_of(const Answer& answer) const {
  if (answer.declined || !answer.body.is_object()) return std::nullopt;
  const auto found = answer.body.find(value_);
  if (found == answer.body.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

nlohmann::ordered_json AggregationRules::combined(const std::vector<Answer>& answers) const {
  using Json = nlohmann::ordered_json;
  Json result = Json::object();
  const auto entry = [](const Answer& answer) { return Json{{"responder", answer.responder}, {"answer", answer.body}}; };
  const Answer* best = nullptr;
  std::int64_t declined = 0;
  std::int64_t count = 0;
  double sum = 0;
  Json all = Json::array();
  for (const Answer& answer : answers) {
    if (answer.declined) {
      ++declined;
      continue;
    }
    all.push_back(entry(answer));
    const auto value = value_of(answer);
    if (!value) continue;
    ++count;
    sum += *value;
    const auto so_far = best == nullptr ? std::nullopt : value_of(*best);
    if (!so_far || (highest_ ? *value > *so_far : *value < *so_far)) best = &answer;
  }
  if (collect_) result["answers"] = std::move(all);
  if (best_) result["best"] = best == nullptr ? Json(nullptr) : entry(*best);
  if (condense_) {
    result["summary"] = {{"count", count}, {"sum", sum}};
    result["summary"]["mean"] = count == 0 ? Json(nullptr) : Json(sum / static_cast<double>(count));
  }
  result["declined"] = declined;
  if (expected_ > 0) result["missing"] = std::max<std::int64_t>(0, expected_ - static_cast<std::int64_t>(answers.size()));
  return result;
}

nlohmann::ordered_json json_body(const Message& message) {
  using Json = nlohmann::ordered_json;
  Json json = is_msgpack(message.body) ? Json::from_msgpack(message.body, true, false) : Json::parse(message.body, nullptr, false);
  return json.is_discarded() ? Json(nullptr) : json;
}

}  // namespace remuda
