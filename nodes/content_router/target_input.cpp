#include "nodes/content_router/target_input.hpp"

#include "nodes/content_router/event_envelope.hpp"

namespace remuda {
namespace {

std::string filled(std::string_view text, const nlohmann::ordered_json& event) {
  std::string out;
  while (!text.empty()) {
    const auto open = text.find('<');
    const auto close = open == std::string_view::npos ? open : text.find('>', open);
    out += text.substr(0, close == std::string_view::npos ? close : open);
    if (close == std::string_view::npos) break;
    const auto value = value_at(event, text.substr(open + 1, close - open - 1));
    out += value.is_string() ? value.get<std::string>() : value.is_null() ? std::string{} : value.dump();
    text.remove_prefix(close + 1);
  }
  return out;
}

}  // namespace

Result<TargetInput> TargetInput::from_json(const nlohmann::json& table) {
  const auto wrong = [] {
    return fail("invalid_parameter", "`input` is a table with one of part = \"PATH\", constant = VALUE, template = \"TEXT\"");
  };
  if (!table.is_object() || table.size() != 1) return wrong();
  const auto key = table.begin().key();
  const auto& value = table.begin().value();
  TargetInput input;
  input.kind_ = key == "part" ? Kind::part : key == "constant" ? Kind::constant : key == "template" ? Kind::text : Kind::whole;
  if (input.is_whole() || (key != "constant" && !value.is_string())) return wrong();
  input.text_ = key == "constant" ? value.dump() : value.get<std::string>();
  return input;
}

Message TargetInput::apply(const Message& message, const nlohmann::ordered_json& event) const {
  if (is_whole()) return message;
  Message changed = message;
  changed.id.clear();
  changed.source.clear();
  if (changed.correlation_id.empty()) changed.correlation_id = message.id;
  changed.datacontenttype = kind_ == Kind::text ? "text/plain" : "application/json";
  changed.body = kind_ == Kind::constant ? text_ : kind_ == Kind::text ? filled(text_, event) : value_at(event, text_).dump();
  return changed;
}

}  // namespace remuda
