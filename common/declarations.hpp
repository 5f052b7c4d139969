#pragma once
// Between what a launch file says of queues, streams and topics and what the wire says of them. Pure.

#include "common/topology/plan.hpp"
#include "common/wire.hpp"

namespace remuda {

/// Views into `plan`, which must outlive what is returned.
[[nodiscard]] wire::DeclareQueue declaration_of(const topology::QueuePlan& plan);
[[nodiscard]] wire::DeclareStream declaration_of(const topology::StreamPlan& plan);
[[nodiscard]] wire::DeclareTopic declaration_of(const topology::TopicPlan& plan);

/// What a broker holds, as a launch file would say it; the name of the broker is left open.
[[nodiscard]] topology::QueuePlan plan_of(const wire::QueueInfo& info);
[[nodiscard]] topology::StreamPlan plan_of(const wire::StreamInfo& info);
[[nodiscard]] topology::TopicPlan plan_of(const wire::TopicInfo& info);

}  // namespace remuda
