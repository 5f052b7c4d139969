// When a sync waits for more to come, and when it does not.

#include <boost/test/unit_test.hpp>

#include "broker/group_commit.hpp"

using namespace remuda;
using namespace remuda::broker;
using namespace std::chrono_literals;

namespace {

struct GroupFixture {
  GroupCommit commit;
  Instant now{1h};

  /// A sync that takes 100 us.
  void sync() {
    commit.synced(now, now + 100us);
    now += 100us;
  }
  void group_of(std::size_t bytes) {
    commit.take(bytes);
    sync();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(one_message_at_a_time_never_waits, GroupFixture) {
  for (int i = 0; i < 3; ++i) {
    commit.take(300);
    BOOST_TEST(!commit.wait_for_more(now));
    sync();
  }
}

BOOST_FIXTURE_TEST_CASE(a_small_group_after_a_large_one_waits_until_as_much_has_come, GroupFixture) {
  group_of(80'000);
  commit.take(2'000);
  BOOST_TEST(commit.wait_for_more(now));
  commit.take(60'000);
  BOOST_TEST(commit.wait_for_more(now + 10us));
  commit.take(20'000);
  BOOST_TEST(!commit.wait_for_more(now + 20us));
}

BOOST_FIXTURE_TEST_CASE(it_waits_as_long_as_a_sync_takes_and_no_longer, GroupFixture) {
  group_of(80'000);
  commit.take(2'000);
  BOOST_TEST(commit.wait_for_more(now));
  BOOST_TEST((commit.due() == now + 100us));
  commit.take(2'000);
  BOOST_TEST(commit.wait_for_more(now + 99us));
  BOOST_TEST(!commit.wait_for_more(now + 100us));
}

BOOST_FIXTURE_TEST_CASE(however_slow_the_disk_it_waits_a_quarter_of_a_millisecond_at_most, GroupFixture) {
  for (int i = 0; i < 50; ++i) {
    commit.take(80'000);
    commit.synced(now, now + 10ms);
  }
  commit.take(2'000);
  BOOST_TEST(commit.wait_for_more(now));
  BOOST_TEST((commit.due() == now + GroupCommit::patience_max));
}

BOOST_FIXTURE_TEST_CASE(who_waited_in_vain_does_not_wait_again, GroupFixture) {
  group_of(80'000);
  commit.take(2'000);
  BOOST_TEST(commit.wait_for_more(now));
  now += 100us;
  BOOST_TEST(!commit.wait_for_more(now));
  sync();
  commit.take(2'000);
  BOOST_TEST(!commit.wait_for_more(now));
}
