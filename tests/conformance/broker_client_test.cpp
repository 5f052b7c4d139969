// What BrokerClient promises to whoever uses it, against a real broker that gets killed.

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/broker_client.hpp"
#include "tests/conformance/broker_fixture.hpp"

using namespace remuda;
using namespace std::chrono_literals;

namespace {

Message ride(const std::string& id) {
  Message message;
  message.id = id;
  message.type = "ride.completed";
  message.body = "\x80";
  return message;
}

std::string id_of(const std::string& packed) {
  return unpack_message(packed)->id;
}

struct ClientFixture : test::BrokerFixture {
  SystemClock clock;
  BlockingBrokerClient operator_{endpoint(), {"operator", "here"}};
  BrokerClient client{endpoint(), {"client", "here"}, clock};

  ClientFixture() { declare("rides"); }

  void declare(const std::string& queue) {
    wire::DeclareQueue declaration;
    declaration.queue = queue;
    BOOST_REQUIRE(operator_.declare_queue(declaration));
  }

  /// Runs the client's loop until `done`, at most 20 s.
  template <class Condition>
  bool run_until(Condition done) {
    return run_until(client, done);
  }
  template <class Condition>
  bool run_until(BrokerClient& one, Condition done) {
    const Instant end = clock.now() + 20s;
    std::vector<zmq_pollitem_t> items;
    while (!done() && clock.now() < end) {
      items.clear();
      one.append_poll_items(items);
      const auto until = std::min(end, one.next_deadline());
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock.now()).count();
      poll(items, std::max<long>(0, left));
      one.tick();
    }
    return done();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(what_is_sent_is_received_byte_for_byte_and_deleted_once, ClientFixture) {
  const Message sent = ride("ride-1");
  BOOST_REQUIRE(operator_.send("rides", sent));
  const auto received = operator_.receive("rides");
  BOOST_REQUIRE(received);
  BOOST_REQUIRE_EQUAL(received->size(), 1U);
  BOOST_TEST(received->front().message == pack(sent));
  BOOST_TEST(received->front().receive_count == 1U);
  BOOST_TEST(operator_.delete_message("rides", received->front().handle).ok());
  BOOST_TEST(operator_.receive("rides")->empty());
}

BOOST_FIXTURE_TEST_CASE(a_refused_handle_is_an_error_of_its_own, ClientFixture) {
  BOOST_REQUIRE(operator_.send("rides", ride("ride-1")));
  const auto first = operator_.receive("rides");
  BOOST_REQUIRE(operator_.change_visibility("rides", first->front().handle, 0ms));
  BOOST_REQUIRE(operator_.receive("rides"));
  const auto late = operator_.delete_message("rides", first->front().handle);
  BOOST_REQUIRE(!late);
  BOOST_TEST(late.error().code == "stale_handle");
  BOOST_TEST(late.error().definite);
}

BOOST_FIXTURE_TEST_CASE(a_transaction_moves_a_message_from_queue_to_queue_in_one_step, ClientFixture) {
  declare("invoices");
  BOOST_REQUIRE(operator_.send("rides", ride("ride-1")));
  const auto received = operator_.receive("rides");
  const std::string packed = pack(ride("invoice-1"));
  const std::string_view message = packed;
  const std::string_view handle = received->front().handle;
  Transaction transaction;
  transaction.delete_messages("rides", {&handle, 1});
  transaction.send("invoices", {&message, 1});
  BOOST_REQUIRE(operator_.transact(transaction));
  BOOST_TEST(operator_.queue_info("rides")->deleted == 1U);
  BOOST_TEST(operator_.queue_info("invoices")->visible == 1U);
}

BOOST_FIXTURE_TEST_CASE(changes_made_while_the_broker_is_dead_happen_exactly_once_when_it_is_back, ClientFixture) {
  std::set<std::string> confirmed;
  const auto send = [&](const std::string& id) {
    client.send("rides", ride(id), [&confirmed, id](Result<std::uint64_t> result) {
      if (result) confirmed.insert(id);
    });
  };
  send("before");
  BOOST_REQUIRE(run_until([&] { return confirmed.size() == 1; }));
  send("in the air");  // perhaps applied, perhaps not: nobody has read an answer
  kill_broker();
  send("while dead");
  BOOST_TEST(client.unanswered() == 2U);
  start_broker();
  BOOST_REQUIRE(run_until([&] { return confirmed.size() == 3; }));
  BOOST_TEST(client.reconnects() >= 1U);
  const auto received = operator_.receive("rides", 10);
  BOOST_REQUIRE(received);
  std::multiset<std::string> ids;
  for (const auto& message : *received) ids.insert(id_of(message.message));
  BOOST_TEST((ids == std::multiset<std::string>{"before", "in the air", "while dead"}));
}

BOOST_FIXTURE_TEST_CASE(a_receive_ends_as_unreachable_when_its_connection_breaks, ClientFixture) {
  std::optional<Error> error;
  client.receive("rides", 10, 60s, [&](Result<std::span<const wire::Received>> received) {
    if (!received) error = received.error();
  });
  BOOST_REQUIRE(run_until([&] { return client.connected(); }));
  kill_broker();
  BOOST_REQUIRE(run_until([&] { return error.has_value(); }));
  BOOST_TEST(error->code == "unreachable");
  start_broker();
}

BOOST_FIXTURE_TEST_CASE(cancelled_receives_call_back_with_nothing, ClientFixture) {
  bool called_back = false;
  client.receive("rides", 10, 60s,
                 [&](Result<std::span<const wire::Received>> received) { called_back = received.ok() && received->empty(); });
  BOOST_REQUIRE(run_until([&] { return client.receiving() == 1; }));
  client.cancel_receives();
  BOOST_TEST(client.receiving() == 1U);
  BOOST_TEST(run_until([&] { return called_back; }));
  BOOST_TEST(client.receiving() == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_receive_that_was_cancelled_before_there_was_a_broker_takes_nothing_from_it, ClientFixture) {
  BOOST_REQUIRE(run_until([&] { return client.connected(); }));
  kill_broker();
  BOOST_REQUIRE(run_until([&] { return !client.connected(); }));
  std::optional<Error> error;
  client.receive("rides", 10, 60s, [&](Result<std::span<const wire::Received>> received) {
    if (!received) error = received.error();
  });
  client.cancel_receives();
  BOOST_TEST(!error.has_value());  // never called back from within
  BOOST_TEST(client.receiving() == 0U);
  client.tick();
  BOOST_REQUIRE(error.has_value());
  BOOST_TEST(error->code == "unreachable");
  start_broker();
  BOOST_REQUIRE(operator_.send("rides", ride("ride-1")));
  BOOST_REQUIRE(run_until([&] { return client.connected(); }));
  BOOST_TEST(operator_.receive("rides", 1)->size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_live_subscription_goes_on_after_a_restart, ClientFixture) {
  BOOST_REQUIRE(operator_.declare_topic({"ride-completion"}));
  std::vector<std::string> seen;
  std::uint64_t missed = 0;
  bool subscribed = false;
  client.subscribe(
      "ride-completion",
      [&](std::string_view message, std::uint64_t lost) {
        seen.push_back(id_of(std::string{message}));
        missed += lost;
      },
      [&](Result<Unit> result) { subscribed = result.ok(); });
  BOOST_REQUIRE(run_until([&] { return subscribed; }));
  BOOST_REQUIRE(operator_.publish("ride-completion", ride("ride-1")));
  BOOST_REQUIRE(run_until([&] { return seen.size() == 1; }));
  BOOST_TEST(missed == 0U);
  kill_broker();
  start_broker();
  BOOST_REQUIRE(run_until([&] { return client.connected() && client.reconnects() == 1; }));
  bool asked = false;
  client.ping([&](Result<Unit>) { asked = true; });  // answered after the renewed subscription
  BOOST_REQUIRE(run_until([&] { return asked; }));
  BOOST_REQUIRE(operator_.publish("ride-completion", ride("ride-2")));
  BOOST_REQUIRE(run_until([&] { return seen.size() == 2; }));
  BOOST_TEST(missed > 0U);  // an interruption never passes silently
}

BOOST_FIXTURE_TEST_CASE(a_request_that_no_broker_can_take_is_refused_at_home, ClientFixture) {
  Message huge = ride("huge");
  huge.body.assign(5U << 20U, 'x');
  const auto refused = operator_.send("rides", huge);
  BOOST_REQUIRE(!refused);
  BOOST_TEST(refused.error().code == "over_limit");
  BOOST_TEST(refused.error().definite);
  BOOST_TEST(operator_.ping().ok());
}

BOOST_FIXTURE_TEST_CASE(a_broker_that_is_not_there_is_unreachable_within_the_deadline, ClientFixture) {
  BlockingBrokerClient nobody{"ipc://@remuda-test-nobody-" + std::to_string(getpid()), {"test", ""}, 50ms};
  const auto answer = nobody.ping();
  BOOST_REQUIRE(!answer);
  BOOST_TEST(answer.error().code == "unreachable");
}

BOOST_FIXTURE_TEST_CASE(a_broker_that_is_asked_to_stop_ends_with_0, ClientFixture) {
  BOOST_REQUIRE(operator_.send("rides", ride("ride-1")));
  BOOST_TEST(stop_broker() == 0);
  start_broker();
  const auto received = operator_.receive("rides");
  BOOST_REQUIRE(received);
  BOOST_TEST(received->size() == 1U);
}

// --- streams

namespace {
struct StreamClientFixture : ClientFixture {
  StreamClientFixture() {
    wire::DeclareStream stream;
    stream.stream = "positions";
    BOOST_REQUIRE(operator_.declare_stream(stream));
  }
  TakenBatch take(std::string_view group = "lake") {
    const auto batch = operator_.take({"positions", group, 10});
    BOOST_REQUIRE(batch);
    return *batch;
  }
};
}  // namespace

BOOST_FIXTURE_TEST_CASE(what_is_appended_is_taken_and_confirmed_and_can_be_read_again, StreamClientFixture) {
  BOOST_REQUIRE(operator_.append("positions", ride("ride-1")));
  const TakenBatch batch = take();
  BOOST_REQUIRE_EQUAL(batch.records.size(), 1U);
  BOOST_TEST(batch.records.front().message == pack(ride("ride-1")));
  BOOST_REQUIRE(operator_.checkpoint({batch.lease, batch.next}));
  BOOST_TEST(take().records.empty());
  BOOST_TEST(operator_.checkpoint({batch.lease, batch.next}).error().code == "stale_lease");
  BOOST_TEST(operator_.read_stream({"positions", 0, 10})->records.size() == 1U);
  BOOST_REQUIRE(operator_.seek_stream({"positions", "lake"}));
  BOOST_TEST(take().records.size() == 1U);
  const auto info = operator_.stream_info("positions");
  BOOST_REQUIRE(info);
  BOOST_TEST(info->records() == 1U);
  BOOST_TEST(info->behind(info->groups.front()) == 1U);
  BOOST_TEST(operator_.list_streams()->size() == 1U);
  BOOST_TEST(operator_.delete_stream({"positions"}).error().code == "stream_not_empty");
  BOOST_TEST(operator_.delete_stream({"positions", true}).ok());
}

BOOST_FIXTURE_TEST_CASE(a_take_waits_for_the_next_append, StreamClientFixture) {
  std::optional<std::string> taken;
  client.take({"positions", "lake", 10, 30'000, "oldest", 20'000}, [&](Result<wire::StreamBatch> batch) {
    if (batch && !batch->records.empty()) taken = id_of(std::string{batch->records.front().message});
  });
  client.ping([&](Result<Unit>) { BOOST_REQUIRE(operator_.append("positions", ride("ride-1"))); });
  BOOST_REQUIRE(run_until([&] { return taken.has_value(); }));
  BOOST_TEST(*taken == "ride-1");
}

BOOST_FIXTURE_TEST_CASE(a_waiting_take_ends_with_the_connection, StreamClientFixture) {
  std::optional<std::string> ended;
  bool alive = false;
  client.take({"positions", "lake", 10, 30'000, "oldest", 20'000},
              [&](Result<wire::StreamBatch> batch) { ended = batch ? "answered" : batch.error().code; });
  client.ping([&](Result<Unit>) { alive = true; });
  BOOST_REQUIRE(run_until([&] { return alive; }));
  kill_broker();
  BOOST_REQUIRE(run_until([&] { return ended.has_value(); }));
  BOOST_TEST(*ended == "unreachable");
  start_broker();
}

BOOST_FIXTURE_TEST_CASE(a_checkpoint_and_what_came_of_the_batch_are_one_transaction, StreamClientFixture) {
  BOOST_REQUIRE(operator_.append("positions", ride("ride-1")));
  const TakenBatch batch = take();
  const std::string packed = pack(ride("invoice-1"));
  const std::string_view message = packed;
  Transaction transaction;
  transaction.send("rides", {&message, 1});
  transaction.append("positions", {&message, 1});
  transaction.checkpoint({batch.lease, batch.next});
  BOOST_REQUIRE(operator_.transact(transaction));
  BOOST_TEST(operator_.transact(transaction).error().code == "stale_lease");
  BOOST_TEST(operator_.queue_info("rides")->visible == 1U);
  BOOST_TEST(take().records.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_broker_that_falls_silent_is_given_up_and_found_again, ClientFixture) {
  BrokerClientOptions options;
  options.ping_after = 20ms;
  options.dead_after = 300ms;
  options.pings_everywhere = true;
  BrokerClient far{endpoint(), {"far", "there"}, clock, options};
  std::optional<std::string> ended;
  std::optional<bool> confirmed;
  bool alive = false;
  far.ping([&](const Result<Unit>&) { alive = true; });
  BOOST_REQUIRE(run_until(far, [&] { return alive; }));
  far.receive("rides", 1, 20s,
              [&](const Result<std::span<const BrokerClient::Received>>& received) { ended = received ? "answered" : received.error().code; });
  freeze_broker();
  far.send("rides", ride("ride-1"), [&](const Result<std::uint64_t>& sent) { confirmed = sent.ok(); });
  BOOST_REQUIRE(run_until(far, [&] { return ended.has_value(); }));  // though nobody closed the connection
  BOOST_TEST(*ended == "unreachable");
  BOOST_TEST(!confirmed);
  thaw_broker();
  BOOST_REQUIRE(run_until(far, [&] { return confirmed.has_value(); }));
  BOOST_TEST(*confirmed);
  BOOST_TEST(far.reconnects() >= 1U);
  BOOST_TEST(operator_.queue_info("rides")->sent == 1U);  // over two connections, and once
}
