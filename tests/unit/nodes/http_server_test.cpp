// The server on a real loopback socket. Time is a manual clock's, and every wait is for an event with a deadline.

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "common/http/server.hpp"
#include "tests/unit/nodes/shared_clock.hpp"

using namespace remuda::http;
using remuda::test::SharedClock;
using namespace std::chrono_literals;

namespace {

constexpr int patience_ms = 20'000;  // only ever waited for by a test that fails

/// A client that does as it is told, right or wrong.
class Client {
 public:
  explicit Client(const Endpoint& server) : socket_{::socket(AF_INET, SOCK_STREAM, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port);
    inet_pton(AF_INET, server.host.c_str(), &address.sin_addr);
    BOOST_REQUIRE_EQUAL(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // the server has had enough
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// Reads one response; empty when the server closes instead.
  std::string response() {
    for (;;) {
      const auto header_end = input_.find("\r\n\r\n");
      if (header_end != std::string::npos) {
        const auto field = input_.find("Content-Length: ");
        const std::size_t length = field < header_end ? std::stoul(input_.substr(field + 16)) : 0;
        if (input_.size() >= header_end + 4 + length) {
          const std::string response = input_.substr(0, header_end + 4 + length);
          input_.erase(0, response.size());
          return response;
        }
      }
      if (!receive()) return {};
    }
  }
  void end_sending() const { ::shutdown(socket_, SHUT_WR); }
  bool is_closed_by_server() {
    while (receive()) {}
    return true;
  }

 private:
  bool receive() {
    pollfd waiting{socket_, POLLIN, 0};
    BOOST_REQUIRE_MESSAGE(::poll(&waiting, 1, patience_ms) == 1, "the server says nothing");
    char bytes[4'096];
    const ssize_t got = ::recv(socket_, bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    input_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }
  int socket_;
  std::string input_;
};

struct ServerFixture {
  SharedClock clock;
  ServerOptions options;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::pair<Request, Responder>> held;  ///< requests to /hold wait here for answer_held()
  std::unique_ptr<Server> server;

  ServerFixture() { options.listen = {"127.0.0.1", 0}; }
  ~ServerFixture() {
    server.reset();  // before what its handler uses
  }

  Endpoint start() {
    auto listening = Server::listen(
        options, [this](Request request, Responder respond) { handle(std::move(request), std::move(respond)); }, clock);
    BOOST_REQUIRE(listening.ok());
    server = std::move(*listening);
    server->serve();
    return server->endpoint();
  }
  void handle(Request request, Responder respond) {
    if (request.path() == "/drop") return;
    if (request.path() == "/hold") {
      const std::lock_guard lock{mutex};
      held.emplace_back(std::move(request), std::move(respond));
      changed.notify_all();
      return;
    }
    respond({200, "text/plain", request.method + " " + request.target + " " + request.body, {}});
  }
  std::pair<Request, Responder> next_held() {
    std::unique_lock lock{mutex};
    BOOST_REQUIRE(changed.wait_for(lock, std::chrono::milliseconds{patience_ms}, [&] { return !held.empty(); }));
    auto first = std::move(held.front());
    held.pop_front();
    return first;
  }
  /// Whether nobody waits for the answer before long.
  static bool is_abandoned(const Responder& responder) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds{patience_ms};
    while (responder.is_wanted() && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
    return !responder.is_wanted();
  }
  static std::string get(std::string_view path, std::string_view fields = {}) {
    return "GET " + std::string{path} + " HTTP/1.1\r\nHost: localhost\r\n" + std::string{fields} + "\r\n";
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(server, ServerFixture)

BOOST_AUTO_TEST_CASE(a_connection_serves_many_requests) {
  Client client{start()};
  for (int i = 0; i < 3; ++i) {
    client.send(get("/" + std::to_string(i)));
    BOOST_TEST(client.response().ends_with("GET /" + std::to_string(i) + " "));
  }
}

BOOST_AUTO_TEST_CASE(pipelined_requests_are_answered_in_their_order) {
  Client client{start()};
  client.send(get("/hold") + get("/2") + get("/3"));
  next_held().second({200, "text/plain", "first", {}});
  BOOST_TEST(client.response().ends_with("first"));
  BOOST_TEST(client.response().ends_with("GET /2 "));
  BOOST_TEST(client.response().ends_with("GET /3 "));
}

BOOST_AUTO_TEST_CASE(a_malformed_request_is_answered_and_the_connection_closed) {
  Client client{start()};
  client.send("GET / HTTP/1.1\r\n\r\n");
  const auto response = client.response();
  BOOST_TEST(response.starts_with("HTTP/1.1 400 "));
  BOOST_TEST((response.find("application/problem+json") != std::string::npos));
  BOOST_TEST(client.is_closed_by_server());
}

BOOST_AUTO_TEST_CASE(a_client_hears_why_its_body_is_refused_while_it_still_sends) {
  options.limits.body_size_max = 100'000;
  Client client{start()};
  client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'x'));
  BOOST_TEST(client.response().starts_with("HTTP/1.1 413 "));
}

BOOST_AUTO_TEST_CASE(a_request_that_nobody_answers_gets_a_500) {
  Client client{start()};
  client.send(get("/drop"));
  BOOST_TEST(client.response().starts_with("HTTP/1.1 500 "));
}

BOOST_AUTO_TEST_CASE(a_request_that_takes_too_long_gets_a_504_and_a_late_answer_goes_nowhere) {
  Client client{start()};
  client.send(get("/hold"));
  const auto late = next_held();
  clock.advance(options.deadlines.handling);
  BOOST_TEST(client.response().starts_with("HTTP/1.1 504 "));
  client.send(get("/hold"));
  const auto next = next_held();
  late.second({200, "text/plain", "late", {}});
  next.second({200, "text/plain", "in time", {}});
  BOOST_TEST(client.response().ends_with("in time"));
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_finish_its_header_is_cut_off) {
  Client client{start()};
  client.send("GET / HTTP/1.1\r\nX: ");
  client.send("a");
  // The first bytes have certainly arrived once a later connection has been served: one thread serves both, in order of arrival at
  // the latest by the next sweep.
  Client other{server->endpoint()};
  other.send(get("/"));
  BOOST_TEST(other.response().starts_with("HTTP/1.1 200 "));
  clock.advance(options.deadlines.header);
  BOOST_TEST(client.is_closed_by_server());
}

BOOST_AUTO_TEST_CASE(silent_clients_make_room_for_others) {
  options.connections_max = 4;
  const Endpoint endpoint = start();
  std::deque<Client> silent;
  for (int i = 0; i < 4; ++i) {
    silent.emplace_back(endpoint);
    silent.back().send("GET /");
  }
  Client first{endpoint};
  Client second{endpoint};
  first.send(get("/"));
  second.send(get("/"));
  BOOST_TEST(first.response().starts_with("HTTP/1.1 200 "));  // one too many for a moment
  clock.advance(1s);
  BOOST_TEST(second.response().starts_with("HTTP/1.1 200 "));
  BOOST_TEST(silent.front().is_closed_by_server());
  BOOST_TEST(server->statistics().evicted >= 1U);
}

BOOST_AUTO_TEST_CASE(clients_who_have_only_just_come_keep_their_place) {
  options.connections_max = 4;
  const Endpoint endpoint = start();
  std::deque<Client> crowd;  // three times as many as there is room for, all connected before any of them asks
  for (int i = 0; i < 12; ++i) crowd.emplace_back(endpoint);
  for (const Client& client : crowd) client.send(get("/"));
  for (Client& client : crowd) BOOST_TEST(client.response().starts_with("HTTP/1.1 200 "));
}

BOOST_AUTO_TEST_CASE(whoever_has_an_answer_makes_room_before_a_request_on_its_way) {
  options.connections_max = 2;
  const Endpoint endpoint = start();
  Client slow{endpoint};
  slow.send("GET / HTTP/1.1\r\n");
  Client served{endpoint};
  served.send(get("/"));
  BOOST_TEST(served.response().starts_with("HTTP/1.1 200 "));
  clock.advance(2s);
  Client next{endpoint};
  next.send(get("/"));
  BOOST_TEST(next.response().starts_with("HTTP/1.1 200 "));
  BOOST_TEST(served.is_closed_by_server());
  slow.send("Host: localhost\r\n\r\n");
  BOOST_TEST(slow.response().starts_with("HTTP/1.1 200 "));
}

BOOST_AUTO_TEST_CASE(a_draining_server_finishes_what_runs_and_closes) {
  Client busy{start()};
  busy.send(get("/hold"));
  const auto running = next_held();
  server->drain();
  running.second({200, "text/plain", "done", {}});
  const auto response = busy.response();
  BOOST_TEST(response.ends_with("done"));
  BOOST_TEST((response.find("Connection: close") != std::string::npos));
  BOOST_TEST(busy.is_closed_by_server());
  server->stop(std::chrono::milliseconds{patience_ms});
  BOOST_TEST(server->statistics().connections == 0U);
}

BOOST_AUTO_TEST_CASE(an_answer_after_the_end_is_ignored) {
  Client client{start()};
  client.send(get("/hold"));
  const auto late = next_held();
  server.reset();
  late.second({200, "text/plain", "late", {}});
  BOOST_TEST(client.is_closed_by_server());
}

BOOST_AUTO_TEST_CASE(an_address_in_use_is_an_error_that_says_so) {
  options.listen = start();
  const auto second = Server::listen(
      options, [](Request, Responder) {}, clock);
  BOOST_REQUIRE(!second.ok());
  BOOST_TEST(second.error().code == "address_in_use");
}

BOOST_FIXTURE_TEST_CASE(an_answer_is_not_wanted_once_its_client_has_hung_up_or_was_told_that_it_took_too_long, ServerFixture) {
  const auto endpoint = start();
  std::optional<Client> impatient{std::in_place, endpoint};
  impatient->send(get("/hold"));
  const auto first = next_held().second;
  BOOST_TEST(first.is_wanted());
  impatient.reset();
  BOOST_TEST(is_abandoned(first));

  Client patient{endpoint};
  patient.send(get("/hold"));
  const auto second = next_held().second;
  BOOST_TEST(second.is_wanted());
  clock.advance(31s);
  BOOST_TEST(patient.response().starts_with("HTTP/1.1 504"));
  BOOST_TEST(!second.is_wanted());

  Client piping{endpoint};
  piping.send(get("/hold") + get("/next"));
  const auto third = next_held().second;
  third({200, "text/plain", "first", {}});
  BOOST_TEST(piping.response().ends_with("first"));
  BOOST_TEST(piping.response().ends_with("GET /next "));
}

BOOST_FIXTURE_TEST_CASE(a_client_that_ends_its_side_still_gets_its_answer, ServerFixture) {
  Client client{start()};
  client.send(get("/hold"));
  const auto held_request = next_held().second;
  client.end_sending();
  BOOST_TEST(is_abandoned(held_request));
  held_request({200, "text/plain", "late", {}});
  BOOST_TEST(client.response().ends_with("late"));
}

BOOST_FIXTURE_TEST_CASE(a_refusal_looks_as_the_server_is_told, ServerFixture) {
  options.refusal = [](const Problem& problem) { return Response{problem.status, "text/xml", "<no/>", {}}; };
  Client client{start()};
  client.send("nonsense\r\n\r\n");
  const auto refused = client.response();
  BOOST_TEST(refused.starts_with("HTTP/1.1 400"));
  BOOST_TEST(refused.ends_with("<no/>"));
}

BOOST_AUTO_TEST_SUITE_END()
