// Seeded random operations on a stream of the engine, held against a naive model: every record ever appended in a list, a position
// for each group and partition, and who holds what. The log is truncated and copied forward all the time, and the broker is killed.
//
//   REMUDA_SIMULATION_SEED=n   replays one seed

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <iostream>
#include <map>
#include <stdexcept>

#include "broker/engine/queue_engine.hpp"
#include "tests/unit/broker/memory_log.hpp"

namespace remuda::broker::test {
namespace {

using namespace std::chrono_literals;
constexpr std::uint32_t segment_size = 8'192;
constexpr std::uint32_t partitions = 3;
constexpr std::array<const char*, 2> groups{"lake", "audit"};
constexpr Milliseconds retention{60s};
constexpr std::uint64_t max_bytes = 6'000;
constexpr Milliseconds visibility{10s};

struct Model {
  struct Record {
    std::string body;
    Instant at;
  };
  struct Share {
    Offset next = 0;
    std::uint64_t lease = 0;
    Offset end = 0;
    Instant deadline{};
    Instant paused_until{};
  };
  std::array<std::vector<Record>, partitions> records;  ///< by offset, also those that are forgotten
  std::array<Offset, partitions> first{};
  std::map<std::string, std::array<Share, partitions>> shares;
};

class StreamSimulation {
 public:
  explicit StreamSimulation(std::uint64_t seed) : random_{seed} {
    start();
    StreamAttributes attributes;
    attributes.name = "positions";
    attributes.partitions = partitions;
    attributes.retention = retention;
    attributes.max_bytes = max_bytes;
    require(std::holds_alternative<Done>(ask(DeclareStream{from(), attributes})), "the stream was not declared");
    QueueAttributes rides;
    rides.name = "rides";
    require(std::holds_alternative<Done>(ask(DeclareQueue{from(), rides})), "the queue was not declared");
    tick();
  }

  void step() {
    clock_.advance(one_of({0ms, 0ms, 1ms, 300ms, 2'000ms, 6'000ms}));
    effects_.clear();
    const std::uint64_t dice = roll(100);
    if (dice < 40) {
      append();
    } else if (dice < 60) {
      take();
    } else if (dice < 78) {
      checkpoint();
    } else if (dice < 82) {
      seek();
    } else if (dice < 92) {
      churn();
    } else if (dice < 98) {
      clean_log();
    } else if (snapshots_.empty()) {
      snapshots_.push_back({log_.records().size(), model_});
    }
    tick();
    check_reads();
    if (snapshots_.empty()) return;
    snapshots_.push_back({log_.records().size(), model_});
    if (snapshots_.size() > 6) crash();
  }
  std::uint64_t crashes = 0;
  std::uint64_t taken = 0;
  std::uint64_t confirmed = 0;
  std::uint64_t forgotten = 0;
  std::uint64_t fenced = 0;

 private:
  static void require(bool truth, const std::string& what) {
    if (!truth) throw std::runtime_error(what);
  }
  std::uint64_t roll(std::uint64_t sides) {
    random_ = random_ * 6364136223846793005U + 1442695040888963407U;
    return (random_ >> 33U) % sides;
  }
  Milliseconds one_of(std::initializer_list<Milliseconds> choices) { return *(choices.begin() + roll(choices.size())); }
  Requester from() { return {1, 0, ++request_, 0}; }
  static std::uint32_t checksum(std::string_view body) { return static_cast<std::uint32_t>(std::hash<std::string_view>{}(body)); }
  [[nodiscard]] Moment now() const { return moment_of(clock_); }
  Answer ask(const Command& command) {
    engine_->apply(command, now(), effects_);
    require(!effects_.replies.empty(), "no answer");
    return effects_.replies.back().answer;
  }
  void start() {
    log_.checkpoint = nullptr;
    engine_ = std::make_unique<QueueEngine>(log_, segment_size, HashKey{random_, random_ ^ ++request_});
    for (const auto& record : log_.records())
      require(engine_->replay(record.operations, record.place).ok(), "a record was refused at recovery");
    log_.checkpoint = [this] { return engine_->checkpoint(); };
    engine_->recovered(now());
  }
  [[nodiscard]] const Stream& stream() const { return *engine_->stream(*engine_->find_stream("positions")); }

  void append() {
    std::vector<std::string> bodies;
    std::vector<std::uint32_t> to;
    for (std::uint64_t i = 0; i <= roll(5); ++i) {
      bodies.push_back(std::to_string(++bodies_) + std::string(roll(120), '.'));
      to.push_back(static_cast<std::uint32_t>(roll(partitions)));
    }
    std::vector<Body> records;
    for (const auto& body : bodies) records.push_back({body, checksum(body)});
    require(std::holds_alternative<Done>(ask(AppendStream{from(), stream().id(), records, to})), "an append was refused");
    require(effects_.sync_needed, "an append is confirmed before it is on stable storage");
    for (std::size_t i = 0; i < bodies.size(); ++i) model_.records[to[i]].push_back({bodies[i], clock_.now()});
  }

  void take() {
    const std::string name = groups[roll(groups.size())];
    const auto max = static_cast<std::uint32_t>(1 + roll(20));
    if (model_.shares.find(name) == model_.shares.end()) {
      for (std::uint32_t p = 0; p < partitions; ++p) model_.shares[name][p].next = model_.first[p];
    }
    const Answer answer = ask(TakeStream{from(), stream().id(), name, max, 1 << 20, visibility, false});
    const auto* batch = std::get_if<StreamBatch>(&answer);
    require(batch != nullptr, "a take was refused");
    auto& shares = model_.shares[name];
    const auto is_open = [&](std::uint32_t p) {
      const Model::Share& share = shares[p];
      const bool held = share.lease != 0 && share.deadline > clock_.now();
      return !held && share.paused_until <= clock_.now() && std::max(share.next, model_.first[p]) < model_.records[p].size();
    };
    if (batch->lease.number == 0) {
      for (std::uint32_t p = 0; p < partitions; ++p) require(!is_open(p), "there was a batch to take");
      return;
    }
    const std::uint32_t p = batch->lease.partition;
    require(is_open(p), "a batch was handed out that somebody holds");
    Model::Share& share = shares[p];
    const Offset begin = std::max(share.next, model_.first[p]);
    require(batch->count == std::min<Offset>(max, model_.records[p].size() - begin), "a batch has the wrong size");
    check_records(*batch, p, begin);
    for (const auto& [lease, group] : leases_) require(lease.number != batch->lease.number, "a lease was given twice");
    share = {begin, batch->lease.number, begin + batch->count, clock_.now() + visibility, share.paused_until};
    leases_.emplace_back(batch->lease, name);
    if (leases_.size() > 40) leases_.erase(leases_.begin());
    taken += batch->count;
  }

  void check_records(const StreamBatch& batch, std::uint32_t p, Offset begin) {
    for (std::size_t i = 0; i < batch.count; ++i) {
      const StreamRecord& record = effects_.stream_records[batch.first + i];
      require(record.offset == begin + i, "offsets have a gap");
      const std::string& expected = model_.records[p][record.offset].body;
      require(log_.read(record.place, record.size) == expected, "a record has another body than was appended");
      require(record.crc32c == checksum(expected), "a record has another checksum");
    }
  }

  void checkpoint() {
    if (leases_.empty()) return;
    const auto [lease, name] = leases_[leases_.size() - 1 - roll(std::min<std::size_t>(leases_.size(), 8))];
    Model::Share& share = model_.shares[name][lease.partition];
    const bool holds = share.lease == lease.number;
    const Offset next = holds ? share.next + roll(share.end - share.next + 1) : roll(100);
    const bool fails = holds && next < share.end && roll(4) == 0;
    CheckpointStream command{from(), lease, next};
    if (fails) command.end = CheckpointStream::End::failed;
    if (!fails && roll(6) == 0) command.end = CheckpointStream::End::release;
    command.delay = one_of({0ms, 5'000ms});
    const Answer answer = ask(command);
    if (!holds) {
      const auto* error = std::get_if<Error>(&answer);
      require(error != nullptr && error->code == "stale_lease", "a lease that is not held was accepted");
      ++fenced;
      return;
    }
    require(std::holds_alternative<Done>(answer), "a checkpoint of the holder was refused");
    confirmed += next - share.next;
    share.next = next;
    share.deadline = clock_.now() + visibility;
    if (next == share.end || command.end != CheckpointStream::End::none) share.lease = 0;
    if (fails) share.paused_until = clock_.now() + command.delay;
  }

  void seek() {
    const std::string name = groups[roll(groups.size())];
    if (model_.shares.find(name) == model_.shares.end()) return;
    const auto p = static_cast<std::uint32_t>(roll(partitions));
    const Offset to = roll(model_.records[p].size() + 1);
    const StreamPosition position{StreamPosition::Kind::offset, to, 0};
    require(std::holds_alternative<Done>(ask(SeekStream{from(), stream().id(), name, p, position})), "a seek was refused");
    model_.shares[name][p] = {std::max(to, model_.first[p]), 0, 0, {}, {}};
  }

  /// Messages that come and go, so that the log grows past the records that stay.
  void churn() {
    const std::string text(1'000, 'x');
    const Body body{text, checksum(text)};
    const QueueId rides = *engine_->find_queue("rides");
    require(std::holds_alternative<Done>(ask(SendMessage{from(), rides, std::span{&body, 1}, {}})), "a send was refused");
    require(std::holds_alternative<Done>(ask(PurgeQueue{from(), rides, {}})), "a purge was refused");
  }

  void clean_log() {
    engine_->compact(2'000, now());
    if (snapshots_.empty()) log_.truncate_before(engine_->oldest_needed_segment());
  }

  void tick() {
    engine_->tick(now(), effects_);
    std::uint64_t bytes = 0;
    for (std::uint32_t p = 0; p < partitions; ++p) {
      const StreamPartition& its = stream().partitions[p];
      require(its.next() == model_.records[p].size(), "a partition has another end than the model");
      require(its.first() >= model_.first[p], "a record that was forgotten is back");
      for (; model_.first[p] < its.first(); ++model_.first[p]) ++forgotten;
      for (Offset offset = its.first(); offset < its.next(); ++offset) bytes += model_.records[p][offset].body.size();
      if (its.empty()) continue;
      const Instant oldest = model_.records[p][its.first()].at;
      require(clock_.now() < oldest + retention + 2s, "a record outlived its retention");
    }
    require(bytes == stream().bytes(), "the bytes of the stream are not those of its records");
    require(bytes <= max_bytes, "a stream holds more than its max_bytes");
  }

  void check_reads() {
    const auto p = static_cast<std::uint32_t>(roll(partitions));
    effects_.clear();
    const auto batch = engine_->read_stream(stream().id(), p, {}, 10'000, 1 << 20, now(), effects_);
    require(batch.ok() && batch->count == model_.records[p].size() - model_.first[p], "a read does not get what is kept");
    check_records(*batch, p, model_.first[p]);
  }

  /// Killed: what was not synced may be lost, leases are.
  void crash() {
    ++crashes;
    const auto& [records, model] = snapshots_[roll(snapshots_.size())];
    log_.keep_first(records);
    model_ = model;
    snapshots_.clear();
    for (auto& [name, shares] : model_.shares) {
      for (Model::Share& share : shares) share = {share.next, 0, 0, {}, {}};
    }
    effects_.clear();
    start();
    const std::string dump = engine_->dump();
    start();
    require(engine_->dump() == dump, "the same log recovers to two different states");
    tick();
    check_reads();
  }

  std::uint64_t random_;
  std::uint64_t request_ = 0;
  std::uint64_t bodies_ = 0;
  ManualClock clock_;
  MemoryLog log_{segment_size, 32'768};
  std::unique_ptr<QueueEngine> engine_;
  Effects effects_;
  Model model_;
  std::vector<std::pair<StreamLease, std::string>> leases_;
  std::vector<std::pair<std::size_t, Model>> snapshots_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_stream_agrees_with_its_model_whatever_happens) {
  const char* only = std::getenv("REMUDA_SIMULATION_SEED");
  const std::uint64_t first = only == nullptr ? 1 : std::strtoull(only, nullptr, 10);
  std::uint64_t crashes = 0;
  std::uint64_t taken = 0;
  std::uint64_t confirmed = 0;
  std::uint64_t forgotten = 0;
  std::uint64_t fenced = 0;
  for (std::uint64_t seed = first; seed < first + (only == nullptr ? 40 : 1); ++seed) {
    std::uint64_t step = 0;
    try {
      StreamSimulation simulation{seed};
      for (; step < 2'000; ++step) simulation.step();
      crashes += simulation.crashes;
      taken += simulation.taken;
      confirmed += simulation.confirmed;
      forgotten += simulation.forgotten;
      fenced += simulation.fenced;
    } catch (const std::exception& failure) {
      BOOST_FAIL("REMUDA_SIMULATION_SEED=" << seed << ", step " << step << ": " << failure.what());
    }
  }
  std::cout << crashes << " crashes; records: " << taken << " taken, " << confirmed << " confirmed, " << forgotten << " forgotten; "
            << fenced << " stale leases refused\n";
  BOOST_TEST((crashes > 0 && taken > 0 && confirmed > 0 && forgotten > 0 && fenced > 0));
}

}  // namespace remuda::broker::test
