#include "nodes/content_router/content_router.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "common/filter/event_pattern.hpp"
#include "nodes/content_router/event_envelope.hpp"

namespace remuda {

NodeDescription ContentRouter::describe() const {
  return {
      .name = "content_router",
      .summary = "sends each event to the targets of every rule that its content matches",
      .ports =
          {{.name = "events", .direction = Direction::input, .message = "any", .wants_acknowledgement = true},
           {.name = "other", .direction = Direction::output, .message = "any", .wants_acknowledgement = true, .optional = true}},
      .parameters =
          {{"rules", ParameterType::table, "",
            "name to rule: { pattern = { detail = { fare = [{ numeric = [\">=\", 50] }] } }, to = [\"PORT\"], input = { part = "
            "\"detail.fare\" } }"}},
      .open_outputs = true};
}

void ContentRouter::start(NodeContext& context) {
  context_ = &context;
  std::vector<std::shared_ptr<const filter::CompiledPolicy>> patterns;
  for (const auto& [name, table] : context.parameters().json("rules").items()) {
    const auto refuse = [&name = name](const std::string& what) {
      throw std::invalid_argument{"parameter rules: '" + name + "': " + what};
    };
    if (!table.is_object() || !table.contains("pattern") || !table.contains("to") || !table["to"].is_array())
      refuse("a rule is a table with `pattern` and a list `to`");
    for (const auto& [key, value] : table.items()) {
      if (key != "pattern" && key != "to" && key != "input") refuse("it has no key '" + key + "'; it knows pattern, to, input");
    }
    const auto& given = table["pattern"];
    auto pattern = EventPattern::compile(given.is_string() ? given.get<std::string>() : given.dump());
    if (!pattern) refuse(pattern.error().message);
    TargetInput input;
    if (table.contains("input")) {
      auto read = TargetInput::from_json(table["input"]);
      if (!read) refuse(read.error().message);
      input = *std::move(read);
    }
    Rule rule{name, {}, std::move(input)};
    patterns.push_back(pattern->compiled());
    for (const auto& port : table["to"]) {
      rule.to.push_back(port.is_string() ? port.get<std::string>() : std::string{});
      if (!context.is_wired(rule.to.back())) refuse("port '" + rule.to.back() + "' is not wired");
    }
    rules_.push_back(std::move(rule));
  }
  index_.emplace(std::move(patterns));
}

Outcome ContentRouter::on_message(std::string_view, const Message& message, Outbox& out) {
  context_->count("received");
  const auto event = event_envelope(message);
  if (event.is_null()) return Outcome::reject.because("the body is neither JSON nor msgpack");
  const auto bytes = nlohmann::ordered_json::to_msgpack(event);
  const std::string_view packed{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  std::set<std::string_view> whole;  // a port gets the message itself once, however many rules say so
  index_->match(packed, matching_);
  std::sort(matching_.begin(), matching_.end());
  for (const std::size_t position : matching_) {
    const Rule& rule = rules_[position];
    context_->count("rule." + rule.name);
    for (const auto& port : rule.to) {
      if (!rule.input.is_whole() || whole.insert(port).second) out.send(port, rule.input.apply(message, event));
    }
  }
  if (!matching_.empty()) return Outcome::done;
  context_->count("unmatched");
  if (context_->is_wired("other")) out.send("other", message);
  return Outcome::done;
}

}  // namespace remuda
