#include "nodes/saga_orchestrator/saga_store.hpp"

#include <algorithm>
#include <array>

#include "common/mutant.hpp"

namespace remuda::saga {

namespace {

constexpr std::array<std::string_view, 4> status_names{"running", "stuck", "completed", "failed"};

constexpr std::string_view tables =
    "CREATE TABLE definition (hash TEXT PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE saga (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, definition TEXT NOT "
    "NULL,"
    " status INTEGER NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, deadline_ms INTEGER NOT NULL,"
    " events INTEGER NOT NULL, last_event INTEGER NOT NULL, unsent INTEGER NOT NULL, states TEXT NOT NULL, error TEXT NOT NULL);"
    "CREATE INDEX saga_due ON saga (deadline_ms) WHERE deadline_ms < 9223372036854775807;"
    "CREATE INDEX saga_unsent ON saga (number) WHERE unsent = 1;"
    "CREATE INDEX saga_ended ON saga (ended_ms) WHERE ended_ms > 0;"
    "CREATE TABLE event (number INTEGER PRIMARY KEY, previous INTEGER NOT NULL, at_ms INTEGER NOT NULL, kind TEXT NOT NULL,"
    " body TEXT NOT NULL);";
constexpr int schema_version = 2;

constexpr std::string_view columns =
    "SELECT number, id, name, definition, status, started_ms, ended_ms, deadline_ms, events, unsent, states, error, last_event"
    " FROM saga WHERE ";

std::string_view view(const std::string& text) {
  return text;
}

std::vector<std::string> first_column(rides::Statement& rows) {
  std::vector<std::string> found;
  while (rows.step()) found.push_back(rows.text(0));
  rows.reset();
  return found;
}

}  // namespace

std::string_view name_of(Status status) {
  return status_names[static_cast<std::size_t>(status)];
}

std::optional<Status> status_named(std::string_view name) {
  const auto* const found = std::find(status_names.begin(), status_names.end(), name);
  if (found == status_names.end()) return std::nullopt;
  return static_cast<Status>(found - status_names.begin());
}

SagaStore::SagaStore(const std::string& path)
    : database_{path, tables, schema_version},
      transaction_{database_},
      keep_definition_{database_.prepare("INSERT OR IGNORE INTO definition VALUES (?, ?, ?)")},
      definition_{database_.prepare("SELECT text FROM definition WHERE hash = ?")},
      add_{database_.prepare(
          "INSERT INTO saga (status, ended_ms, deadline_ms, events, unsent, states, error, last_event, id, name, definition,"
          " started_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")},
      update_{database_.prepare("UPDATE saga SET status = ?, ended_ms = ?, deadline_ms = ?, events = ?, unsent = ?, states = ?,"
                                " error = ?, last_event = ? WHERE number = ?")},
      find_{database_.prepare(std::string{columns} + "id = ?")},
      add_event_{database_.prepare("INSERT INTO event (previous, at_ms, kind, body) VALUES (?, ?, ?, ?)")},
      event_{database_.prepare("SELECT at_ms, kind, body, previous FROM event WHERE number = ?")},
      due_{database_.prepare("SELECT id FROM saga WHERE deadline_ms <= ? AND deadline_ms < 9223372036854775807 ORDER BY deadline_ms"
                             " LIMIT ?")},
      unsent_{database_.prepare("SELECT id FROM saga WHERE unsent = 1 ORDER BY number")},
      list_{database_.prepare(std::string{columns} + "number < ?1 AND (?2 < 0 OR status = ?2) ORDER BY number DESC LIMIT ?3")},
      counts_{database_.prepare("SELECT status, count(*) FROM saga GROUP BY status")},
      old_{database_.prepare("SELECT number, last_event FROM saga WHERE ended_ms > 0 AND ended_ms < ? LIMIT ?")},
      forget_event_{database_.prepare("DELETE FROM event WHERE number = ? RETURNING previous")},
      forget_{database_.prepare("DELETE FROM saga WHERE number = ?")} {}

void SagaStore::keep_definition(const std::string& hash, const std::string& name, const std::string& text) {
  keep_definition_.run(view(hash), view(name), view(text));
}

std::optional<std::string> SagaStore::definition(const std::string& hash) {
  std::optional<std::string> text;
  if (definition_.rows(view(hash)).step()) text = definition_.text(0);
  definition_.reset();
  return text;
}

void SagaStore::write(SagaRow& row) {
  const auto run = [&](rides::Statement& statement, const auto&... more) {
    statement.run(static_cast<std::int64_t>(row.status), row.ended_ms, row.deadline_ms, row.events,
                  std::int64_t{row.unsent ? 1 : 0}, view(row.states), view(row.error), row.last_event, more...);
  };
  if (row.number > 0) return run(update_, row.number);
  run(add_, view(row.id), view(row.name), view(row.definition), row.started_ms);
  row.number = database_.last_row();
}

SagaRow SagaStore::read(rides::Statement& row) {
  SagaRow saga;
  saga.number = row.integer(0);
  saga.id = row.text(1);
  saga.name = row.text(2);
  saga.definition = row.text(3);
  saga.status = static_cast<Status>(row.integer(4));
  saga.started_ms = row.integer(5);
  saga.ended_ms = row.integer(6);
  saga.deadline_ms = row.integer(7);
  saga.events = row.integer(8);
  saga.unsent = row.integer(9) != 0;
  saga.states = row.text(10);
  saga.error = row.text(11);
  saga.last_event = row.integer(12);
  return saga;
}

std::optional<SagaRow> SagaStore::find(const std::string& id) {
  std::optional<SagaRow> found;
  if (find_.rows(view(id)).step()) found = read(find_);
  find_.reset();
  return found;
}

std::int64_t SagaStore::add_event(std::int64_t previous, const StoredEvent& event) {
  add_event_.run(previous, event.at_ms, view(event.kind), view(event.body));
  return database_.last_row();
}

std::vector<StoredEvent> SagaStore::events(std::int64_t last) {
  std::vector<StoredEvent> found;
  while (last > 0) {
    if (!event_.rows(last).step()) throw rides::StoreError{"an event of a history is missing"};
    found.push_back({event_.integer(0), event_.text(1), event_.text(2)});
    last = event_.integer(3);
  }
  event_.reset();
  std::reverse(found.begin(), found.end());
  return found;
}

std::vector<std::string> SagaStore::due(std::int64_t now_ms, std::int64_t limit) {
  return first_column(due_.rows(now_ms, limit));
}

std::vector<std::string> SagaStore::unsent() {
  return first_column(unsent_.rows());
}

std::vector<SagaRow> SagaStore::list(std::optional<Status> status, std::int64_t before, std::int64_t limit) {
  std::vector<SagaRow> found;
  list_.rows(before, status ? static_cast<std::int64_t>(*status) : std::int64_t{-1}, limit);
  while (list_.step()) found.push_back(read(list_));
  list_.reset();
  return found;
}

std::map<std::string, std::int64_t> SagaStore::counts() {
  std::map<std::string, std::int64_t> found;
  for (const auto name : status_names) found[std::string{name}] = 0;
  counts_.rows();
  while (counts_.step()) found[std::string{name_of(static_cast<Status>(counts_.integer(0)))}] = counts_.integer(1);
  counts_.reset();
  return found;
}

int SagaStore::forget_ended(std::int64_t before_ms, std::int64_t limit) {
  std::vector<std::pair<std::int64_t, std::int64_t>> old;
  old_.rows(REMUDA_MUTANT(258) ? INT64_MAX : before_ms, limit);
  while (old_.step()) old.emplace_back(old_.integer(0), old_.integer(1));
  old_.reset();
  for (auto [number, event] : old) {
    while (event > 0) event = forget_event_.rows(event).step() ? forget_event_.integer(0) : 0;
    forget_event_.reset();
    forget_.run(number);
  }
  return static_cast<int>(old.size());
}

}  // namespace remuda::saga
