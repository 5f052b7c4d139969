// A real node process on a real broker: alone, restarted, killed, drained, orphaned.

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <array>
#include <set>

#include "common/broker_client.hpp"
#include "common/channels/direct_wire.hpp"
#include "common/channels/request.hpp"
#include "common/control.hpp"
#include "tests/conformance/channels/broker_process.hpp"

using namespace remuda;
using namespace remuda::test;
using namespace std::chrono_literals;

namespace {

struct NodeFixture {
  Context context;
  SystemClock clock;
  BrokerProcess broker;
  std::string fifo = (broker.folder() / "fifo").string();
  Socket supervisor{context, SocketKind::router};
  std::string control = fresh_endpoint();
  std::string counting = fresh_endpoint();
  Frame peer;
  Frame frame;

  explicit NodeFixture(const std::string& visibility_timeout = "60s")
      : broker{"[queues.rides]\nvisibility_timeout = \"" + visibility_timeout + "\"\n[queues.copies]\n", false} {
    BOOST_REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
    BOOST_REQUIRE(supervisor.listen(control).ok());
  }

  std::vector<std::string> command_line() {
    return {COPYING_NODE,
            "--port",
            "rides=queue:" + broker.endpoint() + "/rides",
            "--port",
            "copies=queue:" + broker.endpoint() + "/copies",
            "--port",
            "count=request:" + counting + "/count",
            "--param",
            "stand_still=" + fifo,
            "--data",
            (broker.folder() / "node").string(),
            "--control",
            control,
            "--log-level",
            "error"};
  }
  ControlMessage next_word() {
    std::array items{supervisor.poll_item()};
    BOOST_REQUIRE(poll(items, 20'000) == 1);
    BOOST_REQUIRE((supervisor.receive_from(peer, frame) == Arrival::frame));
    return decode_control_message(frame.bytes()).value();
  }
  template <class Word>
  Word wait_for() {
    auto word = next_word();
    while (!std::holds_alternative<Word>(word)) word = next_word();
    return std::get<Word>(word);
  }
  template <class Predicate>
  void wait_for_heartbeat(Predicate predicate) {
    while (!predicate(wait_for<ControlHeartbeat>().report)) {
      BOOST_REQUIRE((supervisor.send_to(peer.bytes(), encode(ControlRequest{ControlPing{}})) == SendStatus::sent));
    }
  }

  BlockingBrokerClient client() { return BlockingBrokerClient{broker.endpoint(), {"test", ""}, 20s}; }
  void send_rides(BlockingBrokerClient& to, int from, int count, const std::string& body = "ride") {
    for (int number = from; number < from + count; ++number) {
      Message ride;
      ride.id = "ride-" + std::to_string(number);
      ride.body = body;
      BOOST_REQUIRE(to.send("rides", ride).ok());
    }
  }
  /// Takes copies until `count` are there; every id must be new.
  void expect_copies(BlockingBrokerClient& from, std::size_t count) {
    std::set<std::string> ids;
    std::size_t taken = 0;
    while (taken < count) {
      const auto received = from.receive("copies", 64, 20s, 60s);
      BOOST_REQUIRE(received.ok());
      BOOST_REQUIRE_MESSAGE(!received->empty(), "only " << taken << " of " << count << " copies came");
      for (const auto& one : *received) {
        ids.insert(unpack_message(one.message)->id);
        ++taken;
      }
    }
    BOOST_TEST(taken == count);
    BOOST_TEST(ids.size() == count);
    const auto more = from.receive("copies", 1, 0s);
    BOOST_TEST((more.ok() && more->empty()));
  }
};

/// What was handed out and never arrived, because one of the two was killed, is visible again soon.
struct QuickFixture : NodeFixture {
  QuickFixture() : NodeFixture{"2s"} {}
};

std::string printed_by(std::vector<std::string> arguments, int& exit_code) {
  std::array<int, 2> ends{};
  BOOST_REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
  ChildProcess process{std::move(arguments), {}, ends[1]};
  close(ends[1]);
  std::string text;
  std::array<char, 4'096> buffer{};
  for (ssize_t got = 0; (got = read(ends[0], buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(got));
  close(ends[0]);
  exit_code = process.wait(20s).value_or(-1);
  return text;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(node_process, NodeFixture)

BOOST_AUTO_TEST_CASE(a_node_started_before_its_broker_waits_for_it) {
  ChildProcess node{command_line()};
  BOOST_TEST(wait_for<ControlHello>().name == "copying_node");
  static_cast<void>(wait_for<ControlReady>());
  broker.start();
  auto user = client();
  send_rides(user, 0, 10);
  expect_copies(user, 10);
  node.signal(SIGTERM);
  BOOST_TEST(wait_for<ControlBye>().report.counts["copied"] == 10);
  BOOST_TEST(node.wait(20s).value_or(-1) == 0);
}

BOOST_AUTO_TEST_CASE(what_a_node_has_sent_into_a_pipe_leaves_before_it_ends) {
  constexpr std::size_t rides = 12;  // as many as the pipe takes without a reader, more than the kernel does
  broker.start();
  auto user = client();
  const auto pipe_end = fresh_endpoint();
  Socket reader{context, SocketKind::pull, {.receive_high_water_mark = 1}};
  BOOST_REQUIRE(reader.listen(pipe_end).ok());
  auto command = command_line();
  for (auto& argument : command) {
    if (argument.starts_with("copies=")) argument = "copies=pipe:" + pipe_end + "/copies";
  }
  ChildProcess node{std::move(command)};
  send_rides(user, 0, rides, std::string(100'000, 'x'));
  wait_for_heartbeat([](auto report) { return report.counts["copied"] == rides; });
  node.signal(SIGTERM);
  static_cast<void>(wait_for<ControlBye>());  // all is handed to the transport: nothing holds the node any more
  std::size_t got = 0;
  for (std::array items{reader.poll_item()}; got < rides && poll(items, 5'000) == 1;) {
    BOOST_REQUIRE(reader.receive(frame));
    got += direct::decode_messages(frame.bytes()).value().messages.size();
  }
  BOOST_TEST(got == rides);
  BOOST_TEST(node.wait(20s).value_or(-1) == 0);
}

BOOST_FIXTURE_TEST_CASE(a_broker_that_is_killed_in_the_middle_costs_no_ride_and_doubles_none, QuickFixture) {
  broker.start();
  const ChildProcess node{command_line()};
  auto user = client();
  send_rides(user, 0, 100);
  broker.kill_now();
  broker.start();
  send_rides(user, 100, 100);
  expect_copies(user, 200);
}

BOOST_FIXTURE_TEST_CASE(a_node_that_is_killed_in_the_middle_costs_no_ride_and_doubles_none, QuickFixture) {
  broker.start();
  auto user = client();
  ChildProcess first{command_line()};
  send_rides(user, 0, 100);
  first.kill_now();
  const ChildProcess second{command_line()};
  send_rides(user, 100, 20);
  expect_copies(user, 120);
}

BOOST_AUTO_TEST_CASE(a_drain_finishes_what_has_begun_and_gives_the_rest_back_uncounted) {
  broker.start();
  auto user = client();
  send_rides(user, 0, 1, "stand still");
  send_rides(user, 1, 5);
  ChildProcess node{command_line()};
  wait_for_heartbeat([](const ControlReport& report) { return report.in_flight == 1; });
  node.signal(SIGTERM);
  const int writer = open(fifo.c_str(), O_WRONLY | O_CLOEXEC);  // lets the handler go on
  close(writer);
  BOOST_TEST(node.wait(20s).value_or(-1) == 0);
  const auto copied = static_cast<std::size_t>(wait_for<ControlBye>().report.counts["copied"]);
  BOOST_TEST(copied >= 1U);
  expect_copies(user, copied);
  const auto rest = user.receive("rides", 10, 0s);
  BOOST_REQUIRE(rest.ok());
  BOOST_TEST(rest->size() == 6 - copied);
  for (const auto& ride : *rest) BOOST_TEST(ride.receive_count == 1U);
}

BOOST_AUTO_TEST_CASE(a_busy_handler_does_not_stop_the_heartbeat_but_shows_in_it) {
  broker.start();
  auto user = client();
  send_rides(user, 0, 1, "stand still");
  const ChildProcess node{command_line()};
  wait_for_heartbeat([](const ControlReport& report) { return report.in_flight == 1 && report.loop_age > 0ms; });
}

BOOST_AUTO_TEST_CASE(a_second_interrupt_ends_a_busy_node_at_once) {
  broker.start();
  auto user = client();
  send_rides(user, 0, 1, "stand still");
  ChildProcess node{command_line()};
  wait_for_heartbeat([](const ControlReport& report) { return report.in_flight == 1; });
  node.signal(SIGINT);
  BOOST_TEST(!node.wait(50ms).has_value());  // the first one lets the handler finish
  node.signal(SIGINT);
  BOOST_TEST(node.wait(20s).value_or(-1) == 130);
}

BOOST_AUTO_TEST_CASE(a_drain_request_of_the_supervisor_is_obeyed) {
  broker.start();
  ChildProcess node{command_line()};
  static_cast<void>(wait_for<ControlReady>());
  BOOST_REQUIRE((supervisor.send_to(peer.bytes(), encode(ControlRequest{ControlDrain{}})) == SendStatus::sent));
  BOOST_TEST(node.wait(20s).value_or(-1) == 0);
  BOOST_TEST(wait_for<ControlBye>().exit_code == 0);
}

BOOST_AUTO_TEST_CASE(a_node_whose_supervisor_died_ends_itself_even_while_a_handler_is_busy) {
  broker.start();
  auto user = client();
  send_rides(user, 0, 1, "stand still");
  std::array<int, 2> life{};
  BOOST_REQUIRE(pipe2(life.data(), O_CLOEXEC) == 0);
  BOOST_REQUIRE(fcntl(life[0], F_SETFD, 0) == 0);
  ChildProcess node{command_line(), {"REMUDA_LIFE_FD=" + std::to_string(life[0])}};
  close(life[0]);
  wait_for_heartbeat([](const ControlReport& report) { return report.in_flight == 1; });
  close(life[1]);
  BOOST_TEST(node.wait(20s).value_or(-1) == 1);
}

BOOST_AUTO_TEST_CASE(a_request_port_answers_from_process_to_process) {
  broker.start();
  const ChildProcess node{command_line()};
  RequestOutput output{context, {counting}, clock};
  Message question;
  question.id = "question-1";
  std::optional<Result<Message>> answer;
  output.ask(question, 20s, [&](Result<Message> reply) { answer = std::move(reply); });
  BOOST_REQUIRE(pump_until({&output}, clock, [&] { return answer.has_value(); }));
  BOOST_REQUIRE(answer->ok());
  BOOST_TEST((*answer)->body == "0");
  BOOST_TEST((*answer)->correlation_id == "question-1");
  BOOST_TEST((*answer)->source == "copying_node");
}

BOOST_AUTO_TEST_CASE(usage_errors_exit_with_2_and_answers_with_0) {
  int exit_code = -1;
  BOOST_TEST(printed_by({COPYING_NODE, "--describe"}, exit_code).find("\"name\": \"copying_node\"") != std::string::npos);
  BOOST_TEST(exit_code == 0);
  BOOST_TEST(printed_by({COPYING_NODE, "--version"}, exit_code).starts_with("copying_node "));
  BOOST_TEST(exit_code == 0);
  BOOST_TEST(printed_by({COPYING_NODE}, exit_code).empty());  // port `rides` is not wired: the text goes to stderr
  BOOST_TEST(exit_code == 2);
  BOOST_TEST(printed_by({COPYING_NODE, "--port", "rides=queue:ipc://@x/rides", "--param", "stand=1"}, exit_code).empty());
  BOOST_TEST(exit_code == 2);
}

BOOST_AUTO_TEST_CASE(an_endpoint_that_cannot_be_listened_on_ends_the_start_with_1) {
  auto arguments = command_line();
  arguments[6] = "count=request:tcp://192.0.2.1:1/count";
  ChildProcess node{arguments};
  BOOST_TEST(node.wait(20s).value_or(-1) == 1);
}

BOOST_AUTO_TEST_SUITE_END()
