#pragma once
// A request of Amazon's query protocol: a form in, XML out. Pure: what arrives over HTTP becomes an action, a queue and parameters,
// or an error in the shape that AWS clients know. Source: Amazon SQS Developer Guide, "Making Query API requests"; SQS API
// Reference, "Common Errors".

#include <map>
#include <string>
#include <string_view>

#include "common/http/http_types.hpp"
#include "common/result.hpp"

namespace remuda::sqs {

struct QueryRequest {
  std::string action;                             ///< "SendMessage"
  std::string queue;                              ///< "prebooking-submission", of the path /000000000000/prebooking-submission
  std::map<std::string, std::string> parameters;  ///< all of them, decoded
  [[nodiscard]] const std::string* find(const std::string& name) const {
    const auto found = parameters.find(name);
    return found == parameters.end() ? nullptr : &found->second;
  }
};

/// What a client is told. `code` as AWS spells it: "MissingParameter".
struct SqsError {
  int status = 400;  ///< from 500 on the fault is ours
  std::string code;
  std::string message;
};

/// Decodes `a=1&b=x+y`: form encoding, with any bytes that are UTF-8 (line ends too). Errors: 400 `MalformedQueryString`.
Result<std::map<std::string, std::string>, SqsError> read_form(std::string_view form);

/// The queue is named by the path, or where that is only "/" by the parameter QueueUrl.
/// Errors: 400 `MalformedQueryString`, `MissingAction`, `InvalidAddress` (no queue in it); 405 for anything but POST.
Result<QueryRequest, SqsError> read_query_request(const http::Request& request);

}  // namespace remuda::sqs
