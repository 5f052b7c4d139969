#pragma once
// Lists that are answered page by page: MaxResults and NextToken. A token is the name that the next page begins after. Pure.

#include <string>
#include <vector>

#include "nodes/sqs_gateway/answer.hpp"
#include "nodes/sqs_gateway/input.hpp"

namespace remuda::sqs {

struct Page {
  std::vector<std::string> names;  ///< in their order
  std::string next_token;          ///< empty: this is the last page
};

/// `names` sorted. Without MaxResults the first 1,000, and no token. Errors: `invalid_parameter_value`.
Answered<Page> page_of(std::vector<std::string> names, const nlohmann::json& given);

}  // namespace remuda::sqs
