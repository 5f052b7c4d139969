// The words of `queue create` and `queue set`, applied to a queue.

#include "cli/queue_settings.hpp"

#include <boost/test/unit_test.hpp>

using namespace remuda;
using namespace remuda::cli;
using namespace std::chrono_literals;

namespace {

struct SettingsFixture {
  QueueSettings said;
  topology::QueuePlan queue;

  SettingsFixture() { queue.name = "rides"; }
  std::string refusal() {
    const Result<void> applied = apply_settings(said, queue);
    return applied ? "" : applied.error().message;
  }
  void accepted() { BOOST_TEST(refusal() == ""); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(queue_settings, SettingsFixture)

BOOST_AUTO_TEST_CASE(what_is_not_said_stays) {
  queue.retention = 1h;
  queue.from_topic = "done";
  queue.filter_policy = "{}";
  accepted();
  BOOST_TEST((queue.retention == 1h));
  BOOST_TEST(queue.filter_policy == "{}");
}

BOOST_AUTO_TEST_CASE(an_empty_text_takes_a_setting_away) {
  queue.from_topic = "done";
  queue.filter_policy = "{}";
  queue.dead_letter_queue = "dead";
  queue.max_receives = 5;
  said.filter = "";
  said.dead_letter = "";
  accepted();
  BOOST_TEST(queue.filter_policy == "");
  BOOST_TEST(queue.from_topic == "done");
  BOOST_TEST(queue.dead_letter_queue == "");
  BOOST_TEST(queue.max_receives == 0);
}

BOOST_AUTO_TEST_CASE(a_queue_without_a_topic_has_no_filter) {
  queue.from_topic = "done";
  queue.filter_policy = "{}";
  said.from = "";
  accepted();
  BOOST_TEST(queue.filter_policy == "");
  said = {};
  said.filter = "{}";
  BOOST_TEST(refusal().find("--from") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_dead_letter_queue_needs_a_number_of_receives) {
  said.dead_letter = "dead";
  BOOST_TEST(refusal().find("--max-receives") != std::string::npos);
  said.max_receives = 3;
  accepted();
  BOOST_TEST(queue.max_receives == 3);
  said.dead_letter = "";
  BOOST_TEST(refusal().find("--dead-letter") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_number_of_receives_alone_makes_the_usual_dead_letter_queue) {
  said.max_receives = 3;
  accepted();
  BOOST_TEST(queue.dead_letter_queue == "rides-dlq");
}

BOOST_AUTO_TEST_CASE(tags_are_added_changed_and_taken_away) {
  queue.tags = {{"team", "rides"}, {"old", "yes"}};
  said.tags = {"team=fares", "old=", "formula=a=b"};
  accepted();
  BOOST_TEST(queue.tags.size() == 2U);
  BOOST_TEST(queue.tags.at("team") == "fares");
  BOOST_TEST(queue.tags.at("formula") == "a=b");
  for (const auto* wrong : {"team", "=x"}) {
    said.tags = {wrong};
    BOOST_TEST(refusal().find("NAME=VALUE") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(what_is_about_order_is_for_fifo_queues) {
  said.group_by = "body.customer";
  BOOST_TEST(refusal().find("standard queue") != std::string::npos);
  queue.fifo.emplace();
  said.on_dead = "block";
  accepted();
  BOOST_TEST(queue.fifo->group_by == "body.customer");
  BOOST_TEST(queue.fifo->on_dead_letter == "block");
  BOOST_TEST(queue.fifo->deduplicate_by == "id");
}

BOOST_AUTO_TEST_CASE(a_size_is_said_as_in_a_launch_file) {
  said.max_message_size = "64KiB";
  accepted();
  BOOST_TEST(queue.max_message_size_bytes == 65'536U);
  said.max_message_size = "much";
  BOOST_TEST(refusal() != "");
}

BOOST_AUTO_TEST_SUITE_END()
