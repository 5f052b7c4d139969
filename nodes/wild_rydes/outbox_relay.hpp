#pragma once
// Stores and events agree: a node that writes a store and publishes an event commits both in one SQLite transaction, the
// event as a row of the outbox table. The relay publishes rows in order and deletes them once they are confirmed. A kill anywhere
// repeats a message with the same id, and never loses one or invents one.
// Replicas share store and outbox; the one that holds the lock file relays for all of them.

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "common/node.hpp"
#include "nodes/wild_rydes/file_lock.hpp"
#include "nodes/wild_rydes/store.hpp"

namespace remuda::rides {

class OutboxRelay {
 public:
  /// Part of the store's schema.
  static constexpr std::string_view schema = "CREATE TABLE outbox (row INTEGER PRIMARY KEY AUTOINCREMENT, message BLOB NOT NULL);";
  /// Messages that are sent and not yet confirmed, at most: a broker that is away must not cost memory, the store holds the rest.
  static constexpr std::size_t in_flight_max = 1'024;

  /// Everything given must outlive the relay. `port` is where the messages go.
  OutboxRelay(Database& database, BatchTransaction& transaction, NodeContext& context, std::string port,
              const std::string& lock_path);

  /// Adds a message to the outbox, inside the present transaction. Its id is what receivers recognise a repetition by, so
  /// it is given.
  void add(const Message& message);
  /// To be called before the batch is committed: confirmed rows are deleted along with it, which saves a sync.
  void delete_confirmed();
  /// To be called after the commit, and now and then: publishes what is waiting.
  void relay();
  /// To be called now and then: as relay(), and also tries again what failed and deletes confirmed rows when no batch comes by.
  void tick();

  /// To be called when the node stops: confirmed rows are deleted, so that whoever is next repeats none of them.
  void stop();

  /// Rows that wait for their confirm, in the store. For the health page.
  [[nodiscard]] std::int64_t waiting();

 private:
  enum class State { sent, confirmed, failed };

  BatchTransaction& transaction_;
  NodeContext& context_;
  std::string port_;
  FileLock lock_;
  Statement insert_;
  Statement read_;
  Statement read_one_;
  Statement delete_;
  Statement count_;
  std::map<std::int64_t, State> in_flight_;                     ///< by row
  std::int64_t read_up_to_ = 0;                                 ///< rows up to here are in `in_flight_` or confirmed
  std::int64_t deletable_up_to_ = 0;                            ///< every row up to here is confirmed
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< a confirm may come after the relay is gone

  void commit_deletion();
  void send(std::int64_t row, const std::string& packed);
  void on_confirmed(std::int64_t row, const Result<void>& confirmed);
};

}  // namespace remuda::rides
