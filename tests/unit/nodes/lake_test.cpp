// Every ride is in exactly one lake file, in its partition, wherever a crash falls.

#include <zlib.h>

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "nodes/data_lake_ingestion/durable_file.hpp"
#include "nodes/data_lake_ingestion/lake_spool.hpp"
#include "nodes/data_lake_ingestion/partition.hpp"
#include "tests/unit/nodes/temporary_folder.hpp"

using namespace remuda::rides;

namespace {

constexpr std::int64_t afternoon = 1'700'000'000'000;  // 2023-11-14T22:13:20Z

std::string gunzip(const std::string& compressed) {
  z_stream stream{};
  BOOST_REQUIRE_EQUAL(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string content(1'000'000, '\0');
  std::string input = compressed;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(content.data());
  stream.avail_out = static_cast<uInt>(content.size());
  BOOST_REQUIRE_EQUAL(inflate(&stream, Z_FINISH), Z_STREAM_END);
  content.resize(stream.total_out);
  inflateEnd(&stream);
  return content;
}

struct LakeFixture {
  TemporaryFolder folder;
  RollLimits limits{3, 1'000'000, 10'000};
  struct Process {
    Ledger ledger;
    LakeSpool spool;
    Process(const std::string& path, const RollLimits& roll_limits, const remuda::Clock& clock)
        : ledger{path + "/lake.sqlite", LakeSpool::schema, clock},
          spool{ledger, path + "/lake", roll_limits, path + "/roll.lock"} {}
  };
  remuda::ManualClock clock;
  std::optional<Process> process;
  std::int64_t now_ms = afternoon;

  LakeFixture() { restart(); }
  void restart() {
    process.reset();
    process.emplace(folder.path, limits, clock);
  }
  void receive(const std::string& id, std::int64_t completed_ms = afternoon) {
    const Ride ride{id, "cmr", "Berlin", "Köln", *Decimal::parse("19.999"), *Decimal::parse("420"), Money{25'650}, completed_ms};
    process->ledger.apply(id, [&] { process->spool.add(partition_of(ride.completed_ms), lake_line(ride), now_ms); });
    process->ledger.commit();
  }
  void roll(bool all = false) { process->spool.roll(now_ms, all); }
  /// Path below the lake -> its lines.
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> found;
    const std::string lake = folder.path + "/lake";
    if (!std::filesystem::exists(lake)) return found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{lake}) {
      if (!entry.is_regular_file()) continue;
      std::ostringstream bytes;
      bytes << std::ifstream{entry.path(), std::ios::binary}.rdbuf();
      found[entry.path().string().substr(lake.size() + 1)] = gunzip(bytes.str());
    }
    return found;
  }
  std::size_t lines() const {
    std::size_t count = 0;
    for (const auto& [path, content] : files()) count += static_cast<std::size_t>(std::count(content.begin(), content.end(), '\n'));
    return count;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(lake, LakeFixture)

BOOST_AUTO_TEST_CASE(a_ride_lies_in_the_partition_of_its_hour) {
  receive("ride-1");
  roll(true);
  const auto found = files();
  BOOST_REQUIRE_EQUAL(found.size(), 1U);
  BOOST_TEST(found.begin()->first == "year=2023/month=11/day=14/hour=22/rides-00000000000000000001-00000000000000000001.ndjson.gz");
  BOOST_TEST(found.begin()->second ==
             "{\"id\":\"ride-1\",\"customer\":\"cmr\",\"from\":\"Berlin\",\"to\":\"Köln\",\"distance\":19.999,\"duration\":420,"
             "\"fare\":256.50,"
             "\"completed_at\":\"2023-11-14T22:13:20.000Z\"}\n");
}

BOOST_AUTO_TEST_CASE(a_file_is_written_when_it_is_full) {
  receive("ride-1");
  receive("ride-2");
  roll();
  BOOST_TEST(files().size() == 0U);
  receive("ride-3");
  receive("ride-4");
  roll();
  BOOST_TEST(lines() == 3U);
  BOOST_TEST(process->spool.totals().spooled == 1);
}

BOOST_AUTO_TEST_CASE(a_file_is_written_when_its_oldest_ride_has_waited_long_enough) {
  receive("ride-1");
  now_ms += 9'999;
  roll();
  BOOST_TEST(files().size() == 0U);
  now_ms += 1;
  roll();
  BOOST_TEST(lines() == 1U);
}

BOOST_AUTO_TEST_CASE(a_file_is_written_when_its_lines_reach_the_size) {
  limits.size_bytes_max = 300;
  restart();
  receive("ride-1");
  roll();
  BOOST_TEST(files().size() == 0U);
  receive("ride-2");
  roll();
  BOOST_TEST(lines() == 2U);
}

BOOST_AUTO_TEST_CASE(rides_of_different_hours_lie_apart) {
  receive("ride-1", afternoon);
  receive("ride-2", afternoon + 3'600'000);
  receive("ride-3", afternoon);
  roll(true);
  const auto found = files();
  BOOST_REQUIRE_EQUAL(found.size(), 2U);
  BOOST_TEST(found.begin()->first.find("hour=22/rides-00000000000000000001-00000000000000000003") != std::string::npos);
  BOOST_TEST(lines() == 3U);
}

BOOST_AUTO_TEST_CASE(a_crash_between_plan_and_file_writes_the_file_afterwards) {
  receive("ride-1");
  auto plan = process->ledger.database().prepare("INSERT INTO roll VALUES (?, 1, 1)");
  plan.run(std::string_view{partition_of(afternoon)});
  plan = {};
  restart();
  roll();
  BOOST_TEST(lines() == 1U);
  BOOST_TEST(process->spool.totals().spooled == 0);
}

BOOST_AUTO_TEST_CASE(a_crash_between_file_and_catalogue_writes_the_same_file_again) {
  receive("ride-1");
  receive("ride-2");
  auto plan = process->ledger.database().prepare("INSERT INTO roll VALUES (?, 1, 2)");
  plan.run(std::string_view{partition_of(afternoon)});
  plan = {};
  // The file as the crashed process left it: whole, since it was renamed; what it holds is of no interest to the next process.
  write_durably(folder.path + "/lake/" + partition_of(afternoon), lake_file_name("rides", 1, 2), gzip("as it was\n"));
  restart();
  receive("ride-3");
  roll(true);
  BOOST_TEST(files().size() == 2U);
  BOOST_TEST(lines() == 3U);
  BOOST_TEST(process->spool.totals().rides_in_files == 3);
}

BOOST_AUTO_TEST_CASE(equal_rides_give_equal_bytes) {
  BOOST_TEST(gzip("a ride\n") == gzip("a ride\n"));
}

BOOST_AUTO_TEST_CASE(a_folder_that_cannot_be_written_keeps_the_rides_in_the_spool) {
  std::ofstream{folder.path + "/lake"} << "a file where the lake should be";
  receive("ride-1");
  BOOST_CHECK_THROW(roll(true), StoreError);
  BOOST_TEST(process->spool.totals().spooled == 1);
  std::filesystem::remove(folder.path + "/lake");
  roll(true);
  BOOST_TEST(lines() == 1U);
}

BOOST_AUTO_TEST_CASE(a_document_of_any_kind_becomes_a_line) {
  remuda::Message document;
  document.body =
      "\x81\xa2id\xa1"
      "7";  // msgpack: {"id": "7"}
  BOOST_TEST(*document_line(document) == R"({"id":"7"})");
  document.body = R"({"b": 1, "a": [2]})";
  BOOST_TEST(*document_line(document) == R"({"b":1,"a":[2]})");
  for (const auto* body : {"", "7", "[]", "{"}) {
    document.body = body;
    BOOST_TEST(document_line(document).error().code == "malformed_document");
  }
}

BOOST_AUTO_TEST_CASE(one_replica_rolls_for_all) {
  Process other{folder.path, limits, clock};
  receive("ride-1");
  roll(true);
  other.spool.roll(now_ms, true);
  BOOST_TEST(lines() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
