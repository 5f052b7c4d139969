// From what a broker holds to what a launch file says: which changes, in which order, and what each would cost.

#include "cli/apply/channel_changes.hpp"

#include <boost/test/unit_test.hpp>
#include <sstream>

#include "common/declarations.hpp"

using namespace remuda;
using namespace remuda::cli;
using namespace std::chrono_literals;

namespace {

struct ApplyFixture {
  topology::Definitions before;
  topology::Definitions wanted;
  LiveChannels live;

  static topology::QueuePlan queue(const std::string& name, const std::string& dead_letter_queue = "") {
    topology::QueuePlan plan;
    plan.name = name;
    plan.dead_letter_queue = dead_letter_queue;
    plan.max_receives = dead_letter_queue.empty() ? 0 : 5;
    return plan;
  }
  static topology::TopicPlan topic(const std::string& name) {
    topology::TopicPlan plan;
    plan.name = name;
    return plan;
  }
  /// It is defined, wanted, and there.
  topology::QueuePlan& running(const topology::QueuePlan& plan) {
    before.queues.push_back(plan);
    live.queues.push_back(info_of(plan));
    return wanted.queues.emplace_back(plan);
  }
  topology::TopicPlan& running(const topology::TopicPlan& plan) {
    before.topics.push_back(plan);
    wire::TopicInfo info;
    info.topic = plan.name;
    info.fifo = plan.fifo;
    info.deduplicate_by = plan.deduplicate_by;
    live.topics.push_back(info);
    return wanted.topics.emplace_back(plan);
  }
  static wire::QueueInfo info_of(const topology::QueuePlan& plan) {
    wire::QueueInfo info;
    info.queue = plan.name;
    info.from_topic = plan.from_topic;
    info.filter_policy = plan.filter_policy;
    info.visibility_timeout_ms = static_cast<std::uint64_t>(plan.visibility_timeout.count());
    info.retention_ms = static_cast<std::uint64_t>(plan.retention.count());
    info.dead_letter_queue = plan.dead_letter_queue;
    info.max_receives = static_cast<std::uint32_t>(plan.max_receives);
    info.max_message_size_bytes = plan.max_message_size_bytes;
    info.fifo = plan.fifo.has_value();
    if (plan.fifo) {
      info.group_by = plan.fifo->group_by;
      info.deduplicate_by = plan.fifo->deduplicate_by;
      info.deduplication_scope = plan.fifo->deduplication_scope;
      info.on_dead_letter = plan.fifo->on_dead_letter;
    }
    return info;
  }
  std::vector<ChannelChange> changes() { return channel_changes(before, wanted, live); }
  /// "create queue rides; remove topic done"
  std::string told() {
    std::ostringstream out;
    for (const ChannelChange& change : changes()) {
      if (out.tellp() > 0) out << "; ";
      out << change.change << ' ' << change.kind << ' ' << change.name;
    }
    return out.str();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(channel_changes_of_a_launch_file, ApplyFixture)

BOOST_AUTO_TEST_CASE(what_is_as_it_should_be_is_left_alone) {
  running(topic("done"));
  running(queue("dead"));
  running(queue("rides", "dead"));
  BOOST_TEST(told() == "");
}

BOOST_AUTO_TEST_CASE(topics_come_first_and_dead_letter_queues_before_what_fills_them) {
  wanted.queues = {queue("rides", "dead"), queue("dead", "dead-dead"), queue("dead-dead"), queue("more", "dead")};
  wanted.topics = {topic("done")};
  BOOST_TEST(told() == "create topic done; create queue dead-dead; create queue dead; create queue rides; create queue more");
}

BOOST_AUTO_TEST_CASE(what_goes_goes_last_and_before_its_dead_letter_queue) {
  running(topic("done"));
  running(queue("dead"));
  running(queue("rides", "dead"));
  wanted = {};
  wanted.queues = {queue("new")};
  BOOST_TEST(told() == "create queue new; remove queue rides; remove queue dead; remove topic done");
}

BOOST_AUTO_TEST_CASE(what_was_made_by_hand_is_none_of_the_launch_files_business) {
  live.queues.push_back(info_of(queue("by-hand")));
  BOOST_TEST(told() == "");
}

BOOST_AUTO_TEST_CASE(what_is_gone_already_need_not_be_removed_and_is_made_again_when_wanted) {
  before.queues = {queue("gone"), queue("rides")};
  wanted.queues = {queue("rides")};
  BOOST_TEST(told() == "create queue rides");
}

BOOST_AUTO_TEST_CASE(a_change_says_each_setting_in_the_words_of_the_file) {
  running(queue("dead"));
  topology::QueuePlan& rides = running(queue("rides"));
  rides.visibility_timeout = 5s;
  rides.delay = 1s;
  rides.dead_letter_queue = "dead";
  rides.max_receives = 3;
  const auto found = changes();
  BOOST_REQUIRE(found.size() == 1U);
  BOOST_TEST((found[0].change == Change::change));
  std::string text;
  for (const Difference& difference : found[0].differences) text += as_text(difference) + "\n";
  BOOST_TEST(text ==
             "visibility_timeout \"30s\" -> \"5s\"\n"
             "+ delay = \"1s\"\n"
             "+ dead_letter = { queue = \"dead\", max_receives = 3 }\n");
  BOOST_TEST(!found[0].destroys());
}

BOOST_AUTO_TEST_CASE(a_filter_is_changed_and_taken_away) {
  running(topic("done"));
  topology::QueuePlan filtered = queue("rides");
  filtered.from_topic = "done";
  filtered.filter_policy = R"({"fare":[5]})";
  topology::QueuePlan& rides = running(filtered);
  rides.filter_policy = R"({"fare":[6]})";
  BOOST_TEST(changes()[0].differences[0].key == "filter_policy");
  rides.filter_policy.clear();
  BOOST_TEST(as_text(changes()[0].differences[0]).starts_with("- filter_policy"));
}

BOOST_AUTO_TEST_CASE(a_queue_that_holds_messages_is_removed_at_their_cost) {
  running(queue("rides"));
  wanted = {};
  BOOST_TEST(changes()[0].loses == "");
  BOOST_TEST(changes()[0].destroys());
  live.queues[0].visible = 1;
  BOOST_TEST(changes()[0].loses == "1 message");
  live.queues[0].in_flight = 2;
  live.queues[0].delayed = 3;
  BOOST_TEST(changes()[0].loses == "6 messages");
}

BOOST_AUTO_TEST_CASE(another_kind_of_queue_is_another_queue) {
  topology::QueuePlan& rides = running(queue("rides"));
  live.queues[0].visible = 2;
  rides.fifo.emplace();
  const auto found = changes();
  BOOST_REQUIRE(found.size() == 1U);
  BOOST_TEST((found[0].change == Change::replace));
  BOOST_TEST(found[0].loses == "2 messages");
}

BOOST_AUTO_TEST_CASE(a_shorter_retention_loses_what_is_older) {
  topology::QueuePlan& rides = running(queue("rides"));
  rides.retention = 1h;
  BOOST_TEST(changes()[0].loses == "");
  live.queues[0].visible = 1;
  live.queues[0].oldest_age_ms = 3'600'000;
  BOOST_TEST(changes()[0].loses == "");
  live.queues[0].oldest_age_ms = 3'600'001;
  BOOST_TEST(changes()[0].loses == "messages older than 1h");
}

BOOST_AUTO_TEST_CASE(a_topic_becomes_fifo_in_place) {
  running(topic("done")).fifo = true;
  BOOST_TEST(told() == "change topic done");
}

BOOST_AUTO_TEST_CASE(a_plan_survives_the_wire) {
  topology::QueuePlan plan = queue("rides", "dead");
  plan.fifo = topology::FifoPlan{"body.customer", "content", "message_group", "block"};
  plan.retention = 1h;
  plan.from_topic = "done";
  plan.filter_policy = R"({"fare":[5]})";
  BOOST_TEST(differences(plan, plan_of(info_of(plan))).empty());
  const wire::DeclareQueue declared = declaration_of(plan);
  BOOST_TEST(declared.retention_ms == 3'600'000U);
  BOOST_TEST(declared.fifo->group_by == "body.customer");
  BOOST_TEST(declared.selection.filter_policy == plan.filter_policy);
}

BOOST_AUTO_TEST_SUITE_END()
