// Tasks: ids that say by themselves whether a request made them, and what clients are told meanwhile.

#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "common/http/task.hpp"
#include "common/message.hpp"

using namespace remuda::http;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(tasks)

BOOST_AUTO_TEST_CASE(an_id_that_the_system_made_is_the_tasks_too) {
  const auto id = remuda::new_message_id();
  BOOST_TEST(task_id(id) == id);
}

BOOST_AUTO_TEST_CASE(a_clients_key_gives_the_same_task_each_time) {
  const auto id = task_id("campaign-7");
  BOOST_TEST(id == task_id("campaign-7"));
  BOOST_TEST(id != task_id("campaign-8"));
  BOOST_TEST(id.size() == 36U);
  BOOST_TEST(task_id(id) != id);  // a key like any other, although it looks like a task
}

BOOST_AUTO_TEST_CASE(what_no_request_made_is_no_task) {
  const auto id = task_id("campaign-7");
  BOOST_TEST(may_be_task(id, 0, 14 * 24h));
  for (std::size_t i = 0; i < id.size(); ++i) {
    auto other = id;
    other[i] = other[i] == '0' ? '1' : '0';
    BOOST_TEST_CONTEXT(other) {
      BOOST_TEST(!may_be_task(other, 0, 14 * 24h));
    }
  }
  for (const auto* stranger :
       {"", "7", "no-such-prebooking", "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "3F2504E0-4F89-81D3-9A0C-0305E82C3301"})
    BOOST_TEST(!may_be_task(stranger, 0, 14 * 24h));
}

BOOST_AUTO_TEST_CASE(a_task_whose_time_is_known_is_one_for_its_lifetime) {
  const std::string id = "01a2155c-f172-766f-84a0-57dd403acfb7";
  const std::int64_t made = 0x01a2155cf172;
  BOOST_TEST(may_be_task(id, made, 1h));
  BOOST_TEST(may_be_task(id, made + 3'600'000, 1h));
  BOOST_TEST(!may_be_task(id, made + 3'600'001, 1h));
  BOOST_TEST(may_be_task(id, made - 60'000, 1h));  // another host's clock may be ahead, a little
  BOOST_TEST(!may_be_task(id, made - 60'001, 1h));
}

BOOST_AUTO_TEST_CASE(the_estimate_counts_down_and_never_says_now) {
  const std::string id = "01a2155c-f172-766f-84a0-57dd403acfb7";
  const std::int64_t made = 0x01a2155cf172;
  BOOST_TEST(eta_left(id, made, 5s).count() == 5'000);
  BOOST_TEST(eta_left(id, made + 3'000, 5s).count() == 2'000);
  BOOST_TEST(eta_left(id, made + 9'000, 5s).count() == 0);
  BOOST_TEST(eta_left(task_id("campaign-7"), made, 5s).count() == 5'000);
  BOOST_TEST(running_task("7", "/prebookings/7", 0ms) ==
             R"({"id":"7","links":{"refresh":"/prebookings/7"},"status":"running","eta":1})");
  BOOST_TEST(running_task("7", "/p/7", 1'001ms) == R"({"id":"7","links":{"refresh":"/p/7"},"status":"running","eta":2})");
}

BOOST_AUTO_TEST_SUITE_END()
