#pragma once
// What a client gets: a result or an error in the protocol that it speaks. Pure. A result is written once, as the JSON protocol has it;
// the XML of the query protocol follows from it by the names of lists and maps.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "common/http/http_types.hpp"
#include "common/http/problem.hpp"
#include "nodes/sqs_gateway/aws_error.hpp"
#include "nodes/sqs_gateway/call.hpp"

namespace remuda::sqs {

/// An object; null where a verb answers nothing.
using Output = nlohmann::ordered_json;

[[nodiscard]] http::Response answer(const Call& call, const Output& output, std::string_view request_id);
[[nodiscard]] http::Response answer(Protocol protocol, Service service, const AwsError& error, std::string_view request_id);
/// For what never became a call: too large, too slow, no HTTP. In XML, which every client reads at least the status of.
[[nodiscard]] http::Response answer(const http::Problem& problem, std::string_view request_id);

/// `<ActionResponse>...` with the result in it.
[[nodiscard]] std::string xml_of(Service service, std::string_view action, const Output& output, std::string_view request_id);

}  // namespace remuda::sqs
