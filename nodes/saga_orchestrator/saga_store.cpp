#include "nodes/saga_orchestrator/saga_store.hpp"

#include <algorithm>
#include <array>

namespace remuda::saga {

namespace {

constexpr std::array<std::string_view, 4> status_names{"running", "stuck", "completed", "failed"};

constexpr std::string_view tables =
    "CREATE TABLE definition (hash TEXT PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE saga (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, definition TEXT NOT "
    "NULL,"
    " status INTEGER NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, deadline_ms INTEGER NOT NULL,"
    " events INTEGER NOT NULL, unsent INTEGER NOT NULL, states TEXT NOT NULL, error TEXT NOT NULL);"
    "CREATE INDEX saga_due ON saga (deadline_ms) WHERE deadline_ms < 9223372036854775807;"
    "CREATE INDEX saga_unsent ON saga (number) WHERE unsent = 1;"
    "CREATE INDEX saga_ended ON saga (ended_ms) WHERE ended_ms > 0;"
    "CREATE TABLE event (saga INTEGER NOT NULL, position INTEGER NOT NULL, at_ms INTEGER NOT NULL, kind TEXT NOT NULL,"
    " body TEXT NOT NULL, PRIMARY KEY (saga, position)) WITHOUT ROWID;";

constexpr std::string_view columns =
    "SELECT number, id, name, definition, status, started_ms, ended_ms, deadline_ms, events, unsent, states, error FROM saga "
    "WHERE ";

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
    : database_{path, tables, 1},
      transaction_{database_},
      keep_definition_{database_.prepare("INSERT OR IGNORE INTO definition VALUES (?, ?, ?)")},
      definition_{database_.prepare("SELECT text FROM definition WHERE hash = ?")},
      add_{database_.prepare(
          "INSERT INTO saga (id, name, definition, status, started_ms, ended_ms, deadline_ms, events, unsent, states,"
          " error) VALUES (?, ?, ?, 0, ?, 0, 9223372036854775807, 0, 0, '', '')")},
      update_{
          database_.prepare("UPDATE saga SET status = ?2, ended_ms = ?3, deadline_ms = ?4, events = ?5, unsent = ?6, states = ?7,"
                            " error = ?8 WHERE number = ?1")},
      mark_sent_{database_.prepare("UPDATE saga SET unsent = 0 WHERE number = ?")},
      find_{database_.prepare(std::string{columns} + "id = ?")},
      add_event_{database_.prepare("INSERT INTO event VALUES (?, ?, ?, ?, ?)")},
      events_{database_.prepare("SELECT at_ms, kind, body FROM event WHERE saga = ? ORDER BY position")},
      due_{database_.prepare("SELECT id FROM saga WHERE deadline_ms <= ? AND deadline_ms < 9223372036854775807 ORDER BY deadline_ms"
                             " LIMIT ?")},
      unsent_{database_.prepare("SELECT id FROM saga WHERE unsent = 1 ORDER BY number")},
      list_{database_.prepare(std::string{columns} + "number < ?1 AND (?2 < 0 OR status = ?2) ORDER BY number DESC LIMIT ?3")},
      counts_{database_.prepare("SELECT status, count(*) FROM saga GROUP BY status")},
      old_{database_.prepare("SELECT number FROM saga WHERE ended_ms > 0 AND ended_ms < ? LIMIT ?")},
      forget_events_{database_.prepare("DELETE FROM event WHERE saga = ?")},
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

std::int64_t SagaStore::add(const SagaRow& row) {
  add_.run(view(row.id), view(row.name), view(row.definition), row.started_ms);
  return database_.last_row();
}

void SagaStore::update(const SagaRow& row) {
  update_.run(row.number, static_cast<std::int64_t>(row.status), row.ended_ms, row.deadline_ms, row.events,
              std::int64_t{row.unsent ? 1 : 0}, view(row.states), view(row.error));
}

void SagaStore::mark_sent(std::int64_t number) {
  mark_sent_.run(number);
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
  return saga;
}

std::optional<SagaRow> SagaStore::find(const std::string& id) {
  std::optional<SagaRow> found;
  if (find_.rows(view(id)).step()) found = read(find_);
  find_.reset();
  return found;
}

void SagaStore::add_event(std::int64_t saga, std::int64_t position, const StoredEvent& event) {
  add_event_.run(saga, position, event.at_ms, view(event.kind), view(event.body));
}

std::vector<StoredEvent> SagaStore::events(std::int64_t saga) {
  std::vector<StoredEvent> found;
  events_.rows(saga);
  while (events_.step()) found.push_back({events_.integer(0), events_.text(1), events_.text(2)});
  events_.reset();
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
  std::vector<std::int64_t> old;
  old_.rows(before_ms, limit);
  while (old_.step()) old.push_back(old_.integer(0));
  old_.reset();
  for (const std::int64_t number : old) {
    forget_events_.run(number);
    forget_.run(number);
  }
  return static_cast<int>(old.size());
}

}  // namespace remuda::saga
