// The control channel: its words, and the process's end of it against a supervisor played by the test.

#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <array>
#include <atomic>
#include <future>
#include <optional>
#include <zmq.hpp>

#include "common/control.hpp"
#include "common/socket.hpp"

using namespace remuda;
using namespace std::chrono_literals;

namespace {

ControlReport sample_report() {
  ControlReport report;
  report.state = "ready";
  report.in_flight = 3;
  report.processed = 1'000;
  report.failed = 2;
  report.redelivered = 5;
  report.loop_age = 17ms;
  report.counts = {{"port.rides.received", 1'005}, {"balance", -4}};
  return report;
}

/// A supervisor of one process.
struct ControlFixture {
  Context context;
  Socket router{context, SocketKind::router};
  std::string endpoint = router.listen("tcp://127.0.0.1:*").value();
  Frame peer;
  Frame frame;
  std::atomic<int> drains{0};
  std::array<int, 2> life{-1, -1};

  ControlFixture() { BOOST_REQUIRE(pipe(life.data()) == 0); }
  ~ControlFixture() {
    for (const int fd : life) {
      if (fd >= 0) close(fd);
    }
  }

  ControlClient::Handlers handlers() {
    return {[] { return sample_report(); }, [this] { ++drains; }};
  }
  ControlClient::Options options() { return {endpoint, {"accounting", 1, 42, "0.1.0"}, life[0]}; }
  /// The next message of the process; the test fails after a generous deadline.
  ControlMessage next() {
    std::array items{router.poll_item()};
    BOOST_REQUIRE(poll(items, 10'000) == 1);
    BOOST_REQUIRE((router.receive_from(peer, frame) == Arrival::frame));
    auto message = decode_control_message(frame.bytes());
    BOOST_REQUIRE(message.ok());
    return std::move(message).value();
  }
  void tell(const ControlRequest& request) { BOOST_REQUIRE((router.send_to(peer.bytes(), encode(request)) == SendStatus::sent)); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(control_messages)

BOOST_AUTO_TEST_CASE(every_message_survives_the_wire) {
  for (const ControlMessage& message :
       {ControlMessage{ControlHello{"accounting", 2, 4711, "0.1.0"}}, ControlMessage{ControlReady{}},
        ControlMessage{ControlHeartbeat{sample_report()}}, ControlMessage{ControlBye{-1, "no disk", sample_report()}},
        ControlMessage{ControlHeld{7, {{"ipc://@x/lane.0", "", "12345678", 40}, {"ipc://@x/ticks.0", "body {}", "87654321", 2}}}},
        ControlMessage{ControlArrived{7, 3}}, ControlMessage{ControlRewired{8}}}) {
    const auto decoded = decode_control_message(encode(message));
    BOOST_REQUIRE(decoded.ok());
    BOOST_TEST((*decoded == message));
  }
  for (const ControlRequest& request :
       {ControlRequest{ControlDrain{}}, ControlRequest{ControlPing{}}, ControlRequest{ControlHold{7, {"ipc://@x/lane.0"}}},
        ControlRequest{ControlResume{7, true}}, ControlRequest{ControlAwait{7, true, {{"ipc://@x/lane.0", "", "12345678", 40}}}},
        ControlRequest{ControlFinish{7}}, ControlRequest{ControlRewire{8, {"lane=pipe:ipc://@x/lane.0,ipc://@x/lane.1/lane"}}}}) {
    const auto decoded = decode_control_request(encode(request));
    BOOST_REQUIRE(decoded.ok());
    BOOST_TEST((*decoded == request));
  }
}

BOOST_AUTO_TEST_CASE(every_truncation_is_refused) {
  const auto frame = encode(ControlMessage{ControlBye{1, "no disk", sample_report()}});
  for (std::size_t size = 0; size < frame.size(); ++size) {
    const auto decoded = decode_control_message(std::string_view{frame}.substr(0, size));
    BOOST_REQUIRE_MESSAGE(!decoded.ok(), size << " bytes were accepted");
    BOOST_TEST(decoded.error().code == "malformed_control_message");
  }
}

BOOST_AUTO_TEST_CASE(unknown_words_and_bombs_are_refused) {
  using namespace std::string_literals;
  BOOST_TEST(!decode_control_message("\x91\xa5hullo").ok());
  BOOST_TEST(!decode_control_message("\xdf\xff\x00\x00\x00"s).ok());
  BOOST_TEST(!decode_control_message("\x90").ok());
  BOOST_TEST(!decode_control_request("\x91\xa4work").ok());
  const auto await = encode(ControlRequest{ControlAwait{7, true, {{"ipc://@x/lane.0", "", "12345678", 40}}}});
  for (std::size_t size = 0; size < await.size(); ++size)
    BOOST_REQUIRE(!decode_control_request(std::string_view{await}.substr(0, size)).ok());
}

BOOST_AUTO_TEST_CASE(what_a_newer_version_appends_is_skipped) {
  const auto decoded = decode_control_message("\x92\xa5ready\x07");
  BOOST_REQUIRE(decoded.ok());
  BOOST_TEST(std::holds_alternative<ControlReady>(*decoded));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(control_client, ControlFixture)

BOOST_AUTO_TEST_CASE(a_process_says_hello_then_ready_then_goodbye) {
  ControlClient client{context.native(), options(), handlers()};
  BOOST_TEST((next() == ControlMessage{options().hello}));
  client.ready();
  BOOST_TEST(std::holds_alternative<ControlReady>(next()));
  BOOST_TEST((next() == ControlMessage{ControlHeartbeat{sample_report()}}));
  client.bye(3, "finished");
  auto message = next();
  while (std::holds_alternative<ControlHeartbeat>(message)) message = next();  // a slow machine may fit one in
  BOOST_TEST((message == ControlMessage{ControlBye{3, "finished", sample_report()}}));
}

BOOST_AUTO_TEST_CASE(a_ping_is_answered_with_a_heartbeat) {
  const ControlClient client{context.native(), options(), handlers()};
  BOOST_TEST(std::holds_alternative<ControlHello>(next()));
  tell(ControlPing{});
  BOOST_TEST(std::holds_alternative<ControlHeartbeat>(next()));
}

BOOST_AUTO_TEST_CASE(a_drain_request_reaches_the_loop) {
  const ControlClient client{context.native(), options(), handlers()};
  BOOST_TEST(std::holds_alternative<ControlHello>(next()));
  tell(ControlDrain{});
  tell(ControlPing{});
  BOOST_TEST(std::holds_alternative<ControlHeartbeat>(next()));  // messages are taken in order: the drain came before
  BOOST_TEST(drains == 1);
}

BOOST_AUTO_TEST_CASE(what_a_swap_asks_for_reaches_the_loop_and_its_answer_the_supervisor) {
  std::promise<ControlRequest> asked;  // by the thread of the control channel
  auto told = handlers();
  told.hand_over = [&](ControlRequest request) { asked.set_value(std::move(request)); };
  ControlClient client{context.native(), options(), told};
  BOOST_TEST(std::holds_alternative<ControlHello>(next()));
  tell(ControlHold{3, {"ipc://@x/lane.0"}});
  BOOST_TEST((asked.get_future().get() == ControlRequest{ControlHold{3, {"ipc://@x/lane.0"}}}));
  client.say(ControlHeld{3, {}});
  auto message = next();
  while (std::holds_alternative<ControlHeartbeat>(message)) message = next();  // a slow machine may fit one in
  BOOST_TEST((message == ControlMessage{ControlHeld{3, {}}}));
}

BOOST_AUTO_TEST_CASE(the_end_of_the_life_line_asks_to_drain) {
  const ControlClient client{context.native(), options(), handlers()};
  BOOST_TEST(std::holds_alternative<ControlHello>(next()));
  close(life[1]);
  life[1] = -1;
  tell(ControlPing{});
  BOOST_TEST(std::holds_alternative<ControlHeartbeat>(next()));
  // The heartbeat came from a turn that also looked at the life line, or from the one before it: one more settles it.
  tell(ControlPing{});
  BOOST_TEST(std::holds_alternative<ControlHeartbeat>(next()));
  BOOST_TEST(drains == 1);
}

BOOST_AUTO_TEST_CASE(without_a_supervisor_nothing_is_said_and_the_thread_ends) {
  ControlClient client{context.native(), {"", {"alone", 0, 1, "0.1.0"}, -1}, handlers()};
  client.ready();
  client.bye(0, "finished");
}

BOOST_AUTO_TEST_SUITE_END()
