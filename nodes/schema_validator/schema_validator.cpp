#include "nodes/schema_validator/schema_validator.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "common/msgpack_reader.hpp"

namespace remuda {
namespace {

constexpr std::size_t reason_max_bytes = 512;

const std::string* header(const Message& message, std::string_view name) {
  if (name == "source") return &message.source;
  if (name == "type") return &message.type;
  if (name == "subject") return &message.subject;
  if (name == "correlation_id") return &message.correlation_id;
  if (name == "traceparent") return &message.traceparent;
  return nullptr;
}

}  // namespace

NodeDescription SchemaValidator::describe() const {
  return {
      .name = "schema_validator",
      .summary = "passes on what is right by its type's JSON Schema, and keeps what is not visible with the reason",
      .ports =
          {{.name = "messages", .direction = Direction::input, .message = "any", .wants_acknowledgement = true},
           {.name = "valid", .direction = Direction::output, .message = "any", .wants_acknowledgement = true},
           {.name = "refused", .direction = Direction::output, .message = "any", .wants_acknowledgement = true, .optional = true}},
      .parameters = {{"schemas", ParameterType::table, "{}", "message type to JSON Schema"},
                     {"unknown_types", ParameterType::text, "\"refuse\"", "messages of a type without a schema: refuse or pass"},
                     {"headers", ParameterType::list, "[\"type\", \"source\"]",
                      "must not be empty: type, source, subject, correlation_id, traceparent"},
                     {"size_max", ParameterType::size, "\"256KiB\"", "bytes of a body at most"}}};
}

void SchemaValidator::start(NodeContext& context) {
  context_ = &context;
  const Parameters& parameters = context.parameters();
  for (const auto& [type, table] : parameters.json("schemas").items()) {
    auto schema = JsonSchema::compile(table);
    if (!schema) throw std::invalid_argument{"parameter schemas: '" + type + "': " + schema.error().message};
    schemas_.emplace(type, *std::move(schema));
  }
  const std::string unknown = parameters.text("unknown_types");
  if (unknown != "refuse" && unknown != "pass") throw std::invalid_argument{"parameter unknown_types: it is refuse or pass"};
  refuses_unknown_ = unknown == "refuse";
  for (const auto& name : parameters.json("headers")) {
    headers_.push_back(name.is_string() ? name.get<std::string>() : std::string{});
    if (header(Message{}, headers_.back()) == nullptr)
      throw std::invalid_argument{"parameter headers: '" + headers_.back() + "' is no header"};
  }
  size_max_ = parameters.size("size_max");
}

std::string SchemaValidator::wrong_with(const Message& message) const {
  for (const auto& name : headers_) {
    if (header(message, name)->empty()) return "header '" + name + "' is missing";
  }
  if (message.body.size() > size_max_)
    return "the body has " + std::to_string(message.body.size()) + " bytes; at most " + std::to_string(size_max_) + " are allowed";
  const auto document = is_msgpack(message.body) ? nlohmann::json::from_msgpack(message.body, true, false)
                                                 : nlohmann::json::parse(message.body, nullptr, false);
  if (document.is_discarded()) return "the body is neither JSON nor msgpack";
  const auto schema = schemas_.find(message.type);
  if (schema != schemas_.end()) return schema->second.wrong_with(document);
  return refuses_unknown_ ? "there is no schema for messages of type '" + message.type + "'" : std::string{};
}

Outcome SchemaValidator::on_message(std::string_view, const Message& message, Outbox& out) {
  const std::string why = wrong_with(message).substr(0, reason_max_bytes);
  context_->count(why.empty() ? "valid" : "refused");
  if (why.empty()) {
    out.send("valid", message);
    return Outcome::done;
  }
  if (!context_->is_wired("refused")) return Outcome::reject.because(why);
  Message refused = message;
  refused.attributes["refusal"] = {"String", why};
  out.send("refused", std::move(refused));
  return Outcome::done;
}

}  // namespace remuda
