// Endpoints, and what the socket layer adds to ZeroMQ.

#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <array>
#include <string>

#include "common/socket.hpp"

using namespace remuda;

namespace {

std::string refusal(const Result<void>& result) {
  return result ? "" : result.error().code;
}

struct SocketFixture {
  Context context;
  std::string endpoint = "ipc://@remuda-socket-test-" + std::to_string(getpid());
  Frame routing_id;
  Frame frame;

  static bool readable(const Socket& socket) {
    std::array items{socket.poll_item()};
    return poll(items, 10'000) == 1;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(endpoints_are_tcp_or_ipc_in_one_of_three_forms) {
  BOOST_TEST(refusal(check_endpoint("tcp://broker.example:5550")) == "");
  BOOST_TEST(refusal(check_endpoint("ipc://@remuda/rides")) == "");
  BOOST_TEST(refusal(check_endpoint("ipc:///run/user/1000/remuda/rides")) == "");
  for (const auto* wrong :
       {"", "rides", "udp://127.0.0.1:1", "inproc://rides", "tcp://127.0.0.1", "tcp://:5550", "tcp://127.0.0.1:65536",
        "tcp://127.0.0.1:*", "tcp://127.0.0.1:5550x", "tcp://a b:1", "ipc://", "ipc://@", "ipc://relative"}) {
    BOOST_TEST(refusal(check_endpoint(wrong)) == "invalid_endpoint", wrong);
  }
}

BOOST_AUTO_TEST_CASE(an_ipc_name_has_at_most_107_bytes) {
  BOOST_TEST(refusal(check_endpoint("ipc://@" + std::string(106, 'x'))) == "");
  BOOST_TEST(refusal(check_endpoint("ipc://@" + std::string(107, 'x'))) == "invalid_endpoint");
}

BOOST_AUTO_TEST_CASE(only_loopback_is_listened_on) {
  BOOST_TEST(refusal(check_listen_endpoint("tcp://127.0.0.1:*")) == "");
  BOOST_TEST(refusal(check_listen_endpoint("tcp://[::1]:5550")) == "");
  for (const auto* open :
       {"tcp://0.0.0.0:5550", "tcp://*:5550", "tcp://192.168.1.2:5550", "tcp://[::]:5550", "tcp://example.org:5550"}) {
    BOOST_TEST(refusal(check_listen_endpoint(open)) == "open_endpoint", open);
  }
}

BOOST_FIXTURE_TEST_CASE(a_second_listener_is_refused_with_the_reason, SocketFixture) {
  Socket first{context, SocketKind::router};
  BOOST_REQUIRE(first.listen(endpoint));
  Socket second{context, SocketKind::router};
  const auto refused = second.listen(endpoint);
  BOOST_REQUIRE(!refused);
  BOOST_TEST(refused.error().code == "cannot_listen");
}

BOOST_FIXTURE_TEST_CASE(a_path_in_use_is_not_stolen, SocketFixture) {
  const std::string path = "ipc:///tmp/remuda-socket-test-" + std::to_string(getpid());
  Socket first{context, SocketKind::router};
  BOOST_REQUIRE(first.listen(path));
  Socket second{context, SocketKind::router};
  BOOST_TEST(!second.listen(path));
}

BOOST_FIXTURE_TEST_CASE(a_frame_travels_there_and_back, SocketFixture) {
  Socket router{context, SocketKind::router};
  BOOST_REQUIRE(router.listen(endpoint));
  Socket dealer{context, SocketKind::dealer};
  ConnectionMonitor monitor{context, dealer};
  BOOST_REQUIRE(dealer.connect(endpoint));
  std::array connected{monitor.poll_item()};
  BOOST_REQUIRE(poll(connected, 10'000) == 1);
  BOOST_TEST((monitor.next() == ConnectionMonitor::Event::connected));

  BOOST_TEST(dealer.send("question") == SendStatus::sent);
  BOOST_REQUIRE(readable(router));
  BOOST_TEST((router.receive_from(routing_id, frame) == Arrival::frame));
  BOOST_TEST(frame.bytes() == "question");
  BOOST_TEST(router.send_to(routing_id.bytes(), "answer") == SendStatus::sent);
  BOOST_REQUIRE(readable(dealer));
  BOOST_TEST(dealer.receive(frame));
  BOOST_TEST(frame.bytes() == "answer");
  BOOST_TEST(!dealer.receive(frame));
}

BOOST_FIXTURE_TEST_CASE(a_monitor_may_stand_where_another_one_just_stood, SocketFixture) {
  for (int round = 0; round < 100; ++round) {  // the same place in memory each time
    Socket dealer{context, SocketKind::dealer};
    BOOST_REQUIRE_NO_THROW((ConnectionMonitor{context, dealer}));
    BOOST_REQUIRE_NO_THROW((ConnectionMonitor{context, dealer}));
  }
}

BOOST_FIXTURE_TEST_CASE(sending_to_nobody_says_so, SocketFixture) {
  Socket router{context, SocketKind::router};
  BOOST_REQUIRE(router.listen(endpoint));
  BOOST_TEST(router.send_to("stranger", "answer") == SendStatus::unreachable);
  Socket dealer{context, SocketKind::dealer};
  BOOST_REQUIRE(dealer.connect("ipc://@remuda-socket-test-nobody-" + std::to_string(getpid())));
  BOOST_TEST(dealer.send("question") == SendStatus::would_block);
}
