#pragma once
// The life of a queue node without sockets: the real engine on the real journal on a disk in memory, turned by the same loop as the
// real shell (decide, write, reply, sync, confirm, tidy), under a seeded load. What it tells its clients a Witness writes down.

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/engine/queue_engine.hpp"
#include "broker/journal/journal.hpp"
#include "common/crc32c.hpp"
#include "tests/simulation/witness.hpp"
#include "tests/unit/broker/memory_disk.hpp"

namespace remuda::broker::test {

/// Everything outside the process: what is left of it after a power cut.
struct World {
  std::shared_ptr<testing::MemoryDisk> disk;
  Witness witness;
  Moment moment{Instant{std::chrono::hours{1}}, 1'767'225'600'000};
  std::uint64_t messages = 0;
  std::uint64_t requests = 0;

  /// The engine's state after each record that may have to be recovered, by the record's sequence.
  struct Remembered {
    std::string dump;
    Moment moment;
  };
  std::map<std::uint64_t, Remembered> states;
  std::uint64_t confirmed_sequence = 0;  ///< records up to here were durable when the last confirmations left

  [[nodiscard]] World copy(std::uint64_t seed) const {
    World result = *this;
    result.disk = disk->copy(seed);
    return result;
  }
};

/// The queue node has ended, as it does when it can promise nothing more: a start refused, a disk that failed.
class Stopped : public std::runtime_error {
 public:
  Stopped(const std::string& when, const Error& why) : std::runtime_error{when + ": " + why.message}, error{why} {}
  const Error error;
};

using testing::in_product;

class BrokerLife {
 public:
  enum class Phase : std::uint8_t { start, serve, stop };

  BrokerLife(World& world, std::uint64_t seed, bool salvage = false) : world_{world}, random_{seed} {
    JournalOptions options;
    options.segment_size_bytes = segment_size;
    options.spare_segments_max = static_cast<std::uint32_t>(2 + roll(3));
    options.background = false;
    options.salvage = salvage;
    options.identity = std::array<std::uint8_t, 16>{'R', 'e', 'm', 'u', 'd', 'a'};
    journal_.emplace(*world.disk, options);
  }

  /// Recovers, and compares with all that was promised. Throws std::runtime_error when a promise is broken. False when there was no
  /// space to begin a journal. Whatever else ends the node is thrown as Stopped.
  bool recover() {
    std::vector<std::pair<std::string, Location>> records;
    const auto opened = in_product([&] {
      return journal_->open(
          [&](std::uint64_t, std::string_view operations, Location payload) {
            const testing::Watching watching;
            records.emplace_back(operations, payload);
          },
          [this] { return engine_->checkpoint(); });
    });
    if (!opened) {
      if (opened.error().code != "storage_full" || world_.confirmed_sequence != 0) throw Stopped{"no start", opened.error()};
      return false;
    }
    recovered_ = *opened;
    compare_states(records);
    engine_.emplace(recording_, segment_size);
    replay(records, *engine_, world_.moment);
    world_.witness.compare(stored());
    world_.states = {{recovered_.last_sequence, {state_of(*engine_), world_.moment}}};
    world_.confirmed_sequence = recovered_.last_sequence;
    recovered_dump_ = engine_->dump();
    return true;
  }

  /// Declares the queues and says hello. False when there is no room for them.
  bool begin() {
    phase_ = Phase::serve;
    begin_turn();
    for (const auto name : queues) {
      if (engine_->find_queue(name)) continue;
      QueueAttributes attributes;
      attributes.name = name;
      attributes.visibility_timeout = std::chrono::seconds{10};
      if (name != "ledger") {
        attributes.dead_letter_queue = attributes.name + "-dead";
        attributes.max_receives = 2;
      }
      in_product([&] { engine_->apply(DeclareQueue{Requester{}, attributes}, world_.moment, effects_); });
    }
    SessionKey key{};
    key.fill('s');
    in_product([&] { engine_->apply(OpenSession{1, 0, key, "node", "host"}, world_.moment, effects_); });
    for (const auto& reply : effects_.replies) {
      if (const auto* opened = std::get_if<SessionOpened>(&reply.answer)) session_ = opened->session;
    }
    end_turn();
    return session_ != 0 && std::all_of(std::begin(queues), std::end(queues), [&](auto name) { return engine_->find_queue(name); });
  }
  /// One turn of the shell's loop.
  void turn() {
    advance();
    begin_turn();
    in_product([&] {
      engine_->tick(world_.moment, effects_);
    });  // delays end when somebody looks: now, so that the states remembered are of one moment
    for (auto count = 1 + roll(3); count > 0; --count) ask();
    end_turn();
  }
  void stop() {
    phase_ = Phase::stop;
    const auto closed = in_product([&] { return journal_->close(); });
    if (!closed) throw Stopped{"a clean stop failed", closed.error()};
  }

  [[nodiscard]] Phase phase() const { return phase_; }
  /// The engine's state when recover() had brought it back.
  [[nodiscard]] const std::string& recovered_dump() const { return recovered_dump_; }
  [[nodiscard]] const Recovery& recovery() const { return recovered_; }

 private:
  static constexpr std::uint32_t segment_size = 8192;
  static constexpr std::string_view queues[] = {"rides", "ledger", "fares"};

  /// Between the engine and the journal: the state between two records is that after the first of them.
  class Recording final : public Log {
   public:
    explicit Recording(BrokerLife& life) : life_{life} {}
    Location append(std::string_view operations, std::span<const std::string_view> payload) override {
      {
        const testing::Watching watching;
        life_.remember();
      }
      return life_.journal_->append(operations, payload);
    }
    [[nodiscard]] bool has_room(std::uint64_t size) const override { return life_.journal_->has_room(size); }
    [[nodiscard]] bool has_reserve(std::uint64_t size) const override { return life_.journal_->has_reserve(size); }
    [[nodiscard]] std::uint64_t max_record_size() const override { return life_.journal_->max_record_size(); }
    [[nodiscard]] std::string_view read(Location at, std::uint32_t size) const override { return life_.journal_->read(at, size); }

   private:
    BrokerLife& life_;
  };

  // --- chance
  std::uint64_t roll(std::uint64_t sides) { return random_() % sides; }
  QueueId some_queue() { return *engine_->find_queue(queues[roll(std::size(queues))]); }

  static void require(bool truth, const std::string& what) {
    if (!truth) throw std::runtime_error(what);
  }

  // --- recovery
  static void replay(const std::vector<std::pair<std::string, Location>>& records, QueueEngine& engine, Moment moment) {
    for (const auto& [operations, place] : records) {
      const auto replayed = in_product([&, &what = operations, &where = place] { return engine.replay(what, where); });
      require(replayed.ok(), "a record was refused at recovery: " + (replayed ? "" : replayed.error().message));
    }
    in_product([&] { engine.recovered(moment); });
  }
  /// What is recovered is the state after one of the records of before, and no earlier one than was confirmed.
  void compare_states(const std::vector<std::pair<std::string, Location>>& records) {
    if (world_.states.empty()) return;
    require(recovered_.last_sequence >= world_.confirmed_sequence,
            "recovered up to record " + std::to_string(recovered_.last_sequence) + ", confirmed was record " +
                std::to_string(world_.confirmed_sequence));
    const auto& [sequence, before] = *std::prev(world_.states.upper_bound(recovered_.last_sequence));
    QueueEngine twin{recording_, segment_size};
    replay(records, twin, before.moment);
    require(state_of(twin) == before.dump, "recovery up to record " + std::to_string(recovered_.last_sequence) +
                                               " gave another state than record " + std::to_string(sequence) + " left:\n" +
                                               state_of(twin) + "--- expected\n" + before.dump);
  }
  /// Without the segments that the log needs: with a checkpoint alone it has reached one more.
  static std::string state_of(const QueueEngine& engine) {
    const auto dump = engine.dump();
    return dump.substr(0, dump.rfind(" oldest needed segment"));
  }
  void remember() {
    if (phase_ == Phase::start || world_.states.contains(journal_->last_sequence())) return;
    world_.states[journal_->last_sequence()] = {state_of(*engine_), world_.moment};
  }
  /// Every message that is there, under the name that its sender knows.
  std::map<CopyName, std::uint64_t> stored() const {
    std::map<CopyName, std::uint64_t> found;
    for (const auto& queue : engine_->queues(world_.moment)) {
      for (const auto& message : engine_->peek(queue.id, 0, SIZE_MAX, world_.moment)) ++found[name_of(queue, message)];
    }
    for (const StreamId id : engine_->streams()) {
      for (const auto& name : names_of(*engine_->stream(id))) ++found[name];
    }
    return found;
  }
  /// Of all records that a stream keeps.
  std::vector<CopyName> names_of(const Stream& stream) const {
    std::vector<CopyName> names;
    for (const StreamPartition& partition : stream.partitions) {
      for (Offset offset = partition.first(); offset < partition.next(); ++offset) {
        const StreamEntry& entry = partition.at(offset);
        const auto body = journal_->read(entry.place, entry.size);
        require(body.size() == entry.size && crc32c(body) == entry.crc32c, "a record differs (I2)");
        names.emplace_back(std::string{body}, stream.attributes.name);
      }
    }
    return names;
  }
  CopyName name_of(const QueueInfo& queue, const MessageInfo& message) const {
    const auto body = journal_->read(message.place, message.size);
    require(body.size() == message.size && crc32c(body) == message.crc32c, "a body differs (I2)");
    return {std::string{body}, message.origin_queue.empty() ? queue.attributes.name : message.origin_queue};
  }
  CopyName name_of(QueueId queue, Sequence sequence) const {
    return name_of(*engine_->queue_info(queue, world_.moment), engine_->peek(queue, sequence, 1, world_.moment).at(0));
  }

  // --- a turn
  void advance() {
    constexpr int steps_ms[] = {0, 1, 40, 700, 6'000};
    const auto by = std::chrono::milliseconds{steps_ms[roll(std::size(steps_ms))]};
    world_.moment.now += by;
    world_.moment.unix_ms += by.count();
  }
  void begin_turn() {
    effects_.clear();
    waiting_.clear();
    appended_ = false;
    taken_ = {};
  }
  void end_turn() {
    in_product([&] { engine_->tick(world_.moment, effects_); });
    remember();
    if (auto written = in_product([&] { return journal_->write(); }); !written) throw Stopped{"a write failed", written.error()};
    answer(false);
    if (effects_.sync_needed || truncating_) {
      if (auto synced = in_product([&] { return journal_->sync(); }); !synced) throw Stopped{"a sync failed", synced.error()};
      world_.confirmed_sequence = journal_->synced_sequence();
      world_.states.erase(world_.states.begin(), std::prev(world_.states.upper_bound(world_.confirmed_sequence)));
    }
    truncating_ = false;
    answer(true);
    tidy();
  }
  void tidy() {
    in_product([&] { journal_->tick(world_.moment.now); });
    while (in_product([&] { return engine_->compact(2'000, world_.moment); })) {}
    remember();
    if (engine_->oldest_needed_segment() > journal_->oldest_segment()) {
      journal_->truncate(engine_->oldest_needed_segment());
      truncating_ = true;
    }
  }

  // --- requests and their answers
  struct Waiting {
    std::uint64_t request = 0;          // at the engine
    std::vector<std::uint64_t> claims;  // at the witness: one, or one per handle
  };
  Requester next_request() {
    ++world_.requests;
    return {1, session_, world_.requests, world_.requests > 8 ? world_.requests - 8 : 0};
  }
  template <class EngineCommand>
  void apply(const EngineCommand& command, std::vector<Witness::Request> claims) {
    Waiting waiting{command.from.request, {}};
    for (const auto& claim : claims) waiting.claims.push_back(world_.witness.ask(claim));
    waiting_.push_back(std::move(waiting));
    in_product([&] { engine_->apply(command, world_.moment, effects_); });
  }
  /// Carries the answers out that may leave now.
  void answer(bool after_sync) {
    for (const auto& reply : effects_.replies) {
      if (reply.after_sync != after_sync) continue;
      if (const auto* delivered = std::get_if<Delivered>(&reply.answer)) {
        for (std::size_t i = 0; i < delivered->count; ++i) handles_.push_back(effects_.deliveries[delivered->first + i].handle);
        continue;
      }
      if (const auto* batch = std::get_if<StreamBatch>(&reply.answer)) {
        if (batch->lease.number != 0) batches_.push_back(*batch);
        continue;
      }
      const auto waiting =
          std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& w) { return w.request == reply.request; });
      if (waiting == waiting_.end()) continue;
      const auto* settled = std::get_if<HandlesSettled>(&reply.answer);
      const bool refused = std::holds_alternative<Error>(reply.answer);
      for (std::size_t i = 0; i < waiting->claims.size(); ++i) {
        const bool stale = settled != nullptr && effects_.outcomes[settled->first + i] != HandleOutcome::done;
        refused || stale ? world_.witness.refuse(waiting->claims[i]) : world_.witness.confirm(waiting->claims[i]);
      }
      waiting_.erase(waiting);
    }
  }

  void ask() {
    switch (roll(15)) {
      case 0:
      case 1:
      case 2:
        return send();
      case 3:
        return publish();
      case 4:
      case 5:
      case 6:
        return receive();
      case 7:
      case 8:
        return remove();
      case 9:
        return give_back();
      case 10:
        return hand_over();
      case 11:
      case 12:
        return append();
      case 13:
        return take_or_confirm();
      default:
        return roll(3) == 0 ? purge() : redrive();
    }
  }

  std::string new_text() { return "message " + std::to_string(++world_.messages) + " " + std::string(roll(500), '.'); }
  static Body as_body(const std::string& text) { return {text, crc32c(text)}; }
  std::string queue_name(QueueId queue) const { return engine_->queue_info(queue, world_.moment)->attributes.name; }

  void send() {
    std::vector<std::string> texts;
    std::vector<Body> bodies;
    Witness::Request claim;
    const QueueId to = some_queue();
    for (auto count = 1 + roll(6); count > 0; --count) texts.push_back(new_text());
    for (const auto& text : texts) {
      bodies.push_back(as_body(text));
      claim.stores.emplace_back(text, queue_name(to));
    }
    SendMessage command;
    command.from = next_request();
    command.queue = to;
    command.messages = bodies;
    if (roll(4) == 0) command.delay = std::chrono::milliseconds{700};
    apply(command, {claim});
  }
  void publish() {
    const auto text = new_text();
    std::vector<QueueId> targets;
    Witness::Request claim;
    for (const auto name : queues) {
      if (roll(3) == 0) continue;
      targets.push_back(*engine_->find_queue(name));
      claim.stores.emplace_back(text, std::string{name});
    }
    if (targets.empty()) return;
    const Publication publication{as_body(text), targets};
    PublishMessage command;
    command.from = next_request();
    command.messages = std::span{&publication, 1};
    apply(command, {claim});
  }
  void receive() {
    ReceiveMessage command;
    command.from = next_request();
    const auto queue_count = engine_->queues(world_.moment).size();
    command.queue = static_cast<QueueId>(1 + roll(queue_count));
    command.max = static_cast<std::uint32_t>(1 + roll(4));
    in_product([&] { engine_->apply(command, world_.moment, effects_); });
  }
  /// Up to `count` handles of one queue, of messages that nobody else settles in this turn.
  std::vector<ReceiptHandle> take_handles(std::size_t count) {
    std::vector<ReceiptHandle> taken;
    for (std::size_t tries = 0; tries < 8 && !handles_.empty() && taken.size() < count; ++tries) {
      const auto chosen = handles_.begin() + static_cast<std::ptrdiff_t>(roll(handles_.size()));
      if (!taken.empty() && chosen->queue != taken[0].queue) continue;
      const auto there = engine_->peek(chosen->queue, chosen->sequence, 1, world_.moment);
      const bool alive = !there.empty() && there[0].sequence == chosen->sequence;
      if (alive && taken_.emplace(chosen->queue, chosen->sequence).second) taken.push_back(*chosen);
      handles_.erase(chosen);
    }
    std::sort(taken.begin(), taken.end());
    return taken;
  }
  void remove() {
    const auto handles = take_handles(1 + roll(3));
    if (handles.empty()) return;
    std::vector<Witness::Request> claims;
    for (const auto& handle : handles) claims.push_back({{}, {name_of(handle.queue, handle.sequence)}});
    apply(DeleteMessage{next_request(), handles[0].queue, handles}, claims);
  }
  /// In one of the four ways in which a consumer may fail.
  void give_back() {
    const auto handles = take_handles(1);
    if (handles.empty()) return;
    const auto& handle = handles[0];
    switch (roll(4)) {
      case 0:
        return apply(ReleaseMessage{next_request(), handle.queue, handles}, {});
      case 1:
        return apply(ChangeMessageVisibility{next_request(), handle.queue, handles, Milliseconds{0}}, {});
      case 2:
        return apply(RetryLater{next_request(), handle.queue, handle, "tired", Milliseconds{50}}, {});
      default:
        return apply(RejectMessage{next_request(), handle.queue, handle, "unreadable"}, {});
    }
  }
  /// Consumes one message and produces another, as a node does.
  void hand_over() {
    const auto handles = take_handles(1);
    if (handles.empty()) return;
    const auto text = new_text();
    const Body body = as_body(text);
    DeleteMessage consume;
    consume.queue = handles[0].queue;
    consume.handles = handles;
    SendMessage produce;
    produce.queue = some_queue();
    produce.messages = std::span{&body, 1};
    const std::vector<TransactionStep> steps{consume, produce};
    Witness::Request claim{{{text, queue_name(produce.queue)}}, {name_of(handles[0].queue, handles[0].sequence)}};
    apply(Transact{next_request(), steps}, {claim});
  }
  // --- a stream: a few records, kept until it is deleted with all of them
  static constexpr std::string_view stream_name = "log";
  static constexpr std::size_t records_max = 8;

  void append() {
    const auto stream = engine_->find_stream(stream_name);
    if (!stream) {
      StreamAttributes attributes;
      attributes.name = stream_name;
      attributes.partitions = 2;
      return apply(DeclareStream{next_request(), attributes}, {});
    }
    const auto kept = names_of(*engine_->stream(*stream));
    if (kept.size() >= records_max) {
      if (!appended_) apply(DeleteStream{next_request(), *stream, true}, {{{}, kept}});
      return;
    }
    appended_ = true;  // what is in doubt is not deleted in the same turn
    std::vector<std::string> texts{new_text(), new_text()};
    std::vector<Body> bodies;
    Witness::Request claim;
    for (const auto& text : texts) {
      bodies.push_back(as_body(text));
      claim.stores.emplace_back(text, std::string{stream_name});
    }
    const std::vector<std::uint32_t> partitions{static_cast<std::uint32_t>(roll(2)), static_cast<std::uint32_t>(roll(2))};
    apply(AppendStream{next_request(), *stream, bodies, partitions}, {claim});
  }
  /// Takes a batch as a member of a group, or confirms one together with a message that came of it.
  void take_or_confirm() {
    const auto stream = engine_->find_stream(stream_name);
    if (!stream) return;
    if (batches_.empty() || roll(2) == 0) {
      TakeStream take;
      take.from = next_request();
      take.stream = *stream;
      take.group = roll(2) == 0 ? "lake" : "audit";
      take.max = static_cast<std::uint32_t>(1 + roll(3));
      in_product([&] { engine_->apply(take, world_.moment, effects_); });
      return;
    }
    const auto chosen = batches_.begin() + static_cast<std::ptrdiff_t>(roll(batches_.size()));
    CheckpointStream confirm;
    confirm.lease = chosen->lease;
    confirm.next = chosen->next;
    batches_.erase(chosen);
    const auto text = new_text();
    const Body body = as_body(text);
    SendMessage produce;
    produce.queue = some_queue();
    produce.messages = std::span{&body, 1};
    const std::vector<TransactionStep> steps{confirm, produce};
    Witness::Request claim{{{text, queue_name(produce.queue)}}, {}};
    apply(Transact{next_request(), steps}, {claim});
  }
  void redrive() {
    RedriveMessages command;
    command.from = next_request();
    command.queue = *engine_->find_queue(roll(2) == 0 ? "rides-dead" : "fares-dead");
    apply(command, {});
  }
  /// Every queue, so that whole segments die.
  void purge() {
    for (const auto& queue : engine_->queues(world_.moment)) {
      Witness::Request claim;
      bool settled_already = false;
      for (const auto& message : engine_->peek(queue.id, 0, SIZE_MAX, world_.moment)) {
        settled_already |= !taken_.emplace(queue.id, message.sequence).second;
        claim.removes.push_back(name_of(queue, message));
      }
      if (settled_already) continue;
      PurgeQueue command;
      command.from = next_request();
      command.queue = queue.id;
      apply(command, {claim});
    }
  }

  World& world_;
  std::mt19937_64 random_;
  std::optional<Journal> journal_;
  Recording recording_{*this};
  std::optional<QueueEngine> engine_;
  Recovery recovered_;
  std::string recovered_dump_;
  Phase phase_ = Phase::start;
  Effects effects_;
  SessionId session_ = 0;
  bool truncating_ = false;
  std::vector<Waiting> waiting_;
  std::vector<ReceiptHandle> handles_;
  std::vector<StreamBatch> batches_;
  bool appended_ = false;  // in this turn
  std::set<std::pair<QueueId, Sequence>> taken_;
};

}  // namespace remuda::broker::test
