#include "nodes/transform/transform.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "common/msgpack_reader.hpp"

namespace remuda {

NodeDescription Transform::describe() const {
  return {
      .name = "transform",
      .summary = "changes the body of each message and passes it on",
      .ports = {{.name = "in", .direction = Direction::input, .message = "any", .wants_acknowledgement = true},
                {.name = "out", .direction = Direction::output, .message = "any", .wants_acknowledgement = true}},
      .parameters = {{"where", ParameterType::table, "{}", "filter policy on the body: what does not match is dropped and counted"},
                     {"keep", ParameterType::list, "[]", "the fields that stay; empty: all"},
                     {"rename", ParameterType::table, "{}", "old name to new name"},
                     {"set", ParameterType::table, "{}", "fields to set"},
                     {"type", ParameterType::text, "\"\"", "of the messages passed on; empty: as they came"}}};
}

void Transform::start(NodeContext& context) {
  context_ = &context;
  auto where = FilterPolicy::compile(context.parameters().json("where").dump(), FilterScope::body);
  if (!where) throw std::invalid_argument{"parameter where: " + where.error().message};
  where_ = *std::move(where);
}

Outcome Transform::on_message(std::string_view, const Message& message, Outbox& out) {
  using Json = nlohmann::ordered_json;
  if (!where_.matches_body(message.body)) {
    context_->count("dropped");
    return Outcome::done;
  }
  Json body = is_msgpack(message.body) ? Json::from_msgpack(message.body, true, false) : Json::parse(message.body, nullptr, false);
  if (!body.is_object()) return Outcome::reject.because("the body is no object");
  const Parameters& parameters = context_->parameters();
  Json changed = Json::object();
  const auto& keep = parameters.json("keep");
  const auto& rename = parameters.json("rename");
  for (const auto& [name, value] : body.items()) {
    if (!keep.empty() && std::find(keep.begin(), keep.end(), name) == keep.end()) continue;
    const auto renamed = rename.find(name);
    changed[renamed == rename.end() ? name : renamed->get<std::string>()] = value;
  }
  for (const auto& [name, value] : parameters.json("set").items()) changed[name] = value;
  Message next = message;
  next.id.clear();
  next.source.clear();
  if (next.correlation_id.empty()) next.correlation_id = message.id;  // so that branches can be joined
  if (const auto type = parameters.text("type"); !type.empty()) next.type = type;
  next.datacontenttype = "application/json";
  next.body = changed.dump();
  context_->count("passed");
  out.send("out", std::move(next));
  return Outcome::done;
}

}  // namespace remuda
