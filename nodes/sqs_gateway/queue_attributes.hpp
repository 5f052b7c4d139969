#pragma once
// The attributes of a queue as SQS names them, and the queue node's own words for them. Pure.
//
// What the queue node has a word for (VisibilityTimeout, RedrivePolicy, ...) is set there. What only SQS knows is kept with the queue as
// tags under `aws:sqs:`, a prefix that Amazon reserves for itself; so it is stored with the queue and in the same moment.

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/topology/plan.hpp"
#include "common/wire.hpp"
#include "nodes/sqs_gateway/input.hpp"
#include "nodes/sqs_gateway/message_input.hpp"

namespace remuda::sqs {

using Attributes = std::map<std::string, std::string, std::less<>>;
using GivenAttributes = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::string_view own_tags = "aws:sqs:";

/// A queue as CreateQueue makes it without any attributes.
[[nodiscard]] topology::QueuePlan new_queue(std::string name, bool fifo);

/// Errors: `invalid_attribute_name`, `invalid_attribute_value`, `invalid_parameter_value` (RedrivePolicy).
Answered<void> set_attributes(topology::QueuePlan& queue, const GivenAttributes& given);

/// What can be set, as it is now; attributes that are not set are left out.
[[nodiscard]] Attributes settings_of(const topology::QueuePlan& queue);
/// settings_of(), and what is counted.
[[nodiscard]] Attributes attributes_of(const wire::QueueInfo& queue);
/// Errors: `invalid_attribute_name`.
Answered<Attributes> select(const Attributes& attributes, const std::vector<std::string>& names);

/// The tags that people gave.
[[nodiscard]] std::map<std::string, std::string> tags_of(const wire::QueueInfo& queue);
/// Errors: `invalid_parameter_value`: more than 50, or a name or value that SQS does not take.
Answered<void> add_tags(topology::QueuePlan& queue, const std::vector<std::pair<std::string, std::string>>& tags);
[[nodiscard]] bool is_own_tag(std::string_view name);

/// Creation and last change, in seconds since 1970.
void note_times(topology::QueuePlan& queue, std::int64_t now_s, bool created);

[[nodiscard]] SendRules send_rules_of(const wire::QueueInfo& queue);
/// How long a receive waits that does not say.
[[nodiscard]] std::int64_t default_wait_s(const wire::QueueInfo& queue);
/// Whether `dead_letters` lets `source` name it in its redrive policy (RedriveAllowPolicy).
[[nodiscard]] bool allows_redrive_from(const wire::QueueInfo& dead_letters, std::string_view source);

}  // namespace remuda::sqs
