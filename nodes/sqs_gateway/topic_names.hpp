#pragma once
// Topics as SNS names them. Pure.

#include "nodes/sqs_gateway/call.hpp"
#include "nodes/sqs_gateway/pages.hpp"

namespace remuda::sqs {

/// Letters, digits, '-' and '_'; the name of a FIFO topic ends in ".fifo".
[[nodiscard]] bool is_topic_name(std::string_view name);
[[nodiscard]] AwsError no_such_topic();
/// The topic that TopicArn names, or TargetArn. Errors: `sns_invalid_parameter`.
Answered<std::string> topic_of(const Call& call);
/// A subscription's topic and id. Errors: `sns_invalid_parameter`.
struct SubscriptionName {
  std::string topic;
  std::string id;
};
Answered<SubscriptionName> subscription_name_of(const Call& call);
/// SNS gives 100 at a time.
Answered<Page> page_of_100(std::vector<std::string> names, const nlohmann::json& given);

}  // namespace remuda::sqs
