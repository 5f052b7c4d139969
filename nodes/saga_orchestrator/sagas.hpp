#pragma once
// All sagas of an orchestrator. Each is its history: an event is recorded and applied, or neither. Those that were touched last are
// held in memory, any other is built again from its history when something happens to it, so that a hundred thousand that
// wait cost nothing but disk.
//
// What happens is kept in memory until write() puts all of it into the present transaction, once for each saga.
//
// A saga runs under the definition it was started with: that one's text is kept beside it, under its hash.

#include <list>
#include <memory>
#include <set>
#include <unordered_map>

#include "nodes/saga_orchestrator/saga_store.hpp"

namespace remuda::saga {

/// A definition, and what pins a saga to it.
struct PinnedDefinition {
  std::string name;
  std::string hash;  ///< SHA-256 of the text
  std::string text;
  Definition definition;

  /// Errors: every problem with its place, one in a line.
  static Result<std::shared_ptr<const PinnedDefinition>, std::string> make(std::string name, std::string text);
};
using Pinned = std::shared_ptr<const PinnedDefinition>;

class Sagas {
 public:
  struct Settings {
    Rules rules{.parks = true, .aborts_at_deadline = true};
    int stuck_after = 10;             ///< a task that is tried more often makes its saga stuck
    std::size_t cached_max = 20'000;  ///< sagas in memory
  };
  /// What an event did. `effects` are to be carried out once the transaction is durable.
  struct Change {
    bool is_known = true;   ///< false: there is no such saga
    bool happened = false;  ///< false: it was over already, or said nothing new; nothing was recorded
    Effects effects = {};
  };

  /// `store` must outlive it.
  Sagas(SagaStore& store, std::map<std::string, Pinned, std::less<>> definitions, Settings settings);

  /// Starts a saga, once: the same id with the same definition and input again changes nothing. Errors: `no_such_definition`,
  /// `saga_exists` (with another input), both definite.
  Result<Change> start(const std::string& id, std::string_view definition, Json input, Time now);
  /// `audit`: see store_event. Errors of the store and of damaged histories leave as exceptions.
  Change apply(const std::string& id, Event event, Time now, const Json& audit = nullptr);
  /// What `event` would do, without doing it.
  Change rehearse(const std::string& id, const Event& event, Time now);
  /// Its messages may not all leave before the process ends: they have to go again after a restart, until mark_sent().
  void mark_unsent(const std::string& id);
  void mark_sent(const std::string& id);

  [[nodiscard]] bool has_changes() const { return !changed_.empty() || !broken_.empty(); }
  /// Writes what has happened, and what sagas are like now: to be called before the transaction is committed, and before the store is
  /// asked about several sagas. Once it has thrown it throws until forget_all(): memory and transaction differ, and nothing may be
  /// committed.
  void write();
  /// To be called when the transaction was rolled back: memory is read again from the store.
  void forget_all();

  /// Whatever a saga waits for: requests without an answer, and its end.
  Effects open_effects(const std::string& id);
  [[nodiscard]] std::optional<SagaRow> row(const std::string& id);
  [[nodiscard]] bool passed_pivot(const std::string& id);
  /// The row, the input, what happened, and the definition: JSON for people and programs (timeline.hpp).
  [[nodiscard]] std::optional<Json> story(const std::string& id);
  [[nodiscard]] const std::map<std::string, Pinned, std::less<>>& definitions() const { return definitions_; }
  [[nodiscard]] std::size_t cached() const { return live_.size(); }

 private:
  struct Live {
    SagaRow row;
    Pinned pinned;
    Execution execution;
    std::vector<StoredEvent> unwritten;  ///< what happened to it since the last write()
    std::list<std::string>::iterator age;
  };

  SagaStore& store_;
  std::map<std::string, Pinned, std::less<>> definitions_;  ///< by name: what new sagas run under
  Settings settings_;
  std::map<std::string, Pinned> by_hash_;
  std::unordered_map<std::string, Live> live_;
  std::list<std::string> ages_;    ///< the last touched in front
  std::set<std::string> changed_;  ///< not written yet
  std::string broken_;             ///< why nothing may be committed

  Live* find(const std::string& id);
  Live& keep(SagaRow row, Pinned pinned, Execution execution);
  Pinned pinned(const SagaRow& row);
  Change record(Live& live, Event event, Time now, const Json& audit);
  void describe(Live& live, const Effects& effects, Time now);
  void write(Live& live);
  [[nodiscard]] std::vector<StoredEvent> history(const Live& live);
  /// What is in memory of it is not to be trusted: it is read again, from what is recorded.
  void rebuild(Live& live);
  void make_room();
};

}  // namespace remuda::saga
