// The queue node between its sockets and its disk: who is answered when, and what happens when nobody takes the answer.

#include <boost/test/unit_test.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "broker/broker.hpp"
#include "tests/unit/broker/memory_log.hpp"

using namespace remuda;
using namespace remuda::broker;
using namespace std::chrono_literals;

namespace {

std::string ride(const std::string& id, std::size_t body_size = 1) {
  Message message;
  message.id = id;
  message.body.assign(body_size, '\x80');
  return pack(message);
}

struct ServerFixture {
  ManualClock clock;
  test::MemoryLog log;
  QueueEngine engine{log};
  Broker broker;
  std::map<std::string, std::vector<std::string>> written;  // by routing id: what left before the sync
  std::map<std::string, std::vector<std::string>> synced;   // and after it
  std::set<std::string> gone;                               // clients that cannot be reached
  std::map<std::string, std::uint64_t> numbers;

  ServerFixture() : ServerFixture{BrokerSettings{}} {}
  explicit ServerFixture(const BrokerSettings& settings) : broker{started(engine, clock), log, clock, settings} {
    declare("rides");
  }

  static QueueEngine& started(QueueEngine& engine, const ManualClock& clock) {
    engine.recovered(moment_of(clock));
    return engine;
  }

  void declare(const std::string& queue, bool relaxed = false) {
    wire::DeclareQueue declaration;
    declaration.queue = queue;
    declaration.relaxed = relaxed;
    BOOST_REQUIRE(broker.declare(declaration));
  }

  /// One turn with these frames.
  void turn(const std::string& client = {}, const std::vector<std::string>& frames = {}) {
    written.clear();
    synced.clear();
    broker.begin_turn();
    for (const auto& frame : frames) broker.on_frame(client, frame);
    broker.end_turn();
    const auto into = [this](auto& box) {
      return [this, &box](const Connection& to, std::string_view frame) {
        if (gone.contains(to.routing_id)) return false;
        box[to.routing_id].emplace_back(frame);
        return true;
      };
    };
    broker.send_written(into(written));
    broker.send_synced(into(synced));
  }

  std::string frame_of(const std::string& client, const wire::Command& command) {
    std::string frame;
    wire::encode_request({++numbers[client], 0, command}, frame);
    return frame;
  }
  void ask(const std::string& client, const wire::Command& command) { turn(client, {frame_of(client, command)}); }

  void hello(const std::string& client) {
    std::string session = client;
    session.resize(wire::session_size, '.');
    std::string frame;
    wire::encode_request({0, 0, wire::Hello{1, session, client, "here"}}, frame);
    turn(client, {frame});
    BOOST_REQUIRE_EQUAL(written[client].size(), 1U);
  }

  /// Keep `packed` alive until the turn is over.
  void send(const std::string& client, const std::string& packed) { ask(client, wire::Send{"rides", {packed}, std::nullopt}); }

  static std::string code_of(const std::string& frame) {
    const auto reply = wire::decode_reply(frame);
    BOOST_REQUIRE(reply);
    const auto* refused = std::get_if<wire::Refused>(&*reply);
    return refused == nullptr ? "ok" : refused->error.code;
  }
  static std::size_t received_in(const std::string& frame) {
    return wire::decode_received(std::get<wire::Ok>(*wire::decode_reply(frame)).result)->size();
  }
  QueueInfo rides() { return *engine.queue_info(*engine.find_queue("rides"), moment_of(clock)); }
};

struct SmallFramesFixture : ServerFixture {
  SmallFramesFixture() : ServerFixture{BrokerSettings{"small", 10'000, 2, 2}} {}
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_message_is_confirmed_and_handed_out_after_the_same_sync_and_before_it_neither, ServerFixture) {
  hello("producer");
  hello("consumer");
  ask("consumer", wire::Receive{"rides", 10, 20'000, std::nullopt});
  send("producer", ride("A"));
  BOOST_TEST(written["producer"].empty());
  BOOST_TEST(written["consumer"].empty());
  BOOST_TEST(synced["producer"].size() == 1U);
  BOOST_REQUIRE_EQUAL(synced["consumer"].size(), 1U);
  BOOST_TEST(received_in(synced["consumer"].front()) == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_delivery_of_what_was_stored_before_waits_for_no_sync, ServerFixture) {
  hello("producer");
  hello("consumer");
  send("producer", ride("A"));
  ask("consumer", wire::Receive{"rides", 10, 0, std::nullopt});
  BOOST_REQUIRE_EQUAL(written["consumer"].size(), 1U);
  BOOST_TEST(received_in(written["consumer"].front()) == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_visibility_timeout_counts_from_the_request_and_not_from_the_turn_that_read_it, ServerFixture) {
  hello("consumer");
  send("consumer", ride("A"));
  broker.begin_turn();
  clock.advance(40ms);  // the process had no processor
  broker.on_frame("consumer", frame_of("consumer", wire::Receive{"rides", 1, 0, 1'000}));
  broker.end_turn();
  clock.advance(999ms);
  turn();
  BOOST_TEST(engine.queue_info(*engine.find_queue("rides"), moment_of(clock))->in_flight == 1U);
  clock.advance(1ms);
  turn();
  BOOST_TEST(engine.queue_info(*engine.find_queue("rides"), moment_of(clock))->in_flight == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_relaxed_queue_confirms_without_waiting_for_the_disk, ServerFixture) {
  declare("quick", true);
  hello("producer");
  const std::string packed = ride("A");
  ask("producer", wire::Send{"quick", {packed}, std::nullopt});
  BOOST_TEST(written["producer"].size() == 1U);
  BOOST_TEST(synced["producer"].empty());
}

BOOST_FIXTURE_TEST_CASE(a_receive_whose_connection_ended_gets_nothing_handed_out, ServerFixture) {
  hello("producer");
  hello("lost");
  ask("lost", wire::Receive{"rides", 10, 20'000, std::nullopt});
  broker.begin_turn();
  broker.on_gone("lost");
  broker.on_gone("never there");
  broker.end_turn();
  send("producer", ride("A"));
  BOOST_TEST(rides().visible == 1U);
  BOOST_TEST(rides().waiting_receives == 0U);
  BOOST_TEST(broker.connections() == 1U);
}

BOOST_FIXTURE_TEST_CASE(what_a_gone_consumer_did_not_take_is_visible_again_and_not_counted, ServerFixture) {
  hello("producer");
  hello("lost");
  ask("lost", wire::Receive{"rides", 10, 20'000, std::nullopt});
  gone.insert("lost");
  send("producer", ride("A"));
  BOOST_TEST(broker.wants_another_turn());
  turn();
  BOOST_TEST(!broker.wants_another_turn());
  BOOST_TEST(rides().visible == 1U);
  hello("other");
  ask("other", wire::Receive{"rides", 10, 0, std::nullopt});
  const auto reply = wire::decode_reply(written["other"].front());
  BOOST_TEST(wire::decode_received(std::get<wire::Ok>(*reply).result)->front().receive_count == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_consumer_that_is_gone_gets_no_later_message, ServerFixture) {
  hello("producer");
  hello("lost");
  for (int i = 0; i < 3; ++i) ask("lost", wire::Receive{"rides", 1, 20'000, std::nullopt});
  gone.insert("lost");
  send("producer", ride("A"));
  turn();
  send("producer", ride("B"));
  BOOST_TEST(rides().visible == 2U);
  BOOST_TEST(rides().waiting_receives == 0U);
}

BOOST_FIXTURE_TEST_CASE(deliveries_that_do_not_fit_into_one_frame_stay_visible, SmallFramesFixture) {
  hello("client");
  for (const auto* id : {"A", "B", "C"}) send("client", ride(id, 4'000));
  ask("client", wire::Receive{"rides", 10, 0, std::nullopt});
  BOOST_TEST(received_in(written["client"].front()) == 2U);
  turn();
  BOOST_TEST(rides().visible == 1U);
  BOOST_TEST(rides().in_flight == 2U);
}

BOOST_FIXTURE_TEST_CASE(a_connection_has_a_limit_of_waiting_receives_and_of_subscriptions, SmallFramesFixture) {
  BOOST_REQUIRE(broker.declare(wire::DeclareTopic{"topic"}));
  hello("client");
  const wire::Receive receive{"rides", 1, 20'000, std::nullopt};
  for (int i = 0; i < 2; ++i) ask("client", receive);
  BOOST_TEST(written["client"].empty());
  ask("client", receive);
  BOOST_TEST(code_of(written["client"].front()) == "over_limit");
  for (int i = 0; i < 2; ++i) ask("client", wire::Subscribe{"topic", {}, 0});
  BOOST_TEST(code_of(written["client"].front()) == "ok");
  ask("client", wire::Subscribe{"topic", {}, 0});
  BOOST_TEST(code_of(written["client"].front()) == "over_limit");
}

BOOST_FIXTURE_TEST_CASE(a_client_that_comes_back_on_a_new_connection_leaves_nothing_waiting_on_the_old_one, ServerFixture) {
  hello("client");
  ask("client", wire::Receive{"rides", 1, 20'000, std::nullopt});
  std::string frame;
  const std::string session = std::string{"client"} + std::string(10, '.');
  wire::encode_request({0, 0, wire::Hello{1, session, "client", "here"}}, frame);
  turn("new connection", {frame});
  BOOST_TEST(rides().waiting_receives == 0U);
  BOOST_TEST(broker.connections() == 1U);
}

BOOST_FIXTURE_TEST_CASE(the_tenth_malformed_request_silences_a_client_for_a_minute, ServerFixture) {
  hello("client");
  for (int i = 0; i < 10; ++i) {
    turn("client", {"\xc1"});
    BOOST_TEST(code_of(written["client"].front()) == "malformed_request");
  }
  clock.advance(60s - 1ms);
  ask("client", wire::Ping{});
  BOOST_TEST(written["client"].empty());
  clock.advance(1ms);
  ask("client", wire::Ping{});
  BOOST_TEST(code_of(written["client"].front()) == "ok");
}

BOOST_FIXTURE_TEST_CASE(a_client_that_was_silent_for_long_is_asked_for_hello, ServerFixture) {
  hello("client");
  clock.advance(10min);
  turn();
  BOOST_TEST(broker.connections() == 1U);
  clock.advance(1min);
  turn();
  BOOST_TEST(broker.connections() == 0U);
  ask("client", wire::Ping{});
  BOOST_TEST(code_of(written["client"].front()) == "hello_first");
}

BOOST_FIXTURE_TEST_CASE(a_full_disk_refuses_sends_and_still_deletes, ServerFixture) {
  hello("client");
  send("client", ride("A"));
  ask("client", wire::Receive{"rides", 1, 0, std::nullopt});
  const auto reply = wire::decode_reply(written["client"].front());
  const std::string handle{wire::decode_received(std::get<wire::Ok>(*reply).result)->front().handle};
  log.full = true;
  send("client", ride("B"));
  auto answers = written["client"];
  answers.insert(answers.end(), synced["client"].begin(), synced["client"].end());
  BOOST_REQUIRE_EQUAL(answers.size(), 1U);
  BOOST_TEST(code_of(answers.front()) == "storage_full");
  ask("client", wire::Delete{"rides", {handle}});
  BOOST_TEST(code_of(synced["client"].front()) == "ok");
  BOOST_TEST(rides().counters.deleted == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_drain_answers_whoever_waits, ServerFixture) {
  hello("client");
  ask("client", wire::Receive{"rides", 1, 20'000, std::nullopt});
  written.clear();
  broker.begin_turn();
  broker.drain();
  broker.end_turn();
  broker.send_written(
      [this](const Connection& to, std::string_view frame) { return written[to.routing_id].emplace_back(frame), true; });
  BOOST_REQUIRE_EQUAL(written["client"].size(), 1U);
  BOOST_TEST(received_in(written["client"].front()) == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_live_event_leaves_only_for_what_was_accepted_and_only_once, ServerFixture) {
  wire::DeclareQueue chained;
  chained.queue = "chained";
  chained.from_topic = "topic";
  BOOST_REQUIRE(broker.declare(chained));
  hello("publisher");
  hello("subscriber");
  ask("subscriber", wire::Subscribe{"topic", {}, 1'024});
  const std::string packed = ride("A");
  const std::string frame = frame_of("publisher", wire::Publish{"topic", {packed}});
  turn("publisher", {frame});
  BOOST_TEST(synced["subscriber"].size() == 1U);
  turn("publisher", {frame});  // resent: answered, not shown again
  BOOST_TEST(synced["subscriber"].empty());
}

BOOST_FIXTURE_TEST_CASE(a_refused_publish_is_shown_to_nobody, ServerFixture) {
  wire::DeclareQueue chained;
  chained.queue = "chained";
  chained.from_topic = "topic";
  BOOST_REQUIRE(broker.declare(chained));
  hello("publisher");
  hello("subscriber");
  ask("subscriber", wire::Subscribe{"topic", {}, 1'024});
  log.full = true;
  const std::string packed = ride("A");
  ask("publisher", wire::Publish{"topic", {packed}});
  BOOST_TEST(written["subscriber"].empty());
  BOOST_TEST(synced["subscriber"].empty());
}
