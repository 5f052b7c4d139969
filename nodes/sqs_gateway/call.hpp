#pragma once
// A request of either protocol, read: which service, which verb, and what is given, in the form of JSON. Pure.
//   query  POST or GET, Action=..., form in, XML out
//   JSON   POST, X-Amz-Target: AmazonSQS.SendMessage, Content-Type: application/x-amz-json-1.0

#include <nlohmann/json.hpp>
#include <string>

#include "common/http/http_types.hpp"
#include "nodes/sqs_gateway/aws_error.hpp"

namespace remuda::sqs {

enum class Service { sqs, sns };
enum class Protocol { query, json };

struct Call {
  Service service = Service::sqs;
  Protocol protocol = Protocol::query;
  std::string action;    ///< "SendMessage"
  nlohmann::json input;  ///< an object; values of a form are texts, those of JSON what they are
  std::string base_url;  ///< "http://127.0.0.1:9324": how this client reaches us, for the URLs that it is given
};

/// Which protocol a request speaks, for answers to what cannot be read.
[[nodiscard]] Protocol protocol_of(const http::Request& request);

/// A queue named by the path stands as QueueUrl in the input. Errors: `malformed_query_string`, `malformed_input` (no JSON object, or
/// deeper than 16), `missing_action`, `invalid_action`, `unsupported_operation` (a method). `scheme`: of the base_url.
Answered<Call> read_call(const http::Request& request, const std::string& scheme = "http");

}  // namespace remuda::sqs
