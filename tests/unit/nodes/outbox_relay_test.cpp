// What is committed is published: in order, again after a crash, under the same id, and deleted only once confirmed.

#include <boost/test/unit_test.hpp>
#include <optional>

#include "nodes/wild_rydes/outbox_relay.hpp"
#include "tests/unit/nodes/fake_context.hpp"
#include "tests/unit/nodes/temporary_folder.hpp"

using namespace remuda::rides;

namespace {

struct RelayFixture {
  TemporaryFolder folder;
  struct Process {
    Database database;
    BatchTransaction transaction;
    FakeContext context;
    OutboxRelay relay;
    explicit Process(const std::string& path)
        : database{path + "/store.sqlite", OutboxRelay::schema, 1},
          transaction{database},
          relay{database, transaction, context, "completed", path + "/relay.lock"} {}
  };
  std::optional<Process> process{folder.path};

  void store(std::string_view id) {
    remuda::Message message;
    message.id = id;
    process->transaction.apply([&] { process->relay.add(message); });
  }
  void commit() {
    process->relay.delete_confirmed();
    process->transaction.commit();
    process->relay.relay();
  }
  void restart() {
    process.reset();
    process.emplace(folder.path);
    process->relay.relay();
  }
  /// The ids that are sent and wait for their confirm, in order.
  std::string sent() const {
    std::string ids;
    for (const auto& message : process->context.sent) ids += (ids.empty() ? "" : " ") + message.message.id;
    return ids;
  }
  std::int64_t stored() { return process->relay.waiting(); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(outbox_relay, RelayFixture)

BOOST_AUTO_TEST_CASE(nothing_is_published_before_it_is_committed) {
  store("ride-1");
  BOOST_TEST(sent() == "");
  commit();
  BOOST_TEST(sent() == "ride-1");
}

BOOST_AUTO_TEST_CASE(messages_are_published_in_the_order_of_their_commits) {
  store("ride-1");
  store("ride-2");
  commit();
  store("ride-3");
  commit();
  BOOST_TEST(sent() == "ride-1 ride-2 ride-3");
}

BOOST_AUTO_TEST_CASE(a_message_is_deleted_once_it_is_confirmed) {
  store("ride-1");
  commit();
  BOOST_TEST(stored() == 1);
  process->context.confirm();
  process->relay.tick();
  BOOST_TEST(stored() == 0);
  restart();
  BOOST_TEST(sent() == "");
}

BOOST_AUTO_TEST_CASE(confirmed_messages_are_deleted_along_with_the_next_batch) {
  store("ride-1");
  commit();
  process->context.confirm();
  store("ride-2");
  commit();
  BOOST_TEST(stored() == 1);
}

BOOST_AUTO_TEST_CASE(after_a_crash_what_was_not_confirmed_is_published_again_under_its_id) {
  store("ride-1");
  store("ride-2");
  commit();
  process->context.confirm();
  restart();
  BOOST_TEST(sent() == "ride-1 ride-2");  // ride-1 was confirmed and not yet deleted: its receivers know its id
}

BOOST_AUTO_TEST_CASE(a_confirm_out_of_order_deletes_nothing_that_waits) {
  store("ride-1");
  store("ride-2");
  commit();
  std::swap(process->context.sent[0], process->context.sent[1]);
  BOOST_TEST(process->context.confirm() == "ride-2");
  process->relay.tick();
  BOOST_TEST(stored() == 2);
  process->context.confirm();
  process->relay.tick();
  BOOST_TEST(stored() == 0);
}

BOOST_AUTO_TEST_CASE(what_could_not_be_published_is_kept_and_tried_again) {
  store("ride-1");
  store("ride-2");
  commit();
  process->context.confirm(remuda::fail("no_such_topic", "the topic is gone"));
  process->context.confirm();
  BOOST_TEST(sent() == "");
  process->relay.tick();
  BOOST_TEST(sent() == "ride-1");
  BOOST_TEST(stored() == 2);
  process->context.confirm();
  process->relay.tick();
  BOOST_TEST(stored() == 0);
}

BOOST_AUTO_TEST_CASE(while_the_broker_is_away_the_store_holds_what_memory_should_not) {
  for (std::size_t i = 0; i < OutboxRelay::in_flight_max + 10; ++i) store("ride-" + std::to_string(i));
  commit();
  BOOST_TEST(process->context.sent.size() == OutboxRelay::in_flight_max);
  for (std::size_t i = 0; i < OutboxRelay::in_flight_max + 10; ++i)
    BOOST_REQUIRE_EQUAL(process->context.confirm(), "ride-" + std::to_string(i));
  process->relay.tick();
  BOOST_TEST(stored() == 0);
}

BOOST_AUTO_TEST_CASE(one_replica_relays_for_all_and_another_takes_over_when_it_ends) {
  store("ride-1");
  commit();
  Process other{folder.path};
  other.transaction.apply([&] {
    remuda::Message message;
    message.id = "ride-2";
    other.relay.add(message);
  });
  other.transaction.commit();
  other.relay.tick();
  BOOST_TEST(other.context.sent.empty());
  process->relay.tick();
  BOOST_TEST(sent() == "ride-1 ride-2");
  process.reset();
  other.relay.tick();
  BOOST_TEST(other.context.sent.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_draining_node_publishes_nothing_new) {
  process->context.draining = true;
  store("ride-1");
  commit();
  BOOST_TEST(sent() == "");
  BOOST_TEST(stored() == 1);
}

BOOST_AUTO_TEST_SUITE_END()
