#include "nodes/sqs_gateway/pages.hpp"

#include <algorithm>

#include "nodes/sqs_gateway/digest.hpp"

namespace remuda::sqs {

Answered<Page> page_of(std::vector<std::string> names, const nlohmann::json& given) {
  constexpr std::int64_t results_max = 1'000;
  Input in{given};
  const auto max = in.integer("MaxResults", 1, results_max, "MaxResults must be between 1 and 1000.");
  const auto token = in.text_if_any("NextToken");
  const auto after = token ? from_base64(*token) : std::string{};
  if (token && !after) in.refuse(Fault::invalid_parameter_value, "Invalid or expired next token.");
  if (in.error()) return Failure{*in.error()};
  std::sort(names.begin(), names.end());
  Page page;
  const auto first = token ? std::upper_bound(names.begin(), names.end(), *after) : names.begin();
  const auto count = std::min<std::ptrdiff_t>(names.end() - first, max.value_or(results_max));
  page.names.assign(first, first + count);
  if (max && first + count != names.end()) page.next_token = base64(page.names.back());
  return page;
}

}  // namespace remuda::sqs
