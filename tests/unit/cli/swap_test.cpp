// The course of a swap: who is told what, in which order, and what happens when somebody does not do it.

#include "cli/supervisor/swap.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <sstream>

#include "cli/supervisor/direct_edges.hpp"
#include "cli/supervisor/program_file.hpp"
#include "tests/unit/cli/temporary_folder.hpp"

using namespace remuda;
using namespace remuda::supervisor;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t copier = 5;
constexpr std::size_t feeder = 1;
constexpr std::size_t other_feeder = 2;
constexpr std::size_t sink = 8;

/// A copier between two feeders and a sink.
struct SwapFixture {
  ManualClock clock;
  SwapOptions options{.process = copier,
                      .senders = {feeder, other_feeder},
                      .receivers = {sink},
                      .running = {feeder, other_feeder},
                      .barrier_time = 10s,
                      .deliver_time = 5s,
                      .ready_time = 3s};
  std::optional<Swap> swap;

  static std::string words(const SwapActions& actions) {
    std::ostringstream out;
    for (const SwapAction& action : actions) out << action << "; ";
    return out.str();
  }
  std::string begin() {
    swap.emplace(options);
    return words(swap->begin(clock.now()));
  }
  std::string held(std::size_t process, std::vector<SentUpTo> sent = {{"ipc://@x/lane.0", "", "sender", 1}}) {
    return words(swap->held(process, sent, clock.now()));
  }
  std::string arrived(std::size_t process, std::uint64_t missing = 0) {
    return words(swap->arrived(process, missing, clock.now()));
  }
  std::string ended(std::size_t process, bool well = true) {
    return words(swap->ended(process, well, well ? "exit 0" : "exit 3", clock.now()));
  }
  std::string ready() { return words(swap->ready(copier, clock.now())); }
  std::string pass(Duration time) {
    clock.advance(time);
    return words(swap->tick(clock.now()));
  }
  /// Up to where the old one has been asked to end.
  void begin_and_run_new() {
    begin();
    held(feeder);
    held(other_feeder);
    arrived(copier);
    held(copier);
    BOOST_REQUIRE(arrived(sink) == "run_new 5; ");
  }
  void expect(Swap::Outcome outcome, const std::string& why) {
    BOOST_REQUIRE(swap->is_over());
    BOOST_TEST(swap->outcome() == outcome);
    BOOST_TEST(swap->why() == why);
    BOOST_TEST(!swap->next_deadline());
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(a_swap, SwapFixture)

BOOST_AUTO_TEST_CASE(goes_from_hold_to_resume_and_lets_the_old_one_end_before_the_new_one_begins) {
  BOOST_TEST(begin() == "hold 1; hold 2; ");
  BOOST_TEST(held(feeder, {{"ipc://@x/lane.0", "", "feeder", 40}}) == "");
  BOOST_TEST(held(other_feeder, {{"ipc://@x/lane.0", "", "other", 7}}) == "await 5; ");
  BOOST_TEST(swap->sent().size() == 2U);
  BOOST_TEST(arrived(copier) == "finish 5; ");
  BOOST_TEST(held(copier, {{"ipc://@x/out.0", "", "copier", 47}}) == "deliver 8; ");
  BOOST_TEST(swap->sent().front().sequence == 47U);
  BOOST_TEST(arrived(sink) == "run_new 5; ");
  BOOST_TEST(!swap->was_replaced());
  BOOST_TEST(ended(copier) == "");
  BOOST_TEST(ready() == "resume 1; resume 2; ");
  BOOST_TEST(swap->was_replaced());
  expect(Swap::Outcome::swapped, "");
}

BOOST_AUTO_TEST_CASE(waits_for_nobody_where_there_are_no_direct_channels) {
  options = {.process = copier, .barrier_time = 10s, .deliver_time = 5s, .ready_time = 3s};
  BOOST_TEST(begin() == "await 5; ");
  BOOST_TEST(arrived(copier) == "finish 5; ");
  BOOST_TEST(held(copier, {}) == "run_new 5; ");
  ended(copier);
  BOOST_TEST(ready() == "");
  expect(Swap::Outcome::swapped, "");
}

BOOST_AUTO_TEST_CASE(changes_nothing_when_a_sender_does_not_hold) {
  begin();
  held(feeder);
  BOOST_TEST(pass(10s - 1ms) == "");
  BOOST_TEST(pass(1ms) == "resume 1; resume 2; ");
  BOOST_TEST((swap->waited_for() == std::set{other_feeder}));
  BOOST_TEST(!swap->was_replaced());
  expect(Swap::Outcome::unchanged, "those who send to it did not hold within 10 s");
}

BOOST_AUTO_TEST_CASE(changes_nothing_when_the_old_one_does_not_work_off_what_was_sent) {
  begin();
  held(feeder);
  held(other_feeder);
  BOOST_TEST(pass(10s) == "resume 1; resume 2; ");
  expect(Swap::Outcome::unchanged, "what was sent to it was not worked off within 10 s");
}

BOOST_AUTO_TEST_CASE(goes_on_without_a_sender_that_ends_and_holds_the_one_that_comes_instead) {
  begin();
  held(feeder);
  BOOST_TEST(ended(other_feeder, false) == "await 5; ");
  BOOST_TEST(words(swap->greeted(other_feeder, clock.now())) == "hold 2; ");
  BOOST_TEST(words(swap->greeted(sink, clock.now())) == "");
  arrived(copier);
  held(copier, {});
  ended(copier);
  BOOST_TEST(ready() == "resume 1; resume 2; ");
}

BOOST_AUTO_TEST_CASE(goes_on_without_a_receiver_that_ends_or_takes_too_long) {
  begin();
  held(feeder), held(other_feeder), arrived(copier), held(copier);
  BOOST_TEST(ended(sink, false) == "run_new 5; ");

  begin();
  held(feeder), held(other_feeder), arrived(copier), held(copier);
  BOOST_TEST(pass(5s) == "run_new 5; ");
  ended(copier);
  ready();
  expect(Swap::Outcome::swapped, "not everything that the old one had sent was taken within 5 s");
}

BOOST_AUTO_TEST_CASE(tells_what_did_not_arrive) {
  begin();
  held(feeder), held(other_feeder), arrived(copier, 3), held(copier), arrived(sink, 2);
  ended(copier);
  ready();
  expect(Swap::Outcome::swapped,
         "3 messages that were sent to it had not arrived; 2 messages that the old one had sent did not arrive");
}

BOOST_AUTO_TEST_CASE(ends_an_old_one_that_does_not_finish) {
  begin();
  held(feeder), held(other_feeder), arrived(copier);
  BOOST_TEST(pass(10s) == "run_new 5; ");
  ended(copier, false);
  ready();
  expect(Swap::Outcome::swapped,
         "the old one did not finish within 10 s; what it took from queues comes again; the old one ended with exit 3; what it had "
         "taken from queues comes again");
}

BOOST_AUTO_TEST_CASE(starts_the_old_program_again_when_the_new_one_ends_before_it_is_ready) {
  begin_and_run_new();
  ended(copier);
  BOOST_TEST(ended(copier, false) == "run_old 5; ");
  BOOST_TEST(ready() == "resume 1; resume 2; ");
  BOOST_TEST(swap->was_replaced());
  expect(Swap::Outcome::rolled_back, "the new one ended before it was ready (exit 3)");
}

BOOST_AUTO_TEST_CASE(ends_a_new_one_that_is_not_ready_in_time_at_once_if_it_must_be) {
  begin_and_run_new();
  ended(copier);
  BOOST_TEST(pass(3s - 1ms) == "");
  BOOST_TEST(pass(1ms) == "run_old 5; ");
  BOOST_TEST(ready() == "");  // too late
  BOOST_TEST(pass(1s - 1ms) == "");
  BOOST_TEST(pass(1ms) == "kill 5; ");
  BOOST_TEST(ended(copier, false) == "");
  BOOST_TEST(ready() == "resume 1; resume 2; ");
  expect(Swap::Outcome::rolled_back, "the new one was not ready within 3 s");
}

BOOST_AUTO_TEST_CASE(fails_and_lets_everybody_go_on_when_the_old_program_does_not_work_again_either) {
  begin_and_run_new();
  ended(copier);
  ended(copier, false);
  BOOST_TEST(ended(copier, false) == "resume 1; resume 2; ");
  expect(Swap::Outcome::failed,
         "the new one ended before it was ready (exit 3); the old one did not get ready again either (exit 3)");
}

BOOST_AUTO_TEST_CASE(is_given_up_when_the_old_one_ends_by_itself_before_anything_was_changed) {
  begin();
  BOOST_TEST(ended(copier, false) == "resume 1; resume 2; ");
  expect(Swap::Outcome::unchanged, "it ended by itself meanwhile (exit 3)");
}

BOOST_AUTO_TEST_CASE(starts_the_new_one_when_the_old_one_ends_while_it_finishes) {
  begin();
  held(feeder), held(other_feeder), arrived(copier);
  BOOST_TEST(ended(copier, false) == "run_new 5; ");
  ready();
  expect(Swap::Outcome::swapped, "the old one ended before it had finished (exit 3)");
}

BOOST_AUTO_TEST_CASE(of_one_that_does_not_work_waits_for_nothing) {
  options.old_works = options.old_runs = false;
  BOOST_TEST(begin() == "hold 1; hold 2; run_new 5; ");
  BOOST_TEST(ready() == "resume 1; resume 2; ");
  expect(Swap::Outcome::swapped, "");
}

BOOST_AUTO_TEST_CASE(without_a_successor_ends_with_the_old_one_and_lets_the_others_go_on) {
  options.leaves = true;
  BOOST_TEST(begin() == "hold 1; hold 2; ");
  held(feeder), held(other_feeder), arrived(copier), held(copier);
  BOOST_TEST(arrived(sink) == "leave 5; ");
  BOOST_TEST(ended(copier) == "resume 1; resume 2; ");
  BOOST_TEST(!swap->was_replaced());
  expect(Swap::Outcome::left, "");
}

BOOST_AUTO_TEST_CASE(without_a_successor_and_without_senders_finishes_at_once) {
  options = {.process = copier, .leaves = true, .barrier_time = 10s};
  BOOST_TEST(begin() == "finish 5; ");
  BOOST_TEST(held(copier, {}) == "leave 5; ");
  ended(copier);
  expect(Swap::Outcome::left, "");
}

BOOST_AUTO_TEST_CASE(without_a_successor_keeps_the_old_one_when_a_sender_does_not_hold) {
  options.leaves = true;
  begin();
  BOOST_TEST(pass(10s) == "resume 1; resume 2; ");
  expect(Swap::Outcome::unchanged, "those who send to it did not hold within 10 s");
}

BOOST_AUTO_TEST_CASE(without_a_successor_is_done_when_the_old_one_ends_by_itself_and_does_not_start_it_again) {
  options.leaves = true;
  begin();
  BOOST_TEST(ended(copier, false) == "leave 5; resume 1; resume 2; ");
  expect(Swap::Outcome::left, "it ended by itself meanwhile (exit 3)");

  begin();
  held(feeder), held(other_feeder), arrived(copier);
  BOOST_TEST(ended(copier, false) == "leave 5; resume 1; resume 2; ");
  expect(Swap::Outcome::left, "the old one ended before it had finished (exit 3)");

  options.old_works = options.old_runs = false;
  BOOST_TEST(begin() == "hold 1; hold 2; leave 5; resume 1; resume 2; ");
  expect(Swap::Outcome::left, "");
}

BOOST_AUTO_TEST_CASE(is_abandoned_when_everything_is_stopped) {
  begin();
  BOOST_TEST(words(swap->abandon(clock.now())) == "resume 1; resume 2; ");
  expect(Swap::Outcome::unchanged, "everything is being stopped");
  BOOST_TEST(words(swap->abandon(clock.now())) == "");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(direct_edges)

namespace {

topology::ProcessPlan process(const std::string& node, int replica, const std::vector<std::string>& ports) {
  topology::ProcessPlan plan;
  plan.node = node;
  plan.replica = replica;
  for (const std::string& port : ports) plan.arguments.insert(plan.arguments.end(), {"--port", port});
  return plan;
}

topology::Link input(const std::string& node, const std::string& port, const std::string& channel) {
  return {node, port, true, channel, topology::ChannelKind::pipe, ""};
}
topology::Link output(const std::string& node, const std::string& port, const std::string& channel) {
  return {node, port, false, channel, topology::ChannelKind::pipe, ""};
}

}  // namespace

BOOST_AUTO_TEST_CASE(are_read_off_the_plan_by_endpoint_and_direction) {
  topology::Plan plan;
  plan.processes = {
      process("feeder", 0, {"in=queue:ipc://@x/main/numbers", "lane=pipe:ipc://@x/lane.0,ipc://@x/lane.1/lane"}),
      process("copier", 0,
              {"in=pipe:ipc://@x/lane.0/lane", "ask=request:ipc://@x/ask.0/ask", "ticks=pubsub:ipc://@x/ticks.0/ticks"}),
      process("copier", 1,
              {"in=pipe:ipc://@x/lane.1/lane", "ask=request:ipc://@x/ask.1/ask", "ticks=pubsub:ipc://@x/ticks.1/ticks"}),
      process("asker", 0, {"ask=request:ipc://@x/ask.0,ipc://@x/ask.1/ask?timeout_ms=5000"}),
      process("screen", 0, {"ticks=pubsub:ipc://@x/ticks.0,ipc://@x/ticks.1/ticks"}),
      process("clerk", 0, {"ask=queued-request:ipc://@x/main/ask-later?reply_to=answers"})};
  plan.links = {input("feeder", "in", "numbers"),  output("feeder", "lane", "lane"),   input("copier", "in", "lane"),
                input("copier", "ask", "ask"),     output("copier", "ticks", "ticks"), output("asker", "ask", "ask"),
                input("screen", "ticks", "ticks"), output("depot", "lane", "lane")};
  const DirectEdges of_copier = direct_edges_of(plan, 1);
  BOOST_TEST((of_copier.endpoints == std::vector<std::string>{"ipc://@x/lane.0", "ipc://@x/ask.0"}));
  BOOST_TEST((of_copier.senders == std::set<std::size_t>{0, 3}));
  BOOST_TEST((of_copier.receivers == std::set<std::size_t>{4}));
  BOOST_TEST((of_copier.senders_elsewhere == std::set<std::string>{"depot"}));

  // Who subscribes holds up its publishers; who asks waits for its own answers.
  BOOST_TEST((direct_edges_of(plan, 4).senders == std::set<std::size_t>{1, 2}));
  BOOST_TEST((direct_edges_of_leaving(plan, 4).senders.empty()));  // unless it leaves for good
  BOOST_TEST((direct_edges_of_leaving(plan, 1).senders == std::set<std::size_t>{0, 3}));
  BOOST_TEST((direct_edges_of(plan, 3).receivers.empty()));
  BOOST_TEST((direct_edges_of(plan, 5).senders.empty()));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(the_program_of_a_process)

BOOST_AUTO_TEST_CASE(is_its_file_and_a_copy_once_that_was_replaced) {
  namespace fs = std::filesystem;
  const test::TemporaryFolder folder;
  const std::string program = folder.path() + "/program";
  const std::string copy = folder.path() + "/kept/program";
  fs::copy_file(fs::read_symlink("/proc/self/exe"), program);
  // This test runs from another file with the same bytes: as if `program` had been put in its place.
  const auto started = file_identity("/proc/self/exe");
  BOOST_TEST(program_of(getpid(), fs::read_symlink("/proc/self/exe").string(), started, copy).value() ==
             fs::read_symlink("/proc/self/exe").string());
  BOOST_TEST(!fs::exists(copy));
  for (int i = 0; i < 2; ++i) {
    BOOST_TEST(program_of(getpid(), program, started, copy).value() == copy);
    BOOST_TEST(fs::file_size(copy) == fs::file_size("/proc/self/exe"));
  }
  // Of a script the interpreter runs: nothing to keep.
  BOOST_TEST(program_of(getpid(), program, file_identity(program), folder.path() + "/other").value() == program);
}

BOOST_AUTO_TEST_SUITE_END()
