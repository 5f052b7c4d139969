#pragma once
// From single rides to lake files, each ride exactly once. Rides are spooled in the ledger, in the transaction that also
// remembers their message; from there they are rolled into files:
//
//   1. a roll (partition, first row, last row) is recorded          a crash before: the rides are still spooled
//   2. its file is written, named after partition and rows          a crash before 3: the same file is written again, byte for byte
//   3. roll and rows are deleted, the file enters the catalogue
//
// Replicas share ledger and folder; the one that holds the lock file rolls.

#include <cstdint>
#include <string>
#include <string_view>

#include "nodes/wild_rydes/file_lock.hpp"
#include "nodes/wild_rydes/ledger.hpp"

namespace remuda::rides {

struct RollLimits {
  std::int64_t rides_max = 10'000;          ///< a file holds at most this many
  std::int64_t size_bytes_max = 8'388'608;  ///< a partition is rolled when its lines reach this, before compression
  std::int64_t age_ms_max = 10'000;         ///< or when its oldest ride has waited this long
};

class LakeSpool {
 public:
  /// Part of the ledger's schema.
  static constexpr std::string_view schema =
      "CREATE TABLE spool (row INTEGER PRIMARY KEY AUTOINCREMENT, partition TEXT NOT NULL, arrived_ms INTEGER NOT NULL, line TEXT "
      "NOT NULL);"
      "CREATE INDEX spool_by_partition ON spool (partition, row);"
      "CREATE TABLE roll (partition TEXT NOT NULL, first_row INTEGER NOT NULL, last_row INTEGER NOT NULL);"
      "CREATE TABLE file (path TEXT PRIMARY KEY, rides INTEGER NOT NULL, size_bytes INTEGER NOT NULL) WITHOUT ROWID;";

  struct Totals {
    std::int64_t spooled = 0;
    std::int64_t files = 0;
    std::int64_t rides_in_files = 0;
  };

  /// The ledger must outlive the spool. Throws StoreError, as does everything below.
  /// `files`: what the names of the files begin with.
  LakeSpool(Ledger& ledger, std::string folder, const RollLimits& limits, const std::string& lock_path,
            std::string files = "rides");

  /// Within the present transaction.
  void add(std::string_view partition, std::string_view line, std::int64_t now_ms);
  /// Outside any batch: finishes what a crash left, and rolls every partition that is due; `all` rolls what is not due too. Nothing
  /// while another replica holds the lock.
  void roll(std::int64_t now_ms, bool all = false);
  [[nodiscard]] Totals totals();

 private:
  struct Roll {
    std::int64_t number = 0;
    std::string partition;
    std::int64_t first_row = 0;
    std::int64_t last_row = 0;
  };
  Ledger& ledger_;
  std::string folder_;
  RollLimits limits_;
  std::string files_;
  FileLock lock_;
  Statement insert_;
  Statement due_;
  Statement cut_;
  Statement plan_;
  Statement planned_;
  Statement lines_;
  Statement delete_rows_;
  Statement delete_roll_;
  Statement catalogue_;
  Statement totals_;

  bool plan_one(std::int64_t now_ms, bool all);
  void finish_planned();
};

}  // namespace remuda::rides
