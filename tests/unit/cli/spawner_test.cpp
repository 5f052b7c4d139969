#include "cli/supervisor/spawner.hpp"

#include <poll.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <csignal>

#include "cli/supervisor/output_collector.hpp"

namespace remuda::supervisor {

namespace {

constexpr int patience_ms = 10'000;

struct SpawnerFixture {
  std::unique_ptr<Spawner> spawner = [] {
    Result<std::unique_ptr<Spawner>> started = Spawner::start();
    BOOST_REQUIRE(started);
    return std::move(*started);
  }();
  OutputCollector outputs;

  void shell(std::uint32_t process, const std::string& script) { spawn(process, "/bin/sh", {"-c", script}); }
  topology::ResourceLimits limits;
  void spawn(std::uint32_t process, const std::string& path, const std::vector<std::string>& arguments) {
    auto ends = outputs.open(process);
    BOOST_REQUIRE(ends);
    BOOST_REQUIRE(spawner->spawn({process, path, arguments, {"PATH=/bin:/usr/bin", "COLOUR=bay"}, limits},
                                 std::move(ends->standard_output), std::move(ends->standard_error)));
  }
  template <class Event>
  Event next() {
    std::optional<SpawnEvent> event = spawner->next_event();
    if (!event) {
      pollfd item{spawner->fd(), POLLIN, 0};
      BOOST_REQUIRE_EQUAL(poll(&item, 1, patience_ms), 1);
      event = spawner->next_event();
    }
    BOOST_REQUIRE(event);
    BOOST_REQUIRE(std::holds_alternative<Event>(*event));
    return std::get<Event>(*event);
  }
  /// Waits until nobody holds the writing end any more.
  static bool ends_within_patience(int fd) {
    pollfd item{fd, POLLIN, 0};
    return poll(&item, 1, patience_ms) == 1;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(spawner, SpawnerFixture)

BOOST_AUTO_TEST_CASE(a_process_is_started_and_its_end_is_told_with_its_exit_code) {
  shell(7, "exit 3");
  BOOST_TEST(next<Spawned>().process == 7U);
  const Exited exited = next<Exited>();
  BOOST_TEST(exited.process == 7U);
  BOOST_TEST((exited.ending == Ending{.exit_code = 3, .signal = 0}));
}

BOOST_AUTO_TEST_CASE(its_output_arrives_as_whole_lines_also_the_unfinished_last_one) {
  shell(1, "echo out $COLOUR; echo err >&2; printf unfinished");
  next<Spawned>();
  next<Exited>();
  const auto lines = outputs.finish(1);
  BOOST_REQUIRE_EQUAL(lines.size(), 3U);
  BOOST_TEST(lines[0].text == "out bay");
  BOOST_TEST(lines[1].text == "unfinished");
  BOOST_TEST(lines[2].text == "err");
  BOOST_TEST(lines[2].from_stderr);
}

BOOST_AUTO_TEST_CASE(a_program_that_is_not_there_is_told_with_the_reason) {
  spawn(2, "/nonexistent/program", {});
  const SpawnFailed failed = next<SpawnFailed>();
  BOOST_TEST(failed.process == 2U);
  BOOST_TEST(failed.why == "cannot start /nonexistent/program: No such file or directory");
}

BOOST_AUTO_TEST_CASE(arguments_are_words_and_no_shell_reads_them) {
  spawn(3, "/bin/echo", {"$(id); echo owned", "*"});
  next<Spawned>();
  next<Exited>();
  BOOST_TEST(outputs.finish(3).at(0).text == "$(id); echo owned *");
}

BOOST_AUTO_TEST_CASE(limits_are_in_force_when_the_program_begins_and_only_for_it) {
  limits = {.memory_max_bytes = 64ULL << 20U, .nofile = 48, .nice = 7};
  shell(8, "ulimit -Hn; ulimit -Sn; ulimit -Hd; nice");
  next<Spawned>();
  next<Exited>();
  const auto lines = outputs.finish(8);
  BOOST_REQUIRE_EQUAL(lines.size(), 4U);
  BOOST_TEST(lines[0].text == "48");
  BOOST_TEST(lines[1].text == "48");
  BOOST_TEST(lines[2].text == "65536");  // KiB
  BOOST_TEST(lines[3].text == "7");

  limits = {};
  shell(9, "test $(ulimit -n) = 48 || nice");
  next<Spawned>();
  next<Exited>();
  BOOST_TEST(outputs.finish(9).at(0).text == "0");
}

BOOST_AUTO_TEST_CASE(a_limit_on_memory_makes_the_request_for_more_fail) {
  const std::vector<std::string> eat{"-c", "try: bytearray(256 << 20)\nexcept MemoryError: print('told so')"};
  limits.memory_max_bytes = 128ULL << 20U;
  spawn(10, "/usr/bin/python3", eat);
  next<Spawned>();
  next<Exited>();
  BOOST_TEST(outputs.finish(10).at(0).text == "told so");
}

BOOST_AUTO_TEST_CASE(a_limit_that_the_kernel_refuses_is_told_with_what_to_do) {
  limits.nofile = 1'048'576 * 1'024;  // above fs.nr_open, which not even root may exceed
  shell(11, "true");
  BOOST_TEST(
      next<SpawnFailed>().why ==
      "cannot start /bin/sh: nofile = 1073741824 is refused (Operation not permitted); lower it, or raise `ulimit -Hn` where "
      "remuda is started");
}

BOOST_AUTO_TEST_CASE(a_signal_reaches_the_process_and_the_whole_group_when_asked) {
  shell(4, "sleep 1000 & echo started; wait");
  next<Spawned>();
  std::vector<OutputCollector::Line> lines;
  while (lines.empty()) {
    std::vector<zmq_pollitem_t> items;
    outputs.append_poll_items(items);
    std::vector<pollfd> waits;
    for (const auto& item : items) waits.push_back({item.fd, POLLIN, 0});
    BOOST_REQUIRE(poll(waits.data(), waits.size(), patience_ms) > 0);
    lines = outputs.on_readable();
  }
  spawner->signal(4, SIGKILL, true);
  BOOST_TEST(next<Exited>().ending.signal == SIGKILL);
}

BOOST_AUTO_TEST_CASE(children_have_a_group_of_their_own_no_terminal_input_and_no_foreign_descriptors) {
  shell(5, "test $(ps -o pgid= -p $$) = $$ || echo group; read line && echo input; ls /proc/self/fd | wc -l");
  next<Spawned>();
  next<Exited>();
  const auto lines = outputs.finish(5);
  BOOST_REQUIRE_EQUAL(lines.size(), 1U);
  BOOST_TEST(lines[0].text == "5");  // 0, 1, 2, the life line, and the folder that ls itself opens
}

BOOST_AUTO_TEST_CASE(nothing_outlives_the_one_who_started_it) {
  std::array<int, 2> fds{};
  BOOST_REQUIRE_EQUAL(pipe(fds.data()), 0);
  const FileDescriptor reader{fds[0]};
  FileDescriptor writer{fds[1]};
  {
    OutputCollector::WritingEnds ends{std::move(writer), FileDescriptor{dup(STDERR_FILENO)}};
    // Deaf to everything but SIGKILL, and with a grandchild.
    BOOST_REQUIRE(spawner->spawn({6, "/bin/sh", {"-c", "trap '' TERM INT HUP; sleep 1000 & wait; wait"}, {"PATH=/bin:/usr/bin"}},
                                 std::move(ends.standard_output), std::move(ends.standard_error)));
    next<Spawned>();
  }
  spawner.reset();
  BOOST_TEST(ends_within_patience(reader.get()));  // end of file: no process holds the pipe any more
}

BOOST_AUTO_TEST_CASE(two_hundred_processes_are_started_without_waiting_for_each_other) {
  constexpr std::uint32_t count = 200;
  for (std::uint32_t i = 0; i < count; ++i) spawn(i, "/bin/true", {});
  std::uint32_t spawned = 0;
  std::uint32_t exited = 0;
  while (exited < count) {
    const auto event = spawner->next_event();
    if (!event) {
      pollfd item{spawner->fd(), POLLIN, 0};
      BOOST_REQUIRE_EQUAL(poll(&item, 1, patience_ms), 1);
      continue;
    }
    spawned += std::holds_alternative<Spawned>(*event) ? 1 : 0;
    exited += std::holds_alternative<Exited>(*event) ? 1 : 0;
  }
  BOOST_TEST(spawned == count);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remuda::supervisor
