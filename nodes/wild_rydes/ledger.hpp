#pragma once
// A service's ledger: an Idempotent Receiver over SQLite. The id of each message is recorded in the same transaction as its
// effect, so however often a message comes, and wherever a kill falls, the effect is there once or not at all.
// Replicas of a service share the file.

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "nodes/wild_rydes/store.hpp"

namespace remuda::rides {

class Ledger {
 public:
  enum class Applied { first_time, repeated };

  /// Opens `path`, with the service's own tables from `schema` (`CREATE TABLE ...;`). Throws StoreError.
  Ledger(const std::string& path, std::string_view schema);

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
  [[nodiscard]] Database& database() { return database_; }

 private:
  Database database_;
  BatchTransaction transaction_;
  Statement remember_;
  Statement add_tally_;
  Statement read_tallies_;
  std::map<std::string, std::int64_t, std::less<>> pending_tallies_;
};

}  // namespace remuda::rides
