#pragma once
// The table of verbs. Each is a function in a file of its own kind: it reads what is given (pure), asks the queue node, and answers.

#include <string_view>

#include "nodes/sqs_gateway/desk.hpp"

namespace remuda::sqs {

struct Verb {
  Service service;
  std::string_view name;
  void (*run)(Desk& desk, Visit visit);
};

/// Null for an action that the service does not have.
[[nodiscard]] const Verb* find_verb(Service service, std::string_view action);

// queues.cpp
void create_queue(Desk& desk, Visit visit);
void get_queue_url(Desk& desk, Visit visit);
void list_queues(Desk& desk, Visit visit);
void delete_queue(Desk& desk, Visit visit);
void purge_queue(Desk& desk, Visit visit);
void list_dead_letter_source_queues(Desk& desk, Visit visit);
// attributes.cpp
void get_queue_attributes(Desk& desk, Visit visit);
void set_queue_attributes(Desk& desk, Visit visit);
void tag_queue(Desk& desk, Visit visit);
void untag_queue(Desk& desk, Visit visit);
void list_queue_tags(Desk& desk, Visit visit);
void add_permission(Desk& desk, Visit visit);
void remove_permission(Desk& desk, Visit visit);
// send.cpp
void send_message(Desk& desk, Visit visit);
void send_message_batch(Desk& desk, Visit visit);
// receive.cpp
void receive_message(Desk& desk, Visit visit);
// settle.cpp
void delete_message(Desk& desk, Visit visit);
void delete_message_batch(Desk& desk, Visit visit);
void change_message_visibility(Desk& desk, Visit visit);
void change_message_visibility_batch(Desk& desk, Visit visit);
// move_tasks.cpp
void start_message_move_task(Desk& desk, Visit visit);
void list_message_move_tasks(Desk& desk, Visit visit);
void cancel_message_move_task(Desk& desk, Visit visit);
// topics.cpp
void create_topic(Desk& desk, Visit visit);
void delete_topic(Desk& desk, Visit visit);
void list_topics(Desk& desk, Visit visit);
void get_topic_attributes(Desk& desk, Visit visit);
// subscriptions.cpp
void subscribe(Desk& desk, Visit visit);
void unsubscribe(Desk& desk, Visit visit);
void list_subscriptions(Desk& desk, Visit visit);
void list_subscriptions_by_topic(Desk& desk, Visit visit);
void get_subscription_attributes(Desk& desk, Visit visit);
void set_subscription_attributes(Desk& desk, Visit visit);
// publish.cpp
void publish(Desk& desk, Visit visit);
void publish_batch(Desk& desk, Visit visit);

}  // namespace remuda::sqs
