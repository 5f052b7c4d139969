#include "nodes/sqs_gateway/topic_names.hpp"

#include <algorithm>

#include "nodes/sqs_gateway/names.hpp"
#include "nodes/sqs_gateway/subscription.hpp"

namespace remuda::sqs {
namespace {

constexpr std::size_t name_size_max = 256;
constexpr int page_size = 100;

}  // namespace

bool is_topic_name(std::string_view name) {
  constexpr std::string_view fifo = ".fifo";
  if (name.size() > name_size_max) return false;
  if (name.ends_with(fifo)) name.remove_suffix(fifo.size());
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

AwsError no_such_topic() {
  return {Fault::sns_not_found, "Topic does not exist"};
}

Answered<std::string> topic_of(const Call& call) {
  Input in{call.input};
  const auto target = in.text_if_any("TargetArn");
  const auto arn = target && !call.input.contains("TopicArn") ? *target : in.text("TopicArn");
  if (in.error()) return Failure{as_sns(*in.error())};
  const auto name = name_of_arn(arn, "sns");
  if (!is_topic_name(name))
    return refuse(Fault::sns_invalid_parameter,
                  "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not " + arn.substr(0, 256));
  return std::string{name};
}

Answered<SubscriptionName> subscription_name_of(const Call& call) {
  Input in{call.input};
  const auto arn = in.text("SubscriptionArn");
  if (in.error()) return Failure{as_sns(*in.error())};
  const auto name = name_of_arn(arn, "sns");
  const auto colon = name.find(':');
  if (colon == std::string_view::npos || !is_topic_name(name.substr(0, colon)) || !is_queue_name(name.substr(colon + 1)))
    return refuse(Fault::sns_invalid_parameter,
                  "Invalid parameter: SubscriptionArn Reason: it names no subscription: " + arn.substr(0, 256));
  return SubscriptionName{std::string{name.substr(0, colon)}, std::string{name.substr(colon + 1)}};
}

Answered<Page> page_of_100(std::vector<std::string> names, const nlohmann::json& given) {
  nlohmann::json paged{{"MaxResults", page_size}};
  if (const auto token = given.find("NextToken"); token != given.end()) paged["NextToken"] = *token;
  return page_of(std::move(names), paged);
}

}  // namespace remuda::sqs
