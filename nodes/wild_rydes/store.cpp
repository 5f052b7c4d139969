#include "nodes/wild_rydes/store.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cstring>
#include <utility>

namespace remuda::rides {

namespace {

[[noreturn]] void fail_store(sqlite3* database, std::string_view what) {
  const int code = database == nullptr ? SQLITE_NOMEM : sqlite3_errcode(database);
  const char* text = database == nullptr ? "out of memory" : sqlite3_errmsg(database);
  const bool full = code == SQLITE_FULL;
  throw StoreError{std::string{what} + ": " + text + (full ? " (storage_full: free some space)" : "")};
}

void check(sqlite3_stmt* statement, int code, std::string_view what) {
  if (code != SQLITE_OK) fail_store(sqlite3_db_handle(statement), what);
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}
void Database::Close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

void Statement::bind(int index, std::int64_t value) {
  check(statement_.get(), sqlite3_bind_int64(statement_.get(), index, value), "bind");
}

void Statement::bind(int index, std::string_view value) {
  check(statement_.get(), sqlite3_bind_text64(statement_.get(), index, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8),
        "bind");
}

void Statement::bind(int index, Blob value) {
  check(statement_.get(), sqlite3_bind_blob64(statement_.get(), index, value.bytes.data(), value.bytes.size(), SQLITE_TRANSIENT),
        "bind");
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) {
    sqlite3* database = sqlite3_db_handle(statement_.get());
    const std::string text = sqlite3_errmsg(database);
    const bool full = code == SQLITE_FULL;
    sqlite3_reset(statement_.get());
    throw StoreError{"store: " + text + (full ? " (storage_full: free some space)" : "")};
  }
  sqlite3_reset(statement_.get());
  return false;
}

int Statement::finish() {
  while (step()) {}
  return sqlite3_changes(sqlite3_db_handle(statement_.get()));
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return bytes == nullptr ? std::string{} : std::string{bytes, static_cast<std::size_t>(size)};
}

Database::Database(const std::string& path, std::string_view schema, int version) {
  // Created by us first, as SQLite would create it readable for others.
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) throw StoreError{"cannot open " + path + ": " + std::strerror(errno)};
  ::close(file);
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  database_.reset(opened);
  if (code != SQLITE_OK) fail_store(opened, "cannot open " + path);
  sqlite3_busy_timeout(opened, 10'000);
  execute("PRAGMA journal_mode = WAL");
  execute("PRAGMA synchronous = FULL");
  // Replicas start together: the first one in creates the tables, the others find them.
  execute("BEGIN IMMEDIATE");
  auto found = prepare("PRAGMA user_version");
  found.step();
  const std::int64_t found_version = found.integer(0);
  found.reset();
  if (found_version == 0) {
    execute(std::string{schema}.c_str());
    execute(("PRAGMA user_version = " + std::to_string(version)).c_str());
  } else if (found_version != version) {
    execute("ROLLBACK");
    throw StoreError{path + " has schema version " + std::to_string(found_version) + ", this program understands " +
                     std::to_string(version) + ": use the program that wrote it, or move the file away"};
  }
  execute("COMMIT");
}

Database::~Database() = default;

Statement Database::prepare(std::string_view sql) {
  sqlite3_stmt* prepared = nullptr;
  const int code =
      sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  if (code != SQLITE_OK) fail_store(database_.get(), sql);
  Statement statement;
  statement.statement_.reset(prepared);
  return statement;
}

void Database::execute(const char* sql) {
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail_store(database_.get(), "store");
}

std::int64_t Database::last_row() const {
  return sqlite3_last_insert_rowid(database_.get());
}
bool Database::in_transaction() const {
  return sqlite3_get_autocommit(database_.get()) == 0;
}
void Database::limit_size(std::int64_t pages) {
  execute(("PRAGMA max_page_count = " + std::to_string(pages)).c_str());
}

BatchTransaction::BatchTransaction(Database& database)
    : database_{database},
      begin_{database.prepare("BEGIN IMMEDIATE")},
      commit_{database.prepare("COMMIT")},
      rollback_{database.prepare("ROLLBACK")},
      savepoint_{database.prepare("SAVEPOINT message")},
      release_{database.prepare("RELEASE message")},
      rollback_to_{database.prepare("ROLLBACK TO message")} {}

BatchTransaction::~BatchTransaction() = default;  // closing the database rolls an open transaction back

void BatchTransaction::begin() {
  if (open_) return;
  begin_.run();
  open_ = true;
  lost_.clear();
}

void BatchTransaction::apply(const std::function<void()>& effect) {
  if (!lost_.empty()) throw StoreError{lost_};
  begin();
  savepoint_.run();
  try {
    effect();
    release_.run();
  } catch (const std::exception& error) {
    if (database_.in_transaction()) {
      rollback_to_.run();
      release_.run();
    } else {
      lost_ = error.what();  // commit() must not pretend that the earlier messages of the batch are safe
    }
    throw;
  }
}

void BatchTransaction::commit() {
  if (!open_) return;
  if (!lost_.empty()) {
    open_ = false;
    throw StoreError{std::exchange(lost_, {})};
  }
  try {
    commit_.run();
    open_ = false;
  } catch (const StoreError&) {
    roll_back();
    throw;
  }
}

void BatchTransaction::roll_back() {
  open_ = false;
  lost_.clear();
  if (database_.in_transaction()) rollback_.run();
}

}  // namespace remuda::rides
