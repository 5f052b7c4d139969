// The nodes that read streams: whatever a crash repeats, a record is in one file and in one count.

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "nodes/stream_writer/stream_writer.hpp"
#include "nodes/windowed_counter/windowed_counter.hpp"
#include "tests/unit/nodes/fake_context.hpp"
#include "tests/unit/nodes/temporary_folder.hpp"

using namespace remuda;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t noon = 1'767'268'800'000;  // 2026-01-01T12:00:00Z

template <class N>
struct StreamNodeFixture {
  TemporaryFolder folder;
  FakeContext context;
  std::map<std::string, std::string> settings;
  std::unique_ptr<N> node;

  StreamNodeFixture() { context.folder = folder.path; }
  void start() {
    const N described;
    std::vector<std::pair<std::string, std::string>> given{settings.begin(), settings.end()};
    auto parameters = Parameters::make(described.describe().parameters, given);
    BOOST_REQUIRE(parameters);
    context.values = *std::move(parameters);
    node = std::make_unique<N>();
    node->start(context);
  }
  /// kill -9, and again.
  void restart() {
    node.reset();
    context.timers.clear();
    context.sent.clear();
    start();
  }
  Outcome record(std::uint64_t offset, std::int64_t time_ms = noon, const std::string& body = R"({"from": "Berlin"})",
                 std::uint32_t partition = 0) {
    Message message;
    message.id = std::to_string(partition) + "/" + std::to_string(offset);
    message.time_ms = time_ms;
    message.body = body;
    FakeOutbox out;
    out.the_delivery.place = Delivery::Place{partition, offset, time_ms};
    return node->on_message("records", message, out);
  }
  nlohmann::json asked() {
    FakeOutbox out;
    static_cast<void>(node->on_message("query", {}, out));
    return nlohmann::json::parse(out.replies.at(0).body);
  }
};

struct WriterFixture : StreamNodeFixture<StreamWriter> {
  WriterFixture() {
    settings = {{"roll_records", "3"}, {"files", "bookings"}};
    start();
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{folder.path + "/lake"}) {
      if (entry.is_regular_file()) names.push_back(std::filesystem::relative(entry.path(), folder.path + "/lake").string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
};

struct CounterFixture : StreamNodeFixture<WindowedCounter> {
  CounterFixture() { settings = {{"window", "\"1m\""}, {"key", "body.from"}, {"lateness", "\"10s\""}}; }
  /// The counts that were published, in their order: "Berlin@0=2".
  std::string published() {
    context.run_timers();
    std::string text;
    for (const auto& sent : context.sent) {
      const auto body = nlohmann::json::parse(sent.message.body);
      text += (text.empty() ? "" : " ") + body.at("key").get<std::string>() + "@" +
              std::to_string((body.at("window_start_ms").get<std::int64_t>() - noon) / 60'000) + "=" +
              std::to_string(body.at("count").get<int>());
    }
    return text;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(stream_nodes)

BOOST_FIXTURE_TEST_CASE(files_are_written_by_size_under_the_hour_of_their_records, WriterFixture) {
  for (std::uint64_t offset = 0; offset < 3; ++offset) BOOST_TEST((record(offset).kind() == Outcome::Kind::done));
  node->commit();
  context.run_timers();
  BOOST_TEST(files() ==
                 std::vector<std::string>{
                     "year=2026/month=01/day=01/hour=12/bookings-00000000000000000001-00000000000000000003.ndjson.gz"},
             boost::test_tools::per_element());
  BOOST_TEST(asked()["files"] == 1);
}

BOOST_FIXTURE_TEST_CASE(or_by_time, WriterFixture) {
  static_cast<void>(record(0));
  node->commit();
  context.run_timers();
  BOOST_TEST(asked()["files"] == 0);
  context.manual_clock.advance(10s);
  context.run_timers();
  BOOST_TEST(asked()["files"] == 1);
}

BOOST_FIXTURE_TEST_CASE(a_batch_that_is_repeated_after_a_crash_is_written_once, WriterFixture) {
  for (std::uint64_t offset = 0; offset < 2; ++offset) static_cast<void>(record(offset));
  node->commit();
  static_cast<void>(record(2));  // not committed
  restart();
  for (std::uint64_t offset = 0; offset < 4; ++offset) static_cast<void>(record(offset));
  static_cast<void>(record(0, noon, "{}", 1));  // another partition has offsets of its own
  node->commit();
  BOOST_TEST(asked()["records"] == 5);
  BOOST_TEST(asked()["repeated"] == 2);
}

BOOST_FIXTURE_TEST_CASE(what_is_no_document_is_rejected, WriterFixture) {
  BOOST_TEST((record(0, noon, "no JSON").kind() == Outcome::Kind::reject));
  BOOST_TEST((record(1, noon, "[1]").kind() == Outcome::Kind::reject));
  BOOST_TEST(asked()["rejected"] == 2);
}

BOOST_FIXTURE_TEST_CASE(a_window_is_counted_once_the_records_are_past_it, CounterFixture) {
  start();
  static_cast<void>(record(0));
  static_cast<void>(record(1, noon + 59'999));
  static_cast<void>(record(2, noon + 30'000, R"({"from": "Potsdam"})"));
  static_cast<void>(record(3, noon + 60'000));
  static_cast<void>(record(4, noon + 69'999));
  node->commit();
  BOOST_TEST(published().empty());  // a record may be ten seconds late
  static_cast<void>(record(5, noon + 70'000));
  node->commit();
  BOOST_TEST(published() == "Berlin@0=2 Potsdam@0=1");
}

BOOST_FIXTURE_TEST_CASE(a_record_counts_once_and_a_window_is_published_under_one_id_whatever_a_crash_repeats, CounterFixture) {
  start();
  static_cast<void>(record(0));
  node->commit();
  static_cast<void>(record(1));
  restart();
  for (std::uint64_t offset = 0; offset < 2; ++offset) static_cast<void>(record(offset));
  static_cast<void>(record(2, noon + 70'000));
  node->commit();
  BOOST_TEST(published() == "Berlin@0=2");
  const std::string id = context.sent.front().message.id;
  restart();
  BOOST_TEST(published() == "Berlin@0=2");  // nobody has confirmed it
  BOOST_TEST(context.sent.front().message.id == id);
}

BOOST_FIXTURE_TEST_CASE(a_late_record_opens_nothing, CounterFixture) {
  start();
  static_cast<void>(record(0));
  static_cast<void>(record(1, noon + 70'000));
  node->commit();
  BOOST_TEST(published() == "Berlin@0=1");
  static_cast<void>(record(2, noon + 1));
  node->commit();
  BOOST_TEST(published() == "Berlin@0=1");
  BOOST_TEST(asked()["late"] == 1);
}

BOOST_FIXTURE_TEST_CASE(the_slowest_partition_decides, CounterFixture) {
  start();
  static_cast<void>(record(0, noon, R"({"from": "Berlin"})", 0));
  static_cast<void>(record(0, noon + 80'000, R"({"from": "Berlin"})", 1));
  node->commit();
  BOOST_TEST(published().empty());
  static_cast<void>(record(1, noon + 75'000, R"({"from": "Berlin"})", 0));
  node->commit();
  BOOST_TEST(published() == "Berlin@0=1");
}

BOOST_FIXTURE_TEST_CASE(when_nothing_comes_the_clock_ends_windows, CounterFixture) {
  start();
  const std::int64_t now = to_unix_ms(context.manual_clock.wall_now());
  static_cast<void>(record(0, now));
  node->commit();
  BOOST_TEST(published().empty());
  context.manual_clock.advance(2min);
  context.run_timers();
  BOOST_TEST(context.sent.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
