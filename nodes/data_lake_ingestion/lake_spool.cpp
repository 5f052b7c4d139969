#include "nodes/data_lake_ingestion/lake_spool.hpp"

#include <optional>
#include <vector>

#include "nodes/data_lake_ingestion/durable_file.hpp"
#include "nodes/data_lake_ingestion/partition.hpp"

namespace remuda::rides {

LakeSpool::LakeSpool(Ledger& ledger, std::string folder, const RollLimits& limits, const std::string& lock_path, std::string files)
    : ledger_{ledger}, folder_{std::move(folder)}, limits_{limits}, files_{std::move(files)}, lock_{lock_path} {
  Database& database = ledger.database();
  insert_ = database.prepare("INSERT INTO spool (partition, arrived_ms, line) VALUES (?, ?, ?)");
  due_ = database.prepare(
      "SELECT partition FROM spool GROUP BY partition HAVING count(*) >= ?1 OR sum(length(line) + 1) >= ?2 OR min(arrived_ms) <= "
      "?3 ORDER BY partition LIMIT 1");
  cut_ = database.prepare("SELECT min(row), max(row) FROM (SELECT row FROM spool WHERE partition = ? ORDER BY row LIMIT ?)");
  plan_ = database.prepare("INSERT INTO roll VALUES (?, ?, ?)");
  planned_ = database.prepare("SELECT rowid, partition, first_row, last_row FROM roll ORDER BY rowid");
  lines_ = database.prepare("SELECT line FROM spool WHERE partition = ? AND row BETWEEN ? AND ? ORDER BY row");
  delete_rows_ = database.prepare("DELETE FROM spool WHERE partition = ? AND row BETWEEN ? AND ?");
  delete_roll_ = database.prepare("DELETE FROM roll WHERE rowid = ?");
  catalogue_ = database.prepare("INSERT INTO file VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
  totals_ = database.prepare("SELECT (SELECT count(*) FROM spool), count(*), coalesce(sum(rides), 0) FROM file");
}

void LakeSpool::add(std::string_view partition, std::string_view line, std::int64_t now_ms) {
  insert_.run(partition, now_ms, line);
}

void LakeSpool::roll(std::int64_t now_ms, bool all) {
  if (!lock_.try_lock()) return;
  try {
    do {
      finish_planned();
    } while (plan_one(now_ms, all));
  } catch (const StoreError&) {
    ledger_.roll_back();
    throw;
  }
}

bool LakeSpool::plan_one(std::int64_t now_ms, bool all) {
  std::optional<std::string> partition;
  if (due_.rows(limits_.rides_max, limits_.size_bytes_max, all ? INT64_MAX : now_ms - limits_.age_ms_max).step())
    partition = due_.text(0);
  due_.reset();
  if (!partition) return false;
  ledger_.change([&] {
    cut_.rows(std::string_view{*partition}, limits_.rides_max).step();
    const std::int64_t first = cut_.integer(0);
    const std::int64_t last = cut_.integer(1);
    cut_.reset();
    plan_.run(std::string_view{*partition}, first, last);
  });
  ledger_.commit();
  return true;
}

void LakeSpool::finish_planned() {
  std::vector<Roll> rolls;
  for (auto& row = planned_.rows(); row.step();) rolls.push_back({row.integer(0), row.text(1), row.integer(2), row.integer(3)});
  for (const Roll& roll : rolls) {
    std::string content;
    std::int64_t rides = 0;
    for (auto& row = lines_.rows(std::string_view{roll.partition}, roll.first_row, roll.last_row); row.step(); ++rides)
      content += row.text(0) + "\n";
    const std::string name = lake_file_name(files_, roll.first_row, roll.last_row);
    const std::string compressed = gzip(content);
    write_durably(folder_ + "/" + roll.partition, name, compressed);
    ledger_.change([&] {
      catalogue_.run(std::string_view{roll.partition + "/" + name}, rides, static_cast<std::int64_t>(compressed.size()));
      delete_rows_.run(std::string_view{roll.partition}, roll.first_row, roll.last_row);
      delete_roll_.run(roll.number);
    });
    ledger_.commit();
  }
}

LakeSpool::Totals LakeSpool::totals() {
  totals_.rows().step();
  const Totals totals{totals_.integer(0), totals_.integer(1), totals_.integer(2)};
  totals_.reset();
  return totals;
}

}  // namespace remuda::rides
