// Reads machines and their states, and checks how they hang together.

#include <algorithm>
#include <array>
#include <set>

#include "common/saga/retry_reader.hpp"

namespace remuda::saga {

namespace {

using filter::JsonValue;
using Kind = JsonValue::Kind;

constexpr std::size_t name_characters_max = 80;
constexpr std::string_view token_suffix = ".waitForTaskToken";

constexpr std::array types{StateType::task, StateType::choice, StateType::parallel, StateType::map,
                           StateType::wait, StateType::pass,   StateType::succeed,  StateType::fail};

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

/// The states that `state` may be followed by.
std::vector<std::string> followers(const State& state) {
  std::vector<std::string> names{state.next, state.default_next};
  for (const ChoiceRule& rule : state.choices) names.push_back(rule.next);
  for (const Catcher& catcher : state.catches) names.push_back(catcher.next);
  std::erase(names, "");
  return names;
}

class DefinitionReader {
 public:
  Definition read(const JsonValue& document) {
    Definition definition;
    Fields fields{document, "", "a state machine", problems};
    definition.comment = fields.text("Comment").value_or("");
    fields.take("Version");
    definition.timeout_seconds = fields.whole_number("TimeoutSeconds", 1);
    definition.pivot = fields.text("Pivot").value_or("");
    definition.machine = read_machine(document, fields);
    if (!definition.pivot.empty() && !definition.machine.states.contains(definition.pivot))
      dangle("S107", fields.pointer_to("Pivot"), *document.find("Pivot"), definition.pivot);
    for (Problem& dangling : dangling_) {
      if (all_names_.contains(dangling.text)) {
        dangling.text = "'" + dangling.text + "' lies beyond the border of this branch: transitions stay inside it";
      } else {
        dangling.text = "there is no state '" + dangling.text + "'";
      }
      problems.push_back(std::move(dangling));
    }
    return definition;
  }

  std::vector<Problem> problems;

 private:
  Machine read_machine(const JsonValue& object, Fields& fields) {
    Machine machine;
    read_query_language(fields);
    const auto start_at = fields.text("StartAt");
    machine.start_at = start_at.value_or("");
    if (!fields.has("StartAt")) fields.problem("S101", "StartAt", "'StartAt' is missing");
    const JsonValue* states = fields.take("States");
    if (states == nullptr || !states->is(Kind::object) || states->members.empty()) {
      fields.problem("S003", "States", "'States' must be an object with at least one state");
    } else {
      for (const auto& member : states->members) {
        const std::string place = fields.pointer_to("States") + pointer_step(member.key);
        check_name(member, place);
        machine.states.emplace(member.key, read_state(member, place));
      }
      check_transitions(*states, fields.pointer_to("States"), machine);
      check_undone(*states, fields.pointer_to("States"), machine);
      if (start_at && !machine.states.contains(*start_at))
        dangle("S101", fields.pointer_to("StartAt"), *object.find("StartAt"), *start_at);
      check_reach(machine, fields);
    }
    fields.finish();
    return machine;
  }

  static void read_query_language(Fields& fields) {
    const auto language = fields.text("QueryLanguage");
    if (language && *language != "JSONPath")
      fields.problem("S205", "QueryLanguage", "only the query language JSONPath is spoken here");
  }

  void check_name(const filter::JsonMember& member, const std::string& place) {
    if (characters(member.key) > name_characters_max) {
      problems.push_back({true, "S102", place, "a state's name has at most 80 characters", member.offset, member.key.size() + 2});
    }
    if (!all_names_.insert(member.key).second) {
      problems.push_back({false, "S103", place,
                          "'" + member.key + "' is the name of another state too; Step Functions refuses that", member.offset,
                          member.key.size() + 2});
    }
  }

  void dangle(std::string code, std::string pointer, const JsonValue& at, std::string target) {
    dangling_.push_back({true, std::move(code), std::move(pointer), std::move(target), at.begin, at.end - at.begin});
  }

  /// Every `Next` and `Default` below `value`, but not those of branches, which are machines of their own.
  void check_targets(const JsonValue& value, const std::string& pointer, const Machine& machine) {
    for (std::size_t at = 0; at < value.elements.size(); ++at) {
      check_targets(value.elements[at], pointer + "/" + std::to_string(at), machine);
    }
    for (const auto& member : value.members) {
      const std::string place = pointer + pointer_step(member.key);
      if (member.key == "Choices" || member.key == "Catch") check_targets(member.value, place, machine);
      if (member.key != "Next" && member.key != "Default") continue;
      if (member.value.is(Kind::text) && !machine.states.contains(member.value.text))
        dangle("S104", place, member.value, member.value.text);
    }
  }

  /// The name in `Undoes ChargeCard: nobody has said whether it was done.`
  static std::string undone_by(const JsonValue* comment) {
    constexpr std::string_view begin = "Undoes ";
    if (comment == nullptr || !comment->is(Kind::text) || !comment->text.starts_with(begin)) return {};
    const std::string_view rest = std::string_view{comment->text}.substr(begin.size());
    return std::string{rest.substr(0, rest.find_first_of(".:;,"))};
  }

  void check_undone(const JsonValue& states, const std::string& pointer, Machine& machine) {
    for (const auto& member : states.members) {
      State& state = machine.states.at(member.key);
      if (state.undoes.empty() || machine.states.contains(state.undoes)) continue;
      const JsonValue& comment = *member.value.find("Comment");
      problems.push_back({false, "S108", pointer + pointer_step(member.key) + "/Comment",
                          "there is no state '" + state.undoes + "' beside this one, which says that it undoes it", comment.begin,
                          comment.end - comment.begin});
      state.undoes.clear();
    }
  }

  void check_transitions(const JsonValue& states, const std::string& pointer, const Machine& machine) {
    for (const auto& member : states.members) check_targets(member.value, pointer + pointer_step(member.key), machine);
  }

  static void check_reach(const Machine& machine, Fields& fields) {
    std::set<std::string> reached;
    std::vector<std::string> left{machine.start_at};
    bool ends = false;
    while (!left.empty()) {
      const auto found = machine.states.find(left.back());
      left.pop_back();
      if (found == machine.states.end()) return;  // reported as dangling; the rest would only follow from it
      if (!reached.insert(found->first).second) continue;
      const State& state = found->second;
      ends = ends || (state.next.empty() && state.type != StateType::choice);
      for (const std::string& next : followers(state)) left.push_back(next);
    }
    if (!ends && !reached.empty()) fields.problem("S105", "States", "no state that ends the machine can be reached from 'StartAt'");
    for (const auto& [name, state] : machine.states) {
      if (!reached.empty() && !reached.contains(name)) {
        fields.problem("S106", "States", "'" + name + "' can never be reached; Step Functions refuses that", false);
      }
    }
  }

  State read_state(const filter::JsonMember& member, const std::string& place) {
    State state;
    state.name = member.key;
    state.offset = member.offset;
    if (!member.value.is(Kind::object)) {
      problems.push_back(
          {true, "S003", place, "a state must be an object", member.value.begin, member.value.end - member.value.begin});
      return state;
    }
    const JsonValue* written = member.value.find("Type");
    const auto type = std::find_if(types.begin(), types.end(), [&](StateType known) {
      return written != nullptr && written->is(Kind::text) && written->text == name_of(known);
    });
    if (type == types.end()) {
      const JsonValue& at = written != nullptr ? *written : member.value;
      problems.push_back({true, "S001", written != nullptr ? place + "/Type" : place,
                          "'Type' must be Task, Choice, Parallel, Map, Wait, Pass, Succeed or Fail", at.begin, at.end - at.begin});
      state.next = member.value.find("Next") != nullptr ? member.value.find("Next")->text : "";
      return state;
    }
    state.type = *type;
    Fields fields{member.value, place, "a " + std::string{name_of(state.type)} + " state", problems};
    fields.take("Type");
    state.undoes = undone_by(fields.take("Comment"));
    read_query_language(fields);
    read_fields(fields, state);
    fields.finish();
    return state;
  }

  void read_fields(Fields& fields, State& state) {
    if (state.type == StateType::fail) return read_fail(fields, state);
    state.input_path = fields.selection("InputPath");
    state.output_path = fields.selection("OutputPath");
    if (state.type == StateType::succeed) return;
    if (state.type == StateType::choice) {
      state.choices = read_choices(fields, problems);
      state.default_next = fields.text("Default").value_or("");
      return;
    }
    read_next(fields, state);
    if (state.type == StateType::wait) return read_wait(fields, state);
    state.result_path = fields.result_place("ResultPath");
    if (state.type != StateType::map) state.parameters = fields.payload("Parameters");
    if (state.type == StateType::pass) {
      if (const JsonValue* result = fields.take("Result")) state.result = to_json(*result);
      return;
    }
    state.result_selector = fields.payload("ResultSelector");
    state.retry = read_retry(fields, problems);
    state.catches = read_catch(fields, problems);
    if (state.type == StateType::task) read_task(fields, state);
    if (state.type == StateType::parallel) {
      for (const auto& [branch, place] : fields.objects("Branches", true))
        state.branches.push_back(read_branch(*branch, place, false));
    }
    if (state.type == StateType::map) read_map(fields, state);
  }

  static void read_next(Fields& fields, State& state) {
    const auto next = fields.text("Next");
    const bool ends = fields.boolean("End").value_or(false);
    state.next = next.value_or("");
    if (fields.has("Next") && ends) fields.problem("S006", "End", "a state has 'Next' or 'End', not both");
    if (!fields.has("Next") && !ends) fields.problem("S006", "", "a state needs 'Next', or 'End': true");
  }

  static void read_fail(Fields& fields, State& state) {
    state.error = fields.text("Error");
    state.cause = fields.text("Cause");
    state.error_path = fields.expression("ErrorPath");
    state.cause_path = fields.expression("CausePath");
    if (fields.has("Error") && fields.has("ErrorPath"))
      fields.problem("S203", "ErrorPath", "'Error' and 'ErrorPath' exclude each other");
    if (fields.has("Cause") && fields.has("CausePath"))
      fields.problem("S203", "CausePath", "'Cause' and 'CausePath' exclude each other");
    if (state.error && state.error->starts_with("States.") && !is_reserved_error(*state.error)) {
      fields.problem("S402", "Error", "'" + *state.error + "' is unknown: names that begin with 'States.' are reserved");
    }
  }

  static void read_wait(Fields& fields, State& state) {
    static constexpr std::array<std::string_view, 4> ways{"Seconds", "SecondsPath", "Timestamp", "TimestampPath"};
    const auto given = std::count_if(ways.begin(), ways.end(), [&](std::string_view key) { return fields.has(key); });
    if (given != 1) fields.problem("S007", "", "a Wait state has exactly one of Seconds, SecondsPath, Timestamp and TimestampPath");
    state.wait.fixed = fields.whole_number("Seconds", 0);
    state.wait.path = fields.reference_path("SecondsPath");
    if (const auto timestamp = fields.text("Timestamp")) {
      state.wait_until = read_timestamp(*timestamp);
      if (!state.wait_until) fields.problem("S204", "Timestamp", "'Timestamp' must be a time such as 2026-01-31T12:00:00Z");
    }
    state.wait_until_path = fields.reference_path("TimestampPath");
  }

  static void read_task(Fields& fields, State& state) {
    state.resource = fields.text("Resource").value_or("");
    if (state.resource.empty() && (!fields.has("Resource") || fields.take("Resource")->is(Kind::text))) {
      fields.problem("S004", "Resource", "a Task state needs 'Resource'");
    }
    if (state.resource.ends_with(token_suffix)) {
      state.waits_for_token = true;
      state.resource.resize(state.resource.size() - token_suffix.size());
    }
    state.timeout = fields.seconds("TimeoutSeconds", 1);
    state.heartbeat = fields.seconds("HeartbeatSeconds", 1);
    if (state.timeout.fixed && state.heartbeat.fixed && *state.heartbeat.fixed >= *state.timeout.fixed) {
      fields.problem("S206", "HeartbeatSeconds", "'HeartbeatSeconds' must be smaller than 'TimeoutSeconds'");
    }
  }

  Machine read_branch(const JsonValue& object, const std::string& place, bool of_map) {
    Fields fields{object, place, of_map ? "an item processor" : "a branch", problems};
    fields.take("Comment");
    const JsonValue* config = of_map ? fields.take("ProcessorConfig") : nullptr;
    const JsonValue* mode = config != nullptr ? config->find("Mode") : nullptr;
    if (mode != nullptr && mode->text != "INLINE") fields.problem("S205", "ProcessorConfig", "only the mode INLINE is known here");
    return read_machine(object, fields);
  }

  void read_map(Fields& fields, State& state) {
    const auto one_of = [&](std::string_view name, std::string_view older) {
      if (fields.has(name) && fields.has(older)) {
        fields.problem("S203", older,
                       "'" + std::string{older} + "' is the older name of '" + std::string{name} + "': use one of them");
      }
      return fields.has(name) ? name : older;
    };
    const std::string_view processor = one_of("ItemProcessor", "Iterator");
    fields.take("ItemProcessor");
    fields.take("Iterator");
    const JsonValue* machine = fields.take(processor);
    if (machine != nullptr && machine->is(Kind::object)) {
      state.branches.push_back(read_branch(*machine, fields.pointer_to(processor), true));
    } else {
      fields.problem("S004", processor, "a Map state needs 'ItemProcessor', a machine of its own");
    }
    const std::string_view selector = one_of("ItemSelector", "Parameters");
    state.parameters = fields.payload(selector);
    fields.take("ItemSelector");
    fields.take("Parameters");
    if (auto items = fields.path("ItemsPath")) state.items_path.path = std::move(*items);
    state.concurrency = fields.seconds("MaxConcurrency", 0);
    state.tolerated_count = fields.seconds("ToleratedFailureCount", 0);
    state.tolerated_percentage = fields.seconds("ToleratedFailurePercentage", 0, 100);
  }

  std::set<std::string> all_names_;
  std::vector<Problem> dangling_;  ///< `text` is the target
};

}  // namespace

Reading read_definition(std::string_view text) {
  Reading reading;
  const auto document = filter::parse_json(text);
  if (!document) {
    reading.problems.push_back({true, "S000", "", "no valid JSON: " + document.error().what, document.error().offset, 1});
    return reading;
  }
  if (!document->is(Kind::object)) {
    reading.problems.push_back(
        {true, "S003", "", "a definition must be an object", document->begin, document->end - document->begin});
    return reading;
  }
  DefinitionReader reader;
  Definition definition = reader.read(*document);
  definition.uses_context = text.find("$$") != std::string_view::npos || text.find("\\u0024") != std::string_view::npos;
  reading.problems = std::move(reader.problems);
  std::stable_sort(reading.problems.begin(), reading.problems.end(),
                   [](const Problem& left, const Problem& right) { return left.offset < right.offset; });
  const bool accepted =
      std::none_of(reading.problems.begin(), reading.problems.end(), [](const Problem& problem) { return problem.is_error; });
  if (accepted) reading.definition = std::move(definition);
  return reading;
}

}  // namespace remuda::saga
