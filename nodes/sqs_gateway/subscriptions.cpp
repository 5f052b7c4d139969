// Subscriptions come, are described and changed, and go.

#include <algorithm>

#include "common/declarations.hpp"
#include "nodes/sqs_gateway/names.hpp"
#include "nodes/sqs_gateway/subscription.hpp"
#include "nodes/sqs_gateway/topic_names.hpp"
#include "nodes/sqs_gateway/verbs.hpp"

namespace remuda::sqs {
namespace {

using Queues = std::vector<wire::QueueInfo>;
/// A subscription and the queue that tells of it.
struct Found {
  Subscription subscription;
  wire::QueueInfo queue;
};

std::vector<Found> subscriptions_of(const Queues& queues) {
  std::vector<Found> out;
  for (const auto& queue : queues) {
    if (auto subscription = subscription_of(queue)) out.push_back({std::move(*subscription), queue});
  }
  std::sort(out.begin(), out.end(), [](const Found& a, const Found& b) { return arn_of(a.subscription) < arn_of(b.subscription); });
  return out;
}

AwsError no_such_subscription() {
  return {Fault::sns_not_found, "Subscription does not exist"};
}

/// Declares the queue of the subscription; of one that is chained only the filter can have changed.
void declare(Desk& desk, const Found& found, std::function<void(Answered<void>)> done) {
  auto queue = queue_for(found.subscription);
  if (found.subscription.chained) {
    queue = plan_of(found.queue);
    queue.filter_policy = found.subscription.filter_policy;
    queue.filter_on_attributes = found.subscription.filter_on_attributes;
  }
  desk.declare(queue, [&desk, name = queue.name, chained = found.subscription.chained,
                       done = std::move(done)](const Answered<void>& declared) {
    if (!declared) return done(Failure{as_sns(declared.error())});
    if (!chained && desk.on_subscription) desk.on_subscription(name);
    done({});
  });
}

struct Wanted {
  Subscription subscription;
  GivenAttributes given;
  bool wants_arn = true;
};

Answered<Wanted> read_subscription(const Call& call) {
  Input in{call.input};
  const auto topic = topic_of(call);
  if (!topic) return Failure{topic.error()};
  const auto protocol = in.text("Protocol");
  const auto endpoint = in.text("Endpoint");
  Wanted wanted;
  wanted.given = in.text_map("Attributes");
  if (in.error()) return Failure{as_sns(*in.error())};
  const auto invalid = [](std::string what) {
    return refuse(Fault::sns_invalid_parameter, "Invalid parameter: " + std::move(what));
  };
  if (protocol != "sqs") return invalid("Amazon SNS does not support this protocol string here: " + protocol.substr(0, 64));
  auto& subscription = wanted.subscription;
  subscription.id = new_message_id();
  subscription.topic = *topic;
  subscription.endpoint = name_of_arn(endpoint, "sqs");
  if (!is_queue_name(subscription.endpoint)) return invalid("SQS endpoint ARN");
  if (is_fifo_name(subscription.endpoint) && !is_fifo_name(*topic))
    return invalid("Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics");
  if (auto set = set_subscription_attributes(subscription, wanted.given); !set) return Failure{set.error()};
  return wanted;
}

/// A queue subscribes a topic once.
std::optional<Answered<Output>> repeated(const std::vector<Found>& known, const Wanted& wanted) {
  for (const auto& [subscription, queue] : known) {
    if (subscription.topic != wanted.subscription.topic || subscription.endpoint != wanted.subscription.endpoint) continue;
    auto same = subscription;
    const auto set = set_subscription_attributes(same, wanted.given);
    if (!set || attributes_of(same) != attributes_of(subscription))
      return refuse(Fault::sns_invalid_parameter,
                    "Invalid parameter: Attributes Reason: Subscription already exists with different attributes");
    return Output{{"SubscriptionArn", arn_of(subscription)}};
  }
  return std::nullopt;
}

void show_list(const Visit& visit, const std::vector<Found>& found) {
  std::vector<std::string> arns;
  for (const auto& each : found) arns.push_back(arn_of(each.subscription));
  const auto page = page_of_100(arns, visit.call.input);
  if (!page) return visit.done(Failure{as_sns(page.error())});
  Output output{{"Subscriptions", Output::array()}};
  for (const auto& [subscription, queue] : found) {
    const auto arn = arn_of(subscription);
    if (std::find(page->names.begin(), page->names.end(), arn) == page->names.end()) continue;
    output["Subscriptions"].push_back({{"SubscriptionArn", arn},
                                       {"Owner", account},
                                       {"Protocol", "sqs"},
                                       {"Endpoint", queue_arn(subscription.endpoint)},
                                       {"TopicArn", topic_arn(subscription.topic)}});
  }
  if (!page->next_token.empty()) output["NextToken"] = page->next_token;
  visit.done(std::move(output));
}

/// Finds what SubscriptionArn names, then calls `then`; in turn, as it may change it.
void with_subscription(Desk& desk, Visit visit, std::function<void(std::optional<Found>, Done)> then) {
  const auto name = subscription_name_of(visit.call);
  if (!name) return visit.done(Failure{name.error()});
  desk.in_turn([&desk, visit = std::move(visit), name = *name, then = std::move(then)](std::function<void()> end) {
    const Done finish = [visit, end = std::move(end)](Answered<Output> output) {
      end();
      visit.done(std::move(output));
    };
    desk.with_queues([finish, name, then](const Answered<Queues>& queues) {
      if (!queues) return finish(Failure{queues.error()});
      for (auto& found : subscriptions_of(*queues)) {
        if (found.subscription.id == name.id && found.subscription.topic == name.topic) return then(found, finish);
      }
      then(std::nullopt, finish);
    });
  });
}

}  // namespace

void subscribe(Desk& desk, Visit visit) {
  const auto wanted = read_subscription(visit.call);
  if (!wanted) return visit.done(Failure{wanted.error()});
  desk.in_turn([&desk, visit = std::move(visit), wanted = *wanted](std::function<void()> end) {
    const auto finish = [visit, end = std::move(end)](Answered<Output> output) {
      end();
      visit.done(std::move(output));
    };
    desk.with_topics([&desk, finish, wanted](const Answered<std::vector<wire::TopicInfo>>& topics) {
      if (!topics) return finish(Failure{topics.error()});
      const auto is_it = [&](const wire::TopicInfo& topic) { return topic.topic == wanted.subscription.topic; };
      if (std::none_of(topics->begin(), topics->end(), is_it)) return finish(Failure{no_such_topic()});
      desk.with_queues([&desk, finish, wanted](const Answered<Queues>& queues) {
        if (!queues) return finish(Failure{queues.error()});
        if (auto known = repeated(subscriptions_of(*queues), wanted)) return finish(std::move(*known));
        declare(desk, {wanted.subscription, {}}, [finish, wanted](const Answered<void>& declared) {
          if (!declared) return finish(Failure{declared.error()});
          finish(Output{{"SubscriptionArn", arn_of(wanted.subscription)}});
        });
      });
    });
  });
}

void unsubscribe(Desk& desk, Visit visit) {
  with_subscription(desk, std::move(visit), [&desk](const std::optional<Found>& found, const Done& done) {
    if (!found) return done(Output{});  // with Amazon that is well
    if (found->subscription.chained) {
      auto queue = plan_of(found->queue);
      queue.from_topic.clear();
      queue.filter_policy.clear();
      return desk.declare(queue, [done](const Answered<void>& declared) {
        if (!declared) return done(Failure{declared.error()});
        done(Output{});
      });
    }
    desk.broker().delete_queue({found->queue.queue, true}, [done](const Result<Unit>& deleted) {
      if (!deleted && deleted.error().code != "no_such_queue") return done(Failure{from_broker(deleted.error())});
      done(Output{});
    });
  });
}

void list_subscriptions(Desk& desk, Visit visit) {
  desk.with_queues([visit = std::move(visit)](const Answered<Queues>& queues) {
    if (!queues) return visit.done(Failure{queues.error()});
    show_list(visit, subscriptions_of(*queues));
  });
}

void list_subscriptions_by_topic(Desk& desk, Visit visit) {
  const auto topic = topic_of(visit.call);
  if (!topic) return visit.done(Failure{topic.error()});
  desk.with_topics([&desk, visit = std::move(visit), topic = *topic](const Answered<std::vector<wire::TopicInfo>>& topics) {
    if (!topics) return visit.done(Failure{topics.error()});
    const auto is_it = [&](const wire::TopicInfo& each) { return each.topic == topic; };
    if (std::none_of(topics->begin(), topics->end(), is_it)) return visit.done(Failure{no_such_topic()});
    desk.with_queues([visit, topic](const Answered<Queues>& queues) {
      if (!queues) return visit.done(Failure{queues.error()});
      auto found = subscriptions_of(*queues);
      std::erase_if(found, [&](const Found& each) { return each.subscription.topic != topic; });
      show_list(visit, found);
    });
  });
}

void get_subscription_attributes(Desk& desk, Visit visit) {
  with_subscription(desk, std::move(visit), [](const std::optional<Found>& found, const Done& done) {
    if (!found) return done(Failure{no_such_subscription()});
    auto output = Output::object();
    for (const auto& [name, value] : attributes_of(found->subscription)) output["Attributes"][name] = value;
    done(std::move(output));
  });
}

void set_subscription_attributes(Desk& desk, Visit visit) {
  Input in{visit.call.input};
  const auto name = in.text("AttributeName");
  const auto value = in.text_if_any("AttributeValue").value_or("");
  if (in.error()) return visit.done(Failure{as_sns(*in.error())});
  with_subscription(desk, std::move(visit), [&desk, name, value](std::optional<Found> found, const Done& done) {
    if (!found) return done(Failure{no_such_subscription()});
    if (auto set = set_subscription_attributes(found->subscription, {{name, value}}); !set) return done(Failure{set.error()});
    declare(desk, *found, [done](const Answered<void>& declared) {
      if (!declared) return done(Failure{declared.error()});
      done(Output{});
    });
  });
}

}  // namespace remuda::sqs
