// The router and the dealer over real sockets: with each other, and each with libzmq on the other side.

#include <boost/test/unit_test.hpp>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "common/socket.hpp"
#include "common/zmtp/dealer.hpp"
#include "common/zmtp/router.hpp"

using namespace remuda;
using namespace std::chrono_literals;

namespace {

std::string fresh_endpoint() {
  static int number = 0;
  return "ipc://@remuda-zmtp-test-" + std::to_string(getpid()) + "-" + std::to_string(++number);
}

/// A router and what it told.
struct RouterFixture {
  SystemClock clock;
  zmtp::Router router;
  std::string endpoint = fresh_endpoint();
  std::vector<std::pair<zmtp::PeerId, std::string>> frames;
  std::vector<zmtp::PeerId> multiparts;
  std::vector<zmtp::PeerId> gone;
  std::size_t bytes_per_take = 1 << 20;

  RouterFixture() : RouterFixture{zmtp::Router::Settings{100'000, 200'000, 5'000ms}} {}
  explicit RouterFixture(const zmtp::Router::Settings& settings) : router{clock, settings} {
    BOOST_REQUIRE(router.listen(endpoint));
  }

  void turn() {
    router.wait(1ms);
    router.take(bytes_per_take,
                {[this](zmtp::PeerId peer, std::string_view frame) { frames.emplace_back(peer, frame); },
                 [this](zmtp::PeerId peer) { multiparts.push_back(peer); }, [this](zmtp::PeerId peer) { gone.push_back(peer); }});
    router.flush();
  }
  template <class Condition>
  bool turns_until(Condition done) {
    const Instant end = clock.now() + 20s;
    while (clock.now() < end) {
      if (done()) return true;
      turn();
    }
    return false;
  }
};

struct ShortHandshakeFixture : RouterFixture {
  ShortHandshakeFixture() : RouterFixture{zmtp::Router::Settings{100'000, 200'000, 20ms}} {}
};

/// 100 kB unsent and a peer is not read from, one connection at a time.
struct NarrowFixture : RouterFixture {
  NarrowFixture() : RouterFixture{zmtp::Router::Settings{100'000, 8'000'000, 5'000ms, 100'000, 64'000'000, 1, 0, 1ms}} {}
};

/// A dealer and what it told.
struct Client {
  zmtp::Dealer dealer;
  std::vector<std::string> frames;
  int connects = 0;
  int disconnects = 0;

  Client(const std::string& endpoint, const Clock& clock) : dealer{endpoint, 100'000, clock} {}
  void process() {
    dealer.process(
        {[this] { ++connects; }, [this](std::string_view frame) { frames.emplace_back(frame); }, [this] { ++disconnects; }});
  }
};

int raw_connection(const std::string& endpoint) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = endpoint.substr(7);  // behind "ipc://@"
  name.copy(address.sun_path + 1, name.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  BOOST_REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0);
  return fd;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(frames_go_there_and_back_in_order, RouterFixture) {
  Client client{endpoint, clock};
  BOOST_REQUIRE(turns_until([&] {
    client.process();
    return client.connects == 1;
  }));
  for (int i = 0; i < 100; ++i) client.dealer.send("ask " + std::to_string(i));
  BOOST_REQUIRE(turns_until([&] { return frames.size() == 100; }));
  for (const auto& [peer, frame] : frames) BOOST_TEST(router.send(peer, "answer to " + frame));
  BOOST_REQUIRE(turns_until([&] {
    client.process();
    return client.frames.size() == 100;
  }));
  for (int i = 0; i < 100; ++i) BOOST_TEST(client.frames[static_cast<std::size_t>(i)] == "answer to ask " + std::to_string(i));
}

BOOST_FIXTURE_TEST_CASE(it_works_over_tcp_and_says_which_port_it_got, RouterFixture) {
  const auto bound = router.listen("tcp://127.0.0.1:*");
  BOOST_REQUIRE(bound);
  BOOST_TEST(!bound->ends_with("*"));
  Client client{*bound, clock};
  BOOST_REQUIRE(turns_until([&] {
    client.process();
    if (client.connects == 1 && frames.empty()) client.dealer.send("ride");
    return !frames.empty();
  }));
}

BOOST_FIXTURE_TEST_CASE(frames_larger_than_every_buffer_arrive_whole, RouterFixture) {
  zmtp::Router::Settings settings;
  settings.unsent_max_bytes = 64 << 20;
  zmtp::Router large{clock, settings};
  const std::string there = fresh_endpoint();
  BOOST_REQUIRE(large.listen(there));
  zmtp::Dealer dealer{there, settings.max_frame_size, clock};
  std::string sent(3 << 20, 'x');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 2'654'435'761U >> 24U);
  std::string answer;
  bool connected = false;
  const Instant end = clock.now() + 20s;
  while (answer.empty() && clock.now() < end) {
    dealer.process({[&] {
                      connected = true;
                      dealer.send(sent);
                      dealer.send("small");
                    },
                    [&](std::string_view frame) { answer = frame; }, [] {}});
    large.wait(1ms);
    large.take(1 << 20, {[&](zmtp::PeerId peer, std::string_view frame) {
                           if (frame.size() > 100) large.send(peer, frame);
                         },
                         [](zmtp::PeerId) {}, [](zmtp::PeerId) {}});
    large.flush();
  }
  BOOST_TEST(connected);
  BOOST_TEST((answer == sent));
}

BOOST_FIXTURE_TEST_CASE(a_dealer_of_libzmq_is_served_and_its_messages_of_several_frames_are_told_apart, RouterFixture) {
  Context context;
  Socket dealer{context, SocketKind::dealer};
  BOOST_REQUIRE(dealer.connect(endpoint));
  BOOST_REQUIRE(turns_until([&] { return dealer.send("ride") == SendStatus::sent; }));
  BOOST_REQUIRE(turns_until([&] { return frames.size() == 1; }));
  BOOST_TEST(frames.front().second == "ride");
  zmq_send(dealer.poll_item().socket, "a", 1, ZMQ_SNDMORE);
  zmq_send(dealer.poll_item().socket, "b", 1, 0);
  BOOST_REQUIRE(turns_until([&] { return multiparts.size() == 1; }));
  BOOST_TEST(multiparts.front() == frames.front().first);
  BOOST_REQUIRE(router.send(frames.front().first, "answer"));
  Frame answer;
  BOOST_REQUIRE(turns_until([&] { return dealer.receive(answer); }));
  BOOST_TEST(answer.bytes() == "answer");
}

BOOST_FIXTURE_TEST_CASE(a_router_of_libzmq_is_spoken_to, RouterFixture) {
  Context context;
  Socket other{context, SocketKind::router};
  const std::string there = fresh_endpoint();
  BOOST_REQUIRE(other.listen(there));
  Client client{there, clock};
  Frame routing_id;
  Frame frame;
  BOOST_REQUIRE(turns_until([&] {
    client.process();
    if (client.connects == 1) client.dealer.send("ride");
    return other.receive_from(routing_id, frame) == Arrival::frame;
  }));
  BOOST_TEST(frame.bytes() == "ride");
  BOOST_REQUIRE(other.send_to(routing_id.bytes(), "answer") == SendStatus::sent);
  BOOST_REQUIRE(turns_until([&] {
    client.process();
    return !client.frames.empty();
  }));
  BOOST_TEST(client.frames.front() == "answer");
}

BOOST_FIXTURE_TEST_CASE(the_end_of_a_peer_is_told_once_after_what_it_said, RouterFixture) {
  {
    Client client{endpoint, clock};
    BOOST_REQUIRE(turns_until([&] {
      client.process();
      return client.connects == 1;
    }));
    client.dealer.send("last words");
  }
  BOOST_REQUIRE(turns_until([&] { return !gone.empty(); }));
  BOOST_REQUIRE_EQUAL(frames.size(), 1U);
  BOOST_TEST(gone.size() == 1U);
  BOOST_TEST(gone.front() == frames.front().first);
  BOOST_TEST(!router.send(gone.front(), "too late"));
  BOOST_TEST(router.peers() == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_does_not_read_is_not_waited_for, RouterFixture) {
  Client client{endpoint, clock};
  BOOST_REQUIRE(turns_until([&] {
    client.process();
    if (client.connects == 1 && frames.empty()) client.dealer.send("hello");
    return !frames.empty();
  }));
  const zmtp::PeerId peer = frames.front().first;
  const std::string frame(50'000, 'x');
  std::size_t taken = 0;
  while (router.send(peer, frame)) {
    router.flush();
    BOOST_REQUIRE_LT(++taken, 1'000U);
  }
  BOOST_TEST(taken > 4U);
  // What was taken still arrives once it reads again.
  BOOST_REQUIRE(turns_until([&] {
    client.process();
    return client.frames.size() == taken;
  }));
  BOOST_TEST(router.send(peer, frame));
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_does_not_read_what_it_asked_for_cannot_ask_for_more, NarrowFixture) {
  Client client{endpoint, clock};
  BOOST_REQUIRE(turns_until([&] {
    client.process();
    if (client.connects == 1 && frames.empty()) client.dealer.send("ask");
    return !frames.empty();
  }));
  const std::string answer(50'000, 'x');
  for (int i = 0; i < 40; ++i) BOOST_REQUIRE(router.send(frames.front().first, answer));
  router.flush();
  client.dealer.send("ask again");
  for (int i = 0; i < 20; ++i) turn();
  BOOST_TEST(frames.size() == 1U);
  BOOST_REQUIRE(turns_until([&] {
    client.process();
    return frames.size() == 2;
  }));
  BOOST_TEST(client.frames.size() >= 30U);  // it had to read first
  BOOST_REQUIRE(turns_until([&] {
    client.process();
    return client.frames.size() == 40;
  }));
}

BOOST_FIXTURE_TEST_CASE(a_connection_above_the_limit_is_told_why_and_ended, NarrowFixture) {
  Client client{endpoint, clock};
  BOOST_REQUIRE(turns_until([&] {
    client.process();
    return client.connects == 1;
  }));
  const int refused = raw_connection(endpoint);
  std::string said;
  BOOST_REQUIRE(turns_until([&] {
    std::array<char, 512> bytes{};
    const ssize_t count = ::recv(refused, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count > 0) said.append(bytes.data(), static_cast<std::size_t>(count));
    return count == 0;
  }));
  ::close(refused);
  BOOST_TEST(said.find("over_limit: this broker serves 1 connections already") != std::string::npos);
  client.dealer.send("still there");
  BOOST_REQUIRE(turns_until([&] { return frames.size() == 1; }));
}

BOOST_FIXTURE_TEST_CASE(a_connection_that_is_closed_from_here_is_told_as_gone, NarrowFixture) {
  Client client{endpoint, clock};
  BOOST_REQUIRE(turns_until([&] {
    client.process();
    if (client.connects == 1 && frames.empty()) client.dealer.send("hello");
    return !frames.empty();
  }));
  router.close(frames.front().first);
  BOOST_REQUIRE(turns_until([&] { return gone.size() == 1; }));
  BOOST_REQUIRE(turns_until([&] {
    client.process();
    return client.disconnects == 1;
  }));
}

BOOST_FIXTURE_TEST_CASE(a_connection_that_has_given_its_memory_back_goes_on, NarrowFixture) {
  Client client{endpoint, clock};
  const std::string large(90'000, 'x');
  for (std::size_t round = 1; round <= 3; ++round) {
    client.dealer.send(large);
    BOOST_REQUIRE(turns_until([&] {
      client.process();
      if (client.connects == 1 && frames.empty()) client.dealer.send(large);
      return frames.size() >= round;
    }));
    BOOST_REQUIRE(router.send(frames.front().first, large));
    BOOST_REQUIRE(turns_until([&] {
      client.process();
      return client.frames.size() == round;
    }));
    for (int i = 0; i < 5; ++i) turn();  // idle, so its buffers are gone
  }
  BOOST_TEST(frames.back().second == large);
}

BOOST_FIXTURE_TEST_CASE(a_dealer_connects_again_when_the_other_side_is_back, RouterFixture) {
  const std::string there = fresh_endpoint();
  auto first = std::make_unique<zmtp::Router>(clock, zmtp::Router::Settings{});
  BOOST_REQUIRE(first->listen(there));
  Client client{there, clock};
  const auto serve = [&](zmtp::Router& server) {
    client.process();
    server.wait(1ms);
    server.take(1 << 20, {[](zmtp::PeerId, std::string_view) {}, [](zmtp::PeerId) {}, [](zmtp::PeerId) {}});
  };
  const Instant end = clock.now() + 20s;
  while (client.connects < 1 && clock.now() < end) serve(*first);
  first.reset();
  while (client.disconnects < 1 && clock.now() < end) client.process();
  client.dealer.send("dropped: there is no connection");
  zmtp::Router second{clock, {}};
  BOOST_REQUIRE(second.listen(there));
  while (client.connects < 2 && clock.now() < end) serve(second);
  BOOST_TEST(client.connects == 2);
  BOOST_TEST(client.disconnects == 1);
}

BOOST_FIXTURE_TEST_CASE(whoever_does_not_finish_the_handshake_is_shut_out, ShortHandshakeFixture) {
  const int silent = raw_connection(endpoint);
  BOOST_REQUIRE(turns_until([&] { return router.peers() == 1; }));
  BOOST_TEST(turns_until([&] { return router.peers() == 0; }));
  ::close(silent);
  BOOST_TEST(gone.empty());  // it never was there
}

BOOST_FIXTURE_TEST_CASE(whoever_speaks_something_else_is_shut_out_at_once, RouterFixture) {
  const int stranger = raw_connection(endpoint);
  BOOST_REQUIRE(::send(stranger, "GET / HTTP/1.1\r\n", 16, MSG_NOSIGNAL) == 16);
  BOOST_REQUIRE(turns_until([&] { return router.peers() == 1; }));
  BOOST_TEST(turns_until([&] { return router.peers() == 0; }));
  ::close(stranger);
}

BOOST_FIXTURE_TEST_CASE(whoever_asks_for_pongs_and_never_reads_them_is_shut_out, RouterFixture) {
  const int flooder = raw_connection(endpoint);
  std::string opening;
  zmtp::append_opening("DEALER", opening);
  BOOST_REQUIRE(::send(flooder, opening.data(), opening.size(), MSG_NOSIGNAL) > 0);
  const std::string ping = std::string{"\x04\x17\x04PING\x00\x00", 9} + std::string(16, 'c');
  std::string pings;
  while (pings.size() < 65'536) pings += ping;
  std::size_t offset = 0;  // in the PING that is partly sent
  BOOST_TEST(turns_until([&] {
    const ssize_t sent = ::send(flooder, pings.data() + offset, pings.size() - offset, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) offset = (offset + static_cast<std::size_t>(sent)) % ping.size();
    return sent < 0 && errno != EAGAIN;
  }));
  BOOST_TEST(router.peers() == 0U);
  ::close(flooder);
}

BOOST_FIXTURE_TEST_CASE(who_had_no_turn_comes_first_in_the_next, RouterFixture) {
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(std::make_unique<Client>(endpoint, clock));
  BOOST_REQUIRE(turns_until([&] {
    int connected = 0;
    for (auto& client : clients) {
      client->process();
      connected += client->connects;
    }
    return connected == 4;
  }));
  bytes_per_take = 1;  // one peer a turn
  // Every client always has something to say.
  for (auto& client : clients) client->dealer.send("first");
  for (int turns = 0; turns < 40; ++turns) {
    const std::size_t before = frames.size();
    turn();
    if (frames.size() == before) continue;
    for (auto& client : clients) client->dealer.send("again");
  }
  std::array<std::size_t, 5> turns_of{};
  zmtp::PeerId last = 0;
  for (const auto& [peer, frame] : frames) {
    if (peer != last) ++turns_of.at(peer);
    last = peer;
  }
  for (std::size_t peer = 1; peer <= 4; ++peer) BOOST_TEST(turns_of.at(peer) >= 5U);
}

/// A router that looks for a while before it sleeps.
struct BusyFixture : RouterFixture {
  BusyFixture() : RouterFixture{settings()} {}
  static zmtp::Router::Settings settings() {
    zmtp::Router::Settings settings{100'000, 200'000, 5'000ms};
    settings.busy_wait_max = 2'000us;
    return settings;
  }
};

BOOST_FIXTURE_TEST_CASE(a_router_that_looks_before_it_sleeps_tells_the_same, BusyFixture) {
  zmtp::Dealer dealer{endpoint, 100'000, clock};
  bool connected = false;
  std::size_t answers = 0;
  const zmtp::Dealer::Handlers handlers{[&] { connected = true; }, [&](std::string_view) { ++answers; }, [] {}};
  BOOST_REQUIRE(turns_until([&] {
    dealer.process(handlers);
    return connected;
  }));
  for (std::size_t round = 1; round <= 200; ++round) {  // soon it looks; in between, the wait's own end still comes
    dealer.send("question");
    BOOST_REQUIRE(turns_until([&] { return frames.size() == round; }));
    turn();
    BOOST_REQUIRE(router.send(frames.back().first, "answer"));
    router.flush();
    BOOST_REQUIRE(turns_until([&] {
      dealer.process(handlers);
      return answers == round;
    }));
  }
}

BOOST_FIXTURE_TEST_CASE(a_watched_descriptor_ends_the_wait, RouterFixture) {
  std::array<int, 2> ends{};
  BOOST_REQUIRE(pipe(ends.data()) == 0);
  router.watch(ends[0]);
  BOOST_REQUIRE(write(ends[1], "!", 1) == 1);
  router.wait(20s);
  BOOST_TEST(router.is_readable(ends[0]));
  ::close(ends[0]);
  ::close(ends[1]);
}

BOOST_FIXTURE_TEST_CASE(a_path_that_is_served_is_not_taken_over_and_a_stale_one_is, RouterFixture) {
  const std::string path = "/tmp/remuda-zmtp-test-" + std::to_string(getpid());
  const std::string there = "ipc://" + path;
  {
    zmtp::Router first{clock, {}};
    BOOST_REQUIRE(first.listen(there));
    const auto second = router.listen(there);
    BOOST_REQUIRE(!second);
    BOOST_TEST(second.error().code == "cannot_listen");
  }
  BOOST_TEST(access(path.c_str(), F_OK) != 0);  // it cleans up behind itself
  const int stale = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  BOOST_REQUIRE(::bind(stale, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  ::close(stale);
  BOOST_TEST(router.listen(there).ok());
}

BOOST_FIXTURE_TEST_CASE(what_is_not_loopback_is_not_listened_on, RouterFixture) {
  const auto open = router.listen("tcp://0.0.0.0:*");
  BOOST_REQUIRE(!open);
  BOOST_TEST(open.error().code == "open_endpoint");
}
