#include "nodes/rfq_intake/rfq_intake.hpp"

#include <nlohmann/json.hpp>

#include "common/http/http_messages.hpp"
#include "common/http/task.hpp"
#include "common/http/url.hpp"
#include "common/msgpack_reader.hpp"

namespace remuda::rides {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t text_max_bytes = 256;

std::string wrong_with(const Json& fields, const char* name) {
  const auto found = fields.find(name);
  if (found == fields.end()) return "is missing";
  if (!found->is_string()) return "must be text";
  const auto& text = found->get_ref<const std::string&>();
  if (text.find_first_not_of(' ') == std::string::npos) return "must not be empty";
  if (text.size() > text_max_bytes) return "must not be longer than 256 bytes";
  return http::is_printable_utf8(text) ? "" : "must be UTF-8 text without control characters";
}

}  // namespace

NodeDescription RfqIntake::describe() const {
  return {.name = "rfq_intake",
          .summary = "takes requests for quotes and says where to ask for the result",
          .ports = {{.name = "submit", .direction = Direction::input, .message = std::string{http::request_type}, .request = true},
                    {.name = "rfqs", .direction = Direction::output, .message = "rfq.submitted", .wants_acknowledgement = true}},
          .parameters = {
              {"timeout", ParameterType::duration, "\"10s\"", "when a request is closed at the latest; clients are told so"}}};
}

Outcome RfqIntake::on_message(std::string_view, const Message& request, Outbox& out) {
  context_->count("received");
  const Json fields =
      is_msgpack(request.body) ? Json::from_msgpack(request.body, true, false) : Json::parse(request.body, nullptr, false);
  http::Problem problem{400, "some fields are missing or wrong", {}};
  if (!fields.is_object()) problem.detail = "the body must be a JSON object";
  for (const auto* name : {"customer", "from", "to"}) {
    if (!fields.is_object()) break;
    if (auto why = wrong_with(fields, name); !why.empty()) problem.errors.push_back({name, std::move(why)});
  }
  if (!fields.is_object() || !problem.errors.empty()) {
    context_->count("rejected");
    out.reply(http::response_message(problem));
    return Outcome::done;
  }
  const auto timeout = context_->parameters().duration("timeout");
  const auto now_ms = to_unix_ms(context_->clock().wall_now());
  const std::string id = http::task_id(request.id);
  Message rfq;
  rfq.id = id;
  rfq.source = context_->node_name();
  rfq.type = "rfq.submitted";
  rfq.subject = fields["customer"];
  rfq.correlation_id = id;
  rfq.time_ms = now_ms;
  rfq.datacontenttype = "application/json";
  rfq.body = Json{{"rfq-id", id},
                  {"customer", fields["customer"]},
                  {"from", fields["from"]},
                  {"to", fields["to"]},
                  {"closes_ms", now_ms + timeout.count()}}
                 .dump();
  out.send("rfqs", std::move(rfq));
  const std::string path = "/instant-ride-rfqs/" + id;
  const auto eta = std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(timeout).count());
  const Json answer{{"rfq-id", id}, {"links", {{"self", path}, {"refresh", path}}}, {"status", "running"}, {"eta", eta}};
  out.reply(http::response_message(202, answer.dump(), path));
  return Outcome::done;
}

}  // namespace remuda::rides
