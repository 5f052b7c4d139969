#pragma once
// Queues and topics of a plan as launch-file tables: shared by the resolved view and by a broker's definitions.

#include "common/topology/plan.hpp"
#include "common/topology/value.hpp"

namespace remuda::topology {

[[nodiscard]] Value queue_value(const QueuePlan& queue, bool with_broker);
[[nodiscard]] Value stream_value(const StreamPlan& stream, bool with_broker);
[[nodiscard]] Value topic_value(const TopicPlan& topic, bool with_broker);

}  // namespace remuda::topology
