#include "nodes/sqs_gateway/verbs.hpp"

#include <algorithm>
#include <array>

namespace remuda::sqs {
namespace {

constexpr std::array table{
    Verb{Service::sqs, "AddPermission", add_permission},
    Verb{Service::sqs, "CancelMessageMoveTask", cancel_message_move_task},
    Verb{Service::sqs, "ChangeMessageVisibility", change_message_visibility},
    Verb{Service::sqs, "ChangeMessageVisibilityBatch", change_message_visibility_batch},
    Verb{Service::sqs, "CreateQueue", create_queue},
    Verb{Service::sqs, "DeleteMessage", delete_message},
    Verb{Service::sqs, "DeleteMessageBatch", delete_message_batch},
    Verb{Service::sqs, "DeleteQueue", delete_queue},
    Verb{Service::sqs, "GetQueueAttributes", get_queue_attributes},
    Verb{Service::sqs, "GetQueueUrl", get_queue_url},
    Verb{Service::sqs, "ListDeadLetterSourceQueues", list_dead_letter_source_queues},
    Verb{Service::sqs, "ListMessageMoveTasks", list_message_move_tasks},
    Verb{Service::sqs, "ListQueues", list_queues},
    Verb{Service::sqs, "ListQueueTags", list_queue_tags},
    Verb{Service::sqs, "PurgeQueue", purge_queue},
    Verb{Service::sqs, "ReceiveMessage", receive_message},
    Verb{Service::sqs, "RemovePermission", remove_permission},
    Verb{Service::sqs, "SendMessage", send_message},
    Verb{Service::sqs, "SendMessageBatch", send_message_batch},
    Verb{Service::sqs, "SetQueueAttributes", set_queue_attributes},
    Verb{Service::sqs, "StartMessageMoveTask", start_message_move_task},
    Verb{Service::sqs, "TagQueue", tag_queue},
    Verb{Service::sqs, "UntagQueue", untag_queue},
    Verb{Service::sns, "CreateTopic", create_topic},
    Verb{Service::sns, "DeleteTopic", delete_topic},
    Verb{Service::sns, "GetSubscriptionAttributes", get_subscription_attributes},
    Verb{Service::sns, "GetTopicAttributes", get_topic_attributes},
    Verb{Service::sns, "ListSubscriptions", list_subscriptions},
    Verb{Service::sns, "ListSubscriptionsByTopic", list_subscriptions_by_topic},
    Verb{Service::sns, "ListTopics", list_topics},
    Verb{Service::sns, "Publish", publish},
    Verb{Service::sns, "PublishBatch", publish_batch},
    Verb{Service::sns, "SetSubscriptionAttributes", set_subscription_attributes},
    Verb{Service::sns, "Subscribe", subscribe},
    Verb{Service::sns, "Unsubscribe", unsubscribe},
};

}  // namespace

const Verb* find_verb(Service service, std::string_view action) {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const Verb& verb) { return verb.service == service && verb.name == action; });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace remuda::sqs
