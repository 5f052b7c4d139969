#pragma once
// SQLite as every store here uses it: write-ahead log, synced at each commit, one transaction for each batch of messages and a
// savepoint for each message in it, so that a handler that fails leaves nothing of itself and nothing of its neighbours is lost.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace remuda::rides {

/// The store could not do its work: a full disk, a lock held too long, a damaged file. It leaves handlers and commit() as it is:
/// that makes the message `retry_later`, with this text recorded.
class StoreError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Bytes to be bound as they are.
struct Blob {
  std::string_view bytes;
};

/// A prepared statement. Bind and step it with run(), row() or rows(); texts and blobs are copied.
class Statement {
 public:
  Statement() = default;

  /// Executes a statement that returns nothing; gives the number of changed rows.
  template <class... Values>
  int run(const Values&... values) {
    bind_all(values...);
    return finish();
  }
  /// Starts a query; then step() while it gives rows. A query left early is ended by the next use or by reset().
  template <class... Values>
  Statement& rows(const Values&... values) {
    bind_all(values...);
    return *this;
  }
  bool step();
  void reset();
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;

  template <class... Values>
  void bind_all(const Values&... values) {
    reset();
    int index = 0;
    (bind(++index, values), ...);
  }
  void bind(int index, std::int64_t value);
  void bind(int index, std::string_view value);
  void bind(int index, Blob value);
  int finish();
};

class Database {
 public:
  /// Opens or creates the file with rights for its owner alone. The schema is applied once, under `version`; a file of another
  /// version is refused. Throws StoreError.
  Database(const std::string& path, std::string_view schema, int version);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] Statement prepare(std::string_view sql);
  void execute(const char* sql);
  [[nodiscard]] std::int64_t last_row() const;
  /// False when SQLite has given up the transaction by itself, as it does when the disk is full.
  [[nodiscard]] bool in_transaction() const;
  /// Limits the file's size, as a full disk does: for tests and for the impatient.
  void limit_size(std::int64_t pages);

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  std::unique_ptr<sqlite3, Close> database_;
};

/// The transaction of the present batch: begun by its first message, ended by commit().
class BatchTransaction {
 public:
  explicit BatchTransaction(Database& database);
  ~BatchTransaction();
  BatchTransaction(const BatchTransaction&) = delete;
  BatchTransaction& operator=(const BatchTransaction&) = delete;

  /// Runs `effect` whole or not at all: what it throws undoes what it did, and goes on to the caller.
  void apply(const std::function<void()>& effect);
  /// Begins the transaction if none is open: for effects outside a message.
  void begin();
  /// Makes the batch durable. Nothing to do without a transaction. Throws StoreError when it is not durable; then nothing of
  /// the batch is.
  void commit();
  /// Gives the batch up.
  void roll_back();
  [[nodiscard]] bool is_open() const { return open_; }

 private:
  Database& database_;
  Statement begin_;
  Statement commit_;
  Statement rollback_;
  Statement savepoint_;
  Statement release_;
  Statement rollback_to_;
  bool open_ = false;
  std::string lost_;  ///< why SQLite gave up the open transaction, and earlier messages with it
};

}  // namespace remuda::rides
