#include "nodes/recipient_list/recipient_list.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace remuda {

NodeDescription RecipientList::describe() const {
  return {.name = "recipient_list",
          .summary = "sends each message on to those recipients that want it",
          .ports = {{.name = "messages", .direction = Direction::input, .message = "any", .wants_acknowledgement = true}},
          .parameters = {{"recipients", ParameterType::table, "",
                          "port to SNS filter policy: { accounting = {}, extraordinary = { fare = [{ numeric = [\">=\", 50] }] } "
                          "}; {} wants all"},
                         {"filter_scope", ParameterType::text, "\"body\"", "what the policies look at: body or attributes"}},
          .open_outputs = true};
}

void RecipientList::start(NodeContext& context) {
  context_ = &context;
  const std::string scope = context.parameters().text("filter_scope");
  if (scope != "body" && scope != "attributes")
    throw std::invalid_argument{"parameter filter_scope: it is body or attributes, not '" + scope + "'"};
  for (const auto& [port, policy] : context.parameters().json("recipients").items()) {
    if (!context.is_wired(port)) throw std::invalid_argument{"parameter recipients: port '" + port + "' is not wired"};
    auto wants = FilterPolicy::compile(policy.dump(), scope == "body" ? FilterScope::body : FilterScope::attributes);
    if (!wants) throw std::invalid_argument{"parameter recipients: '" + port + "': " + wants.error().message};
    recipients_.push_back({port, std::move(*wants)});
  }
}

Outcome RecipientList::on_message(std::string_view, const Message& message, Outbox& out) {
  const std::string packed = pack(message);
  const auto view = view_message(packed);
  if (!view) return Outcome::reject.because(view.error().message);
  bool is_wanted = false;
  for (const auto& recipient : recipients_) {
    if (!recipient.wants.matches(*view)) continue;
    is_wanted = true;
    context_->count("sent." + recipient.port);
    out.send(recipient.port, message);
  }
  context_->count("received");
  if (!is_wanted) context_->count("unwanted");
  return Outcome::done;
}

}  // namespace remuda
