#pragma once
// The query protocol's form as the tree that JSON requests are from the start, so that every verb is written once. Pure.
//
//   MessageAttribute.1.Name=fare & MessageAttribute.1.Value.DataType=Number & MessageAttribute.1.Value.StringValue=61.50
//   -> {"MessageAttributes": {"fare": {"DataType": "Number", "StringValue": "61.50"}}}
//
// A number in a name is a place in a list; what the list is called in JSON, and whether it is a map there, says one table.

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "nodes/sqs_gateway/aws_error.hpp"

namespace remuda::sqs {

using Parameters = std::map<std::string, std::string, std::less<>>;

/// Decodes `a=1&b=x+y`. Errors: `malformed_query_string` for a broken escape, a name given twice, or more than 1,000 names.
Answered<Parameters> read_form(std::string_view form);

/// Errors: `malformed_query_string` for a name that is used both as a value and as a list, or that nests more than eight deep.
Answered<nlohmann::json> tree_of(const Parameters& parameters);

}  // namespace remuda::sqs
