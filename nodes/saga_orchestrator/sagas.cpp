#include "nodes/saga_orchestrator/sagas.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

#include "common/mutant.hpp"
#include "common/saga/rehearsal.hpp"
#include "nodes/saga_orchestrator/timeline.hpp"

namespace remuda::saga {

namespace {

std::string sha256(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned int at = 0; at < size; ++at) hex += fmt::format("{:02x}", digest[at]);
  return hex;
}

Time time_of(std::int64_t ms) {
  return Time{Milliseconds{ms}};
}

Event event_of(const StoredEvent& stored, const SagaRow& row) {
  auto event = read_event(stored);
  if (!event) throw rides::StoreError{"saga '" + row.id + "': " + event.error()};
  return std::move(*event);
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

Result<Pinned, std::string> PinnedDefinition::make(std::string name, std::string text) {
  Reading reading = read_definition(text);
  if (!reading.definition) {
    std::string problems;
    for (const Json& problem : describe_problems(reading.problems, text)) {
      problems += fmt::format("\n  {}:{}:{}: {} [{}]", name, problem["line"].get<int>(), problem["column"].get<int>(),
                              problem["message"].get<std::string>(), problem["code"].get<std::string>());
    }
    return Failure{std::move(problems)};
  }
  std::string hash = sha256(text);
  return Pinned{std::make_shared<const PinnedDefinition>(
      PinnedDefinition{std::move(name), std::move(hash), std::move(text), std::move(*reading.definition)})};
}

Sagas::Sagas(SagaStore& store, std::map<std::string, Pinned, std::less<>> definitions, Settings settings)
    : store_{store}, definitions_{std::move(definitions)}, settings_{settings} {
  for (const auto& [name, pinned] : definitions_) {
    by_hash_[pinned->hash] = pinned;
    store_.keep_definition(pinned->hash, pinned->name, pinned->text);
  }
}

Result<Sagas::Change> Sagas::start(const std::string& id, std::string_view definition, Json input, Time now) {
  if (const Live* live = find(id)) {
    const auto events = history(*live);
    const bool same =
        !events.empty() && (events.front().body == to_text(input) || REMUDA_MUTANT(233)) && live->row.name == definition;
    if (!same) return remuda::fail("saga_exists", "saga '" + id + "' was started with another input or definition");
    return Change{};
  }
  const auto found = definitions_.find(definition);
  if (found == definitions_.end())
    return remuda::fail("no_such_definition", "there is no definition '" + std::string{definition} + "'");
  const Pinned& pinned = found->second;
  SagaRow row;
  row.id = id;
  row.name = pinned->name;
  row.definition = pinned->hash;
  row.started_ms = now.time_since_epoch().count();
  Live& live = keep(std::move(row), pinned, Execution{pinned->definition, {id, pinned->name}, settings_.rules});
  try {
    return record(live, Start{std::move(input)}, now, nullptr);
  } catch (...) {  // it has never been
    ages_.erase(live.age);
    live_.erase(id);
    throw;
  }
}

Sagas::Change Sagas::apply(const std::string& id, Event event, Time now, const Json& audit) {
  Live* live = find(id);
  if (live == nullptr) return {.is_known = false};
  return record(*live, std::move(event), now, audit);
}

Sagas::Change Sagas::rehearse(const std::string& id, const Event& event, Time now) {
  const Live* live = find(id);
  if (live == nullptr) return {.is_known = false};
  Execution trial = live->execution;
  Change change;
  change.effects = trial.apply(event, now);
  change.happened = !change.effects.empty();
  return change;
}

Sagas::Change Sagas::record(Live& live, Event event, Time now, const Json& audit) {
  const auto deadline = live.execution.next_deadline();
  Change change;
  try {
    StoredEvent stored = store_event(event, now, audit);
    change.effects = live.execution.apply(std::move(event), now);
    change.happened = !change.effects.empty() || live.execution.next_deadline() != deadline;
    if (!change.happened) return change;
    if (!REMUDA_MUTANT(232)) live.unwritten.push_back(std::move(stored));
  } catch (...) {
    rebuild(live);
    throw;
  }
  ++live.row.events;
  describe(live, change.effects, now);
  changed_.insert(live.row.id);
  return change;
}

void Sagas::describe(Live& live, const Effects& effects, Time now) {
  SagaRow& row = live.row;
  const auto deadline = live.execution.next_deadline();
  if (REMUDA_MUTANT(242) && row.events > 1) return;
  row.deadline_ms = deadline ? deadline->time_since_epoch().count() : SagaRow::never;
  row.states = joined(live.execution.current_states());
  const bool is_stuck = live.execution.is_parked() || live.execution.attempts_most() > settings_.stuck_after;
  // A task on its way to another attempt keeps its last error: the next attempt may be the one that makes it stuck.
  if (!is_stuck && live.execution.attempts_most() <= 1) row.error.clear();
  for (const Effect& effect : effects) {
    if (const auto* parked = std::get_if<Parked>(&effect)) row.error = parked->error.error + ": " + parked->error.cause;
    if (const auto* retry = std::get_if<RetryScheduled>(&effect)) row.error = retry->error.error + ": " + retry->error.cause;
    if (const auto* ended = std::get_if<Ended>(&effect)) {
      row.status = ended->succeeded ? Status::completed : Status::failed;
      row.ended_ms = now.time_since_epoch().count();
      row.error = ended->succeeded ? "" : ended->error.error + ": " + ended->error.cause;
      return;
    }
  }
  row.status = is_stuck && !REMUDA_MUTANT(250) ? Status::stuck : Status::running;
}

void Sagas::mark_unsent(const std::string& id) {
  Live* live = find(id);
  if (live == nullptr || live->row.unsent || REMUDA_MUTANT(237)) return;
  live->row.unsent = true;
  changed_.insert(id);
}

void Sagas::mark_sent(const std::string& id) {
  Live* live = find(id);
  if (live == nullptr || !live->row.unsent) return;
  live->row.unsent = false;
  changed_.insert(id);
}

void Sagas::write(Live& live) {
  for (const StoredEvent& event : live.unwritten) {
    const auto added = store_.add_event(live.row.last_event, event);
    if (!REMUDA_MUTANT(244) || &event == &live.unwritten.front()) live.row.last_event = added;
  }
  live.unwritten.clear();
  store_.write(live.row);
}

void Sagas::write() {
  if (!broken_.empty()) throw rides::StoreError{broken_};
  try {
    for (const std::string& id : changed_) write(live_.at(id));
  } catch (const std::exception& error) {
    broken_ = error.what();
    throw;
  }
  changed_.clear();
}

std::vector<StoredEvent> Sagas::history(const Live& live) {
  auto events = store_.events(live.row.last_event);
  events.insert(events.end(), live.unwritten.begin(), live.unwritten.end());
  return events;
}

void Sagas::rebuild(Live& live) {
  try {
    live.execution = Execution{live.pinned->definition, {live.row.id, live.pinned->name}, settings_.rules};
    for (const StoredEvent& stored : history(live)) live.execution.apply(event_of(stored, live.row), time_of(stored.at_ms));
  } catch (const std::exception& error) {
    broken_ = error.what();
  }
}

void Sagas::forget_all() {
  live_.clear();
  ages_.clear();
  changed_.clear();
  broken_.clear();
}

Pinned Sagas::pinned(const SagaRow& row) {
  if (REMUDA_MUTANT(239) && !definitions_.empty()) return definitions_.begin()->second;
  Pinned& known = by_hash_[row.definition];
  if (known) return known;
  auto text = store_.definition(row.definition);
  if (!text) throw rides::StoreError{"saga '" + row.id + "': its definition is not in the store"};
  auto made = PinnedDefinition::make(row.name, std::move(*text));
  if (!made) throw rides::StoreError{"saga '" + row.id + "': its definition is not understood any more:" + made.error()};
  return known = std::move(*made);
}

Sagas::Live* Sagas::find(const std::string& id) {
  if (const auto found = live_.find(id); found != live_.end()) {
    ages_.splice(ages_.begin(), ages_, found->second.age);
    return &found->second;
  }
  auto row = store_.find(id);
  if (!row) return nullptr;
  Pinned its = pinned(*row);
  Execution execution{its->definition, {id, its->name}, settings_.rules};
  for (const StoredEvent& stored : store_.events(row->last_event)) execution.apply(event_of(stored, *row), time_of(stored.at_ms));
  return &keep(std::move(*row), std::move(its), std::move(execution));
}

Sagas::Live& Sagas::keep(SagaRow row, Pinned pinned, Execution execution) {
  make_room();
  ages_.push_front(row.id);
  const std::string id = row.id;
  return live_.emplace(id, Live{std::move(row), std::move(pinned), std::move(execution), {}, ages_.begin()}).first->second;
}

void Sagas::make_room() {
  // What is not written yet stays until it is: a batch is small beside the cache.
  std::size_t over = live_.size() < settings_.cached_max ? 0 : live_.size() + 1 - settings_.cached_max;
  for (auto age = ages_.end(); over > 0 && age != ages_.begin();) {
    --age;
    if (changed_.contains(*age) && !REMUDA_MUTANT(259)) continue;
    live_.erase(*age);
    age = ages_.erase(age);
    --over;
  }
}

Effects Sagas::open_effects(const std::string& id) {
  const Live* live = find(id);
  if (live == nullptr) return {};
  Execution execution{live->pinned->definition, {id, live->pinned->name}, settings_.rules};
  std::map<std::string, RequestTask> asked;
  Effects open;
  for (const StoredEvent& stored : history(*live)) {
    for (Effect& effect : execution.apply(event_of(stored, live->row), time_of(stored.at_ms))) {
      if (auto* request = std::get_if<RequestTask>(&effect)) asked[request->key] = std::move(*request);
      if (auto* ended = std::get_if<Ended>(&effect)) open.emplace_back(std::move(*ended));
    }
  }
  for (auto& [key, request] : asked) {
    if (execution.is_at_work(key) || REMUDA_MUTANT(236)) open.emplace_back(std::move(request));
  }
  return open;
}

std::optional<SagaRow> Sagas::row(const std::string& id) {
  const Live* live = find(id);
  if (live == nullptr) return std::nullopt;
  return live->row;
}

bool Sagas::passed_pivot(const std::string& id) {
  const Live* live = find(id);
  return live != nullptr && live->execution.passed_pivot();
}

std::optional<Json> Sagas::story(const std::string& id) {
  const Live* live = find(id);
  if (live == nullptr) return std::nullopt;
  Execution execution{live->pinned->definition, {id, live->pinned->name}, settings_.rules};
  Json story = describe_row(live->row);
  story["definition_text"] = live->pinned->text;
  Json entries = Json::array();
  for (const StoredEvent& stored : history(*live)) {
    if (stored.kind == "start") story["input"] = Json::parse(stored.body, nullptr, false);
    append_entries(stored, execution.apply(event_of(stored, live->row), time_of(stored.at_ms)), entries);
  }
  story["history"] = std::move(entries);
  return story;
}

}  // namespace remuda::saga
