// Queues, topics, moves and the disk change under the load.

#include <algorithm>

#include "tests/simulation/simulation.hpp"
#include "tests/simulation/world.hpp"

namespace remuda::broker::test {

ModelQueue& Simulation::some_queue() {
  const std::span<const Name> all = model_.by_id();
  return model_.queues[all[roll(all.size())]];
}

ModelQueue& Simulation::some_queue(bool fifo) {
  for (;;) {
    ModelQueue& queue = some_queue();
    if (queue.attributes.is_fifo == fifo) return queue;
  }
}

// --- declaring

QueueAttributes Simulation::attributes_of(Name name) const {
  const ModelAttributes& attributes = model_.queues[name].attributes;
  QueueAttributes out;
  out.name = queue_names[name];
  out.visibility_timeout = attributes.visibility;
  out.retention = attributes.retention;
  out.delay = attributes.delay;
  out.max_receives = attributes.max_receives;
  out.max_message_size_bytes = attributes.max_size;
  out.max_messages = attributes.max_messages;
  out.max_bytes = attributes.max_bytes;
  out.relaxed = attributes.relaxed;
  if (attributes.dead_letters != no_name) out.dead_letter_queue = queue_names[attributes.dead_letters];
  if (attributes.is_fifo) {
    out.fifo.emplace();
    out.fifo->on_dead_letter = attributes.blocks_group ? OnDeadLetter::block : OnDeadLetter::skip;
  }
  return out;
}

/// Asked by the broker itself, as from a launch file. The model already has the attributes.
void Simulation::declare_in_engine(Name name) {
  const Command command{DeclareQueue{Requester{}, attributes_of(name)}};
  tally_.asked(command.index());
  const std::size_t before = log_.records().size();
  engine_->apply(command, now(), effects_);
  if (doomed_turns_ > 0) doomed_commands_.push_back({command.index(), before, log_.records().size()});
  const auto id = engine_->find_queue(queue_names[name]);
  require(id.has_value(), "a declared queue is not there");
  ModelQueue& queue = model_.queues[name];
  if (queue.id == 0) {
    const ModelAttributes attributes = queue.attributes;
    queue = ModelQueue{};
    queue.attributes = attributes;
    queue.id = *id;
    if (deleted_for_good_.size() > *id) deleted_for_good_[*id].clear();  // the declaration that had this id was lost in a crash
  }
  require(queue.id == *id, "a queue that was declared again is another one");
  touched_ = &queue;
}

void Simulation::declare() {
  const Name name = static_cast<Name>(roll(QueueModel::names));
  ModelQueue& queue = model_.queues[name];
  ModelAttributes& attributes = queue.attributes;
  if (queue.id != 0) {
    switch (roll(5)) {
      case 4:
        if (name == spare || name == brief) attributes.max_messages = one_of<std::uint64_t>({0, 2, 5});
        break;
      case 0:
        attributes.visibility = one_of<Milliseconds>({5s, 10s, 30s});
        break;
      case 1:
        if (name == short_lived) attributes.retention = one_of<Milliseconds>({40s, 60s, 90s});
        break;
      case 2:
        if (name == slow || name == ledger) attributes.delay = one_of<Milliseconds>({0s, 2s, 5s});
        break;
      default:
        if (name == rides || name == relaxed) attributes.max_receives = static_cast<std::uint32_t>(1 + roll(4));
        break;
    }
  }
  declare_in_engine(name);
}

void Simulation::declare_what_is_refused() {
  QueueAttributes attributes = attributes_of(rides);
  switch (roll(6)) {
    case 0:
      attributes.name.clear();
      break;
    case 1:
      attributes.retention = 999ms;
      break;
    case 2:
      attributes.max_receives = 1001;
      break;
    case 3:
      attributes.dead_letter_queue = attributes.name;
      break;
    case 4:
      attributes.fifo.emplace();  // a queue stays what it is
      break;
    default:
      attributes.dead_letter_queue = queue_names[orders_dead];  // of another kind
      break;
  }
  const Requester from = next_request();
  if (const Answer* answer = ask(DeclareQueue{from, attributes}, from, false)) expect_refused(answer, "invalid_attribute");
}

void Simulation::delete_queue() {
  ModelQueue& queue = once_in(3) ? some_queue() : model_.queues[one_of({spare, spare_fifo, ledger, slow})];
  if (queue.id == 0) return declare_in_engine(model_.name_of(queue));
  const Name name = model_.name_of(queue);
  const bool force = once_in(2);
  bool in_use = false;
  for (const ModelQueue& other : model_.queues) in_use = in_use || (other.id != 0 && other.attributes.dead_letters == name);
  // A dead letter may wait to go back to where it came from, so those queues stay.
  const bool is_origin = queue.attributes.dead_letters != no_name;
  if (is_origin) return;
  const Requester from = next_request();
  const bool holds = !queue.messages.empty();
  const Answer* answer = ask(DeleteQueue{from, queue.id, force}, from, !in_use && (force || !holds));
  if (answer == nullptr) return;
  if (in_use) return expect_refused(answer, "queue_in_use");
  if (holds && !force) return expect_refused(answer, "queue_not_empty");
  require(std::holds_alternative<Done>(*answer), "a queue was not deleted");
  for (const ModelMessage& message : queue.messages) {
    (void)message;
    tally_.reached(Transition::removed_with_its_queue);
  }
  std::erase_if(model_.waiting, [&](const ModelWait& wait) {
    if (wait.queue != name) return false;
    const Reply* reply = reply_to(wait.request);
    check(Invariant::i9_liveness, reply != nullptr, "a receive waits on a queue that was deleted");
    expect_refused(&reply->answer, "no_such_queue");
    return true;
  });
  const ModelAttributes attributes = queue.attributes;
  queue = ModelQueue{};
  queue.attributes = attributes;
  for (ModelQueue& other : model_.queues) {
    if (other.move && other.move->to == name + 1U) other.move.reset();  // a move to a queue that is gone is gone
  }
}

void Simulation::declare_topic() {
  const std::uint64_t topic = roll(2);
  const bool forget = model_.topic_exists[topic] && once_in(4);
  static constexpr std::array<std::string_view, 2> names{"completions", "bookings"};
  const Requester from = next_request();
  const bool changes = forget || !model_.topic_exists[topic];
  const Answer* answer = ask(DeclareTopic{from, names[topic], forget ? std::string_view{} : "a FIFO topic"}, from, changes);
  if (answer == nullptr) return;
  require(std::holds_alternative<Done>(*answer), "a topic was not declared");
  if (forget) model_.topics[topic].clear();
  model_.topic_exists[topic] = !forget;
  require((engine_->topics().count(names[topic]) == 1) == !forget, "a topic is not as declared");
}

// --- moves in the background

void Simulation::start_move() {
  ModelQueue& queue = model_.queues[one_of({rides_dead, orders_dead, ledger, slow})];
  if (queue.id == 0) return;
  std::optional<Name> to;
  if (once_in(2)) to = model_.name_of(some_queue(queue.attributes.is_fifo));
  const Requester from = next_request();
  StartMove command{from, queue.id, {}, "all of them", 10};
  if (to) command.to = model_.queues[*to].id;
  const bool running = queue.move && queue.move->status == MoveStatus::running;
  const Answer* answer = ask(command, from, !running && !(to && &model_.queues[*to] == &queue));
  if (answer == nullptr) return;
  if (to && &model_.queues[*to] == &queue) return expect_refused(answer, "invalid_argument");
  if (running) return expect_refused(answer, "move_in_progress");
  const Done* done = std::get_if<Done>(answer);
  require(done != nullptr, "a move was not started");
  queue.move.emplace();
  queue.move->id = static_cast<MoveId>(done->first);
  queue.move->to = to ? *to + 1U : 0U;  // a name here, from 1
  queue.move->end = queue.next;
}

void Simulation::continue_move() {
  ModelQueue& queue = model_.queues[one_of({rides_dead, orders_dead, ledger, slow})];
  if (queue.id == 0 || !queue.move) return start_move();
  Move& move = *queue.move;
  touched_ = &queue;
  std::vector<Sequence> chosen;
  Sequence next = move.next;
  for (const ModelMessage& message : queue.messages) {
    if (chosen.size() == 3 || message.sequence < move.next || message.sequence >= move.end) continue;
    chosen.push_back(message.sequence);
    next = message.sequence + 1;
  }
  const bool done = chosen.empty() || once_in(4);
  const Requester from = next_request();
  const bool running = move.status == MoveStatus::running;
  const Answer* answer = ask(ContinueMove{from, move.id, chosen, next, done}, from, false);
  if (answer == nullptr) return;
  if (!running) return expect_refused(answer, "no_such_move");
  std::optional<Name> to;
  if (move.to != 0) to = static_cast<Name>(move.to - 1);
  const std::uint64_t moved = model_redrive(queue, to, chosen, UINT64_MAX);
  move.moved += moved;
  move.next = next;
  if (done) move.status = MoveStatus::completed;
  for (std::uint64_t i = 0; i < moved; ++i) tally_.reached(Transition::moved_in_background);
  require(std::holds_alternative<Done>(*answer) && std::get<Done>(*answer).count == moved,
          "a move moved another number of messages");
}

void Simulation::cancel_move() {
  ModelQueue& queue = model_.queues[one_of({rides_dead, orders_dead, ledger, slow})];
  if (queue.id == 0) return;
  const bool running = queue.move && queue.move->status == MoveStatus::running;
  const Requester from = next_request();
  const Answer* answer = ask(CancelMove{from, queue.move ? queue.move->id : 4'000'000}, from, running);
  if (answer == nullptr) return;
  if (!running) return expect_refused(answer, "no_such_move");
  require(std::holds_alternative<Done>(*answer), "a move was not cancelled");
  queue.move->status = MoveStatus::cancelled;
}

// --- the disk and the clock

void Simulation::clean_log() {
  if (doomed_turns_ > 0) return;  // a truncation follows a sync
  while (engine_->compact(2000, now()) && roll(3) != 0) {}
  log_.truncate_before(engine_->oldest_needed_segment());
  if (gone_.size() > 4096) {
    const std::size_t dropped = gone_.size() - 1024;
    gone_.erase(gone_.begin(), gone_.begin() + static_cast<std::ptrdiff_t>(dropped));
    gone_for_certain_ = gone_for_certain_ > dropped ? gone_for_certain_ - dropped : 0;
    model_.gone = gone_.size();
  }
}

void Simulation::toggle_full_disk() {
  log_.full = !log_.full && once_in(2);
}

void Simulation::jump_clock() {
  if (!once_in(4)) return;
  ++tally_.clock_jumps;
  clock_.jump_wall(one_of<Duration>({1h, -1h, 24h * 3650, -24h * 3650, 137ms, -20s}));
}

}  // namespace remuda::broker::test
