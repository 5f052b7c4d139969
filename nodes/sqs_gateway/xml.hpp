#pragma once
// The XML of Amazon's query protocol: what it takes to answer, no more. Pure.

#include <string>
#include <string_view>

#include "common/http/http_types.hpp"
#include "nodes/sqs_gateway/query_request.hpp"

namespace remuda::sqs {

/// `<NAME>text</NAME>`
[[nodiscard]] std::string xml_element(std::string_view name, std::string_view text);

/// `<ACTIONResponse><ACTIONResult>result</ACTIONResult><ResponseMetadata>...</ResponseMetadata></ACTIONResponse>`
[[nodiscard]] std::string xml_response(std::string_view action, std::string_view result, std::string_view request_id);
/// `<ErrorResponse>` with Type, Code, Message and RequestId.
[[nodiscard]] std::string xml_error(const SqsError& error, std::string_view request_id);

/// The whole answer: text/xml and `x-amzn-RequestId`.
[[nodiscard]] http::Response xml_answer(int status, std::string xml, std::string_view request_id);

}  // namespace remuda::sqs
