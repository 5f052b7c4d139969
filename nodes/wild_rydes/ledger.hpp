#pragma once
// A service's ledger: an Idempotent Receiver over SQLite. The id of each message is recorded in the same transaction as its
// effect, so however often a message comes, and wherever a kill falls, the effect is there once or not at all.
// Replicas of a service share the file.
//
// An id is forgotten once its message cannot come again: a queue keeps a message for at most 14 days after it was sent, dead
// letters included, and the ledger remembers it for 30. Whatever the clock says it remembers the newest 100,000, so that a clock
// that jumps ahead by months does not open the door to a second charge.

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "common/clock.hpp"
#include "nodes/wild_rydes/store.hpp"

namespace remuda::rides {

class Ledger {
 public:
  enum class Applied { first_time, repeated };
  /// An id is forgotten when it is older than `days` and not among the newest `ids_min`.
  struct Memory {
    std::int64_t days = 30;
    std::int64_t ids_min = 100'000;
  };

  /// Opens `path`, with the service's own tables from `schema` (`CREATE TABLE ...;`). `clock` must outlive the ledger; its wall
  /// time dates the ids. Throws StoreError.
  Ledger(const std::string& path, std::string_view schema, const Clock& clock, const Memory& memory);
  Ledger(const std::string& path, std::string_view schema, const Clock& clock) : Ledger{path, schema, clock, Memory{}} {}

  /// Runs `effect` unless this message was applied before. What `effect` throws undoes it and goes on to the caller.
  Applied apply(std::string_view message_id, const std::function<void()>& effect);
  /// Runs `effect` within the present transaction, for changes that no message asked for.
  void change(const std::function<void()>& effect) { transaction_.apply(effect); }
  /// Adds to a durable figure (`received`, `redelivered`, ...); written by the next commit.
  void tally(std::string_view name, std::int64_t by = 1);
  /// Makes everything since the last commit durable. Throws StoreError; then none of it is.
  void commit();
  /// Gives up everything since the last commit.
  void roll_back() { transaction_.roll_back(); }

  /// All figures, by name.
  [[nodiscard]] std::map<std::string, std::int64_t> tallies();
  /// How many messages it remembers.
  [[nodiscard]] std::int64_t remembered();
  [[nodiscard]] Database& database() { return database_; }

 private:
  Database database_;
  BatchTransaction transaction_;
  const Clock& clock_;
  Memory memory_;
  Statement remember_;
  Statement forget_;
  Statement count_remembered_;
  Statement add_tally_;
  Statement read_tallies_;
  std::map<std::string, std::int64_t, std::less<>> pending_tallies_;
  std::int64_t forgotten_on_day_ = 0;  ///< nothing more is to be forgotten on this day

  [[nodiscard]] std::int64_t today() const;
  void forget_old();
};

}  // namespace remuda::rides
