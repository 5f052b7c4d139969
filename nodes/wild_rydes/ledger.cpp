#include "nodes/wild_rydes/ledger.hpp"

namespace remuda::rides {

namespace {

constexpr int schema_version = 1;

std::string with_base_tables(std::string_view schema) {
  return "CREATE TABLE received (message_id TEXT PRIMARY KEY) WITHOUT ROWID;"
         "CREATE TABLE tally (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;" +
         std::string{schema};
}

}  // namespace

Ledger::Ledger(const std::string& path, std::string_view schema)
    : database_{path, with_base_tables(schema), schema_version},
      transaction_{database_},
      remember_{database_.prepare("INSERT INTO received VALUES (?) ON CONFLICT DO NOTHING")},
      add_tally_{database_.prepare("INSERT INTO tally VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = value + ?2")},
      read_tallies_{database_.prepare("SELECT name, value FROM tally")} {}

Ledger::Applied Ledger::apply(std::string_view message_id, const std::function<void()>& effect) {
  Applied applied = Applied::first_time;
  transaction_.apply([&] {
    if (remember_.run(message_id) == 0) {
      applied = Applied::repeated;
    } else {
      effect();
    }
  });
  return applied;
}

void Ledger::tally(std::string_view name, std::int64_t by) {
  const auto found = pending_tallies_.find(name);
  if (found == pending_tallies_.end()) {
    pending_tallies_.emplace(name, by);
  } else {
    found->second += by;
  }
}

void Ledger::commit() {
  try {
    if (!pending_tallies_.empty()) {
      transaction_.apply([&] {
        for (const auto& [name, by] : pending_tallies_) add_tally_.run(std::string_view{name}, by);
      });
    }
    transaction_.commit();
  } catch (const StoreError&) {
    transaction_.roll_back();
    throw;
  }
  pending_tallies_.clear();
}

std::map<std::string, std::int64_t> Ledger::tallies() {
  std::map<std::string, std::int64_t> all;
  for (auto& row = read_tallies_.rows(); row.step();) all[row.text(0)] = row.integer(1);
  for (const auto& [name, by] : pending_tallies_) all[name] += by;
  return all;
}

}  // namespace remuda::rides
