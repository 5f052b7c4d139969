#include "nodes/sqs_gateway/call.hpp"

#include "nodes/sqs_gateway/form.hpp"

namespace remuda::sqs {
namespace {

constexpr std::string_view sns_version = "2010-03-31";
constexpr int depth_max = 16;

/// The parser recurses where its input does, so depth is looked at first.
bool nests_too_deeply(std::string_view text) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_text = !in_text;
    } else if (!in_text && (c == '{' || c == '[')) {
      if (++depth > depth_max) return true;
    } else if (!in_text && (c == '}' || c == ']')) {
      --depth;
    }
  }
  return false;
}

Answered<Call> read_json(const http::Request& request) {
  Call call;
  call.protocol = Protocol::json;
  const auto target = request.field("X-Amz-Target");
  const auto dot = target.find('.');
  const auto service = target.substr(0, dot);
  if (dot == std::string_view::npos || (service != "AmazonSQS" && service != "AmazonSNS"))
    return refuse(Fault::invalid_action, "The operation " + std::string{target.substr(0, 128)} + " is not known.");
  call.service = service == "AmazonSQS" ? Service::sqs : Service::sns;
  call.action = target.substr(dot + 1);
  if (request.method != "POST") return refuse(Fault::unsupported_operation, "Requests in JSON are sent with POST.");
  if (request.body.empty()) {
    call.input = nlohmann::json::object();
    return call;
  }
  if (nests_too_deeply(request.body)) return refuse(Fault::malformed_input, "The body nests too deeply.");
  call.input = nlohmann::json::parse(request.body, nullptr, false);
  if (!call.input.is_object()) return refuse(Fault::malformed_input, "The body is not one JSON object.");
  return call;
}

Answered<Call> read_query(const http::Request& request) {
  const bool is_get = request.method == "GET";
  if (!is_get && request.method != "POST") return refuse(Fault::unsupported_operation, "Send requests with GET or POST.");
  auto parameters = read_form(is_get ? request.query() : std::string_view{request.body});
  if (!parameters) return Failure{parameters.error()};
  // Some clients put the action into the address and the rest into the body.
  if (!is_get && !request.query().empty()) {
    auto more = read_form(request.query());
    if (!more) return Failure{more.error()};
    parameters->merge(*more);
  }
  Call call;
  if (const auto action = parameters->find("Action"); action != parameters->end()) call.action = action->second;
  if (call.action.empty()) return refuse(Fault::missing_action, "The request must contain the parameter Action.");
  const auto version = parameters->find("Version");
  call.service = version != parameters->end() && version->second == sns_version ? Service::sns : Service::sqs;
  auto input = tree_of(*parameters);
  if (!input) return Failure{input.error()};
  call.input = std::move(*input);
  if (request.path() != "/") call.input["QueueUrl"] = std::string{request.path()};
  return call;
}

}  // namespace

Protocol protocol_of(const http::Request& request) {
  return request.field("X-Amz-Target").empty() ? Protocol::query : Protocol::json;
}

Answered<Call> read_call(const http::Request& request, const std::string& scheme) {
  auto call = protocol_of(request) == Protocol::json ? read_json(request) : read_query(request);
  if (call) call->base_url = scheme + "://" + std::string{request.field("Host")};
  return call;
}

}  // namespace remuda::sqs
