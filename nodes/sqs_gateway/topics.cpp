// Topics come, are found, and go.

#include <algorithm>

#include "nodes/sqs_gateway/names.hpp"
#include "nodes/sqs_gateway/pages.hpp"
#include "nodes/sqs_gateway/subscription.hpp"
#include "nodes/sqs_gateway/topic_names.hpp"
#include "nodes/sqs_gateway/verbs.hpp"

namespace remuda::sqs {
namespace {

using Topics = std::vector<wire::TopicInfo>;
using Queues = std::vector<wire::QueueInfo>;

const wire::TopicInfo* find(const Topics& topics, std::string_view name) {
  const auto found = std::find_if(topics.begin(), topics.end(), [&](const wire::TopicInfo& topic) { return topic.topic == name; });
  return found == topics.end() ? nullptr : &*found;
}

struct Creation {
  std::string name;
  bool fifo = false;
  bool by_content = false;
  [[nodiscard]] std::string_view deduplicate_by() const { return by_content ? "content" : "dedup_id"; }
};

Answered<Creation> read_creation(const Call& call) {
  constexpr std::size_t name_size_max = 128;
  Input in{call.input};
  Creation creation;
  creation.name = in.text("Name");
  for (const auto& [name, value] : in.text_map("Attributes")) {
    if (name == "FifoTopic") creation.fifo = value == "true";
    if (name == "ContentBasedDeduplication") creation.by_content = value == "true";
  }
  if (in.error()) return Failure{as_sns(*in.error())};
  if (!is_topic_name(creation.name) || creation.name.size() > name_size_max || is_fifo_name(creation.name) != creation.fifo)
    return refuse(Fault::sns_invalid_parameter, "Invalid parameter: Topic Name");
  return creation;
}

Output arn_output(std::string_view topic) {
  return {{"TopicArn", topic_arn(topic)}};
}

/// The queues of the topic's subscriptions go with it; what was chained to it by others stays.
void delete_own_queues(Desk& desk, Queues queues, std::function<void()> done) {
  if (queues.empty()) return done();
  const auto name = queues.back().queue;
  queues.pop_back();
  desk.broker().delete_queue({name, true},
                             [&desk, queues = std::move(queues), done = std::move(done)](const Result<Unit>&) mutable {
                               delete_own_queues(desk, std::move(queues), std::move(done));
                             });
}

}  // namespace

void create_topic(Desk& desk, Visit visit) {
  const auto creation = read_creation(visit.call);
  if (!creation) return visit.done(Failure{creation.error()});
  desk.in_turn([&desk, visit = std::move(visit), creation = *creation](std::function<void()> end) {
    const auto finish = [visit, end = std::move(end)](Answered<Output> output) {
      end();
      visit.done(std::move(output));
    };
    desk.with_topics([&desk, finish, creation](const Answered<Topics>& topics) {
      if (!topics) return finish(Failure{topics.error()});
      if (const auto* known = find(*topics, creation.name)) {
        if (known->fifo && known->deduplicate_by != creation.deduplicate_by())
          return finish(refuse(Fault::sns_invalid_parameter,
                               "Invalid parameter: Attributes Reason: Topic already exists with different attributes"));
        return finish(arn_output(creation.name));
      }
      desk.broker().declare_topic({creation.name, creation.fifo, creation.deduplicate_by()},
                                  [finish, creation](const Result<Unit>& declared) {
                                    if (!declared) return finish(Failure{as_sns(from_broker(declared.error()))});
                                    finish(arn_output(creation.name));
                                  });
    });
  });
}

void delete_topic(Desk& desk, Visit visit) {
  const auto topic = topic_of(visit.call);
  if (!topic) return visit.done(Failure{topic.error()});
  desk.in_turn([&desk, visit = std::move(visit), topic = *topic](std::function<void()> end) {
    const auto finish = [visit, end = std::move(end)](Answered<Output> output) {
      end();
      visit.done(std::move(output));
    };
    desk.with_queues([&desk, finish, topic](Answered<Queues> queues) {
      if (!queues) return finish(Failure{queues.error()});
      std::erase_if(*queues, [&](const wire::QueueInfo& queue) { return !is_own_queue(queue) || queue.from_topic != topic; });
      delete_own_queues(desk, std::move(*queues), [&desk, finish, topic] {
        desk.broker().delete_topic(topic, [finish](const Result<Unit>& deleted) {
          // Deleting what is not there is well, with Amazon.
          if (!deleted && deleted.error().code != "no_such_topic") return finish(Failure{from_broker(deleted.error())});
          finish(Output{});
        });
      });
    });
  });
}

void list_topics(Desk& desk, Visit visit) {
  desk.with_topics([visit = std::move(visit)](const Answered<Topics>& topics) {
    if (!topics) return visit.done(Failure{topics.error()});
    std::vector<std::string> names;
    for (const auto& topic : *topics) {
      if (is_topic_name(topic.topic)) names.push_back(topic.topic);
    }
    const auto page = page_of_100(std::move(names), visit.call.input);
    if (!page) return visit.done(Failure{as_sns(page.error())});
    Output output{{"Topics", Output::array()}};
    for (const auto& name : page->names) output["Topics"].push_back(arn_output(name));
    if (!page->next_token.empty()) output["NextToken"] = page->next_token;
    visit.done(std::move(output));
  });
}

void get_topic_attributes(Desk& desk, Visit visit) {
  const auto topic = topic_of(visit.call);
  if (!topic) return visit.done(Failure{topic.error()});
  desk.with_topics([visit = std::move(visit), topic = *topic](const Answered<Topics>& topics) {
    if (!topics) return visit.done(Failure{topics.error()});
    const auto* known = find(*topics, topic);
    if (known == nullptr) return visit.done(Failure{no_such_topic()});
    Output attributes{{"TopicArn", topic_arn(topic)},
                      {"Owner", account},
                      {"DisplayName", ""},
                      {"SubscriptionsConfirmed", std::to_string(known->queues.size())},
                      {"SubscriptionsPending", "0"},
                      {"SubscriptionsDeleted", "0"}};
    if (known->fifo) {
      attributes["FifoTopic"] = "true";
      attributes["ContentBasedDeduplication"] = known->deduplicate_by == "content" ? "true" : "false";
    }
    visit.done(Output{{"Attributes", attributes}});
  });
}

}  // namespace remuda::sqs
