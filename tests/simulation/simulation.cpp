// The frame: time, turns, crashes.

#include "tests/simulation/simulation.hpp"

#include <algorithm>
#include <iostream>

#include "tests/simulation/world.hpp"

namespace remuda::broker::test {

namespace {
constexpr std::uint32_t segment_size = 8'192;      // so small that the log is truncated and copied forward all the time
constexpr std::uint32_t max_record_size = 32'768;  // so large that one record holds whatever happens at one moment
constexpr std::chrono::minutes session_idle_max{10};
}  // namespace

Simulation::Simulation(std::uint64_t seed, Tally& tally, bool trace)
    : tally_{tally}, trace_{trace}, seed_{seed}, random_{seed}, log_{segment_size, max_record_size} {
  start_engine();
  steady_base_ms_ = now().unix_ms;
  steady_since_ = clock_.now();
  hello();
  for (Name name = 0; name < QueueModel::names; ++name) {
    model_.queues[name].attributes = first_attributes(name);
    declare_in_engine(name);
  }
  note_records();
}

void Simulation::fail(const std::string& what) const {
  throw SimulationFailed{steps_, what};
}

void Simulation::step(std::uint64_t number) {
  steps_ = number;
  random_ = seed_ ^ (number * 0xD1B5'4A32'D192'ED03U);
  random_ = next_random();
  ++tally_.operations;
  touched_ = nullptr;
  pass_time();
  effects_.clear();
  const std::uint64_t dice = roll(100);
  if (dice < 14) {
    send();
  } else if (dice < 26) {
    send_to_fifo();
  } else if (dice < 46) {
    receive();
  } else if (dice < 60) {
    delete_messages();
  } else if (dice < 63) {
    release_messages();
  } else if (dice < 67) {
    change_visibility();
  } else if (dice < 70) {
    retry_later();
  } else if (dice < 72) {
    reject();
  } else if (dice < 75) {
    once_in(3) ? forward() : transact();
  } else if (dice < 78) {
    publish();
  } else if (dice < 80) {
    publish_to_fifo_topic();
  } else if (dice < 83) {
    repeat_a_send();
  } else if (dice < 85) {
    redrive();
  } else if (dice < 86) {
    purge();
  } else if (dice < 88) {
    (this->*one_of({&Simulation::start_move, &Simulation::continue_move, &Simulation::continue_move, &Simulation::cancel_move}))();
  } else if (dice < 90) {
    (this->*one_of({&Simulation::declare, &Simulation::delete_queue, &Simulation::declare_topic}))();
  } else if (dice < 92) {
    (this->*one_of(
                {&Simulation::send_what_is_refused, &Simulation::receive_what_is_refused, &Simulation::declare_what_is_refused}))();
  } else if (dice < 93) {
    (this->*one_of({&Simulation::cancel_receives, &Simulation::hello, &Simulation::toggle_full_disk}))();
  } else if (dice < 94) {
    jump_clock();
  } else if (dice < 99) {
    clean_log();
  } else {
    begin_doom();
  }
  let_time_pass();  // a visibility timeout of 0 ends in this very turn
  engine_->tick(now(), effects_);
  finish_turn();
  if (touched_ != nullptr && touched_->id != 0) check_queue(*touched_);
  if (steps_ % 8 == 0) check_queue(some_queue());
  check_next_deadline();
  if (steps_ % 100 == 0) compare_everything();
  if (doomed_turns_ > 0 && --doomed_turns_ == 0) crash();
}

// --- time and turns

void Simulation::pass_time() {
  clock_.advance(one_of({0ms, 0ms, 0ms, 1ms, 7ms, 400ms, 400ms, 3000ms, 11000ms}));
  if (once_in(400)) clock_.advance(one_of<Milliseconds>({2min, 6min, 11min, 26h}));
  let_time_pass();
  // As the shell does: when there is something to do, and as long as there is. check_next_deadline() holds the engine to it.
  for (int turns = 0; has_work(); ++turns) {
    check(Invariant::i9_liveness, turns < 64, "there is no end to what time alone does");
    let_time_pass();  // a visibility timeout of 0 has ended meanwhile
    effects_.clear();
    engine_->tick(now(), effects_);
    finish_turn();
  }
}

bool Simulation::has_work() const {
  const auto deadline = engine_->next_deadline();
  return deadline && *deadline <= clock_.now();
}

/// Delays and timeouts, as far as they need no answer.
void Simulation::let_time_pass() {
  const std::int64_t steady = steady_ms();
  const Instant present = clock_.now();
  for (const Name name : model_.by_id()) {
    for (ModelMessage& message : model_.queues[name].messages) {
      if (message.state != MessageState::delayed || message.visible_at_ms > steady) continue;
      message.state = MessageState::visible;
      tally_.reached(Transition::delay_ended);
    }
  }
  for (const Name name : model_.by_id()) {
    ModelQueue& queue = model_.queues[name];
    sequences_.clear();
    for (const ModelMessage& message : queue.messages) {
      if (message.state == MessageState::in_flight && message.deadline <= present) sequences_.push_back(message.sequence);
    }
    for (const Sequence sequence : sequences_) model_end_attempt(queue, sequence, Transition::timed_out);
  }
}

/// The second half of tick(): what expired is gone; who waits is served, or answered empty.
void Simulation::finish_turn() {
  settle_expiry();
  for (bool served = true; served && !model_.waiting.empty();) {
    served = false;
    for (const Name name : model_.by_id()) {
      ModelQueue& queue = model_.queues[name];
      for (std::size_t i = 0; i < model_.waiting.size();) {
        const ModelWait wait = model_.waiting[i];
        if (wait.queue == name && wait.exclusive && model_.deliverable(queue) > 0) model_take_over(queue);
        if (wait.queue != name || !has_something(queue)) {
          ++i;
          continue;
        }
        const Reply* reply = reply_to(wait.request);
        check(Invariant::i9_liveness, reply != nullptr, "a message is there and a receive waits on");
        model_.waiting.erase(model_.waiting.begin() + static_cast<std::ptrdiff_t>(i));
        take_delivery(queue, std::get<Delivered>(reply->answer), wait);
        served = true;
      }
    }
  }
  std::erase_if(model_.waiting, [&](const ModelWait& wait) {
    if (wait.deadline > clock_.now()) return false;
    const Reply* reply = reply_to(wait.request);
    check(Invariant::i9_liveness, reply != nullptr && std::get<Delivered>(reply->answer).count == 0, "a wait did not end empty");
    return true;
  });
  note_records();
  remember();
}

/// Retention is checked to the second, so what is too old may be gone: the engine is asked. It must not be gone before.
void Simulation::settle_expiry() {
  constexpr auto latest = 2s;
  const std::int64_t steady = steady_ms();
  for (const Name name : model_.by_id()) {
    ModelQueue& queue = model_.queues[name];
    const std::int64_t sent_before = steady - queue.attributes.retention.count();
    sequences_.clear();
    for (const ModelMessage& message : queue.messages) {
      if (message.sent_ms <= sent_before && is_waiting(message.state)) sequences_.push_back(message.sequence);
    }
    for (const Sequence sequence : sequences_) {
      const auto there = engine_->peek(queue.id, sequence, 1, now());
      const bool gone = there.empty() || there.front().sequence != sequence;
      ModelMessage& message = *queue.find(sequence);
      if (message.overdue_since == Instant{}) message.overdue_since = clock_.now();
      tally_.checked(Invariant::clocks);
      if (!gone && clock_.now() - message.overdue_since > latest && !has_work())
        fail("D2 clocks: a message outlived its retention\n" + engine_->dump() + "expected " + describe(queue));
      if (!gone) continue;
      tally_.reached(Transition::expired);
      ++queue.counters.expired;
      model_gone(queue, sequence, false);
    }
  }
}

void Simulation::note_records() {
  if (log_.records().empty() || log_.records().back().place == last_record_) return;
  last_record_ = log_.records().back().place;
  last_record_steady_ms_ = steady_ms();
  last_record_wall_ms_ = now().unix_ms;
}

// --- crashes

void Simulation::start_engine() {
  log_.checkpoint = nullptr;
  engine_ = std::make_unique<QueueEngine>(log_, segment_size);
  for (const MemoryLog::Record& record : log_.records())
    check(Invariant::i14_recovery, engine_->replay(record.operations, record.place).ok(), "a record was refused at recovery");
  log_.checkpoint = [this] { return engine_->checkpoint(); };
  engine_->recovered(now());
}

/// From here on the shell has no chance to sync before it is killed.
void Simulation::begin_doom() {
  if (doomed_turns_ > 0) return;
  doomed_turns_ = static_cast<std::uint32_t>(2 + roll(6));
  snapshots_used_ = 0;
  doomed_commands_.clear();
  note_records();
  remember();
}

/// Where a crash may take the log back to, and what the world was then.
void Simulation::remember() {
  if (doomed_turns_ == 0) return;
  if (snapshots_used_ > 0 && snapshots_[snapshots_used_ - 1].records == log_.records().size()) --snapshots_used_;
  if (snapshots_used_ == snapshots_.size()) snapshots_.emplace_back();
  Snapshot& snapshot = snapshots_[snapshots_used_++];
  snapshot.records = log_.records().size();
  snapshot.model = model_;
  snapshot.last_record_steady_ms = last_record_steady_ms_;
  snapshot.last_record_wall_ms = last_record_wall_ms_;
}

void Simulation::crash() {
  ++tally_.crashes;
  const Snapshot& kept = snapshots_[roll(snapshots_used_)];
  for (const DoomedCommand& command : doomed_commands_) {
    if (command.records_after == command.records_before) continue;
    tally_.crashed(command.kind, command.records_after <= kept.records ? Fate::kept : Fate::lost);
  }
  if (trace_)
    std::cout << "crash at " << steady_ms() << ", " << kept.records << " of " << log_.records().size()
              << " records kept, the last of " << kept.last_record_steady_ms << '\n';
  log_.keep_first(kept.records);
  log_.full = false;
  model_ = kept.model;
  gone_.resize(model_.gone);
  gone_for_certain_ = gone_.size();

  clock_.advance(one_of<Milliseconds>({0ms, 90ms, 5s, 20min}));  // the broker is down
  if (once_in(4)) {
    ++tally_.clock_jumps;
    clock_.jump_wall(one_of<Duration>({1h, -1h, 24h * 3650, -24h * 3650}));
  }
  constexpr std::int64_t longest_downtime_ms = 24 * 3600 * 1000;
  last_record_steady_ms_ = kept.last_record_steady_ms;
  last_record_wall_ms_ = kept.last_record_wall_ms;
  steady_base_ms_ = last_record_steady_ms_ + std::clamp<std::int64_t>(now().unix_ms - last_record_wall_ms_, 0, longest_downtime_ms);
  steady_since_ = clock_.now();
  last_record_ = log_.records().empty() ? Location{} : log_.records().back().place;
  doomed_turns_ = 0;
  for (const ModelQueue& queue : model_.queues) {
    if (queue.id != 0 && queue.count(MessageState::in_flight) > 0) tally_.reached(Transition::kept_in_flight_by_a_restart);
  }
  model_.restart(clock_.now(), steady_ms(), last_record_steady_ms_);
  start_engine();
  if (once_in(16)) {
    QueueEngine again{log_, segment_size};
    for (const MemoryLog::Record& record : log_.records()) (void)again.replay(record.operations, record.place);
    again.recovered(now());
    check(Invariant::i14_recovery, again.dump() == engine_->dump(), "the same log recovers to two different states");
  }
  if (once_in(8) && log_.records().size() > 1) {
    const MemoryLog::Record& record = log_.records()[roll(log_.records().size())];
    QueueEngine scratch{log_, segment_size};
    const auto cut = std::string_view{record.operations}.substr(0, 1 + roll(record.operations.size()));
    if (const auto replayed = scratch.replay(cut, record.place); !replayed) tally_.refused(replayed.error().code);
  }
  effects_.clear();
  let_time_pass();
  engine_->tick(now(), effects_);
  finish_turn();
  compare_everything();
  effects_.clear();
  hello();
}

// --- the session

void Simulation::hello() {
  SessionKey key{};
  key.fill('s');
  const bool renamed = once_in(3);
  const std::uint64_t number = ++request_;
  const std::size_t before = log_.records().size();
  engine_->apply(OpenSession{1, number, key, renamed ? "node" : "knot", "host"}, now(), effects_);
  const auto kind = Command{OpenSession{}}.index();
  tally_.asked(kind);
  if (doomed_turns_ > 0) doomed_commands_.push_back({kind, before, log_.records().size()});
  const auto& opened = std::get<SessionOpened>(reply_to(number)->answer);
  if (!opened.resumed) {
    const bool idle = clock_.now() - model_.last_request_at >= session_idle_max;
    require(session_ == 0 || idle, "a session in use was forgotten");
    model_.applied.fill({});
  }
  session_ = opened.session;
  model_.last_request_at = clock_.now();
  model_.waiting.clear();  // they waited on an earlier connection
  note_records();
  remember();
}

}  // namespace remuda::broker::test
