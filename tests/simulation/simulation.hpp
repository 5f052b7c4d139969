#pragma once
// One seed of the simulation: an engine on a log in memory beside the naive model. Each operation is a turn of the broker's loop:
// time passes, a command is applied, its effects are held against the model, and the invariants of RELIABILITY §5.1 against what
// came out. Now and then the shell stops syncing for a few turns and is then killed: whatever was not synced may be gone.

#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "broker/engine/queue_engine.hpp"
#include "common/clock.hpp"
#include "tests/simulation/queue_model.hpp"
#include "tests/simulation/tally.hpp"
#include "tests/unit/broker/memory_log.hpp"

namespace remuda::broker::test {

using namespace std::chrono_literals;

/// Engine and model, or an invariant and the engine, disagree. The first line of what() is the same however the run got there.
struct SimulationFailed : std::runtime_error {
  SimulationFailed(std::uint64_t in_step, const std::string& what) : std::runtime_error{what}, step{in_step} {}
  std::uint64_t step;
};

class Simulation {
 public:
  /// `trace`: every request and its answer go to the standard output.
  Simulation(std::uint64_t seed, Tally& tally, bool trace = false);
  /// One operation. Its chance comes from the seed and `number` alone, so that a run without some of its steps still does the same in
  /// the others: that is how a failure is made short. Throws SimulationFailed when engine and model or an invariant and the engine
  /// disagree.
  void step(std::uint64_t number);
  void finish() { compare_everything(); }

 private:
  // --- chance: splitmix64, equal everywhere
  std::uint64_t next_random() {
    std::uint64_t z = random_ += 0x9E37'79B9'7F4A'7C15U;
    z = (z ^ (z >> 30U)) * 0xBF58'476D'1CE4'E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D0'49BB'1331'11EBU;
    return z ^ (z >> 31U);
  }
  std::uint64_t roll(std::uint64_t sides) { return next_random() % sides; }
  bool once_in(std::uint64_t times) { return roll(times) == 0; }
  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return choices.begin()[roll(choices.size())];
  }
  ModelQueue& some_queue();
  ModelQueue& some_queue(bool fifo);
  ReceiptHandle some_handle();
  std::vector<ReceiptHandle> some_handles_of_one_queue();

  // --- the present
  [[nodiscard]] Moment now() const { return moment_of(clock_); }
  [[nodiscard]] std::int64_t steady_ms() const {
    return steady_base_ms_ + std::chrono::duration_cast<Milliseconds>(clock_.now() - steady_since_).count();
  }

  // --- checks
  [[noreturn]] void fail(const std::string& what) const;
  void require(bool truth, std::string_view what) const {
    if (!truth) [[unlikely]]
      fail(std::string{what});
  }
  void check(Invariant which, bool truth, std::string_view what) {
    tally_.checked(which);
    if (!truth) [[unlikely]]
      fail(std::string{invariant_names[static_cast<std::size_t>(which)]} + ": " + std::string{what});
  }
  [[nodiscard]] std::string describe(const ModelQueue& queue) const;
  void trace(const Command& command, const Reply* reply) const;
  void check_queue(ModelQueue& queue);
  void check_next_deadline();
  void check_liveness();
  void compare_everything();
  void compare_queue(ModelQueue& queue);

  // --- asking
  Requester next_request();
  /// The answer to `request`, if it has one already. `must_sync`: it confirms what has to survive a crash. Nothing also when the
  /// session had to be opened again: then nothing was done.
  const Answer* ask(const Command& command, const Requester& from, bool must_sync);
  [[nodiscard]] const Reply* reply_to(std::uint64_t request) const;
  void expect_refused(const Answer* answer, std::string_view code);
  void expect_done(const Answer* answer, std::uint64_t count, Sequence first, bool repeated);
  void remember_applied(std::uint64_t request, std::uint64_t count, Sequence first);

  // --- operations: simulated_operations.cpp, simulated_settling.cpp, simulated_queues.cpp
  void send();
  void send_to_fifo();
  void send_what_is_refused();
  void publish();
  void publish_to_fifo_topic();
  void repeat_a_send();
  void receive();
  void receive_what_is_refused();
  void cancel_receives();
  void delete_messages();
  void release_messages();
  void change_visibility();
  void retry_later();
  void reject();
  void transact();
  void forward();
  void purge();
  void redrive();
  void start_move();
  void continue_move();
  void cancel_move();
  void declare();
  void declare_what_is_refused();
  void delete_queue();
  void declare_topic();
  void hello();
  void clean_log();
  void toggle_full_disk();
  void jump_clock();

  // what they do to the model
  struct Text {
    std::string_view bytes;
    std::uint32_t checksum;
  };
  [[nodiscard]] Text text_of(std::uint32_t body);
  std::uint32_t new_body() { return ++bodies_; }
  [[nodiscard]] static DeduplicationKey key_of(Key key);
  void model_retry_later(const ReceiptHandle& handle, std::optional<Milliseconds> delay);
  void model_end_attempt(ModelQueue& queue, Sequence sequence, Transition how);
  void model_delete(const ReceiptHandle& handle, bool confirmed);
  void model_take_over(ModelQueue& queue);
  void model_gone(ModelQueue& queue, Sequence sequence, bool deleted);
  /// Whether this handle deleted its message; nothing when a restart may have made the engine forget.
  [[nodiscard]] std::optional<bool> was_deleted_by(const ReceiptHandle& handle) const;
  std::uint64_t model_redrive(ModelQueue& from, std::optional<Name> to, std::span<const Sequence> chosen, std::uint64_t max);
  void declare_in_engine(Name name);
  QueueAttributes attributes_of(Name name) const;
  [[nodiscard]] bool accept_or_not(std::vector<ModelQueue::Accepted>& window, Key key, std::optional<Sequence>& before) const;

  // --- deliveries
  /// True when a receive has to get something now. What has used up its receives, since the limit was lowered, is dead-lettered
  /// when it would be handed out.
  bool has_something(ModelQueue& queue);
  void take_delivery(ModelQueue& queue, const Delivered& delivered, const ModelWait& wait);
  void take_standard(ModelQueue& queue, std::span<const Delivery> got, const ModelWait& wait);
  void take_fifo(ModelQueue& queue, std::span<const Delivery> got, const ModelWait& wait);
  void take_again(ModelQueue& queue, std::span<const Delivery> got, const ModelWait& wait, const ModelQueue::Attempt& attempt);
  void check_delivery(ModelQueue& queue, const Delivery& delivery, const ModelMessage& message);

  // --- time, turns, crashes
  void pass_time();
  [[nodiscard]] bool has_work() const;  ///< says the engine
  void let_time_pass();
  void finish_turn();
  void settle_expiry();
  void start_engine();
  void begin_doom();
  void crash();
  void note_records();
  struct Snapshot {
    std::size_t records;
    QueueModel model;
    std::int64_t last_record_steady_ms;
    std::int64_t last_record_wall_ms;
  };
  void remember();

  // constant after construction
  Tally& tally_;
  bool trace_;
  // the world
  std::uint64_t seed_;
  std::uint64_t random_;
  std::uint64_t steps_ = 0;
  ManualClock clock_;
  MemoryLog log_;
  std::unique_ptr<QueueEngine> engine_;
  Effects effects_;
  SessionId session_ = 0;
  std::uint64_t request_ = 0;
  std::uint32_t bodies_ = 0;
  std::int64_t steady_base_ms_ = 0;
  Instant steady_since_{};
  // what clients have seen; a crash does not take it back
  std::vector<ReceiptHandle> handles_;
  struct SentBefore {
    std::uint64_t request;
    Name queue;
    QueueId id;
    std::uint32_t body;
    Key key;
    std::uint8_t group;
  };
  std::vector<SentBefore> sent_before_;
  std::vector<std::vector<bool>> deleted_for_good_;  ///< by queue id and sequence: the client was told so
  // the model, and how to get back to where the log was
  QueueModel model_;
  std::vector<Gone> gone_;
  std::size_t gone_for_certain_ = 0;  ///< from here on in that list: since the last restart, which may forget what is gone
  std::uint32_t doomed_turns_ = 0;    ///< left until the crash; the shell does not sync meanwhile
  std::vector<Snapshot> snapshots_;
  std::size_t snapshots_used_ = 0;
  struct DoomedCommand {
    std::size_t kind;
    std::size_t records_before;
    std::size_t records_after;
  };
  std::vector<DoomedCommand> doomed_commands_;
  std::int64_t last_record_steady_ms_ = 0;
  std::int64_t last_record_wall_ms_ = 0;
  Location last_record_;
  // memory kept from one step to the next
  std::string text_;
  std::vector<Sequence> sequences_;
  ModelQueue* touched_ = nullptr;
};

}  // namespace remuda::broker::test
