#include "nodes/wild_rydes/ledger.hpp"

namespace remuda::rides {

namespace {

constexpr int schema_version = 2;
constexpr std::int64_t forget_batch = 1'000;  // per commit: a pause nobody notices, and still faster than ids can come

std::string with_base_tables(std::string_view schema) {
  return "CREATE TABLE received (row INTEGER PRIMARY KEY, message_id TEXT NOT NULL UNIQUE, day INTEGER NOT NULL);"
         "CREATE TABLE tally (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;" +
         std::string{schema};
}

}  // namespace

Ledger::Ledger(const std::string& path, std::string_view schema, const Clock& clock, const Memory& memory)
    : database_{path, with_base_tables(schema), schema_version},
      transaction_{database_},
      clock_{clock},
      memory_{memory},
      remember_{database_.prepare("INSERT INTO received (message_id, day) VALUES (?, ?) ON CONFLICT DO NOTHING")},
      // Only the oldest rows are looked at: what came earlier is forgotten earlier, and nothing is searched for.
      forget_{database_.prepare("DELETE FROM received WHERE day < ?1 AND row IN (SELECT row FROM received WHERE row <= "
                                "(SELECT max(row) FROM received) - ?2 ORDER BY row LIMIT ?3)")},
      count_remembered_{database_.prepare("SELECT count(*) FROM received")},
      add_tally_{database_.prepare("INSERT INTO tally VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = value + ?2")},
      read_tallies_{database_.prepare("SELECT name, value FROM tally")} {}

Ledger::Applied Ledger::apply(std::string_view message_id, const std::function<void()>& effect) {
  Applied applied = Applied::first_time;
  transaction_.apply([&] {
    if (remember_.run(message_id, today()) == 0) {
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

std::int64_t Ledger::today() const {
  return std::chrono::floor<std::chrono::days>(clock_.wall_now()).time_since_epoch().count();
}

void Ledger::forget_old() {
  const std::int64_t day = today();
  if (forgotten_on_day_ == day || !transaction_.is_open()) return;
  transaction_.apply([&] {
    if (forget_.run(day - memory_.days, memory_.ids_min, forget_batch) < forget_batch) forgotten_on_day_ = day;
  });
}

void Ledger::commit() {
  try {
    forget_old();
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

std::int64_t Ledger::remembered() {
  count_remembered_.rows().step();
  const std::int64_t count = count_remembered_.integer(0);
  count_remembered_.reset();
  return count;
}

}  // namespace remuda::rides
