#pragma once
// Whether somebody we know has signed a request: AWS Signature Version 4, in the Authorization header or in the address (presigned). Pure.
// Source: IAM User Guide, "Create a signed AWS API request"; SQS API Reference, "Common Errors".

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "common/http/http_types.hpp"
#include "nodes/sqs_gateway/aws_error.hpp"

namespace remuda::sqs {

/// Access key id -> secret.
using Credentials = std::map<std::string, std::string, std::less<>>;

/// Reads `[{id = "AKIA...", secret = "..."}]`; `secret_file` instead of `secret` keeps it out of launch files and of command lines.
/// Throws std::invalid_argument that says which entry is wrong.
Credentials read_credentials(const nlohmann::json& list);

/// A clock that is more than 15 minutes off is too far off; a presigned address holds for as long as it says.
/// Errors: `missing_authentication_token`, `incomplete_signature`, `invalid_client_token` (an id that nobody has),
/// `signature_does_not_match` (also: expired, not yet current, for another service).
Answered<void> check_signature(const http::Request& request, const Credentials& credentials, std::int64_t now_s);

}  // namespace remuda::sqs
