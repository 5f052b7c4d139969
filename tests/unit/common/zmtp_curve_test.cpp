// CURVE: with ourselves, with libzmq on either side, and with everybody who must not get in.

#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <zmq.hpp>

#include "common/zmtp/curve.hpp"
#include "common/zmtp/dealer.hpp"
#include "common/zmtp/protocol.hpp"
#include "common/zmtp/router.hpp"

using namespace remuda;
using namespace std::chrono_literals;
using zmtp::Curve;
using zmtp::CurveClient;
using zmtp::CurveServer;

namespace {

/// A server that knows one client, has revoked another, and a stranger.
struct Parties {
  zmtp::CurveKeyPair server_keys = zmtp::new_curve_keys();
  zmtp::CurveKeyPair known = zmtp::new_curve_keys();
  zmtp::CurveKeyPair revoked = zmtp::new_curve_keys();
  zmtp::CurveKeyPair unknown = zmtp::new_curve_keys();
  bool known_is_welcome = true;

  std::shared_ptr<const CurveServer> server() {
    return std::make_shared<const CurveServer>(
        CurveServer{server_keys, [this](const zmtp::CurveKey& key, std::string& why) -> std::string {
                      if (key == known.public_key && known_is_welcome) return "depot";
                      why = key == revoked.public_key ? "revoked" : "not known";
                      return {};
                    }});
  }
  [[nodiscard]] std::shared_ptr<const CurveClient> client(const zmtp::CurveKeyPair& keys) const {
    return std::make_shared<const CurveClient>(CurveClient{keys, server_keys.public_key});
  }
  [[nodiscard]] std::shared_ptr<const CurveClient> client_of_another_server() const {
    return std::make_shared<const CurveClient>(CurveClient{known, unknown.public_key});
  }
};

/// Both ends in memory, with what they said.
struct Talk : Parties {
  std::unique_ptr<Curve> client_end;
  std::unique_ptr<Curve> server_end;
  std::unique_ptr<zmtp::Decoder> at_client;
  std::unique_ptr<zmtp::Decoder> at_server;
  std::string to_server;
  std::string to_client;

  void begin(std::shared_ptr<const CurveClient> client) {
    client_end = std::make_unique<Curve>(std::move(client));
    server_end = std::make_unique<Curve>(server());
    at_client = std::make_unique<zmtp::Decoder>("ROUTER", 1'000, client_end.get());
    at_server = std::make_unique<zmtp::Decoder>("DEALER", 1'000, server_end.get());
    zmtp::append_opening("DEALER", *client_end, to_server);
    zmtp::append_opening("ROUTER", *server_end, to_client);
  }
  /// Until nothing more is said: the events at one end.
  static std::vector<zmtp::Decoder::Event> hear(zmtp::Decoder& decoder, std::string& in, std::string& out) {
    std::vector<zmtp::Decoder::Event> events;
    std::string_view bytes{in};
    std::string_view content;
    while (true) {
      events.push_back(decoder.next(bytes, content));
      out += decoder.take_answer();
      if (events.back() == zmtp::Decoder::Event::incomplete || events.back() == zmtp::Decoder::Event::refused) break;
    }
    in.assign(bytes);
    return events;
  }
  void shake_hands(std::shared_ptr<const CurveClient> client) {
    begin(std::move(client));
    for (int i = 0; i < 4; ++i) {
      hear(*at_server, to_server, to_client);
      hear(*at_client, to_client, to_server);
    }
  }
  std::string sealed(std::string_view content) const {
    std::string out;
    client_end->seal(content, 0, out);
    return out;
  }
  zmtp::Decoder::Event receive(const std::string& frame, std::string* content = nullptr) const {
    std::string_view bytes{frame};
    std::string_view plain;
    const auto event = at_server->next(bytes, plain);
    if (content != nullptr && event == zmtp::Decoder::Event::frame) content->assign(plain);
    return event;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(curve)

BOOST_AUTO_TEST_CASE(a_key_is_forty_characters_and_reads_back) {
  const auto keys = zmtp::new_curve_keys();
  const std::string text = zmtp::text_of(keys.public_key);
  BOOST_TEST(text.size() == 40U);
  BOOST_TEST((zmtp::curve_key_from(text) == keys.public_key));
  BOOST_TEST(!zmtp::curve_key_from(text.substr(1)));
  BOOST_TEST(!zmtp::curve_key_from(text.substr(1) + ','));
  BOOST_TEST(!zmtp::curve_key_from(std::string(40, '#')));  // above 2^32 - 1
}

BOOST_FIXTURE_TEST_CASE(whom_the_server_knows_gets_in_under_its_name, Talk) {
  shake_hands(client(known));
  BOOST_TEST(at_server->is_open());
  BOOST_TEST(at_client->is_open());
  BOOST_TEST(server_end->peer_name() == "depot");
  std::string content;
  BOOST_TEST(receive(sealed("ride"), &content) == zmtp::Decoder::Event::frame);
  BOOST_TEST(content == "ride");
}

BOOST_FIXTURE_TEST_CASE(what_is_sealed_cannot_be_read_changed_or_said_again, Talk) {
  shake_hands(client(known));
  const std::string first = sealed("a secret ride");
  BOOST_TEST(first.find("secret") == std::string::npos);
  const std::string second = sealed("b");
  BOOST_TEST(receive(first) == zmtp::Decoder::Event::frame);
  std::string changed = second;
  changed.back() = static_cast<char>(changed.back() ^ 1);
  BOOST_TEST(receive(changed) == zmtp::Decoder::Event::refused);

  shake_hands(client(known));
  const std::string again = sealed("c");
  BOOST_TEST(receive(again) == zmtp::Decoder::Event::frame);
  BOOST_TEST(receive(again) == zmtp::Decoder::Event::refused);
}

BOOST_FIXTURE_TEST_CASE(nothing_unsealed_counts_after_the_handshake, Talk) {
  for (const char* plain : {"\x00\x05hello", "\x04\x07\x04PING\x00\x00", "\x01\x05hello"}) {
    shake_hands(client(known));
    const std::size_t size = plain[0] == 4 ? 9 : 7;
    BOOST_TEST(receive({plain, size}) == zmtp::Decoder::Event::refused);
  }
}

BOOST_FIXTURE_TEST_CASE(whoever_is_refused_is_told_why_in_one_line, Talk) {
  shake_hands(client(unknown));
  BOOST_TEST(at_server->problem() == "not known");
  BOOST_TEST(at_client->problem() == "the peer refuses the connection: not known");
  shake_hands(client_of_another_server());
  BOOST_TEST(at_server->problem() == "the client expects another server key; give it this server's public key");
}

// ---- over sockets ----

namespace {

struct SocketFixture : Parties {
  SystemClock clock;
  zmtp::Router router{clock, [this] {
                        zmtp::Router::Settings settings;
                        settings.max_frame_size = 100'000;
                        settings.curve = server();
                        return settings;
                      }()};
  std::string endpoint;
  std::vector<std::string> frames;
  std::vector<std::string> names;
  std::size_t gone = 0;

  SocketFixture() {
    auto bound = router.listen("tcp://127.0.0.1:*");
    BOOST_REQUIRE(bound);
    endpoint = *bound;
  }
  void turn(Duration wait = 1ms) {
    router.wait(wait);
    router.take(1 << 20, {[this](zmtp::PeerId peer, std::string_view frame) {
                            frames.emplace_back(frame);
                            names.push_back(router.name_of(peer));
                            BOOST_TEST(router.send(peer, "re: " + std::string{frame}));
                          },
                          [this](zmtp::PeerId) { frames.emplace_back("multipart"); }, [this](zmtp::PeerId) { ++gone; }});
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
  [[nodiscard]] std::uint16_t port() const {
    return static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1)));
  }
};

/// Speaks whatever it likes, also after it was refused: every step of a handshake is followed by a frame for the application.
class Intruder {
 public:
  explicit Intruder(std::uint16_t port) : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    BOOST_REQUIRE_EQUAL(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  Intruder(const Intruder&) = delete;
  Intruder& operator=(const Intruder&) = delete;
  ~Intruder() { ::close(socket_); }

  void say(const std::string& bytes) const {
    static_cast<void>(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  }
  /// What has come; nothing new when nothing has.
  std::string& heard() {
    std::array<char, 4096> part{};
    const ssize_t size = ::recv(socket_, part.data(), part.size(), MSG_DONTWAIT);
    if (size > 0) heard_.append(part.data(), static_cast<std::size_t>(size));
    over_ = size == 0 || (size < 0 && errno != EAGAIN);
    return heard_;
  }
  [[nodiscard]] bool is_over() const { return over_; }

 private:
  int socket_;
  bool over_ = false;
  std::string heard_;
};

const std::string plain_frame{"\x00\x05hello", 7};

/// The opening of somebody who offers `mechanism`, and READY as if the server had agreed.
std::string downgrade_to(std::string_view mechanism) {
  std::string out;
  zmtp::append_opening("DEALER", out);
  std::string name{mechanism};
  name.resize(20, '\0');
  out.replace(12, name.size(), name);
  if (mechanism == "PLAIN") zmtp::append_command_frame("HELLO", std::string{"\5depot\6secret"}, out);
  return out + plain_frame;
}

int tries() {
  const char* text = std::getenv("REMUDA_KEY_TRIES");
  return text == nullptr ? 1'000 : std::atoi(text);
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(frames_go_there_and_back_over_tcp_under_the_name_of_the_key, SocketFixture) {
  zmtp::Dealer dealer{endpoint, 100'000, clock, client(known)};
  std::vector<std::string> answers;
  const zmtp::Dealer::Handlers handlers{[&] {
                                          dealer.send("small");
                                          dealer.send(std::string(50'000, 'x'));
                                        },
                                        [&](std::string_view frame) { answers.emplace_back(frame); }, [] {}};
  BOOST_TEST(turns_until([&] {
    dealer.process(handlers);
    return answers.size() == 2;
  }));
  BOOST_TEST(answers[0] == "re: small");
  BOOST_TEST(answers[1].size() == 50'004U);
  BOOST_TEST(names[0] == "depot");
}

BOOST_FIXTURE_TEST_CASE(a_key_that_is_not_welcome_any_more_ends_its_connection, SocketFixture) {
  zmtp::Dealer dealer{endpoint, 100'000, clock, client(known)};
  bool connected = false;
  const zmtp::Dealer::Handlers handlers{[&] {
                                          connected = true;
                                          dealer.send("here");
                                        },
                                        [](std::string_view) {}, [&] { connected = false; }};
  const auto process = [&] { dealer.process(handlers); };
  BOOST_REQUIRE(turns_until([&] {
    process();
    return frames.size() == 1;
  }));
  router.close_unless([](const std::string& name) { return name == "depot"; });
  turn();
  BOOST_TEST(gone == 0U);
  known_is_welcome = false;
  router.close_unless([](const std::string&) { return false; });
  BOOST_TEST(turns_until([&] {
    process();
    return !connected && !dealer.refusal().empty();
  }));
  BOOST_TEST(gone == 1U);
  BOOST_TEST(dealer.refusal() == "the peer refuses the connection: not known");
  BOOST_TEST(frames.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_dealer_of_libzmq_gets_in_with_its_key_and_only_with_it, SocketFixture) {
  zmq::context_t context;
  const auto connect = [&](zmq::socket_t& socket, const zmtp::CurveKeyPair& keys) {
    zmtp::CurveKey secret{};
    std::memcpy(secret.data(), keys.secret_key.data(), secret.size());
    socket.set(zmq::sockopt::linger, 0);
    zmq_setsockopt(socket.handle(), ZMQ_CURVE_SERVERKEY, server_keys.public_key.data(), 32);
    zmq_setsockopt(socket.handle(), ZMQ_CURVE_PUBLICKEY, keys.public_key.data(), 32);
    zmq_setsockopt(socket.handle(), ZMQ_CURVE_SECRETKEY, secret.data(), 32);
    socket.set(zmq::sockopt::heartbeat_ivl, 20);  // PINGs are sealed, too
    socket.connect(endpoint);
    socket.send(zmq::str_buffer("ride"), zmq::send_flags::dontwait);
  };
  zmq::socket_t stranger{context, zmq::socket_type::dealer};
  connect(stranger, unknown);
  zmq::socket_t guest{context, zmq::socket_type::dealer};
  connect(guest, known);
  zmq::message_t answer;
  BOOST_REQUIRE(turns_until([&] { return guest.recv(answer, zmq::recv_flags::dontwait).has_value(); }));
  BOOST_TEST(answer.to_string() == "re: ride");
  const Instant end = clock.now() + 200ms;
  while (clock.now() < end) turn();
  BOOST_TEST(frames.size() == 1U);
  guest.send(zmq::str_buffer("still there"), zmq::send_flags::dontwait);
  BOOST_TEST(turns_until([&] { return guest.recv(answer, zmq::recv_flags::dontwait).has_value(); }));
}

BOOST_AUTO_TEST_CASE(a_router_of_libzmq_is_spoken_to_with_keys) {
  const auto server_keys = zmtp::new_curve_keys();
  const auto own = zmtp::new_curve_keys();
  zmtp::CurveKey secret{};
  std::memcpy(secret.data(), server_keys.secret_key.data(), secret.size());
  zmq::context_t context;
  zmq::socket_t router{context, zmq::socket_type::router};
  const int on = 1;
  zmq_setsockopt(router.handle(), ZMQ_CURVE_SERVER, &on, sizeof on);
  zmq_setsockopt(router.handle(), ZMQ_CURVE_SECRETKEY, secret.data(), 32);
  router.set(zmq::sockopt::linger, 0);
  router.bind("tcp://127.0.0.1:*");
  const SystemClock clock;
  zmtp::Dealer dealer{router.get(zmq::sockopt::last_endpoint), 10'000, clock,
                      std::make_shared<const CurveClient>(CurveClient{own, server_keys.public_key})};
  std::string answer;
  const zmtp::Dealer::Handlers handlers{[&] { dealer.send("ride"); }, [&](std::string_view frame) { answer = frame; }, [] {}};
  const Instant end = clock.now() + 20s;
  while (answer.empty() && clock.now() < end) {
    dealer.process(handlers);
    zmq::message_t id;
    zmq::message_t frame;
    if (!router.recv(id, zmq::recv_flags::dontwait) || !router.recv(frame)) continue;
    router.send(id, zmq::send_flags::sndmore);
    router.send(frame, zmq::send_flags::none);
  }
  BOOST_TEST(answer == "ride");
}

BOOST_FIXTURE_TEST_CASE(not_one_frame_of_a_stranger_reaches_the_application, SocketFixture) {
  const std::map<std::string, std::shared_ptr<const CurveClient>> with_keys{{"wrong server key", client_of_another_server()},
                                                                            {"unknown client key", client(unknown)},
                                                                            {"revoked client key", client(revoked)}};
  const std::map<std::string, std::string> without{
      {"no key", plain_frame}, {"NULL downgrade", downgrade_to("NULL")}, {"PLAIN downgrade", downgrade_to("PLAIN")}};
  for (int i = 0; i < tries(); ++i) {
    for (const auto& [kind, bytes] : without) {
      Intruder intruder{port()};
      intruder.say(kind == "no key" ? downgrade_to("CURVE") + bytes : bytes);
      BOOST_TEST_REQUIRE(turns_until([&] {
        intruder.heard();
        return intruder.is_over();
      }));
      BOOST_TEST_REQUIRE(frames.size() == 0U, kind);
    }
    for (const auto& [kind, keys] : with_keys) {
      Intruder intruder{port()};
      Curve own_end{keys};
      zmtp::Decoder decoder{"ROUTER", 1'000, &own_end};
      std::string opening;
      zmtp::append_opening("DEALER", own_end, opening);
      intruder.say(opening);
      bool pushed = false;
      BOOST_TEST_REQUIRE(turns_until([&] {
        std::string& heard = intruder.heard();
        std::string_view bytes{heard};
        std::string_view content;
        if (decoder.next(bytes, content) == zmtp::Decoder::Event::opened) return false;
        heard.assign(bytes);
        const std::string answer = decoder.take_answer();
        if (!answer.empty()) {  // INITIATE, and frames without waiting for READY: sealed, and plain
          std::string frame;
          own_end.seal("hello", 0, frame);
          intruder.say(answer + frame + plain_frame);
          pushed = true;
        }
        return intruder.is_over();
      }));
      BOOST_TEST_REQUIRE(pushed == (kind != "wrong server key"), kind);
      BOOST_TEST_REQUIRE(frames.size() == 0U, kind);
    }
  }
  BOOST_TEST(frames.size() == 0U);
  BOOST_TEST_MESSAGE("tries of each of 6 kinds: " << tries() << ", frames that reached the application: " << frames.size());

  // The door is not simply shut.
  zmtp::Dealer dealer{endpoint, 100'000, clock, client(known)};
  const zmtp::Dealer::Handlers handlers{[&] { dealer.send("ride"); }, [](std::string_view) {}, [] {}};
  BOOST_TEST(turns_until([&] {
    dealer.process(handlers);
    return frames.size() == 1;
  }));
}

BOOST_AUTO_TEST_SUITE_END()
