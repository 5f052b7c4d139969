#include "nodes/splitter/splitter.hpp"

#include <nlohmann/json.hpp>

#include "common/msgpack_reader.hpp"

namespace remuda {

NodeDescription Splitter::describe() const {
  return {.name = "splitter",
          .summary = "makes a message of each element of a list",
          .ports = {{.name = "whole", .direction = Direction::input, .message = "any", .wants_acknowledgement = true},
                    {.name = "parts", .direction = Direction::output, .message = "any", .wants_acknowledgement = true}},
          .parameters = {{"list", ParameterType::text, "", "the field of the body that holds the list"},
                         {"type", ParameterType::text, "\"\"", "of the parts; empty: as the whole"}}};
}

Outcome Splitter::on_message(std::string_view, const Message& message, Outbox& out) {
  using Json = nlohmann::ordered_json;
  const Json body =
      is_msgpack(message.body) ? Json::from_msgpack(message.body, true, false) : Json::parse(message.body, nullptr, false);
  const std::string field = context_->parameters().text("list");
  const auto list = body.is_object() ? body.find(field) : body.end();
  if (!body.is_object() || list == body.end() || !list->is_array())
    return Outcome::reject.because("the body has no list '" + field + "'");
  const std::string type = context_->parameters().text("type");
  for (std::size_t i = 0; i < list->size(); ++i) {
    Message part;
    part.type = type.empty() ? message.type : type;
    part.subject = message.subject;
    part.correlation_id = message.correlation_id.empty() ? message.id : message.correlation_id;
    part.datacontenttype = "application/json";
    part.attributes = message.attributes;
    part.attributes["part"] = {"Number", std::to_string(i)};
    part.attributes["parts"] = {"Number", std::to_string(list->size())};
    part.body = (*list)[i].dump();
    out.send("parts", std::move(part));
  }
  context_->count("parts", static_cast<std::int64_t>(list->size()));
  return Outcome::done;
}

}  // namespace remuda
