#pragma once
// The sagas and their histories in SQLite: what is here has happened, and what is not has not. Every call is part of the present
// batch's transaction; all of them throw rides::StoreError.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nodes/saga_orchestrator/saga_event.hpp"
#include "nodes/wild_rydes/store.hpp"

namespace remuda::saga {

enum class Status : std::uint8_t {
  running,
  stuck,  ///< it needs somebody: an error that nobody catches, or a task that was tried very often. No end: nothing is forgotten
  completed,  ///< ended with an output
  failed,     ///< ended with an error: in a Fail state, when all that had to be undone is undone, or stopped by force
};
std::string_view name_of(Status status);
std::optional<Status> status_named(std::string_view name);

struct SagaRow {
  static constexpr std::int64_t never = INT64_MAX;

  std::int64_t number = 0;  ///< in the order of their starts; 0: not stored yet
  std::string id;
  std::string name;        ///< of its definition
  std::string definition;  ///< the hash of the definition that it runs under, whatever comes later under that name
  Status status = Status::running;
  std::int64_t started_ms = 0;
  std::int64_t ended_ms = 0;  ///< 0: it has not
  std::int64_t deadline_ms = never;
  std::int64_t events = 0;
  std::int64_t last_event = 0;  ///< where the stored part of its history ends; 0: nothing is stored
  bool unsent = false;          ///< messages of it may not have left: they go again after a restart
  std::string states;           ///< where it is, for people
  std::string error;            ///< why it is stuck or failed: `Error: cause`
};

class SagaStore {
 public:
  explicit SagaStore(const std::string& path);

  void keep_definition(const std::string& hash, const std::string& name, const std::string& text);
  [[nodiscard]] std::optional<std::string> definition(const std::string& hash);

  /// Adds a saga that has no number yet, and gives it one; or writes what it is like now.
  void write(SagaRow& row);
  [[nodiscard]] std::optional<SagaRow> find(const std::string& id);
  /// Adds an event behind `previous` (0: the first); gives its place. Histories are chains through one table that only grows at its
  /// end: however many sagas are under way, their events stand together on a few pages.
  std::int64_t add_event(std::int64_t previous, const StoredEvent& event);
  /// The history that ends there, from its beginning.
  [[nodiscard]] std::vector<StoredEvent> events(std::int64_t last);

  /// The ids of those whose deadline has come, the earliest first.
  [[nodiscard]] std::vector<std::string> due(std::int64_t now_ms, std::int64_t limit);
  [[nodiscard]] std::vector<std::string> unsent();
  /// The newest first, those before `before`; of one status or of all.
  [[nodiscard]] std::vector<SagaRow> list(std::optional<Status> status, std::int64_t before, std::int64_t limit);
  [[nodiscard]] std::map<std::string, std::int64_t> counts();
  /// Forgets sagas that ended before then, at most so many. Gives how many.
  int forget_ended(std::int64_t before_ms, std::int64_t limit);

  [[nodiscard]] rides::BatchTransaction& transaction() { return transaction_; }

 private:
  rides::Database database_;
  rides::BatchTransaction transaction_;
  rides::Statement keep_definition_, definition_, add_, update_, find_, add_event_, event_, due_, unsent_, list_, counts_, old_,
      forget_event_, forget_;

  static SagaRow read(rides::Statement& row);
};

}  // namespace remuda::saga
