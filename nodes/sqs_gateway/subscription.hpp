#pragma once
// A subscription of an SNS topic as the queue node holds it. Pure.
//
// It is a queue of its own, chained to the topic under the subscription's filter, out of which the forwarder sends to the endpoint what
// the endpoint is to get. So a publish stores the message for every subscription in one record, and what the endpoint cannot take now
// waits. What else is known of the subscription are tags of that queue, under `aws:sns:`.
//
// A queue that a launch file or somebody else has chained to a topic is shown as a subscription, too; it gets its messages raw.

#include <string>
#include <string_view>

#include "common/topology/plan.hpp"
#include "common/wire.hpp"
#include "nodes/sqs_gateway/queue_attributes.hpp"

namespace remuda::sqs {

struct Subscription {
  std::string id;  ///< the last part of its ARN
  std::string topic;
  std::string endpoint;  ///< the queue that gets the messages
  bool raw = false;
  bool chained = false;  ///< the endpoint itself hangs on the topic, without a queue between
  std::string filter_policy;
  bool filter_on_attributes = true;
  std::string redrive_policy;  ///< as given
};

/// True for the queue of a subscription, which clients do not see as a queue.
[[nodiscard]] bool is_own_queue(const wire::QueueInfo& queue);
/// Nothing for a queue that is chained to no topic.
[[nodiscard]] std::optional<Subscription> subscription_of(const wire::QueueInfo& queue);
/// The queue that holds a subscription which is not chained.
[[nodiscard]] topology::QueuePlan queue_for(const Subscription& subscription);
[[nodiscard]] std::string queue_name_of(const Subscription& subscription);
[[nodiscard]] std::string arn_of(const Subscription& subscription);
/// The queue for what cannot be delivered; empty: none.
[[nodiscard]] std::string dead_letter_queue_of(const Subscription& subscription);

/// Errors: `sns_invalid_parameter`.
Answered<void> set_subscription_attributes(Subscription& subscription, const GivenAttributes& given);
[[nodiscard]] Attributes attributes_of(const Subscription& subscription);

/// The same error as SNS words it.
[[nodiscard]] AwsError as_sns(const AwsError& error);

}  // namespace remuda::sqs
