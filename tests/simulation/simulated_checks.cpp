// How the engine is asked, and how it is held against the model.

#include <algorithm>
#include <iostream>
#include <sstream>

#include "tests/simulation/simulation.hpp"
#include "tests/simulation/world.hpp"

namespace remuda::broker::test {

namespace {
constexpr std::chrono::minutes session_idle_max{10};
}

// --- asking

Requester Simulation::next_request() {
  ++request_;
  return Requester{1, session_, request_, request_ > 40 ? request_ - 40 : 0};
}

const Reply* Simulation::reply_to(std::uint64_t request) const {
  for (const Reply& reply : effects_.replies) {
    if (reply.request == request) return &reply;
  }
  return nullptr;
}

const Answer* Simulation::ask(const Command& command, const Requester& from, bool must_sync) {
  tally_.asked(command.index());
  const std::size_t before = log_.records().size();
  engine_->apply(command, now(), effects_);
  if (doomed_turns_ > 0) doomed_commands_.push_back({command.index(), before, log_.records().size()});
  const Reply* reply = reply_to(from.request);
  if (trace_) [[unlikely]]
    trace(command, reply);
  if (reply == nullptr) return nullptr;
  if (const Error* error = std::get_if<Error>(&reply->answer)) {
    require(error->definite, "the engine refused without saying that nothing was done");
    if (error->code == "hello_first") {
      require(clock_.now() - model_.last_request_at >= session_idle_max, "a session in use was forgotten");
      tally_.refused(error->code);
      hello();
      return nullptr;
    }
  } else if (must_sync) {
    tally_.checked(Invariant::i1_no_loss);
    if (!reply->after_sync || !effects_.sync_needed)
      fail("I1 no loss: a change is confirmed before it is on stable storage" +
           (touched_ == nullptr ? "" : "\n" + engine_->dump() + "expected " + describe(*touched_)));
  }
  model_.last_request_at = clock_.now();
  return &reply->answer;
}

void Simulation::trace(const Command& command, const Reply* reply) const {
  std::cout << "step " << steps_ << " at " << steady_ms() << (doomed_turns_ > 0 ? " (unsynced) " : " ")
            << command_names[command.index()];
  std::visit(
      [](const auto& each) {
        if constexpr (requires { each.queue; }) std::cout << " queue " << each.queue;
        if constexpr (requires { each.max; }) std::cout << " max " << each.max;
        if constexpr (requires { each.handle; }) std::cout << ' ' << each.handle;
        if constexpr (requires { each.handles.size(); }) {
          for (const ReceiptHandle& handle : each.handles) std::cout << ' ' << handle;
        }
      },
      command);
  if (reply == nullptr) {
    std::cout << ": waits";
  } else if (const Error* error = std::get_if<Error>(&reply->answer)) {
    std::cout << ": " << error->code;
  } else if (const Delivered* delivered = std::get_if<Delivered>(&reply->answer)) {
    for (std::size_t i = 0; i < delivered->count; ++i) std::cout << " -> " << effects_.deliveries[delivered->first + i].handle;
  } else if (const Done* done = std::get_if<Done>(&reply->answer)) {
    std::cout << ": " << done->count << " from " << done->first << (done->repeated ? " again" : "");
  }
  std::cout << '\n';
}

void Simulation::expect_refused(const Answer* answer, std::string_view code) {
  const Error* error = std::get_if<Error>(answer);
  if (error == nullptr) fail("a request was not refused with " + std::string{code});
  if (error->code != code) fail("a request was refused with " + error->code + " and not with " + std::string{code});
  tally_.refused(code);
}

void Simulation::expect_done(const Answer* answer, std::uint64_t count, Sequence first, bool repeated) {
  const Done* done = std::get_if<Done>(answer);
  if (done == nullptr) {
    const Error* error = std::get_if<Error>(answer);
    fail("a request was refused: " + (error == nullptr ? std::string{"?"} : error->code + " " + error->message));
  }
  require(done->count == count && done->first == first && done->repeated == repeated, "a request was answered otherwise");
}

void Simulation::remember_applied(std::uint64_t request, std::uint64_t count, Sequence first) {
  model_.applied[request % QueueModel::applied_kept] = {request, count, first};
}

// --- comparing

std::string Simulation::describe(const ModelQueue& queue) const {
  std::ostringstream out;
  const QueueCounters& c = queue.counters;
  out << "queue " << queue.id << " at " << steady_ms() << ": sent=" << c.sent << " moved_in=" << c.moved_in
      << " received=" << c.received << " redelivered=" << c.redelivered << " deleted=" << c.deleted << " purged=" << c.purged
      << " dead_lettered=" << c.dead_lettered << " redriven=" << c.redriven << " expired=" << c.expired << '\n';
  for (const ModelMessage& message : queue.messages) {
    out << "  " << message.sequence << ' ' << message.state << " group=" << int{message.group}
        << " receives=" << message.receive_count << " attempt=" << message.attempt << " sent=" << message.sent_ms
        << " until=" << message.visible_at_ms << '\n';
  }
  return out.str();
}

/// The figures of one queue, which are published: they balance, and they are the model's.
void Simulation::check_queue(ModelQueue& queue) {
  const auto info = engine_->queue_info(queue.id, now());
  require(info.has_value(), "a queue is missing");
  std::array<std::uint64_t, 8> states{};
  for (const ModelMessage& message : queue.messages) ++states[static_cast<std::size_t>(message.state)];
  const auto of = [&](MessageState state) { return states[static_cast<std::size_t>(state)]; };
  const bool same_counts = info->visible == of(MessageState::visible) && info->in_flight == of(MessageState::in_flight) &&
                           info->delayed == of(MessageState::delayed);
  if (!same_counts)
    fail("I10 isolation: counts of " + info->attributes.name + "\n" + engine_->dump() + "expected " + describe(queue));
  tally_.checked(Invariant::i10_isolation);
  const QueueCounters& c = info->counters;
  check(Invariant::i12_accounting,
        c.sent == info->visible + info->delayed + info->in_flight + c.deleted + c.purged + c.dead_lettered + c.redriven + c.expired,
        "the accounts of a queue do not balance");
  if (!(c == queue.counters))
    fail("I12 accounting: counters of " + info->attributes.name + "\n" + engine_->dump() + "expected " + describe(queue));
  check(Invariant::i11_bounded, info->in_flight <= 120'000, "too many messages in flight");
}

void Simulation::check_next_deadline() {
  const auto next = engine_->next_deadline();
  const std::int64_t steady = steady_ms();
  Instant earliest = Instant::max();
  for (const ModelQueue& queue : model_.queues) {
    for (const ModelMessage& message : queue.messages) {
      if (message.state == MessageState::in_flight) {
        earliest = std::min(earliest, message.deadline);
      } else if (message.state == MessageState::delayed) {
        earliest = std::min(earliest, clock_.now() + Milliseconds{message.visible_at_ms - steady});
      }
    }
  }
  for (const ModelWait& wait : model_.waiting) earliest = std::min(earliest, wait.deadline);
  if (earliest != Instant::max()) check(Invariant::i9_liveness, next && *next <= earliest, "the next deadline is named too late");
}

void Simulation::compare_queue(ModelQueue& queue) {
  check_queue(queue);
  const auto all = engine_->peek(queue.id, 0, 1'000'000, now());
  check(Invariant::i1_no_loss, all.size() == queue.messages.size(), "another number of messages");
  const auto differs = [&](const MessageInfo& message, const char* what) {
    fail(std::string{what} + " of message " + std::to_string(message.sequence) + " in " + queue_names[model_.name_of(queue)] +
         "\n" + engine_->dump());
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    const MessageInfo& message = all[i];
    const ModelMessage& m = queue.messages[i];
    if (message.sequence != m.sequence || message.state != m.state) differs(message, "I1 no loss: place or state");
    if (message.receive_count != m.receive_count) differs(message, "I7 receive count: count");
    if (message.attempts_total != m.attempts) differs(message, "I7 receive count: failed attempts");
    if (now().unix_ms - message.sent_ms != steady_ms() - m.sent_ms) differs(message, "D2 clocks: age");
    const Text text = text_of(m.body);
    if (message.crc32c != text.checksum || log_.read(message.place, message.size) != text.bytes)
      differs(message,
              ("I2 no invention: not body " + std::to_string(m.body) + " but " + std::to_string(message.crc32c ^ 0x5EEDU)).c_str());
    if (message.origin_queue != (m.origin == no_name ? "" : queue_names[m.origin])) differs(message, "I8 dead letters: origin");
    if (message.reason.empty() != (m.reason == Because::nothing)) differs(message, "I8 dead letters: reason");
    if (message.group.empty() != (m.group == 0)) differs(message, "F1 group order: group");
  }
}

void Simulation::compare_everything() {
  std::size_t there = 0;
  for (ModelQueue& queue : model_.queues) {
    if (queue.id == 0) continue;
    ++there;
    compare_queue(queue);
  }
  require(engine_->queues(now()).size() == there, "another number of queues");
  const Progress progress = engine_->progress(forwarded_source);
  check(Invariant::forwarded_once,
        progress.version == model_.progress_version &&
            progress.value == (progress.version == 0 ? "" : std::to_string(model_.progress_value)),
        "another progress of the source");
  check(Invariant::i5_atomic_moves, true, "");
}

}  // namespace remuda::broker::test
