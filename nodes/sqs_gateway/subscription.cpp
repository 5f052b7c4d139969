#include "nodes/sqs_gateway/subscription.hpp"

#include <algorithm>

#include "common/message.hpp"
#include "nodes/sqs_gateway/names.hpp"

namespace remuda::sqs {
namespace {

constexpr std::string_view topic_tag = "aws:sns:TopicArn";
constexpr std::string_view endpoint_tag = "aws:sns:Endpoint";
constexpr std::string_view raw_tag = "aws:sns:RawMessageDelivery";
constexpr std::string_view scope_tag = "aws:sns:FilterPolicyScope";
constexpr std::string_view redrive_tag = "aws:sns:RedrivePolicy";
constexpr std::string_view name_prefix = "sns-";
constexpr std::string_view body_scope = "MessageBody";
constexpr std::string_view attribute_scope = "MessageAttributes";

std::string tag_of(const wire::QueueInfo& queue, std::string_view tag) {
  const auto found = queue.tags.find(std::string{tag});
  return found == queue.tags.end() ? std::string{} : found->second;
}

Failure<AwsError> invalid(std::string what) {
  return refuse(Fault::sns_invalid_parameter, "Invalid parameter: " + std::move(what));
}

}  // namespace

bool is_own_queue(const wire::QueueInfo& queue) {
  return queue.tags.contains(std::string{topic_tag});
}

std::optional<Subscription> subscription_of(const wire::QueueInfo& queue) {
  Subscription subscription;
  subscription.filter_policy = queue.filter_policy;
  subscription.filter_on_attributes = queue.filter_on_attributes;
  if (is_own_queue(queue)) {
    subscription.id = queue.queue.substr(std::min(name_prefix.size(), queue.queue.size()));
    subscription.topic = name_of_arn(tag_of(queue, topic_tag), "sns");
    subscription.endpoint = tag_of(queue, endpoint_tag);
    subscription.raw = tag_of(queue, raw_tag) == "true";
    subscription.filter_on_attributes = tag_of(queue, scope_tag) != body_scope;
    subscription.redrive_policy = tag_of(queue, redrive_tag);
    return subscription;
  }
  if (queue.from_topic.empty()) return std::nullopt;
  subscription.id = derived_message_id(queue.queue, queue.from_topic, 0);
  subscription.topic = queue.from_topic;
  subscription.endpoint = queue.queue;
  subscription.raw = true;
  subscription.chained = true;
  return subscription;
}

topology::QueuePlan queue_for(const Subscription& subscription) {
  topology::QueuePlan queue = new_queue(queue_name_of(subscription), is_fifo_name(subscription.topic));
  queue.retention = std::chrono::hours{24 * 14};
  queue.from_topic = subscription.topic;
  queue.filter_policy = subscription.filter_policy;
  queue.filter_on_attributes = subscription.filter_on_attributes;
  if (queue.fifo) queue.fifo->deduplicate_by = "id";  // the topic has passed over repetitions
  queue.tags = {{std::string{topic_tag}, topic_arn(subscription.topic)},
                {std::string{endpoint_tag}, subscription.endpoint},
                {std::string{raw_tag}, subscription.raw ? "true" : "false"},
                {std::string{scope_tag}, std::string{subscription.filter_on_attributes ? attribute_scope : body_scope}}};
  if (!subscription.redrive_policy.empty()) queue.tags[std::string{redrive_tag}] = subscription.redrive_policy;
  return queue;
}

std::string queue_name_of(const Subscription& subscription) {
  return std::string{name_prefix} + subscription.id;
}

std::string arn_of(const Subscription& subscription) {
  return topic_arn(subscription.topic) + ":" + subscription.id;
}

std::string dead_letter_queue_of(const Subscription& subscription) {
  const auto policy = nlohmann::json::parse(subscription.redrive_policy, nullptr, false);
  if (!policy.is_object()) return {};
  Input in{policy};
  return std::string{name_of_arn(in.text_if_any("deadLetterTargetArn").value_or(""), "sqs")};
}

Answered<void> set_subscription_attributes(Subscription& subscription, const GivenAttributes& given) {
  for (const auto& [name, value] : given) {
    if (name == "RawMessageDelivery") {
      if (value != "true" && value != "false")
        return invalid("Attributes Reason: RawMessageDelivery: Invalid value [" + value + "]. Must be true or false.");
      if (subscription.chained && value == "false")
        return invalid("RawMessageDelivery: the queue is chained to the topic, and gets its messages raw");
      subscription.raw = value == "true";
    } else if (name == "FilterPolicy") {
      subscription.filter_policy = value == "{}" ? "" : value;
    } else if (name == "FilterPolicyScope") {
      if (value != body_scope && value != attribute_scope)
        return invalid("FilterPolicyScope: Invalid value [" + value + "]. Please use either MessageBody or MessageAttributes");
      subscription.filter_on_attributes = value == attribute_scope;
    } else if (name == "RedrivePolicy") {
      subscription.redrive_policy = value;
      if (!value.empty() && !is_queue_name(dead_letter_queue_of(subscription)))
        return invalid("RedrivePolicy: deadLetterTargetArn must name a queue");
      if (!value.empty() && subscription.chained)
        return invalid("RedrivePolicy: the queue is chained to the topic, and nothing can fail between");
    } else {
      return invalid("AttributeName");
    }
  }
  return {};
}

Attributes attributes_of(const Subscription& subscription) {
  Attributes out{{"SubscriptionArn", arn_of(subscription)},
                 {"TopicArn", topic_arn(subscription.topic)},
                 {"Owner", std::string{account}},
                 {"Protocol", "sqs"},
                 {"Endpoint", queue_arn(subscription.endpoint)},
                 {"RawMessageDelivery", subscription.raw ? "true" : "false"},
                 {"PendingConfirmation", "false"},
                 {"ConfirmationWasAuthenticated", "true"}};
  if (!subscription.filter_policy.empty()) {
    out["FilterPolicy"] = subscription.filter_policy;
    out["FilterPolicyScope"] = subscription.filter_on_attributes ? attribute_scope : body_scope;
  }
  if (!subscription.redrive_policy.empty()) out["RedrivePolicy"] = subscription.redrive_policy;
  return out;
}

AwsError as_sns(const AwsError& error) {
  switch (error.fault) {
    case Fault::invalid_parameter_value:
    case Fault::invalid_message_contents:
    case Fault::missing_parameter:
      return {Fault::sns_invalid_parameter, "Invalid parameter: " + error.message};
    case Fault::batch_entry_ids_not_distinct:
      return {Fault::sns_batch_entry_ids_not_distinct, error.message};
    case Fault::empty_batch_request:
      return {Fault::sns_empty_batch_request, error.message};
    case Fault::invalid_batch_entry_id:
      return {Fault::sns_invalid_batch_entry_id, error.message};
    case Fault::too_many_entries:
      return {Fault::sns_too_many_entries, error.message};
    default:
      return error;
  }
}

}  // namespace remuda::sqs
